// Trouble: what is wrong with a partner's endpoint at present, for those who have to mend it: the last failure, since
// when there was nothing else, and how often. Lives on one loop.
#pragma once

#include <map>

#include "base/time.h"
#include "ehi/call_failure.h"

namespace countersign::ehi {

class Trouble {
 public:
  struct State {
    std::string code = {};
    std::string reason = {};  ///< of a server certificate that was refused, as trust::name(); else empty
    std::string detail = {};
    base::Instant since = {};
    base::Instant last = {};
    std::uint64_t times = 0;  ///< failures in a row, whatever their codes
  };
  void note(const CallFailure& failure, base::Instant now);
  /// It answered as it should.
  void end() { state_.reset(); }
  const std::optional<State>& state() const { return state_; }
  /// How often the partner's server was refused, ever, by code and reason.
  using Refusals = std::map<std::pair<std::string, std::string>, std::uint64_t>;
  const Refusals& refusals() const { return refusals_; }

 private:
  std::optional<State> state_ = {};
  Refusals refusals_;
};

}  // namespace countersign::ehi
