#include <cerrno>
#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket_impl.h"
#include "net/system.h"
#include "net/wakeup.h"

namespace countersign::net {
namespace {

using boost::asio::ip::tcp;

constexpr std::chrono::milliseconds kBackOff{50};  // when descriptors or memory have run out
constexpr int kAcceptsWithoutWait = 16;

tl::unexpected<base::Error> cannot_listen(const Endpoint& at, const std::string& reason) {
  return base::fail(base::Kind::unavailable, "net.listen", "cannot listen on " + at.to_string() + ": " + reason);
}

base::Result<tcp::endpoint> look_up(Loop& loop, const Endpoint& at) {
  boost::system::error_code error;
  boost::asio::ip::basic_resolver<tcp, Executor> resolver(loop.executor());
  using Flags = boost::asio::ip::resolver_base;
  const auto results =
      resolver.resolve(at.host, std::to_string(at.port), Flags::passive | Flags::numeric_service, error);
  if (error || results.empty()) return cannot_listen(at, error.message());
  return results.begin()->endpoint();
}

/// A listening descriptor, or -1 with errno set.
int open_listening(const tcp::endpoint& address, const Listener::Options& options) {
  const int descriptor = ::socket(address.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (descriptor < 0) return -1;
  const int on = 1;
  const auto set = [&](int level, int option) { return setsockopt(descriptor, level, option, &on, sizeof on) == 0; };
  // Linux hands TCP_NODELAY down to every accepted socket, which saves a call for each.
  const bool ready = set(SOL_SOCKET, SO_REUSEADDR) && (!options.reuse_port || set(SOL_SOCKET, SO_REUSEPORT)) &&
                     set(IPPROTO_TCP, TCP_NODELAY) &&
                     ::bind(descriptor, address.data(), static_cast<socklen_t>(address.size())) == 0 &&
                     ::listen(descriptor, options.backlog) == 0;
  if (ready) return descriptor;
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return -1;
}

/// ENOSPC: the kernel watches no more descriptors for this user, epoll_ctl(2).
bool is_exhausted(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM || error == ENOSPC;
}

}  // namespace

struct Listener::Impl {
  explicit Impl(Loop& l) : loop(l), descriptor(l.executor()), closing(l.executor()) {}

  /// Waits until another accept is worth a try after `error`.
  Task<void> wait_after(int error);

  Loop& loop;
  Descriptor descriptor;
  Endpoint local;
  Wakeup closing;
  bool closed = false;
  int without_wait = 0;
};

Task<void> Listener::Impl::wait_after(int error) {
  if (is_exhausted(error)) {
    co_await closing.wait(Deadline::after(kBackOff));
  } else if (error == EAGAIN || error == EWOULDBLOCK) {
    without_wait = 0;
    using Wait = boost::asio::posix::descriptor_base::wait_type;
    co_await descriptor.async_wait(Wait::wait_read, boost::asio::as_tuple(boost::asio::use_awaitable_t<Executor>()));
  }
  // Anything else belongs to a connection that was given up before it was accepted: accept(2).
}

Listener::Listener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Listener::Listener(Listener&&) noexcept = default;
Listener::~Listener() { close(); }

base::Result<Listener> Listener::bind(Loop& loop, const Options& options) {
  BASE_TRY(const tcp::endpoint address, look_up(loop, options.at));
  const auto impl = std::make_shared<Impl>(loop);
  const int descriptor = open_listening(address, options);
  if (descriptor < 0) return cannot_listen(options.at, system_message(errno));
  impl->local = local_endpoint(descriptor);
  boost::system::error_code error;
  impl->descriptor.assign(descriptor, error);
  if (!error) return Listener(impl);
  ::close(descriptor);
  return cannot_listen(options.at, error.message());
}

base::Result<Endpoint> Listener::address_of(Loop& loop, const Endpoint& at) {
  BASE_TRY(const tcp::endpoint address, look_up(loop, at));
  return Endpoint{address.address().to_string(), address.port()};
}

const Endpoint& Listener::local() const { return impl_->local; }

Task<base::Result<Socket>> Listener::accept() {
  const std::shared_ptr<Impl> impl = impl_;
  if (++impl->without_wait > kAcceptsWithoutWait) {
    impl->without_wait = 0;
    co_await boost::asio::post(impl->loop.executor(), boost::asio::use_awaitable_t<Executor>());
  }
  while (!impl->closed) {
    sockaddr_storage address = {};
    socklen_t size = sizeof address;
    const int accepted = accept4(impl->descriptor.native_handle(), reinterpret_cast<sockaddr*>(&address), &size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) {
      auto adopted = Socket::Impl::adopt(impl->loop, accepted, to_endpoint(address));
      if (adopted != nullptr) co_return Socket(std::move(adopted));
    }
    co_await impl->wait_after(errno);
  }
  co_return base::fail(base::Kind::unavailable, "net.closed", "the listener was closed");
}

namespace {

/// Nothing may escape from here: then the accept task would end, and a process that accepts nobody must not live on.
void note_failed_accept(const base::Log& log, const std::string& name, const char* what) noexcept {
  log.error("accept.failed", {{"listener", name}, {"error", what}});
}

}  // namespace

Task<void> accept_each(Listener& listener, std::function<void(Socket)> take, std::string name, const base::Log& log) {
  for (bool failed = false;;) {
    try {
      if (std::exchange(failed, false)) co_await sleep_until(Deadline::after(kBackOff));
      base::Result<Socket> socket = co_await listener.accept();
      if (!socket) break;
      take(std::move(*socket));
    } catch (const std::exception& thrown) {
      note_failed_accept(log, name, thrown.what());
      failed = true;
    }
  }
}

void Listener::close() {
  if (impl_ == nullptr || impl_->closed) return;
  impl_->closed = true;
  impl_->closing.wake();
  boost::system::error_code ignored;
  impl_->descriptor.close(ignored);
}

}  // namespace countersign::net
