#include "net/socket.h"

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/check.h"
#include "net/socket_impl.h"
#include "net/system.h"

namespace countersign::net {
namespace {

constexpr int kOperationsWithoutWait = 32;

tl::unexpected<base::Error> reset(std::string detail) {
  return base::fail(base::Kind::unavailable, "net.reset", std::move(detail));
}

tl::unexpected<base::Error> closed_here() { return reset("the connection was closed on this side"); }

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

Endpoint to_endpoint(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, &address, sizeof ipv4);
    inet_ntop(AF_INET, &ipv4.sin_addr, text, sizeof text);
    return {text, ntohs(ipv4.sin_port)};
  }
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 ipv6;
    std::memcpy(&ipv6, &address, sizeof ipv6);
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr);
    if (mapped) inet_ntop(AF_INET, &ipv6.sin6_addr.s6_addr[12], text, sizeof text);
    else inet_ntop(AF_INET6, &ipv6.sin6_addr, text, sizeof text);
    return {text, ntohs(ipv6.sin6_port)};
  }
  return {};
}

Endpoint local_endpoint(int descriptor) {
  sockaddr_storage address = {};
  socklen_t size = sizeof address;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return to_endpoint(address);
}

Endpoint peer_endpoint(int descriptor) {
  sockaddr_storage address = {};
  socklen_t size = sizeof address;
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return to_endpoint(address);
}

std::string system_message(int number) { return std::generic_category().message(number); }

void Cancellation::on_deadline() noexcept {
  timed_out = true;
  watched_.disturb(side_);
}

std::shared_ptr<Socket::Impl> Socket::Impl::adopt(Loop& loop, int open_descriptor, Endpoint peer) {
  auto impl = std::make_shared<Impl>(loop, std::move(peer));
  const int error = impl->watched.open(open_descriptor);
  if (error == 0) return impl;
  ::close(open_descriptor);
  errno = error;
  return nullptr;
}

void Socket::Impl::abort() noexcept {
  if (aborted) return;
  aborted = true;
  watched.close();
  if (const auto then = std::exchange(when_aborted, {})) then();
}

Task<base::Result<void>> Socket::Impl::wait(std::shared_ptr<Impl> impl, Ready direction, Deadline deadline) {
  if (impl == nullptr) co_return closed_here();
  Cancellation& cancellation = direction == Ready::read ? impl->reading : impl->writing;
  // Not a check: with TLS a peer can make a read wait to write, and the other way round.
  if (cancellation.pending)
    co_return base::fail(base::Kind::internal, "net.busy", "another operation waits in this direction already");
  Readiness::Side& side = cancellation.side();
  cancellation.timed_out = impl->loop.turn_time() >= deadline.at;
  if (!impl->aborted && !cancellation.timed_out && side.maybe_ready) {
    // Whoever came here without EAGAIN: an event that was told once is not told again.
    if (impl->watched.is_ready_now(side)) {
      if (impl->is_yield_due()) co_await impl->yield();
      if (impl->aborted) co_return closed_here();
      co_return base::Result<void>();
    }
    side.maybe_ready = false;
  }
  impl->without_wait = 0;
  bool told = false;
  if (!impl->aborted && !cancellation.timed_out) {
    cancellation.pending = true;
    impl->loop.wheel().arm(cancellation, deadline);
    co_await impl->watched.suspend(side);
    cancellation.disarm();
    cancellation.pending = false;
    told = side.was_told();
  }
  if (impl->aborted) co_return closed_here();
  if (told) co_return base::Result<void>();
  co_return base::fail(base::Kind::timeout, "net.timeout", "the other side was not ready before the deadline");
}

bool Socket::Impl::is_yield_due() {
  if (++without_wait < kOperationsWithoutWait) return false;
  without_wait = 0;
  return true;
}

Task<void> Socket::Impl::yield() {
  co_await boost::asio::post(loop.executor(), boost::asio::use_awaitable_t<Executor>());
}

ssize_t Socket::Impl::read_now(std::span<std::uint8_t> into) {
  if (!watched.reading.maybe_ready) {
    errno = EAGAIN;
    return -1;
  }
  const ssize_t got = recv(descriptor(), into.data(), into.size(), 0);
  // Less than asked for: the kernel has no more now, and what comes later is an event of its own. But an end, or what
  // is behind an urgent byte, may have been told of by the same event as these bytes, and is not told again.
  const bool all = got > 0 && static_cast<std::size_t>(got) < into.size() && !watched.may_hide_more();
  if (all || (got < 0 && would_block(errno))) watched.note_drained();
  return got;
}

ssize_t Socket::Impl::write_now(base::BytesView data) {
  const ssize_t sent = send(descriptor(), data.data(), data.size(), MSG_NOSIGNAL);
  if (sent < 0 && would_block(errno)) watched.writing.maybe_ready = false;
  return sent;
}

