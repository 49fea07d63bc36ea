// DoorCalls: how tests connect to a door of the authority, and what they ask on the connection.
#pragma once

#include <memory>

#include "authority/api/described_api_test.h"
#include "http/client.h"
#include "testing/soon.h"
#include "tls/handshake.h"

namespace countersign::authority {

using testing::soon;

class DoorCalls {
 protected:
  struct Connection {
    std::unique_ptr<net::Stream> stream;
    std::unique_ptr<http::Client> client;
  };

  static net::Task<base::Result<Connection>> connect(net::Loop& loop, net::Endpoint to, const tls::Credential* own,
                                                     tls::JudgeServer judge) {
    auto socket = co_await net::Socket::connect(loop, std::move(to), soon());
    if (!socket) co_return base::unexpected(socket.error());
    auto context = tls::ClientContext::make(own);
    auto made = co_await tls::Handshake::connect(std::move(*socket), *context, "localhost", std::move(judge), soon());
    if (!made) co_return base::unexpected(made.error().error);
    http::ClientOptions options;
    options.host = "localhost";
    auto client = std::make_unique<http::Client>(*made->stream, std::move(options));
    co_return Connection{std::move(made->stream), std::move(client)};
  }

  static net::Task<base::Result<http::Response>> send(Connection& connection, Ask ask) {
    http::Request request;
    request.head.method = std::move(ask.method);
    request.head.target = std::move(ask.target);
    for (http::Field& field : ask.fields)
      request.head.fields.add(std::move(field.name), std::move(field.value));
    request.body = std::move(ask.body);
    co_return co_await connection.client->send(std::move(request), soon());
  }
};

}  // namespace countersign::authority
