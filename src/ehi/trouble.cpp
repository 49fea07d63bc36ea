#include "ehi/trouble.h"

namespace countersign::ehi {

void Trouble::note(const base::Error& error, const std::optional<trust::Refusal>& refusal, base::Instant now) {
  if (!state_) state_.emplace(State{.since = now});
  state_->code = error.code;
  state_->reason = refusal ? std::string(trust::name(refusal->reason)) : "";
  state_->detail = error.detail;
  state_->last = now;
  ++state_->times;
  if (is_refusal({error, refusal})) ++refusals_[{state_->code, state_->reason}];
}

}  // namespace countersign::ehi
