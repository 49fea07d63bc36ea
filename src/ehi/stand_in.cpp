#include "ehi/stand_in.h"

#include <algorithm>

namespace countersign::ehi {
namespace {

Reply filled(Reply reply, std::string_view decided_by, const std::string& outcome) {
  if (reply.body.empty())
    reply.body = base::json::serialize(base::json::object{{"decided_by", decided_by}, {"outcome", outcome}});
  return reply;
}

}  // namespace

std::string_view name(Mode mode) {
  switch (mode) {
    case Mode::plain: return "plain";
    case Mode::decline: return "decline";
    case Mode::stand_in: return "stand_in";
    case Mode::advice_only: return "advice_only";
  }
  return "";
}

std::optional<Mode> parse_mode(std::string_view text) {
  for (const Mode mode : {Mode::plain, Mode::decline, Mode::stand_in, Mode::advice_only})
    if (name(mode) == text) return mode;
  return std::nullopt;
}

Outcome decide(const Fallback& fallback, const std::string& body) {
  if (fallback.mode == Mode::advice_only)
    return {Mode::advice_only, "undecided", "", filled({}, name(Mode::advice_only), "undecided")};
  if (fallback.mode == Mode::stand_in) {
    const auto fits = [&](const Rule& rule) { return all_hold(rule.when, body); };
    const auto rule = std::ranges::find_if(fallback.rules, fits);
    if (rule != fallback.rules.end())
      return {Mode::stand_in, rule->outcome, rule->name, filled(rule->reply, name(Mode::stand_in), rule->outcome)};
  }
  return {Mode::decline, "decline", "", filled(fallback.decline, name(Mode::decline), "decline")};
}

namespace {

std::optional<base::Error> check_xml(const std::vector<XPathRule>& rules, const std::string& body) {
  if (rules.empty()) return std::nullopt;
  const auto document = XmlDocument::parse(body);
  if (!document) return base::Error(document.error()).under("ehi.unacknowledged", document.error().detail);
  for (const XPathRule& rule : rules)
    if (!document->holds(rule))
      return base::Error{base::Kind::unavailable, "ehi.unacknowledged",
                         "of the partner's answer '" + rule.text() + "' is not true (ack_xpath)"};
  return std::nullopt;
}

}  // namespace

std::optional<base::Error> check(const Acknowledgement& wanted, const http::Response& answer) {
  const auto is_in = [&](const std::pair<int, int>& range) {
    return answer.status >= range.first && answer.status <= range.second;
  };
  const std::string status = std::to_string(answer.status);
  if (!std::ranges::any_of(wanted.statuses, is_in)) {
    if (answer.status >= 300 && answer.status < 400)
      return base::Error{
          base::Kind::unavailable, "ehi.redirected",
          "the partner redirects (" + status + "), which is not followed: have the right URL configured"};
    return base::Error{base::Kind::unavailable, "ehi.unacknowledged",
                       "the partner answered " + status + ", which is no acknowledgement (ack_status)"};
  }
  for (const Condition& condition : wanted.conditions)
    if (!all_hold({condition}, answer.body))
      return base::Error{base::Kind::unavailable, "ehi.unacknowledged",
                         "the partner's answer does not say '" + condition.text() + "' (ack)"};
  return check_xml(wanted.xpath_rules, answer.body);
}

}  // namespace countersign::ehi
