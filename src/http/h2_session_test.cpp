// An HTTP/2 connection, the client's frames made by hand.
#include "http/h2_session.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "http/h2_wire_test.h"
#include "testing/run.h"

namespace countersign::http {
namespace {

class H2SessionTest : public ::testing::Test {
 protected:
  H2Session::Options options() {
    return {
        .limits = limits_,
        .serve = [this](H2Stream stream) { net::spawn(loop_, serve_(this, std::move(stream)), "serve", log_.log()); },
        .malformed = [this](const base::Error&) { ++malformed_; }};
  }
  /// Runs a connection on which the client says `input`, and then what `then` makes it do; until it has ended.
  base::Result<void> run(const std::string& input, std::function<void()> then = {}) {
    base::Result<void> ended;
    wire_.put(input);
    session_.emplace(loop_, wire_, options(), log_.log());
    net::spawn(loop_, run_session(ended), "session", log_.log());
    if (!then) then = [this] { wire_.close(); };
    net::spawn(loop_, after_a_while(std::move(then)), "client", log_.log());
    loop_.run();
    return ended;
  }
  net::Task<void> run_session(base::Result<void>& ended) {
    ended = co_await session_->run();
    let_go_ = true;
  }
  /// Calls `then` when so many GOAWAYs were said.
  net::Task<void> after_goaways(std::size_t count, std::function<void()> then) {
    while (seen(kGoaway).size() < count)
      co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(1)));
    then();
  }
  static net::Task<void> after_a_while(std::function<void()> then) {
    co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(50)));
    then();
  }

  /// For another run.
  void SetUpWire() { wire_.renew(); }

  std::vector<Seen> seen(Type type) const {
    std::vector<Seen> all = frames_of(wire_.out);
    std::erase_if(all, [&](const Seen& one) { return one.type != type; });
    return all;
  }
  std::string body_of(std::size_t stream) const {
    std::string body;
    for (const Seen& one : seen(kData))
      if (one.stream == stream) body += one.payload;
    return body;
  }

  static net::Task<void> echo(H2SessionTest*, H2Stream stream) {
    const std::vector<FieldView> fields{{"X-Seen", stream.head().method}};
    stream.send_head(200, fields, H2Stream::Body::follows);
    std::array<std::uint8_t, 4096> buffer;
    for (bool more = true; more;) {
      const auto count = co_await stream.read_body_some(buffer, net::Deadline::after(std::chrono::seconds(5)));
      if (!count) co_return;
      more = *count > 0;
      if (more)
        (void)co_await stream.write(base::as_text(std::span(buffer).first(*count)),
                                    net::Deadline::after(std::chrono::seconds(5)));
    }
    (void)co_await stream.finish(net::Deadline::after(std::chrono::seconds(5)));
  }
  static net::Task<void> answer_ok(H2SessionTest* test, H2Stream stream) {
    ++test->requests_;
    stream.send_head(200, {}, H2Stream::Body::follows);
    stream.hold("ok");
    (void)co_await stream.finish(net::Deadline::after(std::chrono::seconds(5)));
  }
  /// And goes on with it until the connection has ended.
  static net::Task<void> begin_answer(H2SessionTest* test, H2Stream stream) {
    ++test->requests_;
    stream.send_head(200, {}, H2Stream::Body::follows);  // stands in line in libnghttp2
    stream.hold("a part");
    if (!test->wire_.takes) (void)co_await stream.write("more", net::Deadline::after(std::chrono::seconds(5)));
    while (!test->let_go_)
      co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(10)));
  }
  /// At work until the connection has ended.
  static net::Task<void> never(H2SessionTest* test, H2Stream stream) {
    ++test->requests_;
    stream.when_gone([test] { ++test->gone_; });
    while (!test->let_go_)
      co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(10)));
  }

  net::Loop loop_;
  testing::KeptLog log_;
  Wire wire_{loop_};
  H2Limits limits_;
  std::optional<H2Session> session_;
  net::Task<void> (*serve_)(H2SessionTest*, H2Stream) = answer_ok;
  int requests_ = 0;
  int malformed_ = 0;
  int gone_ = 0;
  bool let_go_ = false;
};

