// A client's end of HTTP/2 against a server's end of ours, over a pipe in memory.
#include "http/h2_client.h"

#include <gtest/gtest.h>

#include "http/h2_session.h"
#include "http/h2_wire_test.h"
#include "testing/run.h"

namespace countersign::http {
namespace {

net::Deadline soon() { return net::Deadline::after(std::chrono::seconds(10)); }

/// One end of a pipe.
class PipeEnd final : public FedStream {
 public:
  using FedStream::FedStream;
  void join(PipeEnd& other) { other_ = &other; }
  net::Task<base::Result<void>> write_all(base::BytesView data, net::Deadline) override {
    other_->put(base::as_text(data));
    co_return base::Result<void>();
  }
  net::Task<void> finish(net::Deadline) override {
    other_->close();
    co_return;
  }
  void abort() noexcept override {
    close();
    other_->close();
  }

 private:
  PipeEnd* other_ = nullptr;
};

class H2ClientTest : public ::testing::Test {
 protected:
  H2ClientTest() {
    here_.join(there_);
    there_.join(here_);
  }

  /// Both ends, until `client` has done what it wants.
  void run(net::Task<void> client) {
    session_.emplace(loop_, there_,
                     H2Session::Options{.limits = server_limits_,
                                        .serve =
                                            [this](H2Stream stream) {
                                              net::spawn(loop_, serve_(this, std::move(stream)), "serve", log_.log());
                                            },
                                        .malformed = [](const base::Error&) {}},
                     log_.log());
    client_.emplace(loop_, here_, H2Client::Options{.limits = limits_, .changed = [] {}}, log_.log());
    net::spawn(loop_, run_server(), "server", log_.log());
    net::spawn(loop_, run_client(), "client", log_.log());
    net::spawn(loop_, run_test(std::move(client)), "test", log_.log());
    loop_.run();
  }
  net::Task<void> run_server() { (void)co_await session_->run(); }
  net::Task<void> run_client() { ended_ = co_await client_->run(); }
  net::Task<void> run_test(net::Task<void> client) {
    co_await std::move(client);
    client_->wind_down();
  }

  struct Answer {
    std::string failure = {};
    int status = 0;
    std::string body = {};
    std::string trailers = {};
  };
  net::Task<void> send(std::string body, Fields trailers, Answer& answer) {
    H2ClientStream stream = client_->open();
    const std::vector<FieldView> fields{{"te", "trailers"}, {"x-asked", "yes"}};
    const auto follows = body.empty() ? H2ClientStream::Body::none : H2ClientStream::Body::follows;
    const auto begun = stream.send_head({"POST", "https", "localhost", "/", fields}, follows);
    EXPECT_TRUE(begun);
    net::TaskGroup sending(loop_, log_.log());
    if (!body.empty()) sending.spawn(send_body(stream, std::move(body), std::move(trailers)), "body");
    auto head = co_await stream.read_head(soon());
    if (!head) answer.failure = head.error().code;
    if (head) answer.status = head->status;
    std::array<std::uint8_t, 1000> buffer;
    while (head && !stream.at_end_of_message()) {
      const auto count = co_await stream.read_body_some(buffer, soon());
      if (!count) answer.failure = count.error().code;
      if (!count) break;
      answer.body += base::as_text(std::span(buffer).first(*count));
    }
    for (const Field& field : stream.trailers())
      answer.trailers += field.name + "=" + field.value + ";";
    stream.reset();
    (void)co_await sending.wait_until_empty(soon());
  }
  net::Task<void> send_body(H2ClientStream& stream, std::string body, Fields trailers) {
    const auto written = co_await stream.write(body, soon());
    if (written) (void)co_await stream.finish(std::move(trailers), soon());
  }
  net::Task<void> send_one(std::string body, Answer& answer) {
    Fields none;
    co_await send(std::move(body), std::move(none), answer);
  }
  net::Task<void> send_many(std::vector<Answer>& answers, std::string body) {
    net::TaskGroup all(loop_, log_.log());
    for (Answer& answer : answers)
      all.spawn(send_one(body, answer), "one");
    EXPECT_TRUE(co_await all.wait_until_empty(soon()));
  }

