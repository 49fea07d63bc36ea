// Lane: one endpoint while the sender runs: its channels, its delivery, what is counted of it.
#pragma once

#include "ehi/delivery.h"

namespace countersign::ehi {

class Lane {
 public:
  struct Counts {
    std::uint64_t answered = 0;    ///< the partner's own answer was given back
    std::uint64_t failed = 0;      ///< there was none that counts
    std::uint64_t refused = 0;     ///< of these, for the partner's certificate or key
    std::uint64_t late = 0;        ///< answers that came when nobody waited any more
    std::uint64_t stood_in = 0;    ///< decided by a rule
    std::uint64_t declined = 0;    ///< decided by decline
    std::uint64_t undecided = 0;   ///< advice_only
    std::uint64_t unrecorded = 0;  ///< nothing could be decided, for the outbox did not take the advice
    std::uint64_t advices = 0;     ///< accepted
  };

  /// Borrows everything.
  Lane(net::Loop& loop, Caller& caller, OutboxDesk& desk, const Endpoint& e, const base::Clock& clock,
       const base::Log& log)
      : endpoint(e),
        decisions(loop, caller, e, {"decisions", &e.url, recovery_of(e), e.concurrency}, log),
        advices(loop, caller, e, advice_options(e), log),
        delivery(loop, desk, e, advices, open_cutoffs(loop, caller, e, log), clock, log) {}

  /// From now on the authority is told how the partner's servers are. Borrows both.
  void report_to(feed::EndpointReports& reports, const base::Clock& clock) {
    decisions.report_to(reports, clock);
    advices.report_to(reports, clock);
    if (cutoffs) cutoffs->report_to(reports, clock);
  }
  void start() {
    decisions.start();
    advices.start();
    if (cutoffs) cutoffs->start();
    delivery.start();
  }

  const Endpoint& endpoint;
  std::optional<Channel> cutoffs;  ///< before delivery, which borrows it
  Channel decisions;
  Channel advices;
  Delivery delivery;
  Counts counts;
  Trouble trouble;  ///< of decisions

 private:
  static const http::Url* recovery_of(const Endpoint& e) { return e.recovery_url ? &*e.recovery_url : nullptr; }
  static Channel::Options advice_options(const Endpoint& e) {
    if (e.advice.url) return {"advices", &*e.advice.url, nullptr, e.advice.concurrency};
    return {"advices", &e.url, recovery_of(e), e.advice.concurrency};
  }
  Channel* open_cutoffs(net::Loop& loop, Caller& caller, const Endpoint& e, const base::Log& log) {
    if (!e.advice.cutoff_url) return nullptr;
    const Channel::Options options{"cutoffs", &*e.advice.cutoff_url, nullptr, e.advice.concurrency};
    return &cutoffs.emplace(loop, caller, e, options, log);
  }
};

}  // namespace countersign::ehi
