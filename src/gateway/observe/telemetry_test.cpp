// Spans in the words of OpenTelemetry, where they are sent, and what becomes of them where nobody takes them.
#include <deque>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "gateway/observe/otlp.h"
#include "gateway/observe/span_exporter.h"
#include "gateway/spans.h"
#include "http/plain_server.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/run.h"

namespace countersign::gateway {
namespace {

using base::json::value;

const std::string kTraceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kParentId = "00f067aa0ba902b7";

// -- the words

SpanHead head_of(std::string_view parent) {
  return {.trace_id = kTraceId,
          .span_id = "1122334455667788",
          .parent_id = parent,
          .name = "GET /a\"b",
          .ended = base::Instant::from_unix_seconds(1'790'000'000),
          .took = std::chrono::microseconds(1500)};
}

TEST(Otlp, SpansAreAsTheProtocolWritesThem) {
  SpanAttributes attributes;
  attributes.text("url.path", "/\xff\n").number("http.response.status_code", 200).flag("tls.resumed", false);
  const value span =
      base::parse_json(to_otlp_span(head_of(kParentId), attributes, SpanStatus::error, "it \"failed\"")).value();
  const value expected = base::parse_json(R"({"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"1122334455667788",
      "parentSpanId":"00f067aa0ba902b7","flags":769,"name":"GET /a\"b","kind":2,
      "startTimeUnixNano":"1789999999998500000","endTimeUnixNano":"1790000000000000000",
      "attributes":[{"key":"url.path","value":{"stringValue":"/\ufffd\n"}},
                    {"key":"http.response.status_code","value":{"intValue":"200"}},
                    {"key":"tls.resumed","value":{"boolValue":false}}],
      "status":{"message":"it \"failed\"","code":2}})")
                             .value();
  EXPECT_EQ(base::json::serialize(span), base::json::serialize(expected));
}

TEST(Otlp, ASpanWithoutAParentNamesNone) {
  const value span = base::parse_json(to_otlp_span(head_of(""), {}, SpanStatus::unset)).value();
  EXPECT_EQ(span.as_object().if_contains("parentSpanId"), nullptr);
  EXPECT_EQ(span.at("flags").as_int64(), 1);
  EXPECT_TRUE(span.at("attributes").as_array().empty());
  EXPECT_TRUE(span.at("status").as_object().empty());
}

TEST(Otlp, RequestsHoldTheirSpansUnderOneResource) {
  SpanAttributes resource;
  resource.text("service.name", "edge");
  const value request = base::parse_json(to_otlp_request(resource, {R"({"a":1})", R"({"a":2})"})).value();
  const value& group = request.at("resourceSpans").as_array().at(0);
  EXPECT_EQ(group.at("resource").at("attributes").as_array().at(0).at("value").at("stringValue").as_string(), "edge");
  EXPECT_EQ(group.at("scopeSpans").as_array().at(0).at("spans").as_array().size(), 2U);
}

TEST(Otlp, AttributesAreJoinedAndCut) {
  SpanAttributes first;
  SpanAttributes second;
  EXPECT_EQ(SpanAttributes().append(first).json(), "");
  first.text("a", std::string(SpanAttributes::kLongestValue + 1, 'x'));
  second.number("b", 1);
  const value joined = base::parse_json("[" + SpanAttributes(first).append(second).json() + "]").value();
  ASSERT_EQ(joined.as_array().size(), 2U);
  EXPECT_EQ(joined.as_array().at(0).at("value").at("stringValue").as_string().size(), SpanAttributes::kLongestValue);
  EXPECT_EQ(SpanAttributes().append(second).json(), second.json());
}

TEST(Otlp, ReadsHowMuchWasRejected) {
  struct Row {
    const char* name;
    const char* response;
    std::uint64_t rejected;
  };
  for (const Row& row : {Row{"nothing", "", 0}, Row{"an empty object", "{}", 0},
                         Row{"as text", R"({"partialSuccess":{"rejectedSpans":"3"}})", 3},
                         Row{"as a number", R"({"partialSuccess":{"rejectedSpans":3}})", 3},
                         Row{"less than nothing", R"({"partialSuccess":{"rejectedSpans":-3}})", 0},
                         Row{"no number", R"({"partialSuccess":{"rejectedSpans":"3x"}})", 0},
                         Row{"only words", R"({"partialSuccess":{"errorMessage":"slow down"}})", 0},
                         Row{"no object", R"({"partialSuccess":[1]})", 0}, Row{"no JSON", "<html>", 0}})
    EXPECT_EQ(rejected_spans(row.response), row.rejected) << row.name;
}

// -- which

TEST(Spans, AreExportedAsTheFlagAndTheRatioSay) {
  const std::string low = std::string(18, '1') + std::string(13, '0') + "1";
  const std::string high = std::string(18, '1') + std::string(14, 'f');
  using Sampling = TelemetrySettings::Sampling;
  struct Row {
    const char* name;
    std::string trace;  ///< empty: it begins here
    const char* flags;
    Sampling sampling;
    unsigned percent;
    bool exported;
  };
  for (const Row& row : {Row{"flagged by its caller", high, "01", Sampling::parent, 0, true},
                         Row{"not flagged", high, "00", Sampling::parent, 100, false},
                         Row{"flagged, and other flags", high, "03", Sampling::parent, 0, true},
                         Row{"of our share", low, "01", Sampling::ratio, 1, true},
                         Row{"not of our share", high, "01", Sampling::ratio, 99, false},
                         Row{"of a share that is all", high, "01", Sampling::ratio, 100, true},
                         Row{"of a share that is nothing", low, "01", Sampling::ratio, 0, false},
                         Row{"of our share, not flagged", low, "00", Sampling::ratio, 100, false},
                         Row{"begun here", "", "", Sampling::ratio, 100, true},
                         Row{"begun here, none is flagged", "", "", Sampling::parent, 0, false}}) {
    http::Fields fields;
    if (!row.trace.empty()) fields.add("traceparent", "00-" + row.trace + "-" + kParentId + "-" + row.flags);
    Dice dice(1);
    const auto trace = TraceContext::continue_or_begin(fields, {.percent = row.percent}, dice);
    EXPECT_EQ(is_exported(trace, {.endpoint = "", .sampling = row.sampling}, row.percent), row.exported) << row.name;
  }
}

// -- where to

base::Result<std::optional<TelemetrySettings>> read(const std::string& text, const std::filesystem::path& folder) {
  auto section = base::ConfigSection::parse(text, "countersign.toml").value();
  BASE_TRY(auto settings, read_telemetry(section, folder));
  BASE_TRY_VOID(section.finish());
  return settings;
}

TEST(TelemetrySettings, AreReadOrRefused) {
  const testing::Folder folder;
  ASSERT_TRUE(base::write_file(folder / "ca.pem", "x", base::FileMode::owner_only));
  struct Row {
    const char* name;
    std::string text;
    const char* code;
  };
  const std::string good = "[telemetry]\nendpoint = \"https://collector.example:4318/v1/traces\"\n";
  for (const Row& row :
       {Row{"least", good, "ok"}, Row{"a file", good + "ca_file = \"ca.pem\"\n", "ok"},
        Row{"a file that is not there", good + "ca_file = \"none.pem\"\n", "gateway.config"},
        Row{"a certificate and its key", good + "certificate = \"ca.pem\"\nkey = \"ca.pem\"\n", "ok"},
        Row{"a certificate without its key", good + "certificate = \"ca.pem\"\n", "gateway.config"},
        Row{"by ratio", good + "sampling = \"ratio\"\n", "ok"},
        Row{"by chance", good + "sampling = \"chance\"\n", "gateway.config"},
        Row{"no name", good + "service_name = \"\"\n", "gateway.config"},
        Row{"no endpoint", "[telemetry]\n", "config.missing"},
        Row{"an unknown key", good + "gzip = true\n", "config.unknown_key"},
        Row{"another scheme", "[telemetry]\nendpoint = \"grpc://collector.example\"\n", "gateway.config"},
        Row{"in the clear, here", "[telemetry]\nendpoint = \"http://localhost:4318/v1/traces\"\n", "ok"},
        Row{"in the clear, elsewhere", "[telemetry]\nendpoint = \"http://10.0.0.1:4318/v1/traces\"\n",
            "gateway.config"},
        Row{"in the clear, accepted", "[telemetry]\nendpoint = \"http://10.0.0.1/\"\ndanger_plain = true\n", "ok"}})
    EXPECT_EQ(testing::code_of(read(row.text, folder.path())), row.code) << row.name;
  EXPECT_FALSE(read("", folder.path())->has_value());
  EXPECT_TRUE(
      (*read("[telemetry]\nendpoint = \"http://10.0.0.1/\"\ndanger_plain = true\n", folder.path()))->danger_plain);
  EXPECT_FALSE((*read(good + "danger_plain = true\n", folder.path()))->danger_plain);
}

// -- how

/// Answers with one status after the other, then 200; keeps what came.
class Collector {
 public:
  explicit Collector(std::deque<int> statuses) : statuses_(std::move(statuses)) {
    http::Handler handler = [this](http::Request request) { return answer(std::move(request)); };
    server_ = http::PlainServer::bind(loop_, {"127.0.0.1", 0}, std::move(handler), log_.log()).value();
    net::spawn(loop_, server_->run(), "collector", log_.log());
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Collector() {
    loop_.stop();
    thread_.join();
  }
  TelemetrySettings settings() const { return {.endpoint = "http://" + server_->local().to_string() + "/v1/traces"}; }
  /// Waits until so many requests came; how many spans each had.
  std::vector<std::size_t> wait_for(std::size_t requests) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(came_.wait_for(lock, std::chrono::seconds(20), [&] { return spans_.size() >= requests; }));
    return spans_;
  }