Socket::Socket(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Socket::Socket(Socket&&) noexcept = default;
Socket& Socket::operator=(Socket&& other) noexcept {
  if (this == &other) return *this;
  abort();
  impl_ = std::move(other.impl_);
  return *this;
}
Socket::~Socket() { abort(); }

Executor Socket::executor() const { return impl_->loop.executor(); }

Turns& Socket::turns() const { return impl_->loop.turns(); }

void Socket::abort() noexcept {
  if (impl_ != nullptr) impl_->abort();
}

/// With nothing to linger for, close() drops the send buffer and resets the connection (socket(7)).
void Socket::cut() noexcept {
  constexpr linger kDropAll{1, 0};
  if (impl_ != nullptr && !impl_->aborted)
    (void)setsockopt(impl_->descriptor(), SOL_SOCKET, SO_LINGER, &kDropAll, sizeof kDropAll);
  abort();
}

bool Socket::is_on_its_way() const {
  int unsent = 0;
  if (impl_ == nullptr || impl_->aborted) return true;
  return ioctl(impl_->descriptor(), SIOCOUTQNSD, &unsent) != 0 || unsent == 0;
}

void Socket::when_aborted(std::function<void()> then) {
  if (impl_ != nullptr && !impl_->aborted) impl_->when_aborted = std::move(then);
}

Task<base::Result<std::size_t>> Socket::read_some(std::span<std::uint8_t> into, Deadline deadline) {
  const std::shared_ptr<Impl> impl = impl_;
  BASE_CHECK(!into.empty());
  if (impl == nullptr) co_return closed_here();
  if (impl->is_yield_due()) co_await impl->yield();
  for (;;) {
    if (impl->aborted) co_return closed_here();
    const ssize_t got = impl->read_now(into);
    if (got >= 0) co_return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    if (!would_block(errno)) co_return reset("reading failed: " + system_message(errno));
    BASE_CO_TRY_VOID(co_await Impl::wait(impl, Ready::read, deadline));
  }
}

Task<base::Result<void>> Socket::write_all(base::BytesView data, Deadline deadline) {
  const std::shared_ptr<Impl> impl = impl_;
  if (impl == nullptr) co_return closed_here();
  while (!data.empty()) {
    if (impl->is_yield_due()) co_await impl->yield();
    if (impl->aborted) co_return closed_here();
    const ssize_t sent = impl->write_now(data);
    if (sent >= 0) {
      data = data.subspan(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (!would_block(errno)) co_return reset("writing failed: " + system_message(errno));
    BASE_CO_TRY_VOID(co_await Impl::wait(impl, Ready::write, deadline));
  }
  co_return base::Result<void>();
}

Task<void> Socket::finish(Deadline) {
  if (impl_ != nullptr && !impl_->aborted) shutdown(impl_->descriptor(), SHUT_WR);
  co_return;
}

Task<base::Result<void>> Socket::wait(Ready direction, Deadline deadline) {
  return Impl::wait(impl_, direction, deadline);
}

bool Socket::is_drained() const { return impl_ != nullptr && !impl_->watched.reading.maybe_ready; }

bool Socket::is_yield_due() { return impl_ != nullptr && impl_->is_yield_due(); }

Task<void> Socket::yield() {
  const std::shared_ptr<Impl> impl = impl_;
  if (impl != nullptr) co_await impl->yield();
}

ssize_t Socket::read_now(std::span<std::uint8_t> into) {
  if (impl_ != nullptr && !impl_->aborted) return impl_->read_now(into);
  errno = ECONNRESET;
  return -1;
}

ssize_t Socket::write_now(base::BytesView data) {
  if (impl_ != nullptr && !impl_->aborted) return impl_->write_now(data);
  errno = ECONNRESET;
  return -1;
}

bool Socket::has_unexpected_input() {
  if (impl_ == nullptr || impl_->aborted) return true;
  char byte;
  const ssize_t got = recv(impl_->descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  const bool seen = got >= 0 || !would_block(errno);
  if (seen) impl_->watched.reading.maybe_ready = true;  // whoever reads now is to find it
  else impl_->watched.note_drained();
  return seen;
}

bool Socket::is_known_silent() const { return impl_ != nullptr && !impl_->aborted && impl_->watched.was_silent(); }

int Socket::descriptor() const { return impl_ == nullptr || impl_->aborted ? -1 : impl_->descriptor(); }

std::function<void()> Socket::hang_up() const {
  return [weak = std::weak_ptr<Impl>(impl_)] {
    const std::shared_ptr<Impl> impl = weak.lock();
    if (impl == nullptr || impl->aborted) return;
    impl->hung_up = true;
    shutdown(impl->descriptor(), SHUT_RDWR);
  };
}

bool Socket::was_hung_up() const { return impl_ != nullptr && impl_->hung_up; }

const Endpoint& Socket::peer() const {
  static const Endpoint none;
  return impl_ == nullptr ? none : impl_->peer;
}

void Socket::introduce(Endpoint peer) {
  if (impl_ != nullptr) impl_->peer = std::move(peer);
}

const Endpoint& Socket::local() const {
  static const Endpoint none;
  if (impl_ == nullptr) return none;
  if (!impl_->local) impl_->local = local_endpoint(descriptor());
  return *impl_->local;
}

}  // namespace countersign::net
