#include "http/message.h"

#include <gtest/gtest.h>

#include "http/problem.h"

namespace countersign::http {
namespace {

TEST(Fields, AreOrderedAndBlindToCase) {
  Fields fields;
  fields.add("A", "1");
  fields.add("b", "2");
  fields.add("a", "3");
  EXPECT_EQ(fields.find("a"), "1");
  EXPECT_EQ(fields.find("B"), "2");
  EXPECT_EQ(fields.find("c"), std::nullopt);
  EXPECT_EQ(fields.count("A"), 2u);
  fields.set("A", "4");
  EXPECT_EQ(fields.count("a"), 1u);
  EXPECT_EQ(fields.begin()->name, "b");
  fields.remove("B");
  EXPECT_EQ(fields.size(), 1u);
}

TEST(Fields, LoseEverySpellingOfAName) {
  for (const char* spelling : {"X-Client-Urn", "x-client-urn", "X_Client_Urn", "x_CLIENT-urn"}) {
    Fields fields;
    fields.add(spelling, "forged");
    fields.add("X-Client-Urns", "another name");
    fields.remove_every_spelling("X-Client-Urn");
    EXPECT_EQ(fields.size(), 1u) << spelling;
  }
}

TEST(Fields, FindTokensInLists) {
  Fields fields;
  fields.add("Connection", "Upgrade, \tClose ,");
  fields.add("connection", "x");
  EXPECT_TRUE(fields.has_token("Connection", "close"));
  EXPECT_TRUE(fields.has_token("Connection", "X"));
  EXPECT_FALSE(fields.has_token("Connection", "clos"));
  EXPECT_FALSE(fields.has_token("Connections", "close"));
}

struct PathRow {
  std::string target;
  std::string path;  ///< empty: refused
};

TEST(Request, DecodesItsPathOnce) {
  for (const PathRow& row :
       {PathRow{"/a/b?c", "/a/b"}, PathRow{"/a%20b", "/a b"}, PathRow{"/%2541", "/%41"}, PathRow{"/a+b", "/a+b"},
        PathRow{"/%C3%A9", "/\xc3\xa9"}, PathRow{"http://h/p?q", "/p"}, PathRow{"http://h", "/"}, PathRow{"/%", ""},
        PathRow{"/%4", ""}, PathRow{"/%4g", ""}, PathRow{"/%00", ""}, PathRow{"/%0a", ""}}) {
    Request request;
    request.head.target = row.target;
    const base::Result<std::string> path = request.path();
    EXPECT_EQ(path.has_value(), !row.path.empty()) << row.target;
    if (path) EXPECT_EQ(*path, row.path);
    else EXPECT_EQ(path.error().code, "http.bad_target");
  }
}

TEST(Request, DecodesItsQuery) {
  Request request;
  request.head.target = "/p?after=12&name=a+b%26c&flag&bad=%zz&%61=encoded&after=13";
  EXPECT_EQ(request.query("after"), "12");
  EXPECT_EQ(request.query("name"), "a b&c");
  EXPECT_EQ(request.query("flag"), "");
  EXPECT_EQ(request.query("bad"), std::nullopt);
  EXPECT_EQ(request.query("a"), "encoded");
  EXPECT_EQ(request.query("missing"), std::nullopt);
  request.head.target = "/p";
  EXPECT_EQ(request.query("after"), std::nullopt);
}

TEST(Serialise, WritesHeads) {
  RequestHead request;
  request.method = "GET";
  request.target = "/a?b";
  request.fields.add("Host", "h");
  EXPECT_EQ(serialise(request), "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n");
  ResponseHead response;
  response.status = 404;
  response.reason = reason_phrase(404);
  response.minor_version = 0;
  EXPECT_EQ(serialise(response), "HTTP/1.0 404 Not Found\r\n\r\n");
}

TEST(Serialise, CannotBeSplit) {
  RequestHead request;
  request.method = "GET /x\r\n";
  request.target = "/a b\r\nX: y";
  request.fields.add("A: b\r\nC", "v\r\nX-Evil: 1\n");
  EXPECT_EQ(serialise(request), "GET__x__ /a%20b%0D%0AX:%20y HTTP/1.1\r\nA__b__C: v  X-Evil: 1 \r\n\r\n");
  ResponseHead response;
  response.reason = "OK\r\nX: y";
  EXPECT_EQ(serialise(response), "HTTP/1.1 200 OK  X: y\r\n\r\n");
}

TEST(HeadWriter, PreparedLinesCannotBeSplitEither) {
  Fields fields;
  fields.add("X-Who", "acme\r\nX-Evil: 1");
  fields.add("B", "2");
  HeadWriter writer("GET", "/");
  writer.add("A", "1");
  writer.add_lines(to_lines(fields));
  EXPECT_EQ(std::move(writer).finish(), "GET / HTTP/1.1\r\nA: 1\r\nX-Who: acme  X-Evil: 1\r\nB: 2\r\n\r\n");
}

TEST(Problem, TellsWhatTheCallerMayKnow) {
  const Response told = to_problem({base::Kind::conflict, "code.used", "the code was used", nullptr});
  EXPECT_EQ(told.status, 409);
  EXPECT_EQ(told.fields.find("content-type"), "application/problem+json");
  EXPECT_EQ(
      told.body,
      R"({"type":"about:blank","title":"Conflict","status":409,"code":"code.used","detail":"the code was used"})");
  for (const base::Kind kind : {base::Kind::internal, base::Kind::corrupt}) {
    const Response hidden = to_problem({kind, "store.broken", "/secret/path", nullptr});
    EXPECT_EQ(hidden.status, 500);
    EXPECT_EQ(hidden.body,
              R"({"type":"about:blank","title":"Internal Server Error","status":500,"code":"store.broken"})");
  }
}

}  // namespace
}  // namespace countersign::http
