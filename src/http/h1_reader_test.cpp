#include "http/h1_reader.h"

#include <gtest/gtest.h>

#include "http/memory_stream.h"
#include "testing/run.h"

namespace countersign::http {
namespace {

net::Deadline far() { return net::Deadline::after(std::chrono::seconds(60)); }

/// The rest of the message: "[body]", or "!code".
net::Task<std::string> read_body(H1Reader& reader) {
  std::string body;
  base::Bytes buffer(7);
  while (!reader.at_end_of_message()) {
    body += reader.take_buffered_body(3);
    if (reader.at_end_of_message()) break;
    const base::Result<std::size_t> got = co_await reader.read_body_some(buffer, far());
    if (!got) co_return "!" + got.error().code;
    body += base::as_text({buffer.data(), *got});
  }
  co_return "[" + body + "]";
}

/// Every request of the stream as "METHOD target [body]", one behind the other, up to the end or the first refusal.
net::Task<std::string> read_requests(net::Stream& stream, H1Limits limits) {
  H1Reader reader(stream, limits);
  std::string seen;
  for (;;) {
    const base::Result<std::optional<RequestHead>> head = co_await reader.read_request_head(far());
    if (!head) co_return seen + "!" + head.error().code;
    if (!*head) co_return seen;
    seen += (*head)->method + " " + (*head)->target + " ";
    const std::string body = co_await read_body(reader);
    seen += body;
    if (body.starts_with('!')) co_return seen;
  }
}

net::Task<std::string> read_response(net::Stream& stream, std::string method) {
  H1Reader reader(stream, H1Limits());
  const base::Result<ResponseHead> head = co_await reader.read_response_head(std::move(method), far());
  if (!head) co_return "!" + head.error().code;
  const std::string body = co_await read_body(reader);
  co_return std::to_string(head->status) + " " + head->reason + " " + body + (reader.keep_alive() ? " again" : "") +
      (reader.has_buffered() ? " more" : "");
}

std::string requests(std::vector<std::string> pieces, H1Limits limits = {},
                     MemoryStream::End end = MemoryStream::End::close) {
  net::Loop loop;
  MemoryStream stream(std::move(pieces), end);
  return testing::run(loop, read_requests(stream, limits));
}

std::string response(std::vector<std::string> pieces, const std::string& method) {
  net::Loop loop;
  MemoryStream stream(std::move(pieces));
  return testing::run(loop, read_response(stream, method));
}

struct Row {
  const char* name;
  std::string bytes;
  std::string outcome;
};

std::string name_of(const ::testing::TestParamInfo<Row>& row) { return row.param.name; }

class Requests : public ::testing::TestWithParam<Row> {};

TEST_P(Requests, HaveOneOutcomeHoweverTheyAreCut) {
  const Row& row = GetParam();
  EXPECT_EQ(requests(MemoryStream::whole(row.bytes)), row.outcome);
  EXPECT_EQ(requests(MemoryStream::byte_by_byte(row.bytes)), row.outcome);
  for (const std::size_t size : {2u, 3u, 5u, 17u})
    EXPECT_EQ(requests(MemoryStream::in_pieces(row.bytes, size)), row.outcome) << "in pieces of " << size;
}

/// A head with `line` as its last field line.
std::string get(const std::string& line) { return "GET / HTTP/1.1\r\nHost: a\r\n" + line + "\r\n\r\n"; }
std::string post(const std::string& lines, const std::string& rest) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n\r\n" + rest;
}
std::string chunked(const std::string& rest) { return post("Transfer-Encoding: chunked", rest); }
std::string start(const std::string& line) { return line + "\r\nHost: a\r\n\r\n"; }
std::string host(const std::string& host) { return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"; }

const std::string kOk = "GET / []";
const std::string kMalformed = "!http.malformed";
const std::string kAmbiguous = "!http.ambiguous";

// In each group the accepted twin comes first.
INSTANTIATE_TEST_SUITE_P(
    Lines, Requests,
    ::testing::Values(
        Row{"Plain", get("X: y"), kOk}, Row{"BareLfInField", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", kAmbiguous},
        Row{"BareLfEverywhere", "GET / HTTP/1.1\nHost: a\n\n", kAmbiguous},
        Row{"BareLfAtEnd", "GET / HTTP/1.1\r\nHost: a\r\n\n", kAmbiguous},
        Row{"BareCr", "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", kMalformed},
        Row{"DoubleCr", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", kMalformed},
        Row{"ObsFold", get("X: y\r\n z"), kAmbiguous}, Row{"ObsFoldWithTab", get("X: y\r\n\tz"), kAmbiguous},
        Row{"FoldedFirstField", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", kAmbiguous},
        Row{"TabInValue", get("X: y\tz"), kOk}, Row{"NulInValue", get(std::string("X: y\0z", 6)), kMalformed},
        Row{"EscapeInValue", get("X: \x1b[31m"), kMalformed}, Row{"DeleteInValue", get("X: \x7f"), kMalformed},
        Row{"ObsTextInValue", get("X: \xc3\xa9"), kOk}, Row{"ObsTextInName", get("\xc3\xa9: y"), kMalformed},
        Row{"EmptyValue", get("X:"), kOk}, Row{"EmptyName", get(": y"), kMalformed},
        Row{"NoColon", get("X"), kMalformed}, Row{"NoSpaceAfterColon", get("X:y"), kOk},
        Row{"SpaceBeforeColon", get("X : y"), kAmbiguous}, Row{"TabBeforeColon", get("X\t: y"), kAmbiguous},
        Row{"SpaceInName", get("X Y: z"), kMalformed}, Row{"SlashInName", get("X/Y: z"), kMalformed},
        Row{"NameOfAllTokenCharacters", get("aZ9!#$%&'*+-.^_`|~: y"), kOk}, Row{"EmptyStream", "", ""},
        Row{"OneEmptyLineFirst", "\r\n" + get("X: y"), kOk}, Row{"OnlyAnEmptyLine", "\r\n", ""},
        Row{"TwoEmptyLinesFirst", "\r\n\r\n" + get("X: y"), kMalformed},
        Row{"CutOffInHead", "GET / HTTP/1.1\r\nHost: a\r\n", "!http.cut_off"},
        Row{"TlsInstead", "\x16\x03\x01\x02", kMalformed}, Row{"Pipelined", get("X: y") + get("X: y"), kOk + kOk}),
    name_of);

INSTANTIATE_TEST_SUITE_P(StartLines, Requests,
                         ::testing::Values(Row{"Http11", start("GET /a?b=c HTTP/1.1"), "GET /a?b=c []"},
                                           Row{"Http10", start("GET / HTTP/1.0"), kOk},
                                           Row{"Http09", "GET /\r\n\r\n", kMalformed},
                                           Row{"Http12", start("GET / HTTP/1.2"), kMalformed},
                                           Row{"Http20", start("GET / HTTP/2.0"), kMalformed},
                                           Row{"LowerCaseVersion", start("GET / http/1.1"), kMalformed},
                                           Row{"LongVersion", start("GET / HTTP/1.10"), kMalformed},
                                           Row{"TwoSpaces", start("GET  / HTTP/1.1"), kMalformed},
                                           Row{"SpaceAtEnd", start("GET / HTTP/1.1 "), kMalformed},
                                           Row{"TabInstead", start("GET\t/\tHTTP/1.1"), kMalformed},
                                           Row{"SpaceFirst", start(" GET / HTTP/1.1"), kMalformed},
                                           Row{"SpaceInTarget", start("GET /a b HTTP/1.1"), kMalformed},
                                           Row{"ControlInTarget", start("GET /\x01 HTTP/1.1"), kMalformed},
                                           Row{"NonAsciiTarget", start("GET /\xc3\xa9 HTTP/1.1"), kMalformed},
                                           Row{"EscapedTarget", start("GET /%C3%A9 HTTP/1.1"), "GET /%C3%A9 []"},
                                           Row{"Fragment", start("GET /#a HTTP/1.1"), kMalformed},
                                           Row{"NoSlash", start("GET a HTTP/1.1"), kMalformed},
                                           Row{"AbsoluteForm", start("GET http://b/ HTTP/1.1"), "GET http://b/ []"},
                                           Row{"AsteriskForm", start("OPTIONS * HTTP/1.1"), "OPTIONS * []"},
                                           Row{"AsteriskForGet", start("GET * HTTP/1.1"), kMalformed},
                                           Row{"AuthorityForm", start("CONNECT a:443 HTTP/1.1"), "CONNECT a:443 []"},
                                           Row{"AuthorityFormForGet", start("GET a:443 HTTP/1.1"), kMalformed},
                                           Row{"UnknownMethod", start("BREW / HTTP/1.1"), "BREW / []"},
                                           Row{"MethodNoToken", start("GE(T / HTTP/1.1"), kMalformed}),
                         name_of);

INSTANTIATE_TEST_SUITE_P(
    Hosts, Requests,
    ::testing::Values(Row{"Name", host("api.example.com"), kOk}, Row{"WithPort", host("api.example.com:8443"), kOk},
                      Row{"Ipv6", host("[2001:db8::1]:8443"), kOk},
                      Row{"Missing", "GET / HTTP/1.1\r\nX: y\r\n\r\n", kAmbiguous},
                      Row{"MissingInHttp10", "GET / HTTP/1.0\r\nX: y\r\n\r\n", kOk},
                      Row{"Double", get("Host: a"), kAmbiguous}, Row{"DoubleInOtherCase", get("HOST: b"), kAmbiguous},
                      Row{"DoubleInHttp10", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", kAmbiguous},
                      Row{"Empty", host(""), kMalformed}, Row{"List", host("a, b"), kMalformed},
                      Row{"Space", host("a b"), kMalformed}, Row{"UserInformation", host("a@b"), kMalformed},
                      Row{"Slash", host("a/b"), kMalformed}, Row{"PortNotANumber", host("a:b"), kMalformed},
                      Row{"PortTooHigh", host("a:65536"), kMalformed}, Row{"PortEmpty", host("a:"), kMalformed},
                      Row{"BracketOpen", host("[::1"), kMalformed}, Row{"BracketEmpty", host("[]"), kMalformed},
                      Row{"RestBehindBracket", host("[::1]a"), kMalformed}),
    name_of);

const std::string kPosted = "POST / [hello]";
const std::string kBegun = "POST / ";

INSTANTIATE_TEST_SUITE_P(
    Lengths, Requests,
    ::testing::Values(Row{"Length", post("Content-Length: 5", "hello"), kPosted},
                      Row{"LengthThenNext", post("Content-Length: 5", "hello") + get("X: y"), kPosted + kOk},
                      Row{"LengthZero", post("Content-Length: 0", ""), kBegun + "[]"},
                      Row{"LeadingZero", post("Content-Length: 05", "hello"), kPosted},
                      Row{"CutOff", post("Content-Length: 6", "hello"), kBegun + "!http.cut_off"},
                      Row{"Differing", post("Content-Length: 5\r\nContent-Length: 6", "hello"), kAmbiguous},
                      Row{"Twice", post("Content-Length: 5\r\nContent-Length: 5", "hello"), kAmbiguous},
                      Row{"List", post("Content-Length: 5, 5", "hello"), kAmbiguous},
                      Row{"Plus", post("Content-Length: +5", "hello"), kMalformed},
                      Row{"Minus", post("Content-Length: -5", "hello"), kMalformed},
                      Row{"Hexadecimal", post("Content-Length: 0x5", "hello"), kMalformed},
                      Row{"Space", post("Content-Length: 5 5", "hello"), kMalformed},
                      Row{"Empty", post("Content-Length:", "hello"), kMalformed},
                      Row{"Overflow", post("Content-Length: 18446744073709551621", "hello"), kMalformed},
                      Row{"Underscore", post("Content_Length: 5", "hello"), kAmbiguous},
                      Row{"Dot", post("Content.Length: 5", "hello"), kAmbiguous},
                      Row{"AnyPunctuation", post("transfer~encoding: chunked", ""), kAmbiguous},
                      Row{"DigitInsteadOfHyphen", post("Content0Length: 5", ""), kBegun + "[]"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Smuggling, Requests,
    ::testing::Values(
        Row{"Chunked", chunked("5\r\nhello\r\n0\r\n\r\n"), kPosted},
        Row{"ChunkedInOtherCase", post("transfer-encoding: Chunked", "5\r\nhello\r\n0\r\n\r\n"), kPosted},
        Row{"ClTe", post("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG"), kAmbiguous},
        Row{"TeCl", post("Transfer-Encoding: chunked\r\nContent-Length: 3", "8\r\nSMUGGLED\r\n0\r\n\r\n"), kAmbiguous},
        Row{"ClZeroTe", post("Content-Length: 0\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), kAmbiguous},
        Row{"TeTwice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), kAmbiguous},
        Row{"TeTe", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n"), kAmbiguous},
        Row{"TeList", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), kAmbiguous},
        Row{"TeChunkedTwiceInList", post("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"), kAmbiguous},
        Row{"TeIdentity", post("Transfer-Encoding: identity", ""), kAmbiguous},
        Row{"TeUnknown", post("Transfer-Encoding: xchunked", "0\r\n\r\n"), kAmbiguous},
        Row{"TeEmpty", post("Transfer-Encoding:", "0\r\n\r\n"), kAmbiguous},
        Row{"TeQuoted", post("Transfer-Encoding: \"chunked\"", "0\r\n\r\n"), kAmbiguous},
        Row{"TeSpaceBeforeColon", post("Transfer-Encoding : chunked", "0\r\n\r\n"), kAmbiguous},
        Row{"TeFolded", post("Transfer-Encoding:\r\n chunked", "0\r\n\r\n"), kAmbiguous},
        Row{"TeVerticalTab",
            post("Transfer-Encoding: \x0b"
                 "chunked",
                 "0\r\n\r\n"),
            kMalformed},
        Row{"TeUnderscore", post("Transfer_Encoding: chunked", "0\r\n\r\n"), kAmbiguous},
        Row{"TeBehindBareLf", post("X: y\nTransfer-Encoding: chunked", "0\r\n\r\n"), kAmbiguous},
        Row{"TeBehindBareCr", post("X: y\rTransfer-Encoding: chunked", "0\r\n\r\n"), kMalformed},
        Row{"TeInHttp10", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", kAmbiguous},
        Row{"BodyOfGetIsNotARequest", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "GET / [hello]"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Chunks, Requests,
    ::testing::Values(Row{"Several", chunked("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), kPosted},
                      Row{"Long", chunked("0000C\r\nhello, hello\r\n0\r\n\r\n"), kBegun + "[hello, hello]"},
                      Row{"LowerCase", chunked("c\r\nhello, hello\r\n0\r\n\r\n"), kBegun + "[hello, hello]"},
                      Row{"None", chunked("0\r\n\r\n"), kBegun + "[]"},
                      Row{"ThenNext", chunked("5\r\nhello\r\n0\r\n\r\n") + get("X: y"), kPosted + kOk},
                      Row{"Extension", chunked("5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n"), kPosted},
                      Row{"Trailers", chunked("5\r\nhello\r\n0\r\nX: y\r\nZ: \r\n\r\n"), kPosted},
                      Row{"BareLfBehindSize", chunked("5\nhello\r\n0\r\n\r\n"), kBegun + kAmbiguous},
                      Row{"BareLfInExtension", chunked("5;a\nX: y\r\nhello\r\n0\r\n\r\n"), kBegun + kAmbiguous},
                      Row{"BareLfBehindData", chunked("5\r\nhello\n0\r\n\r\n"), kBegun + kAmbiguous},
                      Row{"BareLfBehindLast", chunked("5\r\nhello\r\n0\n\n"), kBegun + kAmbiguous},
                      Row{"BareCrInExtension", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"), kBegun + kMalformed},
                      Row{"NoSize", chunked("\r\nhello\r\n0\r\n\r\n"), kBegun + kMalformed},
                      Row{"SpaceBehindSize", chunked("5 \r\nhello\r\n0\r\n\r\n"), kBegun + kMalformed},
                      Row{"SpaceBeforeSize", chunked(" 5\r\nhello\r\n0\r\n\r\n"), kBegun + kMalformed},
                      Row{"HexadecimalPrefix", chunked("0x5\r\nhello\r\n0\r\n\r\n"), kBegun + kMalformed},
                      Row{"Minus", chunked("-5\r\nhello\r\n0\r\n\r\n"), kBegun + kMalformed},
                      Row{"Overflow", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), kBegun + kMalformed},
                      Row{"TooShortData", chunked("6\r\nhello\r\n0\r\n\r\n"), kBegun + kAmbiguous},
                      Row{"TooLongData", chunked("4\r\nhello\r\n0\r\n\r\n"), kBegun + kMalformed},
                      Row{"CutOffInData", chunked("5\r\nhel"), kBegun + "!http.cut_off"},
                      Row{"CutOffBehindData", chunked("5\r\nhello"), kBegun + "!http.cut_off"},
                      Row{"CutOffBeforeLast", chunked("5\r\nhello\r\n"), kBegun + "!http.cut_off"},
                      Row{"CutOffInTrailers", chunked("0\r\nX: y\r\n"), kBegun + "!http.cut_off"},
                      Row{"FoldedTrailer", chunked("0\r\nX: y\r\n z\r\n\r\n"), kBegun + kAmbiguous},
                      Row{"TrailerWithoutColon", chunked("0\r\nX\r\n\r\n"), kBegun + kMalformed}),
    name_of);

struct LimitRow {
  const char* name;
  H1Limits limits;
  std::string accepted;
  std::string refused;
  std::string refusal;
};

class Limits : public ::testing::TestWithParam<LimitRow> {};

TEST_P(Limits, HoldToTheByte) {
  const LimitRow& row = GetParam();
  for (const std::size_t size : {1u, 4u, 1u << 20}) {
    EXPECT_EQ(requests(MemoryStream::in_pieces(row.accepted, size), row.limits).find('!'), std::string::npos);
    EXPECT_EQ(requests(MemoryStream::in_pieces(row.refused, size), row.limits), row.refusal);
  }
}

H1Limits limited(std::size_t H1Limits::*limit, std::size_t value) {
  H1Limits limits;
  limits.*limit = value;
  return limits;
}

std::string repeat(const std::string& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i)
    all += text;
  return all;
}

const std::string kHeadTooLarge = "!http.head_too_large";

INSTANTIATE_TEST_SUITE_P(
    Rows, Limits,
    ::testing::Values(
        LimitRow{"HeadBytes", limited(&H1Limits::head_bytes, 64), get("X: " + std::string(64 - get("X: ").size(), 'y')),
                 get("X: " + std::string(65 - get("X: ").size(), 'y')), kHeadTooLarge},
        LimitRow{"EndlessLine", H1Limits(), get("X: " + std::string(20000, 'y')), "GET /" + std::string(100000, 'y'),
                 kHeadTooLarge},
        LimitRow{"EndlessFields", H1Limits(), get("X: y"), "GET / HTTP/1.1\r\n" + repeat("X: y\r\n", 100000),
                 kHeadTooLarge},
        LimitRow{"Fields", limited(&H1Limits::fields, 5), get(repeat("X: y\r\n", 3) + "X: y"),
                 get(repeat("X: y\r\n", 4) + "X: y"), kHeadTooLarge},
        LimitRow{"TargetBytes", limited(&H1Limits::target_bytes, 5), start("GET /1234 HTTP/1.1"),
                 start("GET /12345 HTTP/1.1"), kHeadTooLarge},
        LimitRow{"ChunkLineBytes", limited(&H1Limits::chunk_line_bytes, 8), chunked("1;345678\r\nx\r\n0\r\n\r\n"),
                 chunked("1;3456789\r\nx\r\n0\r\n\r\n"), kBegun + kMalformed},
        LimitRow{"EndlessChunkLine", H1Limits(), chunked("1;a\r\nx\r\n0\r\n\r\n"),
                 chunked("1;" + std::string(100000, 'a')), kBegun + kMalformed},
        LimitRow{"TrailerBytes", limited(&H1Limits::trailer_bytes, 8), chunked("0\r\nX: y\r\nX: y\r\n\r\n"),
                 chunked("0\r\nX: y\r\nX: yz\r\n\r\n"), kBegun + kMalformed},
        LimitRow{"TrailerFields", limited(&H1Limits::fields, 2), chunked("0\r\nX: y\r\nX: y\r\n\r\n"),
                 chunked("0\r\nX: y\r\nX: y\r\nX: y\r\n\r\n"), kBegun + kMalformed}),
    [](const auto& row) { return row.param.name; });

TEST(RequestTimeouts, BeforeAHeadItIsTheStreamsError) {
  EXPECT_EQ(requests({}, {}, MemoryStream::End::silent), "!net.timeout");
  EXPECT_EQ(requests({}, {}, MemoryStream::End::reset), "!net.reset");
}

TEST(RequestTimeouts, WithinAHeadItIsOurs) {
  const std::vector<std::string> pieces = MemoryStream::whole("GET / HT");
  EXPECT_EQ(requests(pieces, {}, MemoryStream::End::silent), "!http.head_timeout");
  EXPECT_EQ(requests(pieces, {}, MemoryStream::End::reset), "!net.reset");
}

TEST(RequestTimeouts, WithinABodyItIsTheStreamsError) {
  const std::vector<std::string> pieces = MemoryStream::whole(post("Content-Length: 5", "he"));
  EXPECT_EQ(requests(pieces, {}, MemoryStream::End::silent), kBegun + "!net.timeout");
}

struct ResponseRow {
  const char* name;
  std::string method;
  std::string bytes;
  std::string outcome;
};

class Responses : public ::testing::TestWithParam<ResponseRow> {};

TEST_P(Responses, HaveOneOutcomeHoweverTheyAreCut) {
  const ResponseRow& row = GetParam();
  EXPECT_EQ(response(MemoryStream::whole(row.bytes), row.method), row.outcome);
  if (row.outcome.ends_with(" more")) return;  // what is buffered does depend on the cuts
  EXPECT_EQ(response(MemoryStream::byte_by_byte(row.bytes), row.method), row.outcome);
}

std::string answer(const std::string& start_line, const std::string& rest) {
  return "HTTP/1.1 " + start_line + "\r\n" + rest;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Responses,
    ::testing::Values(
        ResponseRow{"Length", "GET", answer("200 OK", "Content-Length: 2\r\n\r\nhi"), "200 OK [hi] again"},
        ResponseRow{"NoReason", "GET", answer("200 ", "Content-Length: 2\r\n\r\nhi"), "200  [hi] again"},
        ResponseRow{"NoReasonNoSpace", "GET", answer("200", "Content-Length: 2\r\n\r\nhi"), kMalformed},
        ResponseRow{"Chunked", "GET", answer("200 OK", "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
                    "200 OK [hi] again"},
        ResponseRow{"UntilClose", "GET", answer("200 OK", "X: y\r\n\r\nhi there"), "200 OK [hi there]"},
        ResponseRow{"Close", "GET", answer("200 OK", "Content-Length: 2\r\nConnection: close\r\n\r\nhi"),
                    "200 OK [hi]"},
        ResponseRow{"Http10", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 OK [hi]"},
        ResponseRow{"Http10KeepAlive", "GET",
                    "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nhi", "200 OK [hi] again"},
        ResponseRow{"Head", "HEAD", answer("200 OK", "Content-Length: 2\r\n\r\n"), "200 OK [] again"},
        ResponseRow{"HeadChunked", "HEAD", answer("200 OK", "Transfer-Encoding: chunked\r\n\r\n"), "200 OK [] again"},
        ResponseRow{"HeadAmbiguous", "HEAD",
                    answer("200 OK", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n"), kAmbiguous},
        ResponseRow{"NoContent", "GET", answer("204 No Content", "\r\n"), "204 No Content [] again"},
        ResponseRow{"NotModified", "GET", answer("304 Not Modified", "Content-Length: 2\r\n\r\n"),
                    "304 Not Modified [] again"},
        ResponseRow{"Connect", "CONNECT", answer("200 OK", "\r\nraw"), "200 OK [] again more"},
        ResponseRow{"Upgraded", "GET", answer("101 Switching Protocols", "Upgrade: x\r\n\r\nraw"),
                    "101 Switching Protocols [] more"},
        ResponseRow{"Interim", "GET",
                    answer("100 Continue", "\r\n") + answer("103 Early Hints", "\r\n") +
                        answer("200 OK", "Content-Length: 0\r\n\r\n"),
                    "200 OK [] again"},
        ResponseRow{"EndlessInterim", "GET", repeat(answer("100 Continue", "\r\n"), 100), kMalformed},
        ResponseRow{"EmptyLineFirst", "GET", "\r\n" + answer("200 OK", "\r\n"), kMalformed},
        ResponseRow{"StatusTooLow", "GET", answer("099 X", "\r\n"), kMalformed},
        ResponseRow{"StatusTooHigh", "GET", answer("600 X", "\r\n"), kMalformed},
        ResponseRow{"StatusNotANumber", "GET", answer("2x0 X", "\r\n"), kMalformed},
        ResponseRow{"StatusTooLong", "GET", answer("2000 X", "\r\n"), kMalformed},
        ResponseRow{"OtherVersion", "GET", "HTTP/2 200 OK\r\n\r\n", kMalformed},
        ResponseRow{"ShortVersion", "GET", "HTTP/1\r\n\r\n", kMalformed},
        ResponseRow{"TeAndCl", "GET", answer("200 OK", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"),
                    kAmbiguous},
        ResponseRow{"TwoLengths", "GET", answer("200 OK", "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi"),
                    kAmbiguous},
        ResponseRow{"ClosedAtOnce", "GET", "", "!http.cut_off"},
        ResponseRow{"CutOff", "GET", answer("200 OK", "Content-Length: 3\r\n\r\nhi"), "200 OK !http.cut_off"},
        ResponseRow{"ObsFold", "GET", answer("200 OK", "X: y\r\n z\r\n\r\n"), kAmbiguous}),
    [](const auto& row) { return row.param.name; });

net::Task<std::string> read_again_after_refusal(net::Stream& stream) {
  H1Reader reader(stream, H1Limits());
  const base::Result<std::optional<RequestHead>> first = co_await reader.read_request_head(far());
  EXPECT_FALSE(first);
  EXPECT_FALSE(reader.keep_alive());
  const base::Result<std::optional<RequestHead>> second = co_await reader.read_request_head(far());
  co_return second ? "read on" : second.error().code;
}

TEST(H1Reader, ReadsNothingBehindARefusal) {
  net::Loop loop;
  MemoryStream stream(MemoryStream::whole("GET  / HTTP/1.1\r\n\r\n" + get("X: y")));
  EXPECT_EQ(testing::run(loop, read_again_after_refusal(stream)), "http.malformed");
}

net::Task<void> check_values(net::Stream& stream) {
  H1Reader reader(stream, H1Limits());
  const base::Result<std::optional<RequestHead>> head = co_await reader.read_request_head(far());
  EXPECT_EQ((*head)->fields.find("x"), "padded value");
  EXPECT_EQ((*head)->fields.count("X"), 2u);
  EXPECT_EQ((*head)->minor_version, 1);
  EXPECT_EQ(reader.framing(), Framing::length);
  EXPECT_EQ(reader.content_length(), 5u);
  EXPECT_TRUE(reader.has_buffered());
  EXPECT_FALSE(reader.at_end_of_message());
  EXPECT_TRUE(reader.keep_alive());
}

TEST(H1Reader, TellsValuesAndFraming) {
  net::Loop loop;
  MemoryStream stream(MemoryStream::whole(post("X: \t padded value \r\nx: second\r\nContent-Length: 5", "hello")));
  testing::run(loop, check_values(stream));
}

}  // namespace
}  // namespace countersign::http
