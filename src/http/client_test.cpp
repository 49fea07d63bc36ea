#include "http/client.h"

#include <gtest/gtest.h>

#include "http/memory_stream.h"
#include "http/problem.h"
#include "http/server.h"
#include "net/socket.h"
#include "testing/run.h"

namespace countersign::http {
namespace {

net::Deadline far() { return net::Deadline::after(std::chrono::seconds(60)); }

Request make(std::string method, std::string target, std::string body = "") {
  Request request;
  request.head.method = std::move(method);
  request.head.target = std::move(target);
  request.body = std::move(body);
  return request;
}

/// "200 body", or "!code"; with "+" behind it when the connection can be used again.
net::Task<std::string> send(Client& client, Request request, net::Deadline deadline) {
  const base::Result<Response> response = co_await client.send(std::move(request), deadline);
  std::string outcome =
      response ? std::to_string(response->status) + " " + response->body : "!" + response.error().code;
  if (client.reusable()) outcome += "+";
  co_return outcome;
}

struct Row {
  const char* name;
  std::string method;
  std::string response;
  std::string outcome;
};

class ClientReading : public ::testing::TestWithParam<Row> {};

TEST_P(ClientReading, HasOneOutcomeHoweverTheResponseIsCut) {
  const Row& row = GetParam();
  for (const std::size_t size : {std::size_t{1}, row.response.size() + 1}) {
    net::Loop loop;
    MemoryStream stream(MemoryStream::in_pieces(row.response, size));
    Client client(stream, {"a", 10});
    EXPECT_EQ(testing::run(loop, send(client, make(row.method, "/"), far())), row.outcome);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ClientReading,
    ::testing::Values(
        Row{"Length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 hi+"},
        Row{"Chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
            "200 hi+"},
        Row{"UntilClose", "GET", "HTTP/1.1 200 OK\r\n\r\nhi", "200 hi"},
        Row{"Close", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi", "200 hi"},
        Row{"Head", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "200 +"},
        Row{"NoContent", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "204 +"},
        Row{"NotModified", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", "304 +"},
        Row{"Interim", "GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 hi+"},
        Row{"Largest", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", "200 0123456789+"},
        Row{"TooLarge", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789A", "!http.response_too_large"},
        Row{"TooLargeUntilClose", "GET", "HTTP/1.1 200 OK\r\n\r\n0123456789A", "!http.response_too_large"},
        Row{"LargeHead", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", "200 +"},
        Row{"CutOff", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", "!http.cut_off"},
        Row{"ClosedAtOnce", "GET", "", "!http.cut_off"},
        Row{"SwitchedUnasked", "GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "!http.malformed"},
        Row{"Malformed", "GET", "HTTP/1.1 200 OK\r\nX\r\n\r\n", "!http.malformed"}),
    [](const auto& row) { return row.param.name; });

TEST(ClientWriting, WritesHostAndLengthItself) {
  net::Loop loop;
  MemoryStream stream(MemoryStream::whole("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"));
  Client client(stream, {"a:8443"});
  Request request = make("POST", "/p", "hi");
  request.head.fields.add("host", "other");
  request.head.fields.add("transfer-encoding", "chunked");
  request.head.fields.add("Accept", "x");
  testing::run(loop, send(client, std::move(request), far()));
  EXPECT_EQ(stream.written(), "POST /p HTTP/1.1\r\nAccept: x\r\nHost: a:8443\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_EQ(stream.writes(), 1);
}

TEST(ClientWriting, AnAnswerCountsEvenWhenTheServerStoppedReading) {
  net::Loop loop;
  MemoryStream answered(
      MemoryStream::whole("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
  answered.let_writes_fail();
  Client client(answered, {"a"});
  EXPECT_EQ(testing::run(loop, send(client, make("POST", "/", "x"), far())), "413 ");
  MemoryStream silent({});
  silent.let_writes_fail();
  Client other(silent, {"a"});
  EXPECT_EQ(testing::run(loop, send(other, make("POST", "/", "x"), far())), "!net.reset");
}

TEST(ClientWriting, NothingIsSentOnAConnectionThatIsDone) {
  net::Loop loop;
  MemoryStream stream(MemoryStream::whole("HTTP/1.1 200 OK\r\n\r\n"));
  Client client(stream, {"a"});
  EXPECT_EQ(testing::run(loop, send(client, make("GET", "/"), far())), "200 ");
  EXPECT_EQ(testing::run(loop, send(client, make("GET", "/"), far())), "!http.not_reusable");
  EXPECT_EQ(stream.writes(), 1);
}

// From here on: our client and our server over a real connection.

net::Task<Response> echo(Request request) {
  Response response = json_response(200, std::move(request.body));
  if (request.head.target == "/silent") {
    const net::Deadline never = net::Deadline::after(std::chrono::hours(1));
    co_await net::sleep_until(never);
  }
  co_return response;
}

net::Task<void> serve_one(net::Listener& listener, const Handler& handler, const ServerOptions& options) {
  base::Result<net::Socket> socket = co_await listener.accept();
  if (socket) co_await serve(*socket, handler, options);
}

class RoundTrip : public ::testing::Test {
 protected:
  RoundTrip() { net::spawn(loop_, serve_one(listener_, handler_, options_), "serve", log_.log()); }
  static net::Listener::Options any_port() {
    net::Listener::Options options;
    options.at = {"127.0.0.1", 0};
    return options;
  }
  std::string send_one(Request request, net::Deadline deadline = far()) {
    return testing::run(loop_, send(client_, std::move(request), deadline));
  }

  testing::KeptLog log_;
  net::Loop loop_;
  const Handler handler_ = echo;
  ServerOptions options_;
  net::Listener listener_ = net::Listener::bind(loop_, any_port()).value();
  net::Socket socket_ = testing::run(loop_, net::Socket::connect(loop_, listener_.local(), far())).value();
  Client client_{socket_, {"localhost"}};
};

TEST_F(RoundTrip, OneConnectionCarriesManyRequests) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(send_one(make("POST", "/", "hello")), "200 hello+");
    EXPECT_EQ(send_one(make("HEAD", "/")), "200 +");
    EXPECT_EQ(send_one(make("GET", "/")), "200 +");
  }
}

TEST_F(RoundTrip, LargeBodiesPass) {
  const std::string large(options_.body_bytes, 'x');
  EXPECT_EQ(send_one(make("PUT", "/", large)), "200 " + large + "+");
}

TEST_F(RoundTrip, TheAnswerToATooLargeBodyArrives) {
  const std::string outcome = send_one(make("POST", "/", std::string(options_.body_bytes + 1, 'x')));
  EXPECT_EQ(outcome.substr(0, 4), "413 ");
  EXPECT_NE(outcome.find("http.body_too_large"), std::string::npos);
  EXPECT_FALSE(client_.reusable());
}

TEST_F(RoundTrip, AServerThatDoesNotAnswerIsATimeout) {
  EXPECT_EQ(send_one(make("GET", "/silent"), net::Deadline::after(std::chrono::milliseconds(1))), "!net.timeout");
}

class IdleRoundTrip : public RoundTrip {
 protected:
  IdleRoundTrip() { options_.idle_time = std::chrono::milliseconds(1); }
};

TEST_F(IdleRoundTrip, AnIdleClientIsDisconnected) {
  loop_.run();  // until the server has given up
  EXPECT_TRUE(socket_.has_unexpected_input());
  EXPECT_EQ(send_one(make("GET", "/")).substr(0, 1), "!");
}

}  // namespace
}  // namespace countersign::http
