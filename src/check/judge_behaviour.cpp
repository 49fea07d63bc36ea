// How the server behaves once the provider is in.
#include <algorithm>

#include "check/attempts.h"
#include "check/verdicts.h"

namespace countersign::check {
namespace {

/// A connection may end now and then; it is not kept where more than one in so many requests needs a new one.
constexpr std::size_t kRequestsOfAConnection = 10;
constexpr const char* kAskTheSame =
    "Have it asked what the provider will ask: `countersign check ehi` does with --method and --body. If that was "
    "asked, "
    "the application's log says what it is missing.";
/// Fewer say nothing about the slowest.
constexpr std::size_t kEnoughRequests = 10;

Verdict not_measured(const Observations& seen) {
  if (!seen.has_own) return no_own(seen, "there is no certificate of the provider to call with");
  if (!seen.requests_failed.empty()) return failure("requests fail: " + seen.requests_failed);
  return not_tried("no request of the provider was answered", "mend client.accepts_ours and behaviour.answer first");
}

std::size_t count_of_requests(const Observations& seen) {
  return seen.warm_requests.size() + seen.cold_requests.size();
}

bool is_redirect(int status) { return status >= 300 && status < 400; }
bool is_trouble(int status) { return status >= 500; }

}  // namespace

Verdict judge_answer(const Observations& seen, const Check&) {
  if (!seen.ours) return no_own(seen, "there is no certificate of the provider to call with");
  const Attempt& ours = *seen.ours;
  if (ours.end == Attempt::End::late || ours.end == Attempt::End::unclear)
    return failure("no answer by HTTP/1.1: " + (ours.words.empty() ? "none in time" : ours.words));
  if (!is_accepted(ours)) return not_tried("the provider is not let in", "mend client.accepts_ours first");
  const std::string status = "HTTP " + std::to_string(ours.status);
  if (is_redirect(ours.status)) return failure(status + " to '" + ours.location + "': the sender follows no redirect");
  if (is_trouble(ours.status)) return warning(status + ": does the application behind the server run?");
  if (is_success(ours.status)) return passed(status);
  Verdict verdict = warning(status + ": the application refuses what it is asked here");
  verdict.how_to = kAskTheSame;
  return verdict;
}

Verdict judge_latency(const Observations& seen, const Check&) {
  if (count_of_requests(seen) == 0) return not_measured(seen);
  const bool warm = !seen.warm_requests.empty();
  const auto& sample = warm ? seen.warm_requests : seen.cold_requests;
  const base::Duration p50 = percentile(sample, 50);
  const base::Duration p99 = percentile(sample, 99);
  const std::string figures = "p50 " + in_milliseconds(p50) + ", p99 " + in_milliseconds(p99) + " of " +
                              std::to_string(sample.size()) + " requests over " +
                              (warm ? "warm connections" : "new connections") + "; deadline " +
                              in_milliseconds(seen.deadline);
  if (p99 > seen.deadline) return failure(figures);
  // Saying no may be quicker than deciding.
  if (seen.error_status != 0)
    return not_tried("answers were HTTP " + std::to_string(seen.error_status) + ", which decide nothing: " + figures,
                     "mend behaviour.answer first");
  if (sample.size() < kEnoughRequests) return warning(figures + "; too few to tell: " + seen.requests_failed);
  if (p50 * 2 > seen.deadline) return warning(figures + "; little is left for the way and for bad days");
  return passed(figures);
}

Verdict judge_new_connection(const Observations& seen, const Check&) {
  if (seen.handshakes.empty()) return not_measured(seen);
  const base::Duration usual = percentile(seen.handshakes, 50);
  const std::string figures =
      "a handshake takes " + in_milliseconds(usual) + " (p50 of " + std::to_string(seen.handshakes.size()) + ")";
  if (usual > seen.deadline) return warning(figures + ", the deadline is " + in_milliseconds(seen.deadline));
  return passed(figures);
}

Verdict judge_keep_alive(const Observations& seen, const Check&) {
  const std::size_t requests = count_of_requests(seen);
  if (requests < 2) return not_measured(seen);
  const std::string figures = std::to_string(requests) + " requests took " + std::to_string(seen.connections) +
                              (seen.connections == 1 ? " connection" : " connections");
  return seen.connections > 1 + requests / kRequestsOfAConnection ? warning(figures) : passed(figures);
}

Verdict judge_resumption(const Observations& seen, const Check&) {
  if (!asks_at_all(seen))
    return not_tried("the server asks for no certificate that a session could stand for", "mend client.asked first");
  std::vector<std::string> resumed;
  std::vector<std::string> handed_out;
  std::size_t tried = 0;
  for (const Resumption& one : seen.resumptions) {
    if (one.tried) ++tried;
    if (one.resumed) resumed.emplace_back(one.way);
    if (one.handed_out && !one.resumed) handed_out.emplace_back(one.way);
  }
  if (tried == 0) return not_measured(seen);
  if (!resumed.empty()) return failure("a session is taken up again without the certificate: " + listed(resumed));
  return passed("every connection shows its certificate anew" +
                (handed_out.empty() ? "" : "; sessions are handed out, and not taken up: " + listed(handed_out)));
}

}  // namespace countersign::check
