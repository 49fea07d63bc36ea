// The head of a request in HTTP/2: every row is one change away from one that is taken.
#include "http/h2_head.h"

#include <cctype>

#include <gtest/gtest.h>

namespace countersign::http {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

Lines get() { return {{":method", "GET"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", "/a?b"}}; }

Lines with(Lines more) {
  Lines lines = get();
  lines.insert(lines.end(), more.begin(), more.end());
  return lines;
}

Lines replaced(const std::string& name, const std::string& value) {
  Lines lines = get();
  for (auto& [key, old] : lines)
    if (key == name) old = value;
  return lines;
}

Lines without(const std::string& name) {
  Lines lines = get();
  std::erase_if(lines, [&](const auto& line) { return line.first == name; });
  return lines;
}

base::Result<H2Request> read(const Lines& lines) {
  const H1Limits limits;
  H2Head head(limits);
  for (const auto& [name, value] : lines)
    head.add(name, value);
  return std::move(head).finish();
}

struct Row {
  const char* name;
  Lines lines;
  const char* code;  ///< empty: taken
};

class H2HeadRows : public ::testing::TestWithParam<Row> {};

TEST_P(H2HeadRows, IsJudged) {
  const auto request = read(GetParam().lines);
  EXPECT_EQ(request ? "" : request.error().code, GetParam().code) << (request ? "" : request.error().detail);
}

constexpr const char* kMalformed = "http.malformed";
constexpr const char* kAmbiguous = "http.ambiguous";
constexpr const char* kTooLarge = "http.head_too_large";

INSTANTIATE_TEST_SUITE_P(
    Rows, H2HeadRows,
    ::testing::Values(
        Row{"as it is", get(), ""}, Row{"no method", without(":method"), kMalformed},
        Row{"no scheme", without(":scheme"), kMalformed}, Row{"no path", without(":path"), kMalformed},
        Row{"no authority", without(":authority"), kAmbiguous},
        Row{"a pseudo-header twice", with({{":path", "/a?b"}}), kMalformed},
        Row{"a pseudo-header last",
            [] {
              Lines lines = get();
              lines.insert(lines.begin(), {"accept", "*/*"});
              return lines;
            }(),
            kMalformed},
        Row{"an unknown pseudo-header", with({{":protocol", "websocket"}}), kMalformed},
        Row{"a method that is no token", replaced(":method", "G T"), kMalformed},
        Row{"plain http", replaced(":scheme", "http"), kMalformed}, Row{"no slash", replaced(":path", "a"), kMalformed},
        Row{"an empty path", replaced(":path", ""), kMalformed},
        Row{"absolute", replaced(":path", "https://localhost/a"), kMalformed},
        Row{"a fragment", replaced(":path", "/a#b"), kMalformed}, Row{"a space", replaced(":path", "/a b"), kMalformed},
        Row{"a line end", replaced(":path", "/a\r\nb"), kMalformed},
        Row{"a long path", replaced(":path", "/" + std::string(8 * 1024, 'a')), kTooLarge},
        Row{"the asterisk of GET", replaced(":path", "*"), kMalformed},
        Row{"userinfo", replaced(":authority", "a@localhost"), kMalformed},
        Row{"a port", replaced(":authority", "localhost:8443"), ""},
        Row{"a port too large", replaced(":authority", "localhost:99999"), kMalformed},
        Row{"the same Host", with({{"host", "localhost"}}), ""},
        Row{"another Host", with({{"host", "elsewhere"}}), kAmbiguous},
        Row{"Host twice", with({{"host", "localhost"}, {"host", "localhost"}}), kMalformed},
        Row{"upper case", with({{"X-A", "b"}}), kMalformed}, Row{"lower case", with({{"x-a", "b"}}), ""},
        Row{"no name", with({{"", "b"}}), kMalformed}, Row{"a name with a space", with({{"x a", "b"}}), kMalformed},
        Row{"NUL in a value", with({{"x", std::string("a\0b", 3)}}), kMalformed},
        Row{"LF in a value", with({{"x", "a\nb"}}), kMalformed},
        Row{"a space in front", with({{"x", " a"}}), kMalformed}, Row{"a tab behind", with({{"x", "a\t"}}), kMalformed},
        Row{"connection", with({{"connection", "close"}}), kMalformed},
        Row{"keep-alive", with({{"keep-alive", "1"}}), kMalformed},
        Row{"proxy-connection", with({{"proxy-connection", "close"}}), kMalformed},
        Row{"transfer-encoding", with({{"transfer-encoding", "chunked"}}), kMalformed},
        Row{"upgrade", with({{"upgrade", "websocket"}}), kMalformed}, Row{"te", with({{"te", "gzip"}}), kMalformed},
        Row{"te: trailers", with({{"te", "trailers"}}), ""}, Row{"a length", with({{"content-length", "12"}}), ""},
        Row{"a length that is none", with({{"content-length", "+1"}}), kMalformed},
        Row{"a length twice", with({{"content-length", "1"}, {"content-length", "1"}}), kAmbiguous},
        Row{"another spelling of Content-Length", with({{"content_length", "1"}}), kAmbiguous},
        Row{"another spelling of Transfer-Encoding", with({{"transfer_encoding", "chunked"}}), kAmbiguous},
        Row{"100 fields", with(Lines(100, {"x", "y"})), ""}, Row{"101 fields", with(Lines(101, {"x", "y"})), kTooLarge},
        Row{"fields of 32 KiB", with(Lines(33, {"x", std::string(1000, 'y')})), kTooLarge},
        Row{"CONNECT", {{":method", "CONNECT"}, {":authority", "localhost:443"}}, ""},
        Row{"CONNECT with a path", replaced(":method", "CONNECT"), kMalformed}),
    [](const auto& row) {
      std::string name;
      for (const char c : std::string(row.param.name))
        name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
      return name + std::to_string(row.index);
    });

TEST(H2Head, BecomesTheHeadThatEverybodyReads) {
  const auto request = read(with({{"cookie", "a=b"}, {"x", "y"}, {"cookie", "c=d"}, {"content-length", "7"}}));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->head.method, "GET");
  EXPECT_EQ(request->head.target, "/a?b");
  EXPECT_EQ(request->content_length, 7U);
  ASSERT_EQ(request->head.fields.size(), 3U);
  EXPECT_EQ(request->head.fields.begin()->name, "Host");
  EXPECT_EQ(request->head.fields.find("host"), "localhost");
  EXPECT_EQ(request->head.fields.find("cookie"), "a=b; c=d");
  EXPECT_EQ(request->head.fields.find("x"), "y");
}

TEST(H2Head, HostAloneIsEnough) {
  Lines lines = without(":authority");
  lines.emplace_back("host", "localhost");
  const auto request = read(lines);
  ASSERT_TRUE(request) << request.error().detail;
  EXPECT_EQ(request->head.fields.find("host"), "localhost");
}

TEST(H2Head, TheAsteriskIsForOptions) {
  Lines lines = replaced(":method", "OPTIONS");
  lines.back().second = "*";
  EXPECT_TRUE(read(lines));
}

}  // namespace
}  // namespace countersign::http
