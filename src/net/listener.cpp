#include <cerrno>
#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket_impl.h"
#include "net/system.h"
#include "net/wakeup.h"

namespace countersign::net {
namespace {

constexpr std::chrono::milliseconds kBackOff{50};  // when descriptors or memory have run out
constexpr int kAcceptsWithoutWait = 16;

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
  BASE_TRY(auto socket, ListenSocket::open(options));
  return watch(loop, std::move(socket));
}

base::Result<Listener> Listener::watch(Loop& loop, ListenSocket socket) {
  const auto impl = std::make_shared<Impl>(loop);
  impl->local = socket.local();
  boost::system::error_code error;
  impl->descriptor.assign(socket.descriptor(), error);
  if (error)
    return base::fail(base::Kind::unavailable, "net.listen",
                      "cannot listen on " + impl->local.to_string() + ": " + error.message());
  (void)socket.release();
  return Listener(impl);
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

/// Other processes may have descriptors of the same socket: closing ours does not take it out of the set that epoll
/// watches (epoll(7)), so that is asked for. Then events for a connection that is somebody else's reach nobody here.
void Listener::close() {
  if (impl_ == nullptr || impl_->closed) return;
  impl_->closed = true;
  impl_->closing.wake();
  if (impl_->descriptor.is_open()) ::close(impl_->descriptor.release());
}

}  // namespace countersign::net