TEST_F(H2SessionTest, AnswersManyStreamsInOneWrite) {
  const auto ended = run(hello() + get(1) + get(3) + get(5));
  EXPECT_TRUE(ended);
  EXPECT_EQ(requests_, 3);
  for (const std::size_t stream : {1U, 3U, 5U})
    EXPECT_EQ(body_of(stream), "ok");
  EXPECT_LE(wire_.writes, 2) << "our SETTINGS, and all answers together";
}

TEST_F(H2SessionTest, TheOutcomeDependsOnTheBytesOnly) {
  const std::string input = hello() + post(1) + frame(kData, kEndStream, 1, "abc") + get(3);
  for (const char c : input)
    wire_.put(std::string(1, c));
  serve_ = echo;
  EXPECT_TRUE(run(""));
  EXPECT_EQ(body_of(1), "abc");
  EXPECT_EQ(body_of(3), "");
}

TEST_F(H2SessionTest, AWindowIsGivenBackAsTheBodyIsRead) {
  serve_ = never;  // reads nothing
  EXPECT_TRUE(run(hello() + post(1) + frame(kData, 0, 1, std::string(16384, 'a')) +
                      frame(kData, 0, 1, std::string(16384, 'b')) + frame(kData, 0, 1, std::string(16384, 'c')),
                  [this] {
                    for (const Seen& one : seen(kWindow))
                      EXPECT_EQ(one.stream, 0U) << "only the connection's, once, at the start";
                    wire_.close();
                  }));
  EXPECT_EQ(gone_, 1);
}

/// The answer is out before the body has come. A little may still come (curl would lose the answer); of much, or of who
/// knows how much, the client is told at once that nobody wants it.
TEST_F(H2SessionTest, ALittleMayStillComeAfterTheAnswer) {
  const auto head = [](const char* length) {
    std::vector<std::pair<std::string, std::string>> lines{
        {":method", "POST"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}};
    if (*length != '\0') lines.emplace_back("content-length", length);
    return block(lines);
  };
  EXPECT_TRUE(run(hello() + frame(kHeaders, kEndHeaders, 1, head("16384")) +
                      frame(kHeaders, kEndHeaders, 3, head("16385")) + frame(kHeaders, kEndHeaders, 5, head("")) +
                      get(7),
                  [this] {
                    std::set<std::size_t> reset;
                    for (const Seen& one : seen(kReset))
                      reset.insert(one.stream);
                    EXPECT_EQ(reset, (std::set<std::size_t>{3, 5}));
                    for (const std::size_t stream : {1U, 3U, 5U, 7U})
                      EXPECT_EQ(body_of(stream), "ok");
                    wire_.put(frame(kData, kEndStream, 1, std::string(16384, 'a')) + get(9));
                    wire_.close();
                  }));
  EXPECT_EQ(requests_, 5);
}

TEST_F(H2SessionTest, AWindowIsGivenBackOfWhatNobodyWillRead) {
  limits_.connection_window = 65'535;
  const std::string bad = block({{":method", "POST"}, {":scheme", "https"}, {":path", "/"}});  // no :authority
  struct Row {
    std::string name;
    std::function<std::string(std::size_t)> head;
  };
  for (const Row& row :
       {Row{"reset in the read that brought it", [](std::size_t stream) { return post(stream); }},
        Row{"malformed", [&](std::size_t stream) { return frame(kHeaders, kEndHeaders, stream, bad); }}}) {
    std::string input = hello();
    for (std::size_t stream = 1; stream < 200; stream += 2)
      input +=
          row.head(stream) + frame(kData, 0, stream, std::string(500, 'a')) + frame(kReset, 0, stream, number(8, 4));
    SetUpWire();
    EXPECT_TRUE(run(input)) << row.name;
    EXPECT_FALSE(seen(kWindow).empty()) << row.name << ": 50,000 bytes, and more than half of the window is gone";
  }
}

