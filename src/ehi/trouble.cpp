#include "ehi/trouble.h"

namespace countersign::ehi {

void Trouble::note(const CallFailure& failure, base::Instant now) {
  if (!state_) state_.emplace(State{.since = now});
  state_->code = failure.error.code;
  state_->reason = failure.refusal ? std::string(trust::name(failure.refusal->reason)) : "";
  state_->detail = failure.error.detail;
  state_->last = now;
  ++state_->times;
  if (is_refusal(failure)) ++refusals_[{state_->code, state_->reason}];
}

}  // namespace countersign::ehi
