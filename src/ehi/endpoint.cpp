#include "ehi/endpoint.h"

#include <algorithm>

#include <arpa/inet.h>

#include "base/files.h"
#include "ehi/config_error.h"
#include "http/text.h"
#include "trust/system_roots.h"

namespace countersign::ehi {
namespace {

using base::ConfigSection;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kPinPrefix = "sha256/";

struct Span {
  base::Duration least;
  base::Duration most;
  const char* shown;
};
constexpr Span kDeadlines{milliseconds(1), minutes(2), "between 1ms and 2m"};
constexpr Span kPauses{milliseconds(100), hours(24), "between 100ms and 24h"};
constexpr Span kKeeps{minutes(1), hours(24 * 7), "between 1m and 7d"};

base::Result<base::Duration> read_span(ConfigSection& section, std::string_view key, base::Duration otherwise,
                                       const Span& span) {
  BASE_TRY(const base::Duration read, section.duration_or(key, otherwise));
  if (read < span.least || read > span.most) return wrong("'" + section.path_of(key) + "' must be " + span.shown);
  return read;
}

base::Result<std::shared_ptr<const trust::TrustSet>> read_anchors(const std::filesystem::path& file) {
  BASE_TRY(const std::string pem, base::read_file(file));
  BASE_TRY(auto certificates, x509::Certificate::all_from_pem(pem));
  std::erase_if(certificates, [](const x509::Certificate& certificate) { return !certificate.is_ca(); });
  BASE_TRY(auto set, trust::TrustSet::of_roots(std::move(certificates), {}));
  return std::make_shared<const trust::TrustSet>(std::move(set));
}

base::Result<http::Url> read_url(ConfigSection& section, std::string_view key) {
  BASE_TRY(const std::string text, section.text(key));
  auto url = http::Url::parse(text);
  if (!url) return wrong(std::move(url).error(), "'" + section.path_of(key) + "' is not a URL");
  if (!url->secure)
    return wrong("'" + section.path_of(key) + "' must start with https://: a partner is called over mutual TLS only");
  return url;
}

base::Result<std::optional<http::Url>> read_maybe_url(ConfigSection& section, std::string_view key) {
  if (!section.has(key)) return std::optional<http::Url>();
  BASE_TRY(auto url, read_url(section, key));
  return std::optional(std::move(url));
}

base::Result<std::vector<crypto::Digest256>> read_pins(ConfigSection& section) {
  BASE_TRY(const auto texts, section.texts("pins"));
  std::vector<crypto::Digest256> pins;
  for (const std::string& text : texts) {
    const bool prefixed = text.starts_with(kPinPrefix);
    const auto bytes = base::from_base64(prefixed ? std::string_view(text).substr(kPinPrefix.size()) : "");
    crypto::Digest256 pin{};
    if (!prefixed || !bytes || bytes->size() != pin.size())
      return wrong("'" + section.path_of("pins") + "': '" + text +
                   "' is not sha256/ and the base64 of a SHA-256 (openssl x509 -pubkey -noout | openssl pkey -pubin"
                   " -outform DER | openssl dgst -sha256 -binary | base64)");
    std::ranges::copy(*bytes, pin.begin());
    pins.push_back(pin);
  }
  return pins;
}

base::Result<std::string> read_source(ConfigSection& section) {
  BASE_TRY(std::string source, section.text_or("source", ""));
  in6_addr ignored;
  const bool is_address =
      inet_pton(AF_INET, source.c_str(), &ignored) == 1 || inet_pton(AF_INET6, source.c_str(), &ignored) == 1;
  if (!source.empty() && !is_address)
    return wrong("'" + section.path_of("source") + "' must be an IP address of this machine");
  return source;
}

base::Result<std::vector<Condition>> read_conditions(ConfigSection& section, std::string_view key) {
  BASE_TRY(const auto texts, section.texts(key));
  std::vector<Condition> conditions;
  for (const std::string& text : texts) {
    auto condition = Condition::parse(text);
    if (!condition) return wrong(std::move(condition).error(), "'" + section.path_of(key) + "' cannot be used");
    conditions.push_back(std::move(*condition));
  }
  return conditions;
}

/// "PREFIX=URI" each.
base::Result<XmlNamespaces> read_namespaces(ConfigSection& section) {
  BASE_TRY(const auto texts, section.texts("xml_namespaces"));
  XmlNamespaces namespaces;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
      return wrong("'" + section.path_of("xml_namespaces") + "': '" + text + "' is not PREFIX=URI");
    namespaces.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return namespaces;
}

base::Result<std::vector<XPathRule>> read_xpath_rules(ConfigSection& section, std::string_view key) {
  BASE_TRY(const auto texts, section.texts(key));
  BASE_TRY(const XmlNamespaces namespaces, read_namespaces(section));
  std::vector<XPathRule> rules;
  for (const std::string& text : texts) {
    auto rule = XPathRule::parse(text, namespaces);
    if (!rule) return wrong(std::move(rule).error(), "'" + section.path_of(key) + "' cannot be used");
    rules.push_back(std::move(*rule));
  }
  return rules;
}

/// "200", "2xx", "200-204".
std::optional<std::pair<int, int>> parse_statuses(std::string_view text) {
  if (text.size() == 3 && text.ends_with("xx") && text[0] >= '2' && text[0] <= '5')
    return std::pair{(text[0] - '0') * 100, (text[0] - '0') * 100 + 99};
  const std::size_t dash = std::min(text.find('-'), text.size());
  const auto from = http::parse_decimal(text.substr(0, dash));
  const auto to = dash == text.size() ? from : http::parse_decimal(text.substr(dash + 1));
  if (!from || !to || *from < 200 || *to > 599 || *from > *to) return std::nullopt;
  return std::pair{static_cast<int>(*from), static_cast<int>(*to)};
}

base::Result<Acknowledgement> read_acknowledgement(ConfigSection& section) {
  Acknowledgement wanted;
  BASE_TRY(const auto texts, section.texts("ack_status"));
  if (!texts.empty()) wanted.statuses.clear();
  for (const std::string& text : texts) {
    const auto range = parse_statuses(text);
    if (!range)
      return wrong("'" + section.path_of("ack_status") + "': '" + text +
                   "' is not like \"200\", \"200-204\" or \"2xx\"");
    wanted.statuses.push_back(*range);
  }
  BASE_TRY(wanted.conditions, read_conditions(section, "ack"));
  BASE_TRY(wanted.xpath_rules, read_xpath_rules(section, "ack_xpath"));
  return wanted;
}

base::Result<StapleRule> read_staple(ConfigSection& section) {
  BASE_TRY(const std::string text, section.text_or("staple", "check"));
  if (text == "off") return StapleRule::off;
  if (text == "check") return StapleRule::check;
  if (text == "require") return StapleRule::require;
  return wrong("'" + section.path_of("staple") + "' must be off, check or require");
}

base::Result<std::optional<SignRule>> read_sign(ConfigSection& section) {
  if (!section.has("sign")) return std::optional<SignRule>();
  BASE_TRY(const std::string text, section.text("sign"));
  if (text == "rfc9421") return std::optional(SignRule::rfc9421);
  if (text == "detached_jws") return std::optional(SignRule::detached_jws);
  if (text == "legacy") return std::optional(SignRule::legacy);
  return wrong("'" + section.path_of("sign") + "' must be rfc9421, detached_jws or legacy");
}

struct ReplyKeys {
  std::string_view status, content_type, body;
};

base::Result<Reply> read_reply(ConfigSection& section, const ReplyKeys& keys) {
  Reply reply;
  BASE_TRY(const std::int64_t status, read_number(section, keys.status, reply.status, {200, 599}));
  reply.status = static_cast<int>(status);
  BASE_TRY(reply.content_type, section.text_or(keys.content_type, reply.content_type));
  if (!http::is_field_text(reply.content_type))
    return wrong("'" + section.path_of(keys.content_type) + "' cannot be a field's value");
  BASE_TRY(reply.body, section.text_or(keys.body, ""));
  return reply;
}

base::Result<std::string> read_word(ConfigSection& section, std::string_view key) {
  BASE_TRY(std::string word, section.text(key));
  if (!http::is_token(word)) return wrong("'" + section.path_of(key) + "' must be one word");
  return word;
}

base::Result<Fallback> read_fallback(ConfigSection& section) {
  Fallback fallback;
  BASE_TRY(const std::string mode_text, section.text_or("mode", "plain"));
  const auto mode = parse_mode(mode_text);
  if (!mode) return wrong("'" + section.path_of("mode") + "' must be plain, decline, stand_in or advice_only");
  fallback.mode = *mode;
  BASE_TRY(fallback.decline, read_reply(section, {"decline_status", "decline_content_type", "decline_body"}));
  BASE_TRY(auto rules, section.sections("rules"));
  for (ConfigSection& rule_section : rules) {
    Rule rule;
    BASE_TRY(rule.name, read_word(rule_section, "name"));
    BASE_TRY(rule.when, read_conditions(rule_section, "when"));
    BASE_TRY(rule.outcome, read_word(rule_section, "outcome"));
    BASE_TRY(rule.reply, read_reply(rule_section, {"status", "content_type", "body"}));
    fallback.rules.push_back(std::move(rule));
  }
  if (fallback.rules.empty() == (fallback.mode == Mode::stand_in))
    return wrong("'" + section.path_of("rules") +
                 "' and mode = \"stand_in\" go together: one is there without the other");
  return fallback;
}

base::Result<Circuit::Limits> read_circuit(ConfigSection& section) {
  Circuit::Limits limits;
  BASE_TRY(limits.failures, read_number(section, "breaker_failures", limits.failures, {1, 1000}));
  BASE_TRY(limits.pause, read_span(section, "breaker_pause", limits.pause, kPauses));
  limits.longest_pause = std::max<base::Duration>(limits.pause, limits.longest_pause);
  return limits;
}

base::Result<AdviceRules> read_advice(ConfigSection& section) {
  AdviceRules rules;
  BASE_TRY(rules.url, read_maybe_url(section, "advice_url"));
  BASE_TRY(rules.deadline, read_span(section, "advice_deadline", rules.deadline, kDeadlines));
  BASE_TRY(rules.acknowledgement.conditions, read_conditions(section, "advice_ack"));
  BASE_TRY(rules.acknowledgement.xpath_rules, read_xpath_rules(section, "advice_ack_xpath"));
  BASE_TRY(rules.pace.pause, read_span(section, "advice_pause", rules.pace.pause, kPauses));
  BASE_TRY(rules.pace.repeats, read_number(section, "advice_repeats", rules.pace.repeats, {1, 1000}));
  BASE_TRY(rules.pace.longest_pause, read_span(section, "advice_longest_pause", rules.pace.longest_pause, kPauses));
  BASE_TRY(rules.keep, read_span(section, "advice_keep", rules.keep, kKeeps));
  BASE_TRY(rules.concurrency, read_number(section, "advice_concurrency", rules.concurrency, {1, 256}));
  BASE_TRY(rules.cutoff_url, read_maybe_url(section, "cutoff_url"));
  BASE_TRY(rules.cutoff_interval, read_span(section, "cutoff_interval", rules.cutoff_interval, kKeeps));
  if (rules.cutoff_url && rules.cutoff_interval > rules.keep)
    return wrong("'" + section.path_of("cutoff_interval") +
                 "' must not be longer than advice_keep: what was forgotten"
                 " cannot be counted");
  return rules;
}

base::Result<base::Environment> read_environment(ConfigSection& section) {
  BASE_TRY(const std::string text, section.text_or("environment", "production"));
  BASE_TRY(const auto environment, base::parse_environment(text));
  if (environment == base::Environment::internal)
    return wrong("'" + section.path_of("environment") + "' must be uat or production");
  return environment;
}

base::Result<std::optional<base::Slug>> read_organisation(ConfigSection& section) {
  if (!section.has("organisation")) return std::optional<base::Slug>();
  BASE_TRY(const std::string text, section.text("organisation"));
  auto organisation = base::Slug::parse(text);
  if (!organisation)
    return wrong(std::move(organisation).error(), "'" + section.path_of("organisation") + "' is not one");
  if (base::is_reserved_organisation(*organisation))
    return wrong("'" + section.path_of("organisation") + "' is no partner's");
  return std::optional(std::move(*organisation));
}

}  // namespace

base::Result<Endpoint> read_endpoint(ConfigSection& section, const std::filesystem::path& folder) {
  BASE_TRY(const std::string name_text, section.text("name"));
  BASE_TRY(auto name, base::Slug::parse(name_text));
  BASE_TRY(const auto environment, read_environment(section));
  BASE_TRY(auto url, read_url(section, "url"));
  BASE_TRY(const auto deadline, read_span(section, "deadline", milliseconds(200), kDeadlines));
  BASE_TRY(const std::string anchors_text, section.text_or("anchors", "system"));
  auto anchors =
      read_anchors(anchors_text == "system" ? std::filesystem::path(trust::kSystemRoots) : folder / anchors_text);
  if (!anchors) return wrong(std::move(anchors).error(), "'" + section.path_of("anchors") + "' cannot be used");
  Endpoint endpoint{std::move(name), environment, std::move(url), deadline, std::move(*anchors)};
  BASE_TRY(endpoint.recovery_url, read_maybe_url(section, "recovery_url"));
  BASE_TRY(endpoint.organisation, read_organisation(section));
  BASE_TRY(endpoint.pins, read_pins(section));
  BASE_TRY(endpoint.staple, read_staple(section));
  BASE_TRY(endpoint.http2, section.flag_or("http2", endpoint.http2));
  BASE_TRY(endpoint.sign, read_sign(section));
  BASE_TRY(endpoint.source, read_source(section));
  BASE_TRY(endpoint.concurrency, read_number(section, "concurrency", endpoint.concurrency, {1, 10'000}));
  BASE_TRY(endpoint.late_time, read_span(section, "late_time", endpoint.late_time, kDeadlines));
  BASE_TRY(endpoint.circuit, read_circuit(section));
  BASE_TRY(endpoint.acknowledgement, read_acknowledgement(section));
  BASE_TRY(endpoint.fallback, read_fallback(section));
  BASE_TRY(endpoint.advice, read_advice(section));
  endpoint.advice.acknowledgement.statuses = endpoint.acknowledgement.statuses;
  return endpoint;
}

}  // namespace countersign::ehi