TEST_F(H2SessionTest, ResetStreamsCountAsLongAsTheyAreWorkedOn) {
  serve_ = never;
  limits_.streams = 10;
  std::string asked = hello();
  std::string again;
  for (std::size_t stream = 1; stream < 20; stream += 2) {
    asked += get(stream);
    again += frame(kReset, 0, stream, number(8, 4)) + get(stream + 20);
  }
  const auto check = [this] {
    EXPECT_EQ(requests_, 10);
    EXPECT_EQ(gone_, 10);
    wire_.close();
  };
  EXPECT_TRUE(run(asked, [&] {
    EXPECT_EQ(requests_, 10);
    wire_.put(again);
    net::spawn(loop_, after_a_while(check), "check", log_.log());
  }));
  EXPECT_EQ(seen(kReset).size(), 10U);
  for (const Seen& one : seen(kReset))
    EXPECT_EQ(one.code(), 7U);  // REFUSED_STREAM
}

struct Flood {
  const char* name;
  std::string first;
  std::function<std::string(std::size_t)> each;
  int count;
  std::string code = "http.calm";
};

class H2Floods : public H2SessionTest, public ::testing::WithParamInterface<Flood> {};

TEST_P(H2Floods, AreCalmedDown) {
  std::string input = hello() + GetParam().first;
  for (int i = 0; i < GetParam().count; ++i)
    input += GetParam().each(static_cast<std::size_t>(i));
  const auto ended = run(input);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, GetParam().code) << ended.error().detail;
  ASSERT_EQ(seen(kGoaway).size(), 1U);
  EXPECT_EQ(seen(kGoaway).front().code(), GetParam().code == "http.calm" ? 11U : 1U);  // ENHANCE_YOUR_CALM
  EXPECT_LE(requests_, 300);
}

TEST_P(H2Floods, AFewAreBorne) {
  std::string input = hello() + GetParam().first;
  for (int i = 0; i < 10; ++i)
    input += GetParam().each(static_cast<std::size_t>(i));
  const auto ended = run(input);
  EXPECT_TRUE(ended) << ended.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, H2Floods,
    ::testing::Values(
        Flood{"rapid_reset", "",
              [](std::size_t i) { return get(2 * i + 1) + frame(kReset, 0, 2 * i + 1, number(8, 4)); }, 1000},
        Flood{"malformed", "",
              [](std::size_t i) {
                return frame(kHeaders, kEndHeaders | kEndStream, 2 * i + 1, block({{":method", "GET"}}));
              },
              1000, "http.protocol"},  // more at once than the streams it may have
        Flood{"settings", "", [](std::size_t) { return frame(kSettings, 0, 0); }, 1000},
        Flood{"ping", "", [](std::size_t) { return frame(kPing, 0, 0, "12345678"); }, 3000},
        Flood{"priority", "", [](std::size_t) { return frame(kPriority, 0, 1, std::string(5, '\0')); }, 3000},
        Flood{"window", "", [](std::size_t) { return frame(kWindow, 0, 0, number(1, 4)); }, 3000},
        Flood{"unknown", "", [](std::size_t) { return frame(static_cast<Type>(0xfa), 0, 0); }, 3000},
        Flood{"empty_data", post(1), [](std::size_t) { return frame(kData, 0, 1); }, 3000},
        Flood{"closed_stream", get(9), [](std::size_t) { return get(3); }, 3000}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(H2SessionTest, MalformedRequestsAreToldOfOnce) {
  const std::string wrong = block({{":method", "GET"}});
  EXPECT_TRUE(run(hello() + frame(kHeaders, kEndHeaders | kEndStream, 1, wrong) +
                  frame(kHeaders, kEndHeaders | kEndStream, 3, wrong) + get(5)));
  EXPECT_EQ(malformed_, 1);
  ASSERT_EQ(seen(kReset).size(), 2U);
  EXPECT_EQ(seen(kReset).front().code(), 1U);  // PROTOCOL_ERROR
  EXPECT_EQ(body_of(5), "ok");
}

TEST_F(H2SessionTest, AConnectionErrorIsNamed) {
  const auto ended = run(hello() + frame(kData, 0, 1, "a"));
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, "http.protocol");
  ASSERT_EQ(seen(kGoaway).size(), 1U);
  EXPECT_EQ(seen(kGoaway).front().code(), 1U);
}

TEST_F(H2SessionTest, AnIdleConnectionEnds) {
  limits_.idle_time = limits_.farewell_time = std::chrono::milliseconds(100);
  EXPECT_TRUE(run(hello() + get(1), [] {}));
  ASSERT_EQ(seen(kGoaway).size(), 2U);
  EXPECT_EQ(seen(kGoaway).back().code(), 0U);
  EXPECT_EQ(seen(kGoaway).back().last_stream(), 1U);
}

TEST_F(H2SessionTest, PingsDoNotKeepAnIdleConnection) {
  limits_.idle_time = limits_.farewell_time = std::chrono::milliseconds(100);
  EXPECT_TRUE(run(hello(), [this] { wire_.put(frame(kPing, 0, 0, "12345678")); }));
  EXPECT_EQ(seen(kGoaway).size(), 2U);
}

TEST_F(H2SessionTest, SettingsMustBeAcknowledged) {
  limits_.settings_time = std::chrono::milliseconds(100);
  const auto ended = run(std::string(kPreface) + frame(kSettings, 0, 0), [] {});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, "http.too_slow");
  EXPECT_EQ(seen(kGoaway).front().code(), 4U);  // SETTINGS_TIMEOUT
}

