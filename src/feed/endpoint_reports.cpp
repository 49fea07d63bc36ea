#include "feed/endpoint_reports.h"

#include <algorithm>
#include <array>

#include "trust/find_reason.h"

namespace countersign::feed {
namespace {

using enum EndpointState;
using enum EndpointTrouble::Until;

constexpr std::array kTroubles = {
    EndpointTrouble{"ehi.refused", refused, handshake, "The certificate of the server is not believed.",
                    "Have the server send a certificate that is good for its name, with the chain it needs."},
    EndpointTrouble{
        "ehi.pin_mismatch", refused, handshake,
        "The certificate of the server is good, but the provider has pinned other keys than those on its path.",
        "Tell the provider of a new key before the server uses it; until the provider knows it, use the old one."},
    EndpointTrouble{"ehi.no_staple", refused, handshake,
                    "The server sends no current OCSP response with its certificate.",
                    "Switch OCSP stapling on at the server."},
    EndpointTrouble{"ehi.no_tls", refused, handshake,
                    "The server does not speak TLS 1.2 or 1.3 with cipher suites that are good (ECDHE and AEAD).",
                    "Switch TLS 1.3 or 1.2 with such cipher suites on at the server, at the port that is called."},
    EndpointTrouble{"ehi.redirected", refused, answer, "The server redirects the calls; they are not taken elsewhere.",
                    "Answer where the calls arrive, or tell the provider of the right URL."},
    EndpointTrouble{"ehi.refused_by_partner", unreachable, answer,
                    "The server refuses the certificate of the provider.",
                    "Install the trust chain of the provider at the server as the CA of its clients."},
    EndpointTrouble{"ehi.timeout", unreachable, answer, "The server did not answer within the time that was agreed.",
                    "See whether the server, and what is behind it, is overloaded or hangs."},
    EndpointTrouble{"ehi.unreachable", unreachable, handshake, "No connection to the server comes about.",
                    "See whether it runs, and whether its name, its port and its firewall are as agreed."},
    EndpointTrouble{"ehi.bad_answer", unreachable, answer, "What the server answers is no whole HTTP response.",
                    "See the log of the server for calls that broke off, or were too large."},
};

/// Of a batch, before its last one: the authority takes 256 KiB.
constexpr std::size_t kBatchBytes = 200 * 1024;
constexpr std::size_t kWordLimit = 128;  // of an endpoint's name, of `calls`
constexpr std::int64_t kMostTimes = 1'000'000'000'000;
constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999

bool is_unprintable(char c) { return c < 0x20 || c > 0x7e; }

/// Printable ASCII, cut.
std::string printable(std::string_view text) {
  std::string printed(text.substr(0, EndpointReports::kDetailLimit));
  std::ranges::replace_if(printed, is_unprintable, '?');
  return printed;
}

/// As printable() makes it: a sender that is broken into must not steer the terminals of those who read what it says.
bool is_printable(std::string_view text) { return std::ranges::none_of(text, is_unprintable); }

/// As JSON, where each character may be escaped.
std::size_t most_bytes_of(const EndpointReport& report) {
  constexpr std::size_t kNamesAndNumbers = 512;
  return 2 * (report.url.size() + report.detail.size()) + kNamesAndNumbers;
}

bool is_of(const EndpointReport& one, const EndpointReport& other) {
  return one.endpoint == other.endpoint && one.calls == other.calls && one.url == other.url;
}

tl::unexpected<base::Error> invalid(std::string detail) {
  return base::fail(base::Kind::invalid, "endpoint_reports.invalid", std::move(detail));
}

std::optional<EndpointState> find_state(std::string_view text) {
  for (const EndpointState state : {up, refused, unreachable})
    if (name(state) == text) return state;
  return std::nullopt;
}

/// What there is of a server that is in trouble. False: with a code or reason that is not known here.
base::Result<bool> read_trouble(base::JsonReader& reader, EndpointReport& report) {
  BASE_TRY(report.code, reader.text("code"));
  BASE_TRY(const std::string reason, reader.text_or("reason", ""));
  BASE_TRY(report.detail, reader.text_or("detail", ""));
  BASE_TRY(report.times, reader.integer("times"));
  BASE_TRY(const std::int64_t first, reader.integer("first"));
  BASE_TRY(const std::int64_t last, reader.integer("last"));
  if (report.detail.size() > EndpointReports::kDetailLimit || !is_printable(report.detail) || report.times < 1 ||
      report.times > kMostTimes || first < 0 || last < first || last > kLastSecond)
    return invalid(
        "a trouble has a detail of at most 500 printable characters, a count of at least 1, and times since 1970");
  report.first = base::Instant::from_unix_seconds(first);
  report.last = base::Instant::from_unix_seconds(last);
  if (!reason.empty()) report.reason = trust::find_reason(reason);
  const EndpointTrouble* trouble = find_endpoint_trouble(report.code);
  if (trouble == nullptr || (!reason.empty() && !report.reason)) return false;
  if (trouble->state != report.state) return invalid("'" + report.code + "' is not " + std::string(name(report.state)));
  return true;
}

/// Nothing where its code or reason is not known here.
base::Result<std::optional<EndpointReport>> report_from_json(const base::json::value& value) {
  BASE_TRY(auto reader, base::JsonReader::of(value));
  BASE_TRY(const std::string environment_text, reader.text("environment"));
  BASE_TRY(const std::string organisation_text, reader.text("organisation"));
  BASE_TRY(const std::string state_text, reader.text("state"));
  BASE_TRY(const auto environment, base::parse_environment(environment_text));
  BASE_TRY(auto organisation, base::Slug::parse(organisation_text));
  EndpointReport report{environment, std::move(organisation), "", "", ""};
  BASE_TRY(report.url, reader.text("url"));
  BASE_TRY(report.endpoint, reader.text("endpoint"));
  BASE_TRY(report.calls, reader.text("calls"));
  const bool has_words = !report.endpoint.empty() && !report.calls.empty();
  if (!has_words || report.endpoint.size() > kWordLimit || report.calls.size() > kWordLimit ||
      report.url.size() > EndpointReports::kUrlLimit)
    return invalid("a report names an endpoint, what calls it is about, and a URL of at most 1024 bytes");
  if (!is_printable(report.endpoint) || !is_printable(report.calls) || !is_printable(report.url))
    return invalid("the words of a report are of printable ASCII");
  const auto state = find_state(state_text);
  if (!state) return std::optional<EndpointReport>();
  report.state = *state;
  bool known = true;
  if (report.state != up) {
    BASE_TRY(known, read_trouble(reader, report));
  }
  BASE_TRY_VOID(reader.finish());
  return known ? std::optional(std::move(report)) : std::nullopt;
}

}  // namespace

std::string_view name(EndpointState state) {
  switch (state) {
    case up: return "up";
    case refused: return "refused";
    case unreachable: return "unreachable";
  }
  return "";
}

std::span<const EndpointTrouble> endpoint_troubles() { return kTroubles; }

const EndpointTrouble* find_endpoint_trouble(std::string_view code) {
  const auto found = std::ranges::find(kTroubles, code, &EndpointTrouble::code);
  return found == kTroubles.end() ? nullptr : &*found;
}

void EndpointReports::Site::failed(const Failure& failure, base::Instant now) {
  const EndpointTrouble* trouble = find_endpoint_trouble(failure.code);
  if (trouble == nullptr) return;
  const bool is_new = report_.state == up;
  if (is_new || report_.code != failure.code || report_.reason != failure.reason) changed_ = true;
  if (is_new) {
    report_.times = 0;
    report_.first = now;
    until_ = handshake;
  }
  if (trouble->until == answer) until_ = answer;
  known_ = true;
  report_.state = trouble->state;
  report_.code = failure.code;
  report_.reason = failure.reason;
  report_.detail = printable(failure.detail);
  report_.last = std::max(report_.first, now);
  ++report_.times;
}

void EndpointReports::Site::answered() {
  if (known_ && report_.state == up) return;
  known_ = changed_ = true;
  report_.state = up;
}

void EndpointReports::Site::shook_hands() {
  if (known_ && report_.state != up && until_ == handshake) answered();
}

bool EndpointReports::Site::is_due(base::Instant now) const {
  if (!known_) return false;
  if (report_.state != up && now - report_.last >= kBelieved) return false;
  const bool ahead = told_ && *told_ > now;  // the clock was put back
  if (!told_ || ahead) return true;
  if (changed_) return now - *told_ >= kPause;
  return report_.state != up && now - *told_ >= kRestated;
}

EndpointReports::Site& EndpointReports::add(EndpointReport which) {
  sites_.push_back(Site(std::move(which)));
  return sites_.back();
}

std::vector<EndpointReport> EndpointReports::take(base::Instant now) {
  std::vector<EndpointReport> batch;
  std::size_t bytes = 0;
  for (Site& site : sites_) {
    if (batch.size() >= kBatch || bytes >= kBatchBytes) break;
    if (!site.is_due(now)) continue;
    bytes += most_bytes_of(site.report_);
    batch.push_back(site.report_);
    site.changed_ = false;
    site.told_ = now;
  }
  return batch;
}

EndpointReports::Site* EndpointReports::find(const EndpointReport& report) {
  const auto found = std::ranges::find_if(sites_, [&](const Site& site) { return is_of(site.report_, report); });
  return found == sites_.end() ? nullptr : &*found;
}

void EndpointReports::give_back(const std::vector<EndpointReport>& untold) {
  for (const EndpointReport& report : untold)
    if (Site* site = find(report)) {
      site->changed_ = true;
      site->told_.reset();
    }
}

std::vector<std::pair<std::string, std::string>> EndpointReports::heard(const std::vector<EndpointReport>& told,
                                                                        std::string_view answer) {
  std::vector<std::string> unlisted;
  if (const auto body = base::parse_json(answer))
    if (auto reader = base::JsonReader::of(*body)) unlisted = reader->texts("unknown").value_or(unlisted);
  std::vector<std::pair<std::string, std::string>> fresh;
  for (const EndpointReport& report : told) {
    Site* const site = find(report);
    if (site == nullptr) continue;
    const bool is_unlisted = std::ranges::find(unlisted, report.url) != unlisted.end();
    if (is_unlisted && !site->unlisted_) fresh.emplace_back(report.endpoint, report.url);
    site->unlisted_ = is_unlisted;
  }
  return fresh;
}

base::json::object to_json(const std::vector<EndpointReport>& reports) {
  base::json::array array;
  for (const EndpointReport& one : reports) {
    base::json::object json{{"environment", base::name(one.environment)},
                            {"organisation", one.organisation.text()},
                            {"url", one.url},
                            {"endpoint", one.endpoint},
                            {"calls", one.calls},
                            {"state", name(one.state)}};
    if (one.state != up) {
      json["code"] = one.code;
      if (one.reason) json["reason"] = trust::name(*one.reason);
      json["detail"] = one.detail;
      json["times"] = one.times;
      json["first"] = one.first.unix_seconds();
      json["last"] = one.last.unix_seconds();
    }
    array.emplace_back(std::move(json));
  }
  return {{"reports", std::move(array)}};
}

base::Result<std::vector<EndpointReport>> endpoint_reports_from_json(const base::json::value& body) {
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const base::json::array* array, reader.array("reports"));
  BASE_TRY_VOID(reader.finish());
  if (array->size() > EndpointReports::kBatch)
    return base::fail(base::Kind::too_large, "endpoint_reports.too_many",
                      "at most " + std::to_string(EndpointReports::kBatch) + " reports in one call");
  std::vector<EndpointReport> reports;
  for (const base::json::value& value : *array) {
    BASE_TRY(auto report, report_from_json(value));
    if (report) reports.push_back(std::move(*report));
  }
  return reports;
}

}  // namespace countersign::feed
