#include "net/listen_socket.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/system.h"

namespace countersign::net {
namespace {

tl::unexpected<base::Error> cannot_listen(const Endpoint& at, const std::string& reason) {
  return base::fail(base::Kind::unavailable, "net.listen", "cannot listen on " + at.to_string() + ": " + reason);
}

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

base::Result<Addresses> addresses_of(const Endpoint& at) {
  addrinfo hints = {};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(at.host.c_str(), std::to_string(at.port).c_str(), &hints, &found);
  if (failed != 0) return cannot_listen(at, gai_strerror(failed));
  return Addresses(found, &freeaddrinfo);
}

/// A listening descriptor, or -1 with errno set.
int open_listening(const addrinfo& address, const ListenSocket::Options& options) {
  const int descriptor = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (descriptor < 0) return -1;
  const int on = 1;
  const auto set = [&](int level, int option) { return setsockopt(descriptor, level, option, &on, sizeof on) == 0; };
  // Linux hands TCP_NODELAY down to every accepted socket, which saves a call for each.
  const bool ready = set(SOL_SOCKET, SO_REUSEADDR) && (!options.reuse_port || set(SOL_SOCKET, SO_REUSEPORT)) &&
                     set(IPPROTO_TCP, TCP_NODELAY) && ::bind(descriptor, address.ai_addr, address.ai_addrlen) == 0 &&
                     ::listen(descriptor, options.backlog) == 0;
  if (ready) return descriptor;
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return -1;
}

bool has_option(int descriptor, int option, int wanted) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

bool is_tcp_listener(int descriptor) {
  const bool internet = has_option(descriptor, SO_DOMAIN, AF_INET) || has_option(descriptor, SO_DOMAIN, AF_INET6);
  return internet && has_option(descriptor, SO_TYPE, SOCK_STREAM) && has_option(descriptor, SO_ACCEPTCONN, 1);
}

}  // namespace

ListenSocket::ListenSocket(int descriptor) : descriptor_(descriptor), local_(local_endpoint(descriptor)) {}

ListenSocket::ListenSocket(ListenSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), local_(std::move(other.local_)) {}

ListenSocket& ListenSocket::operator=(ListenSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(local_, other.local_);
  return *this;
}

ListenSocket::~ListenSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

base::Result<Endpoint> ListenSocket::address_of(const Endpoint& at) {
  BASE_TRY(const Addresses addresses, addresses_of(at));
  sockaddr_storage address = {};
  std::memcpy(&address, addresses->ai_addr, addresses->ai_addrlen);
  return to_endpoint(address);
}

base::Result<ListenSocket> ListenSocket::open(const Options& options) {
  BASE_TRY(const Addresses addresses, addresses_of(options.at));
  const int descriptor = open_listening(*addresses, options);
  if (descriptor < 0) return cannot_listen(options.at, system_message(errno));
  return ListenSocket(descriptor);
}

base::Result<ListenSocket> ListenSocket::adopt(int descriptor) {
  ListenSocket socket(descriptor);
  const int on = 1;
  const bool usable = is_tcp_listener(descriptor) && fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 &&
                      fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0 &&
                      setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
  if (usable) return socket;
  return base::fail(base::Kind::invalid, "net.not_listening",
                    "a descriptor we were given is no TCP socket that listens");
}

base::Result<ListenSocket> ListenSocket::duplicate() const {
  const int copy = fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return cannot_listen(local_, system_message(errno));
  return ListenSocket(copy);
}

int ListenSocket::release() { return std::exchange(descriptor_, -1); }

}  // namespace countersign::net
