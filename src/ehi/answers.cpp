#include "ehi/answers.h"

#include "base/json.h"
#include "http/problem.h"

namespace countersign::ehi {
namespace {

int status_of(const std::string& code) {
  if (code == "ehi.timeout") return 504;
  return code == "ehi.busy" || code == "ehi.circuit_open" ? 503 : 502;
}

}  // namespace

http::Response to_response(const CallFailure& failure) {
  http::Response response = http::to_problem(failure.error);
  response.status = status_of(failure.error.code);
  base::json::object body{{"type", "about:blank"},
                          {"title", http::reason_phrase(response.status)},
                          {"status", response.status},
                          {"code", failure.error.code},
                          {"detail", failure.error.detail}};
  if (failure.refusal) body["reason"] = trust::name(failure.refusal->reason);
  response.body = base::json::serialize(body);
  return response;
}

http::Response to_undecided(const CallFailure& failure, const base::Error& outbox) {
  http::Response response =
      http::to_problem({base::Kind::unavailable, "ehi.undecided",
                        "nothing was decided: " + failure.error.detail + ", and the outbox takes no advice (" +
                            outbox.code + "), without which no outcome is told"});
  response.fields.set(std::string(kDecidedByField), "nobody");
  return response;
}

void describe(http::Fields& fields, const Why& why) {
  fields.set(std::string(kDecidedByField), std::string(name(why.outcome.decided_by)));
  fields.set("X-Countersign-Outcome", why.outcome.outcome);
  if (!why.outcome.rule.empty()) fields.set("X-Countersign-Rule", why.outcome.rule);
  fields.set("X-Countersign-Reason", why.failure.error.code);
  if (why.failure.refusal) fields.set("X-Countersign-Refusal", std::string(trust::name(why.failure.refusal->reason)));
}

}  // namespace countersign::ehi
