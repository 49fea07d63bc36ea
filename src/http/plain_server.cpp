#include "http/plain_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace countersign::http {

base::Result<std::unique_ptr<PlainServer>> PlainServer::bind(net::Loop& loop, const net::Endpoint& at, Handler handler,
                                                             const base::Log& log) {
  if (!is_loopback(at))
    return base::fail(base::Kind::invalid, "http.not_loopback",
                      "'" + at.to_string() +
                          "' is not a loopback address: plain HTTP without a caller is served on this machine only");
  const net::ListenSocket::Options options{.at = at};
  BASE_TRY(auto socket, net::ListenSocket::open(options));
  return on(loop, std::move(socket), std::move(handler), log);
}

base::Result<std::unique_ptr<PlainServer>> PlainServer::on(net::Loop& loop, net::ListenSocket socket, Handler handler,
                                                           const base::Log& log) {
  if (!is_loopback(socket.local()))
    return base::fail(base::Kind::invalid, "http.not_loopback",
                      "'" + socket.local().to_string() + "' is not a loopback address");
  BASE_TRY(auto listener, net::Listener::watch(loop, std::move(socket)));
  return std::unique_ptr<PlainServer>(new PlainServer(loop, std::move(listener), std::move(handler), log));
}

net::Task<void> PlainServer::run() {
  std::function<void(net::Socket)> take = [this](net::Socket socket) {
    if (connections_.live() < kConnections) connections_.spawn(serve_one(std::move(socket)), "http.plain");
  };
  co_await net::accept_each(listener_, std::move(take), "http.plain", log_);
}

net::Task<void> PlainServer::serve_one(net::Socket socket) {
  const ServerOptions options;
  co_await serve(socket, handler_, options);
}

bool is_loopback(const net::Endpoint& endpoint) {
  if (endpoint.host == "localhost") return true;
  in_addr ipv4;
  if (inet_pton(AF_INET, endpoint.host.c_str(), &ipv4) == 1) return ntohl(ipv4.s_addr) >> 24 == IN_LOOPBACKNET;
  in6_addr ipv6;
  return inet_pton(AF_INET6, endpoint.host.c_str(), &ipv6) == 1 && IN6_IS_ADDR_LOOPBACK(&ipv6);
}

}  // namespace countersign::http
