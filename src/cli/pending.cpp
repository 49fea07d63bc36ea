#include "cli/pending.h"

#include <algorithm>
#include <thread>

namespace countersign::cli {
namespace {

std::string approvals_of(const Pending& pending) {
  return std::to_string(pending.given) + " of " + std::to_string(pending.needed) + " approvals given";
}

bool may_pass(const base::Error& error) {
  return error.kind == base::Kind::unavailable || error.kind == base::Kind::timeout;
}

}  // namespace

std::function<void(base::Duration)> real_pause() {
  return [](base::Duration duration) { std::this_thread::sleep_for(duration); };
}

base::Result<Outcome> ask_until_decided(const std::function<base::Result<Outcome>()>& ask, const Waiting& waiting,
                                        Context& context) {
  auto outcome = ask();
  std::optional<Pending> last;
  base::Duration left = waiting.for_at_most;
  for (;;) {
    if (outcome && std::holds_alternative<Pending>(*outcome)) {
      Pending pending = std::get<Pending>(*outcome);
      if (left > base::Duration::zero() && (!last || last->given != pending.given))
        context.err << "Request " << pending.request << " waits for approval: " << approvals_of(pending) << ".\n";
      last = std::move(pending);
    } else if (outcome || !last || !may_pass(outcome.error())) {
      return outcome;
    }
    if (left <= base::Duration::zero()) return Outcome(std::move(*last));
    const base::Duration pause = std::min(left, last->retry_after);
    waiting.pause(pause);
    left -= pause;
    outcome = ask();
  }
}

base::ExitCode print_pending(const Pending& pending, const PendingAnswer& answer, Context& context) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(pending.retry_after).count();
  if (answer.json) {
    base::json::object object;
    object["status"] = "pending";
    object["purpose"] = answer.purpose;
    object["request"] = pending.request;
    object["approvals"] = pending.given;
    object["needed"] = pending.needed;
    object["retry_after"] = seconds;
    context.out << base::json::serialize(object) << "\n";
  } else {
    context.out << "Request " << pending.request << " waits for approval by the provider: " << approvals_of(pending)
                << ".\nThe key stays here. Ask again with " << answer.again << ", in " << seconds
                << " s at the earliest; or let it wait with --wait DURATION.\n";
  }
  return base::ExitCode::unavailable;
}

}  // namespace countersign::cli