TEST_F(H2SessionTest, AHeaderBlockMustEnd) {
  limits_.head.head_time = std::chrono::milliseconds(100);
  const std::string whole = get(1);
  for (const std::string& begun : {request(1, "GET", kEndStream), whole.substr(0, whole.size() - 1)}) {
    SCOPED_TRACE(begun.size());
    Wire wire(loop_);
    H2Session session(loop_, wire, options(), log_.log());
    base::Result<void> ended;
    wire.put(hello() + begun);
    net::spawn(
        loop_, [](H2Session& s, base::Result<void>& out) -> net::Task<void> { out = co_await s.run(); }(session, ended),
        "session", log_.log());
    loop_.run();
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, "http.too_slow");
  }
}

/// What a client says while it is told goodbye: a request that crossed the first GOAWAY is served, one behind the last
/// is not, and is known not to have been.
struct GoodbyeRow {
  std::string name;
  std::string crosses;  ///< sent when it cannot have read the first GOAWAY
  std::string later;    ///< sent when it has the last one
  std::size_t last;     ///< that the last GOAWAY names
};
class H2Goodbye : public H2SessionTest, public ::testing::WithParamInterface<GoodbyeRow> {};

TEST_P(H2Goodbye, LosesNothingThatWasOnItsWay) {
  serve_ = echo;
  limits_.farewell_time = std::chrono::milliseconds(200);
  EXPECT_TRUE(run(hello() + post(1) + frame(kData, 0, 1, "ab"), [this] {
    session_->wind_down();
    wire_.put(GetParam().crosses);
    net::spawn(loop_, after_goaways(2, [this] { wire_.put(GetParam().later + frame(kData, kEndStream, 1, "cd")); }),
               "later", log_.log());
  }));
  ASSERT_EQ(seen(kGoaway).size(), 2U);
  EXPECT_EQ(seen(kGoaway).front().last_stream(), 0x7fffffffU);
  EXPECT_EQ(seen(kGoaway).back().last_stream(), GetParam().last);
  EXPECT_EQ(seen(kGoaway).back().code(), 0U);
  EXPECT_EQ(body_of(1), "abcd") << "it was open";
  std::vector<std::size_t> answered;
  for (const Seen& one : seen(kHeaders))
    answered.push_back(one.stream);
  EXPECT_EQ(std::ranges::max(answered), GetParam().last);
}

const std::string kPong = frame(kPing, 1, 0, std::string(8, '\0'));

