// Channel: one way to a partner, with what is known of it: its sites and their circuit, how many calls are under way,
// how long they took. Decision calls and advice messages of an endpoint have a channel each, so that neither holds up
// the other.
//
// Lives on one loop.
#pragma once

#include "ehi/caller.h"
#include "ehi/latency.h"
#include "feed/endpoint_reports.h"

namespace countersign::ehi {

using Answer = base::Result<http::Response, CallFailure>;

class Channel {
 public:
  struct Options {
    std::string use;  ///< "decisions", "advices", "cutoffs": in records
    const http::Url* primary;
    const http::Url* recovery;  ///< null: there is none
    std::int64_t concurrency;
  };
  struct Counts {
    std::uint64_t failed_over = 0;  ///< calls that the recovery site answered
    std::uint64_t unreachable = 0;  ///< times that no site was left
    std::uint64_t turned_away = 0;  ///< calls that nobody made: the circuit was open, or too many under way
  };
  /// Until when a request may leave, and until when its answer is waited for.
  struct Times {
    net::Deadline sent_by;
    net::Deadline answered_by;
  };
  /// One call as it goes on. Whoever gives up waiting says so, and the site is judged by that.
  struct Progress {
    Site site = Site::primary;
    bool judged = false;
  };

  /// Borrows everything.
  Channel(net::Loop& loop, Caller& caller, const Endpoint& endpoint, Options options, const base::Log& log);

  /// From now on the authority is told how the sites are; whose they are the endpoint says. Borrows both.
  void report_to(feed::EndpointReports& reports, const base::Clock& clock);
  /// Probes sites whose circuit is open, and those that were reported and that nobody has called since, from now on.
  void start();
  /// One call. What could not be sent to one site is sent to the other. Fails, besides as Caller::call:
  /// `ehi.circuit_open`, `ehi.busy`.
  net::Task<Answer> ask(http::Request request, Times times, std::shared_ptr<Progress> progress);
  /// The call is not waited for any more: its time was over.
  void give_up(Progress& progress);

  /// Is there a certificate of ours to call with?
  bool may_call() const { return caller_.may_call(endpoint_); }
  bool usable() const { return circuit_.choose().has_value(); }
  bool is_closed(Site site) const { return circuit_.is_closed(site); }
  bool has_recovery() const { return options_.recovery != nullptr; }
  std::int64_t under_way() const { return *under_way_; }
  const Counts& counts() const { return counts_; }
  Latency& latency() { return latency_; }

 private:
  const http::Url& url_of(Site site) const { return site == Site::primary ? *options_.primary : *options_.recovery; }
  net::Task<Answer> ask_site(Site site, http::Request request, Times times, std::shared_ptr<Progress> progress);
  void judge(Progress& progress, const Answer& answer);
  void report_answer(Site site, const http::Response& answer);
  void report(Site site, const CallFailure& failure, Circuit::Change change);
  feed::EndpointReports::Site* reported(Site site) const { return reported_[static_cast<std::size_t>(site)]; }
  void tell(Site site, Circuit::Change change, const std::string& why);
  net::Task<void> probe_sites();
  std::optional<Site> take_trouble();
  net::Task<void> probe(Site site);

  net::Loop& loop_;
  Caller& caller_;
  const Endpoint& endpoint_;
  Options options_;
  const base::Log& log_;
  Circuit circuit_;
  std::shared_ptr<std::int64_t> under_way_ = std::make_shared<std::int64_t>(0);  ///< outlived by calls at a stop
  std::string last_failure_;  ///< of the site whose circuit opened last
  Counts counts_;
  Latency latency_;
  std::array<feed::EndpointReports::Site*, 2> reported_{};      ///< null: the authority is not told
  std::array<std::chrono::steady_clock::time_point, 2> met_{};  ///< when a site was last called or probed
  const base::Clock* clock_ = nullptr;
};

}  // namespace countersign::ehi
