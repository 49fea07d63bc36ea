// Socket::connect: names to addresses, then one attempt after another.
#include <cerrno>
#include <optional>
#include <vector>

#include <arpa/inet.h>
#include <boost/asio/ip/tcp.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "net/resolver.h"
#include "net/socket_impl.h"
#include "net/system.h"

namespace countersign::net {
namespace {

using boost::asio::ip::tcp;
tl::unexpected<base::Error> cannot_connect(const tcp::endpoint& address, int error) {
  const std::string where = Endpoint{address.address().to_string(), address.port()}.to_string();
  return base::fail(base::Kind::unavailable, "net.connect",
                    "cannot connect to " + where + ": " + system_message(error));
}

/// Makes what `descriptor` connects come from `source`; 0, or why not. The port is chosen at connect(), so that many
/// connections to different places may share one (IP_BIND_ADDRESS_NO_PORT, ip(7)).
int bind_to(int descriptor, const boost::asio::ip::address& source) {
  const int on = 1;
  setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  const tcp::endpoint local(source, 0);
  return ::bind(descriptor, local.data(), static_cast<socklen_t>(local.size())) == 0 ? 0 : errno;
}

/// The error of a connect that was under way, 0 when it succeeded, or EINPROGRESS.
int outcome(int descriptor) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  if (error != 0) return error;
  sockaddr_storage peer;
  size = sizeof peer;
  return getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) == 0 ? 0 : EINPROGRESS;
}

}  // namespace

/// One attempt at one address.
struct Socket::Attempt {
  static Task<base::Result<Socket>> run(Loop& loop, std::optional<boost::asio::ip::address> source,
                                        tcp::endpoint address, Deadline deadline) {
    const int descriptor =
        ::socket(address.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (descriptor < 0) co_return cannot_connect(address, errno);
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (const int unbound = source ? bind_to(descriptor, *source) : 0; unbound != 0) {
      ::close(descriptor);
      co_return cannot_connect(address, unbound);
    }
    const int failure = ::connect(descriptor, address.data(), static_cast<socklen_t>(address.size())) == 0 ? 0 : errno;
    if (failure != 0 && failure != EINPROGRESS) {
      ::close(descriptor);
      co_return cannot_connect(address, failure);
    }
    Endpoint peer{address.address().to_string(), address.port()};
    std::shared_ptr<Impl> impl = Impl::adopt(loop, descriptor, std::move(peer));
    if (impl == nullptr) co_return cannot_connect(address, errno);
    impl->watched.writing.maybe_ready = failure == 0;
    Socket socket(std::move(impl));
    for (int pending = failure; pending != 0;) {
      BASE_CO_TRY_VOID(co_await socket.wait(Ready::write, deadline));
      pending = outcome(descriptor);
      if (pending != 0 && pending != EINPROGRESS) co_return cannot_connect(address, pending);
    }
    co_return std::move(socket);
  }
};

Task<base::Result<Socket>> Socket::connect(Loop& loop, Endpoint to, Deadline deadline) {
  std::string anywhere;
  co_return co_await connect_from(loop, std::move(anywhere), std::move(to), deadline);
}

Task<base::Result<Socket>> Socket::connect_from(Loop& loop, std::string source, Endpoint to, Deadline deadline) {
  std::optional<boost::asio::ip::address> from;
  if (!source.empty()) {
    boost::system::error_code error;
    from = boost::asio::ip::make_address(source, error);
    if (error) co_return base::fail(base::Kind::invalid, "net.connect", "'" + source + "' is not an address");
  }
  BASE_CO_TRY(std::vector<tcp::endpoint> addresses, co_await loop.resolver().resolve(to.host, deadline));
  if (from) std::erase_if(addresses, [&](const tcp::endpoint& a) { return a.address().is_v4() != from->is_v4(); });
  base::Result<Socket> last = base::fail(base::Kind::unavailable, "net.connect", "no address to connect to");
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    // An address that does not answer uses up its share of the time only.
    const auto now = std::chrono::steady_clock::now();
    const Deadline share{now + (deadline.at - now) / static_cast<std::int64_t>(addresses.size() - i)};
    addresses[i].port(to.port);
    last = co_await Attempt::run(loop, from, addresses[i], share);
    if (last) break;
  }
  co_return std::move(last);
}

}  // namespace countersign::net