  net::Task<void> fill_up() {
    H2ClientStream first = client_->open();
    EXPECT_TRUE(client_->has_room());
    H2ClientStream second = client_->open();
    EXPECT_FALSE(client_->has_room());
    session_->wind_down();
    while (!client_->is_ending())
      co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(1)));
    EXPECT_FALSE(client_->has_room());
  }

  static net::Task<void> echo(H2ClientTest*, H2Stream stream) {
    stream.send_head(200, {}, H2Stream::Body::follows);
    std::array<std::uint8_t, 4096> buffer;
    for (bool more = true; more;) {
      const auto count = co_await stream.read_body_some(buffer, soon());
      if (!count) co_return;
      more = *count > 0;
      if (more) (void)co_await stream.write(base::as_text(std::span(buffer).first(*count)), soon());
    }
    Fields trailers = stream.trailers();
    trailers.add("x-status", "0");
    stream.end_in(std::move(trailers));
    (void)co_await stream.finish(soon());
  }
  static net::Task<void> only_a_head(H2ClientTest*, H2Stream stream) {
    const std::vector<FieldView> fields{{"grpc-status", "5"}};
    stream.send_head(200, fields, H2Stream::Body::none);
    (void)co_await stream.finish(soon());
  }
  static net::Task<void> drop(H2ClientTest*, H2Stream) { co_return; }
  static net::Task<void> half(H2ClientTest*, H2Stream stream) {
    stream.send_head(200, {}, H2Stream::Body::follows);
    (void)co_await stream.write("half", soon());
  }
  static net::Task<void> die(H2ClientTest* test, H2Stream) {
    test->there_.abort();
    co_return;
  }

  net::Loop loop_;
  testing::KeptLog log_;
  PipeEnd here_{loop_};
  PipeEnd there_{loop_};
  H2Limits server_limits_;
  H2ClientLimits limits_;
  std::optional<H2Session> session_;
  std::optional<H2Client> client_;
  net::Task<void> (*serve_)(H2ClientTest*, H2Stream) = echo;
  base::Result<void> ended_;
};