 private:
  net::Task<http::Response> answer(http::Request request) {
    const std::lock_guard lock(mutex_);
    const value document = base::parse_json(request.body).value();
    spans_.push_back(
        document.at("resourceSpans").as_array().at(0).at("scopeSpans").as_array().at(0).at("spans").as_array().size());
    http::Response response;
    response.status = statuses_.empty() ? 200 : statuses_.front();
    if (!statuses_.empty()) statuses_.pop_front();
    came_.notify_all();
    co_return response;
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<int> statuses_;
  std::vector<std::size_t> spans_;
  testing::KeptLog log_;
  net::Loop loop_;
  std::unique_ptr<http::PlainServer> server_;
  std::thread thread_;
};

constexpr SpanExporter::Limits kQuick{.spans = 8,
                                      .batch = 4,
                                      .delay = std::chrono::milliseconds(20),
                                      .request_time = std::chrono::seconds(5),
                                      .tries = 3,
                                      .first_pause = std::chrono::milliseconds(5),
                                      .longest_pause = std::chrono::milliseconds(20),
                                      .farewell = std::chrono::seconds(5)};

bool has(const SpanExporter& exporter, const std::string& outcome, int count) {
  return exporter.metrics().find("{outcome=\"" + outcome + "\"} " + std::to_string(count) + "\n") != std::string::npos;
}

class SpanExporterTest : public ::testing::Test {
 protected:
  void take(int count) {
    for (int i = 0; i < count; ++i)
      exporter_->take("{}");
  }
  testing::KeptLog log_;
  std::unique_ptr<SpanExporter> exporter_ = std::make_unique<SpanExporter>(kQuick, "one", log_.log());
};

TEST_F(SpanExporterTest, IsOffUntilItIsToldWhereTo) {
  EXPECT_FALSE(exporter_->is_on());
  EXPECT_EQ(exporter_->metrics(), "");
  Collector collector({});
  exporter_->use(collector.settings());
  EXPECT_TRUE(exporter_->is_on());
  exporter_->use(std::nullopt);
  EXPECT_FALSE(exporter_->is_on());
}

TEST_F(SpanExporterTest, SendsBatches) {
  Collector collector({});
  exporter_->use(collector.settings());
  take(5);
  std::size_t sent = 0;
  for (std::size_t requests = 1; sent < 5; ++requests) {
    sent = 0;
    for (const std::size_t spans : collector.wait_for(requests)) {
      EXPECT_LE(spans, kQuick.batch);
      sent += spans;
    }
  }
  EXPECT_EQ(sent, 5U);
}

TEST_F(SpanExporterTest, TriesAgainWhereThatMayHelp) {
  Collector collector({503, 429, 200});
  exporter_->use(collector.settings());
  take(1);
  EXPECT_EQ(collector.wait_for(3).size(), 3U);
  exporter_.reset();
  EXPECT_EQ(collector.wait_for(3).size(), 3U);
}

TEST_F(SpanExporterTest, GivesUpInTheEndAndGoesOn) {
  Collector collector({503, 503, 503});
  exporter_->use(collector.settings());
  take(1);
  (void)collector.wait_for(3);
  take(1);
  (void)collector.wait_for(4);
  EXPECT_TRUE(has(*exporter_, "failed", 1)) << exporter_->metrics();
}

TEST_F(SpanExporterTest, TriesNothingAgainThatWasRefused) {
  Collector collector({400});
  exporter_->use(collector.settings());
  take(1);
  (void)collector.wait_for(1);
  take(1);
  (void)collector.wait_for(2);
  EXPECT_TRUE(has(*exporter_, "failed", 1)) << exporter_->metrics();
}

TEST_F(SpanExporterTest, DropsWhatFindsTheQueueFull) {
  exporter_->use(TelemetrySettings{.endpoint = "http://127.0.0.1:1/v1/traces"});
  take(100);
  EXPECT_FALSE(has(*exporter_, "overflowed", 0)) << exporter_->metrics();
}

TEST_F(SpanExporterTest, SendsWhatWaitsAtTheEnd) {
  Collector collector({});
  SpanExporter::Limits slow = kQuick;
  slow.delay = std::chrono::hours(1);
  exporter_ = std::make_unique<SpanExporter>(slow, "one", log_.log());
  exporter_->use(collector.settings());
  take(3);
  exporter_.reset();
  EXPECT_EQ(collector.wait_for(1), std::vector<std::size_t>{3});
}

TEST_F(SpanExporterTest, EndsAlsoWhereNobodyAnswers) {
  const auto deaf = net::ListenSocket::open({.at = {"127.0.0.1", 0}}).value();
  SpanExporter::Limits limits = kQuick;
  limits.request_time = std::chrono::hours(1);
  limits.farewell = std::chrono::milliseconds(50);
  exporter_ = std::make_unique<SpanExporter>(limits, "one", log_.log());
  exporter_->use(TelemetrySettings{.endpoint = "http://" + deaf.local().to_string() + "/v1/traces"});
  take(4);
  const auto begun = std::chrono::steady_clock::now();
  exporter_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

}  // namespace
}  // namespace countersign::gateway
