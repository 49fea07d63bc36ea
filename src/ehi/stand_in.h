// Fallback: what is answered when a partner did not, and who has decided then.
//
// Only the table in the configuration decides, never what a partner sent late or half. Without a rule that fits it is a
// decline.
#pragma once

#include "ehi/condition.h"
#include "ehi/xpath_rule.h"
#include "http/message.h"

namespace countersign::ehi {

/// `plain`: nothing decides; the failure is told as it is.
enum class Mode { plain, decline, stand_in, advice_only };

std::string_view name(Mode mode);
std::optional<Mode> parse_mode(std::string_view text);

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};  ///< empty: {"decided_by":...,"outcome":...}
};

/// The first whose conditions all hold decides.
struct Rule {
  std::string name;
  std::vector<Condition> when;
  std::string outcome;  ///< "approve", "decline", or a word of the provider's
  Reply reply;
};

struct Fallback {
  Mode mode = Mode::plain;
  std::vector<Rule> rules = {};  ///< of stand_in
  Reply decline = {};
};

struct Outcome {
  Mode decided_by;
  std::string outcome;
  std::string rule;  ///< empty: none
  Reply reply;
};

/// What `fallback`, which is not plain, says of a request with this body.
Outcome decide(const Fallback& fallback, const std::string& body);

/// What an answer must be to count as one.
struct Acknowledgement {
  std::vector<std::pair<int, int>> statuses = {{200, 299}};  ///< from, to
  std::vector<Condition> conditions = {};                    ///< of its body, which is JSON then
  std::vector<XPathRule> xpath_rules = {};                   ///< of its body, which is XML then
};

/// Nothing: the answer counts. Else `ehi.redirected`, `ehi.unacknowledged`.
std::optional<base::Error> check(const Acknowledgement& wanted, const http::Response& answer);

}  // namespace countersign::ehi
