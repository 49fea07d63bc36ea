#include "authority/api/redemption_call.h"

namespace countersign::authority {

ToIssue to_redeem(Authority& authority, RedemptionCall call, std::function<Answer(const Outcome&)> tell) {
  const auto kept = std::make_shared<const RedemptionCall>(std::move(call));
  const auto find = [&authority, kept] {
    return authority.enrolment().look_up(Redemption{kept->code.reveal_text(), kept->purpose, kept->csr});
  };
  return {find, std::move(tell)};
}

}  // namespace countersign::authority
