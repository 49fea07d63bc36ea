#include "http/server.h"

#include <regex>
#include <stdexcept>

#include <gtest/gtest.h>

#include "http/memory_stream.h"
#include "http/problem.h"
#include "testing/run.h"

namespace countersign::http {
namespace {

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Says back what was asked.
net::Task<Response> echo(Request request) {
  if (request.head.target == "/throw") throw std::runtime_error("broken handler");
  Response response = json_response(200, request.head.method + " " + request.head.target + " " + request.body);
  if (request.head.target == "/204") response.status = 204;
  if (request.head.target == "/304") response.status = 304;
  if (request.head.target == "/large") response.body.assign(200 * 1024, 'x');
  if (request.head.target == "/forged") {
    response.fields.add("Content-Length", "999");
    response.fields.add("Transfer-Encoding", "chunked");
  }
  co_return response;
}

struct Served {
  std::string written;  ///< with the Date taken out
  int writes = 0;
  bool finished = false;
  std::vector<std::string> log;
};

Served serve_pieces(std::vector<std::string> pieces, ServerOptions options = {},
                    MemoryStream::End end = MemoryStream::End::close) {
  net::Loop loop;
  const testing::KeptLog log;
  const Handler handler = echo;
  MemoryStream stream(std::move(pieces), end);
  net::spawn(loop, serve(stream, handler, options), "serve", log.log());
  loop.run();
  static const std::regex date("Date: [A-Z][a-z]{2}, \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT\r\n");
  return {std::regex_replace(stream.written(), date, ""), stream.writes(), stream.finished(), log.lines()};
}

std::string ok(const std::string& body, const std::string& connection = "") {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + connection + "\r\n" + body;
}

const std::string kClose = "Connection: close\r\n";

struct Row {
  const char* name;
  std::string bytes;
  std::string written;
};

class Serving : public ::testing::TestWithParam<Row> {};

TEST_P(Serving, AnswersTheSameHoweverTheRequestIsCut) {
  const Row& row = GetParam();
  EXPECT_EQ(serve_pieces(MemoryStream::whole(row.bytes)).written, row.written);
  EXPECT_EQ(serve_pieces(MemoryStream::byte_by_byte(row.bytes)).written, row.written);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Serving,
    ::testing::Values(
        Row{"Get", kGet, ok("GET / ")}, Row{"Nothing", "", ""},
        Row{"Pipelined", kGet + kGet, ok("GET / ") + ok("GET / ")},
        Row{"Post", "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + kGet,
            ok("POST /p hello") + ok("GET / ")},
        Row{"Chunked",
            "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + kGet,
            ok("POST /p hello") + ok("GET / ")},
        Row{"Close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + kGet, ok("GET / ", kClose)},
        Row{"Http10", "GET / HTTP/1.0\r\n\r\n" + kGet, ok("GET / ", kClose)},
        Row{"Head", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + kGet,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n" + ok("GET / ")},
        Row{"NoContent", "GET /204 HTTP/1.1\r\nHost: a\r\n\r\n" + kGet,
            "HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\n\r\n" + ok("GET / ")},
        Row{"NotModified", "GET /304 HTTP/1.1\r\nHost: a\r\n\r\n" + kGet,
            "HTTP/1.1 304 Not Modified\r\nContent-Type: application/json\r\n\r\n" + ok("GET / ")},
        Row{"FramingIsOurs", "GET /forged HTTP/1.1\r\nHost: a\r\n\r\n", ok("GET /forged ")},
        Row{"CutOffInHead", "GET / HT", ""},
        Row{"CutOffInBody", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe", ""}),
    [](const auto& row) { return row.param.name; });

/// "400 http.malformed" of a problem+json answer that closes the connection.
std::string problem_of(const Served& served) {
  static const std::regex answer(
      "HTTP/1.1 (\\d+) [^\r]*\r\nContent-Type: application/problem\\+json\r\nContent-Length: \\d+\r\nConnection: "
      "close\r\n\r\n"
      ".*\"code\":\"([^\"]*)\".*");
  std::smatch match;
  if (!std::regex_match(served.written, match, answer)) return served.written;
  EXPECT_TRUE(served.finished);
  return match[1].str() + " " + match[2].str();
}

class Refusing : public ::testing::TestWithParam<Row> {};

TEST_P(Refusing, AnswersOnceAndCloses) {
  const Row& row = GetParam();
  ServerOptions options;
  options.body_bytes = 5;
  EXPECT_EQ(problem_of(serve_pieces(MemoryStream::whole(row.bytes + kGet), options)), row.written);
  EXPECT_EQ(problem_of(serve_pieces(MemoryStream::byte_by_byte(row.bytes + kGet), options)), row.written);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Refusing,
    ::testing::Values(
        Row{"Malformed", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400 http.malformed"},
        Row{"Ambiguous", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 http.ambiguous"},
        Row{"HeadTooLarge", "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40000, 'x') + "\r\n\r\n",
            "431 http.head_too_large"},
        Row{"LengthTooLarge", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nhello!",
            "413 http.body_too_large"},
        Row{"ChunksTooLarge",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n",
            "413 http.body_too_large"},
        Row{"BadChunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "400 http.malformed"}),
    [](const auto& row) { return row.param.name; });

TEST(Server, ABodyOfExactlyTheLimitIsTaken) {
  ServerOptions options;
  options.body_bytes = 5;
  EXPECT_EQ(serve_pieces(MemoryStream::whole("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"), options)
                .written,
            ok("POST / hello"));
}

TEST(Server, SlowClientsGet408AndIdleOnesNothing) {
  const auto silent = MemoryStream::End::silent;
  EXPECT_EQ(problem_of(serve_pieces(MemoryStream::whole("GET / HT"), {}, silent)), "408 http.head_timeout");
  EXPECT_EQ(problem_of(serve_pieces(MemoryStream::whole("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe"),
                                    {}, silent)),
            "408 http.body_timeout");
  EXPECT_EQ(serve_pieces({}, {}, silent).written, "");
  EXPECT_EQ(serve_pieces(MemoryStream::whole(kGet), {}, silent).written, ok("GET / "));
}

TEST(Server, InvitesTheBodyThatIsStillToCome) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  const std::string invitation = "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(serve_pieces({head, "hello"}).written, invitation + ok("POST / hello"));
  EXPECT_EQ(serve_pieces({head + "hello"}).written, ok("POST / hello"));
  ServerOptions options;
  options.body_bytes = 4;
  EXPECT_EQ(problem_of(serve_pieces({head, "hello"}, options)), "413 http.body_too_large");
}

TEST(Server, SaysCloseWhenDraining) {
  ServerOptions options;
  options.draining = [] { return true; };
  EXPECT_EQ(serve_pieces(MemoryStream::whole(kGet + kGet), options).written, ok("GET / ", kClose));
}

TEST(Server, AThrowingHandlerIsAnsweredAndLogged) {
  const Served served = serve_pieces(MemoryStream::whole("GET /throw HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_EQ(problem_of(served), "500 http.handler_failed");
  EXPECT_EQ(served.written.find("broken handler"), std::string::npos);
  ASSERT_EQ(served.log.size(), 1u);
  EXPECT_NE(served.log[0].find("broken handler"), std::string::npos);
}

TEST(Server, WritesHeadAndSmallBodyTogether) {
  EXPECT_EQ(serve_pieces(MemoryStream::whole(kGet)).writes, 1);
  EXPECT_EQ(serve_pieces(MemoryStream::whole("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")).writes, 2);
}

/// Cuts the connection instead of answering, as a server does whose peer is no longer admitted.
net::Task<Response> cut_and_answer(bool& cut, Request) {
  cut = true;
  co_return json_response(200, "{}");
}

TEST(ServingTheCut, WritesNothingMore) {
  for (const bool cuts : {false, true}) {
    net::Loop loop;
    const testing::KeptLog log;
    bool cut = false;
    bool other = false;
    const Handler handler = [&](Request request) { return cut_and_answer(cuts ? cut : other, std::move(request)); };
    ServerOptions options;
    options.is_cut = [&cut] { return cut; };
    MemoryStream stream(MemoryStream::whole(kGet + kGet));
    net::spawn(loop, serve(stream, handler, options), "serve", log.log());
    loop.run();
    EXPECT_EQ(stream.writes(), cuts ? 0 : 2);
    EXPECT_EQ(stream.finished(), !cuts) << "it said goodbye";
  }
}

TEST(ServingTheCut, DoesNotEvenRefuse) {
  ServerOptions options;
  EXPECT_EQ(serve_pieces(MemoryStream::whole("GET /\r\n\r\n"), options).written.substr(0, 12), "HTTP/1.1 400");
  options.is_cut = [] { return true; };
  const Served served = serve_pieces(MemoryStream::whole("GET /\r\n\r\n"), options);
  EXPECT_EQ(served.written, "");
  EXPECT_FALSE(served.finished);
}

}  // namespace
}  // namespace countersign::http
