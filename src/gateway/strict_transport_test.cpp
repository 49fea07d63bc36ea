// Strict-Transport-Security of a site: with every response, whoever gives it, and as the newest configuration says.
#include <algorithm>
#include <cctype>

#include "gateway/doors_test.h"
#include "gateway/rude_upstream_test.h"

namespace countersign::gateway {
namespace {

constexpr const char* kOurs = "max-age=31536000; includeSubDomains";

class StrictTransport : public DoorsTest {
 protected:
  void SetUp() override {
    acme_.emplace(pki_.client("acme", "payments").issue());
    rude_.say("HTTP/1.1 200 OK\r\nstrict-transport-security: max-age=1\r\nContent-Length: 0\r\n\r\n");
    const SiteConfig strict{.names = {"strict.example"}, .strict_transport = kOurs};
    const SiteConfig silent{.names = {"silent.example"}};
    start({{.name = "door", .listen = {"127.0.0.1", 0}, .sites = {strict, silent}}},
          {{.host = "*", .path = "/there", .upstream = rude_.at()}});
  }
  /// Every value of the field in the answer, each behind a space.
  std::string said(const std::string& name, const std::string& path, const std::string& host = "") const {
    const auto answer =
        Caller({.identity = &*acme_}).call({.port = port("door"), .server_name = name, .host = host, .path = path});
    EXPECT_NE(answer.status, 0);
    std::string values = std::to_string(answer.status);
    std::string lower = answer.text;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::string_view kField = "\r\nstrict-transport-security: ";
    for (std::size_t at = lower.find(kField); at != std::string::npos; at = lower.find(kField, at + 1)) {
      const std::size_t begin = at + kField.size();
      values += " " + answer.text.substr(begin, answer.text.find("\r\n", begin) - begin);
    }
    return values;
  }

  RudeUpstream rude_{log_.log()};
  std::optional<testing::Issued> acme_;
};

TEST_F(StrictTransport, GoesWithEveryResponseInThePlaceOfTheUpstreams) {
  EXPECT_EQ(said("strict.example", "/there"), std::string("200 ") + kOurs);
  EXPECT_EQ(said("strict.example", "/nowhere"), std::string("404 ") + kOurs);
  EXPECT_EQ(said("strict.example", "/there", "silent.example"), std::string("421 ") + kOurs);
  EXPECT_EQ(said("strict.example", "/there and there"), std::string("400 ") + kOurs);
  EXPECT_EQ(said("silent.example", "/there"), "200 max-age=1");
  EXPECT_EQ(said("silent.example", "/nowhere"), "404");
}

TEST_F(StrictTransport, IsThatOfTheNewestConfiguration) {
  config_.listeners.front().sites.front().strict_transport = "max-age=0";
  const GenerationPointer next = make_generation();
  ASSERT_NE(next, nullptr);
  worker_->take_over(prepare(*worker_, next, {}));
  generation_ = next;
  EXPECT_EQ(said("strict.example", "/nowhere"), "404 max-age=0");
}

}  // namespace
}  // namespace countersign::gateway