INSTANTIATE_TEST_SUITE_P(Rows, H2Goodbye,
                         ::testing::Values(GoodbyeRow{"nothing_crosses", kPong, "", 1},
                                           GoodbyeRow{"a_request_crosses", get(3) + kPong, "", 3},
                                           GoodbyeRow{"one_comes_behind_the_last", kPong, get(3), 1},
                                           GoodbyeRow{"no_answer_to_the_ping", get(3), get(5), 3}),
                         [](const auto& row) { return row.param.name; });

TEST_F(H2SessionTest, WhoIsCutWhileToldGoodbyeIsCutAtOnce) {
  serve_ = never;
  EXPECT_TRUE(run(hello() + get(1), [this] {
    session_->wind_down();
    session_->cut();
    EXPECT_EQ(gone_, 1);
    wire_.put(get(3) + kPong);
  }));
  EXPECT_LE(seen(kGoaway).size(), 2U);
  EXPECT_TRUE(seen(kHeaders).empty());
}

TEST_F(H2SessionTest, CuttingEndsEverythingNow) {
  serve_ = never;
  EXPECT_TRUE(run(hello() + get(1), [this] {
    session_->cut();
    EXPECT_EQ(gone_, 1);
  }));
  EXPECT_EQ(seen(kGoaway).size(), 1U);
  EXPECT_TRUE(seen(kHeaders).empty());
}

/// Whoever is cut gets nothing more but a goodbye, and not even that where something stands in front of it.
struct CutRow {
  std::string name;
  bool takes;
  bool on_its_way;
  std::size_t goodbyes;
};
class H2Cut : public H2SessionTest, public ::testing::WithParamInterface<CutRow> {};

TEST_P(H2Cut, NothingButAGoodbyeGoesOut) {
  serve_ = begin_answer;
  std::size_t before = 0;
  std::function<void()> then = [this, &before] {
    wire_.takes = GetParam().takes;
    wire_.on_its_way = GetParam().on_its_way;
    const auto cut = [this, &before] {
      before = wire_.out.size();
      session_->cut();
    };
    wire_.put(get(1));
    net::spawn(loop_, after_a_while(cut), "cut", log_.log());
  };
  (void)run(hello(), then);
  EXPECT_EQ(requests_, 1);
  const std::vector<Seen> after = frames_of(std::string_view(wire_.out).substr(before));
  EXPECT_EQ(after.size(), GetParam().goodbyes);
  for (const Seen& one : after) {
    EXPECT_EQ(one.type, kGoaway);
    EXPECT_EQ(one.code(), 0U);
    EXPECT_EQ(one.last_stream(), 1U);
  }
  EXPECT_EQ(wire_.was_cut, GetParam().goodbyes == 0) << "what was written and has not left is thrown away";
}

INSTANTIATE_TEST_SUITE_P(Rows, H2Cut,
                         ::testing::Values(CutRow{"a_goodbye", true, true, 1},
                                           CutRow{"in_the_middle_of_a_write", false, true, 0},
                                           CutRow{"behind_what_has_not_left", true, false, 0}),
                         [](const auto& row) { return row.param.name; });

/// The client's window is 10 bytes, and it never opens it.
TEST_F(H2SessionTest, AClientThatTakesNothingIsGivenUp) {
  static std::string outcome;
  serve_ = [](H2SessionTest*, H2Stream stream) -> net::Task<void> {
    stream.send_head(200, {}, H2Stream::Body::follows);
    const auto written =
        co_await stream.write("more than ten bytes", net::Deadline::after(std::chrono::milliseconds(100)));
    outcome = written ? "written" : written.error().code;
  };
  limits_.idle_time = std::chrono::milliseconds(300);
  EXPECT_TRUE(run(
      std::string(kPreface) + frame(kSettings, 0, 0, number(4, 2) + number(10, 4)) + frame(kSettings, 1, 0) + get(1),
      [] {}));
  EXPECT_EQ(outcome, "net.timeout");
  EXPECT_EQ(body_of(1).size(), 10U);
  ASSERT_EQ(seen(kReset).size(), 1U);
}

}  // namespace
}  // namespace countersign::http