TEST_F(H2ClientTest, ManyRequestsShareAConnection) {
  std::vector<Answer> answers(50);
  run(send_many(answers, std::string(10'000, 'x')));
  for (const Answer& answer : answers) {
    EXPECT_EQ(answer.failure, "");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body.size(), 10'000U);
    EXPECT_EQ(answer.trailers, "x-status=0;");
  }
  EXPECT_TRUE(ended_);
}

TEST_F(H2ClientTest, ABodyOfAnySizePassesBothWays) {
  Answer answer;
  run(send_one(std::string(5'000'000, 'x'), answer));
  EXPECT_EQ(answer.failure, "");
  EXPECT_EQ(answer.body.size(), 5'000'000U);
}

TEST_F(H2ClientTest, TrailersGoBothWays) {
  Answer answer;
  Fields trailers;
  trailers.add("x-sum", "abc");
  run(send("body", std::move(trailers), answer));
  EXPECT_EQ(answer.trailers, "x-sum=abc;x-status=0;");
}

TEST_F(H2ClientTest, AResponseMayBeItsHeadAlone) {
  serve_ = only_a_head;
  Answer answer;
  run(send_one("body", answer));
  EXPECT_EQ(answer.failure, "");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
}

TEST_F(H2ClientTest, AStreamThatIsResetIsNoAnswer) {
  serve_ = drop;
  Answer answer;
  run(send_one("body", answer));
  EXPECT_EQ(answer.failure, "http.cut_off");
}

TEST_F(H2ClientTest, HalfAResponseIsNotTakenForTheWhole) {
  serve_ = half;
  Answer answer;
  run(send_one("", answer));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.failure, "http.cut_off");
}

TEST_F(H2ClientTest, AConnectionThatEndsTakesItsRequestsAlong) {
  serve_ = die;
  Answer answer;
  run(send_one("body", answer));
  EXPECT_EQ(answer.failure, "http.cut_off") << "the server may well have done something of it";
}

TEST_F(H2ClientTest, ThereIsNoRoomBeyondItsLimitNorAfterItsEnd) {
  limits_.streams = 2;
  run(fill_up());
  EXPECT_FALSE(client_->has_room());
}

// -- a server that is silent

/// A server by hand: takes a request, and then says what the row has it say; counts the PINGs it hears.
struct SilenceRow {
  std::string name;
  bool answers_pings;
  bool talks;  ///< a WINDOW_UPDATE now and then, but never an answer to a PING
  std::string failure;
  int most_pings;
};
class H2Silence : public H2ClientTest, public ::testing::WithParamInterface<SilenceRow> {
 protected:
  H2Silence() {
    limits_.ping_after = std::chrono::milliseconds(100);
    limits_.ping_time = std::chrono::milliseconds(200);
  }
  net::Task<void> hear() {
    std::string heard;
    std::array<std::uint8_t, 4096> buffer;
    say(std::string("\0\0\0\4\0\0\0\0\0", 9));
    for (const net::Deadline end = soon(); !end.passed();) {
      const auto count = co_await there_.read_some(buffer, net::Deadline::after(std::chrono::milliseconds(60)));
      if (count && *count == 0) break;
      if (count) heard += base::as_text(std::span(buffer).first(*count));
      if (GetParam().talks) say(std::string("\0\0\4\10\0\0\0\0\0\0\0\0\1", 13));
      for (std::size_t at; (at = heard.find(kPing)) != std::string::npos;) {
        heard = heard.substr(at + kPing.size());
        ++pings_;
        if (GetParam().answers_pings) say(kPong);
      }
    }
    there_.abort();
  }
  void say(const std::string& frames) { net::spawn(loop_, write(frames), "say", log_.log()); }
  net::Task<void> write(std::string frames) { (void)co_await there_.write_all(base::as_bytes(frames), soon()); }
  net::Task<void> ask_and_wait() {
    H2ClientStream stream = client_->open();
    EXPECT_TRUE(stream.send_head({"POST", "https", "localhost", "/", {}}, H2ClientStream::Body::none));
    const auto head = co_await stream.read_head(net::Deadline::after(std::chrono::milliseconds(700)));
    outcome_ = head ? "" : head.error().code;
    client_->cut();
  }

  const std::string kPing = std::string("\0\0\10\6\0\0\0\0\0\0\0\0\0\0\0\0\0", 17);
  const std::string kPong = std::string("\0\0\10\6\1\0\0\0\0\0\0\0\0\0\0\0\0", 17);
  std::string outcome_;
  int pings_ = 0;
};

TEST_P(H2Silence, IsEitherPatienceOrDeath) {
  client_.emplace(loop_, here_, H2Client::Options{.limits = limits_, .changed = [] {}}, log_.log());
  net::spawn(loop_, ask_and_wait(), "test", log_.log());
  net::spawn(loop_, run_client(), "client", log_.log());
  net::spawn(loop_, hear(), "server", log_.log());
  loop_.run();
  EXPECT_EQ(outcome_, GetParam().failure);
  EXPECT_LE(pings_, GetParam().most_pings) << "a server may take more for a flood";
  if (GetParam().failure != "http.silent") return;
  ASSERT_FALSE(ended_);
  EXPECT_EQ(ended_.error().code, "http.silent");
}

INSTANTIATE_TEST_SUITE_P(Rows, H2Silence,
                         ::testing::Values(SilenceRow{"dead", false, false, "http.silent", 1},
                                           SilenceRow{"alive_and_slow", true, false, "net.timeout", 1},
                                           SilenceRow{"talks_of_other_things", false, true, "net.timeout", 0}),
                         [](const auto& row) { return row.param.name; });

/// What a server of the test says, which is not ours: the frames are made by hand.
struct SayRow {
  std::string name;
  std::string says;
  std::string failure;
};
class H2ClientHears : public H2ClientTest, public ::testing::WithParamInterface<SayRow> {
 protected:
  net::Task<void> say() {
    std::array<std::uint8_t, 4096> dropped;
    (void)co_await there_.read_some(dropped, soon());  // with the request
    const std::string settings("\0\0\0\4\0\0\0\0\0", 9);
    (void)co_await there_.write_all(base::as_bytes(settings), soon());
    (void)co_await there_.write_all(base::as_bytes(GetParam().says), soon());
    for (;;) {
      const auto count = co_await there_.read_some(dropped, soon());
      if (!count || *count == 0) break;
    }
    there_.abort();
  }
};

std::string frame(char type, char flags, const std::string& payload) {
  return std::string(2, '\0') + static_cast<char>(payload.size()) + type + flags + std::string("\0\0\0\1", 4) + payload;
}
/// The last stream that was looked at.
std::string goaway(char last) { return std::string("\0\0\10\7\0\0\0\0\0\0\0\0", 12) + last + std::string(4, '\0'); }
std::string literal(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + name + static_cast<char>(value.size()) + value;
}
constexpr char kHeaders = 1;
constexpr char kEnds = 5;
constexpr char kGoesOn = 4;

TEST_P(H2ClientHears, OnlyWhatIsWellFormed) {
  client_.emplace(loop_, here_, H2Client::Options{.limits = limits_, .changed = [] {}}, log_.log());
  Answer answer;
  net::spawn(loop_, run_test(send_one("", answer)), "test", log_.log());
  net::spawn(loop_, run_client(), "client", log_.log());
  net::spawn(loop_, say(), "server", log_.log());
  loop_.run();
  EXPECT_EQ(answer.failure, GetParam().failure) << answer.status;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, H2ClientHears,
    ::testing::Values(
        SayRow{"good", frame(kHeaders, kEnds, literal(":status", "200")), ""},
        SayRow{"no_status", frame(kHeaders, kEnds, literal("x", "y")), "http.cut_off"},
        SayRow{"no_number", frame(kHeaders, kEnds, literal(":status", "2x0")), "http.cut_off"},
        SayRow{"switching_protocols", frame(kHeaders, kEnds, literal(":status", "101")), "http.cut_off"},
        SayRow{"field_of_one_hop", frame(kHeaders, kEnds, literal(":status", "200") + literal("connection", "x")),
               "http.cut_off"},
        SayRow{"a_hint_before",
               frame(kHeaders, kGoesOn, literal(":status", "103")) + frame(kHeaders, kEnds, literal(":status", "200")),
               ""},
        SayRow{"a_hint_alone", frame(kHeaders, kEnds, literal(":status", "103")), "http.cut_off"},
        SayRow{"length_twice",
               frame(kHeaders, kEnds,
                     literal(":status", "200") + literal("content-length", "0") + literal("content-length", "0")),
               "http.cut_off"},
        SayRow{"less_than_its_length",
               frame(kHeaders, kEnds, literal(":status", "200") + literal("content-length", "5")), "http.cut_off"},
        SayRow{"trailers_that_forge",
               frame(kHeaders, kGoesOn, literal(":status", "200")) + frame(kHeaders, kEnds, literal(":status", "500")),
               "http.cut_off"},
        SayRow{"refused_stream", frame(3, 0, std::string("\0\0\0\7", 4)), "http.unprocessed"},
        SayRow{"cancelled_stream", frame(3, 0, std::string("\0\0\0\10", 4)), "http.cut_off"},
        SayRow{"refused_behind_a_head",
               frame(kHeaders, kGoesOn, literal(":status", "200")) + frame(3, 0, std::string("\0\0\0\7", 4)),
               "http.cut_off"},
        SayRow{"goaway_before_it", goaway(0), "http.unprocessed"},
        SayRow{"goaway_behind_it", goaway(1) + frame(kHeaders, kEnds, literal(":status", "200")), ""},
        SayRow{"http_1", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "http.cut_off"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::http
