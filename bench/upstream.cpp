#include "upstream.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

namespace countersign::bench {
namespace {

constexpr std::size_t kPiece = 256 * 1024;

/// One connection: what was read of a head, what is left of a body, what is left to send.
class Served {
 public:
  explicit Served(int descriptor) : descriptor_(descriptor) {}

  /// Reads and writes all that can be; false when the connection is over. Sets `wants_write`.
  bool advance() {
    std::array<char, kPiece> piece;
    for (;;) {
      if (!send_rest()) return false;
      if (!out_.empty() || body_to_send_ > 0) return true;
      const ssize_t got = ::recv(descriptor_, piece.data(), piece.size(), MSG_DONTWAIT);
      if (got == 0) return false;
      if (got < 0) return errno == EAGAIN;
      take({piece.data(), static_cast<std::size_t>(got)});
    }
  }
  bool wants_write() const { return !out_.empty() || body_to_send_ > 0; }

 private:
  void take(std::string_view data) {
    while (!data.empty()) {
      const std::size_t dropped = std::min(data.size(), body_to_read_);
      body_to_read_ -= dropped;
      data.remove_prefix(dropped);
      if (dropped > 0 && body_to_read_ == 0) answer();
      if (data.empty()) return;
      head_ += data;
      const std::size_t end = head_.find("\r\n\r\n");
      if (end == std::string::npos) return;
      const std::string rest = head_.substr(end + 4);
      head_.resize(end + 4);
      start_request();
      head_.clear();
      if (rest.empty()) return;
      return take(rest);
    }
  }

  void start_request() {
    const std::size_t path = head_.find(" /");
    size_ = path == std::string::npos ? 0 : std::strtoull(head_.c_str() + path + 2, nullptr, 10);
    std::string lower = head_;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const std::size_t length = lower.find("\r\ncontent-length:");
    body_to_read_ = length == std::string::npos ? 0 : std::strtoull(lower.c_str() + length + 17, nullptr, 10);
    if (body_to_read_ == 0) answer();
  }

  void answer() {
    out_ +=
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(size_) + "\r\n\r\n";
    if (size_ <= kPiece) out_.append(size_, 'x');
    else body_to_send_ = size_;
  }

  bool send_rest() {
    static const std::string filler(kPiece, 'x');
    while (!out_.empty() || body_to_send_ > 0) {
      const bool head = !out_.empty();
      const char* from = head ? out_.data() : filler.data();
      const std::size_t size = head ? out_.size() : std::min(body_to_send_, kPiece);
      const ssize_t sent = ::send(descriptor_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      if (head) out_.erase(0, static_cast<std::size_t>(sent));
      else body_to_send_ -= static_cast<std::size_t>(sent);
    }
    return true;
  }

  int descriptor_;
  std::string head_;
  std::string out_;
  std::size_t size_ = 0;
  std::size_t body_to_read_ = 0;
  std::size_t body_to_send_ = 0;
};

void watch(int epoll, int descriptor, int operation, std::uint32_t events) {
  epoll_event event = {};
  event.events = events;
  event.data.fd = descriptor;
  BASE_CHECK(::epoll_ctl(epoll, operation, descriptor, &event) == 0);
}

void serve(int listener, int stop) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener, EPOLL_CTL_ADD, EPOLLIN);
  watch(epoll, stop, EPOLL_CTL_ADD, EPOLLIN);
  std::map<int, Served> all;
  std::array<epoll_event, 64> events;
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
      if (descriptor == stop) return;
      if (descriptor == listener) {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (accepted < 0) continue;
        const int on = 1;
        ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        all.emplace(accepted, accepted);
        watch(epoll, accepted, EPOLL_CTL_ADD, EPOLLIN);
        continue;
      }
      Served& served = all.at(descriptor);
      const bool wanted_write = served.wants_write();
      if (!served.advance()) {
        ::close(descriptor);
        all.erase(descriptor);
      } else if (served.wants_write() != wanted_write) {
        watch(epoll, descriptor, EPOLL_CTL_MOD, served.wants_write() ? EPOLLOUT : EPOLLIN);
      }
    }
  }
}

}  // namespace

Upstream::Upstream() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  BASE_CHECK(::bind(listener_, raw, size) == 0 && ::listen(listener_, 1024) == 0 &&
             ::getsockname(listener_, raw, &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread(serve, listener_, stop_);
}

Upstream::~Upstream() {
  const std::uint64_t one = 1;
  BASE_CHECK(::write(stop_, &one, sizeof one) == sizeof one);
  thread_.join();
  ::close(listener_);
  ::close(stop_);
}

}  // namespace countersign::bench
