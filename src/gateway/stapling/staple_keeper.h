// StapleKeeper: asks the responders of the gateway's own certificates, on a thread of its own, once for all workers.
//
// What it was told to keep is asked for in time, with a pause that grows where nobody answers; workers see the newest
// response in the certificate's tls::OwnStaple. Nothing here is ever waited for by a handshake. Thread-safe, but for
// what is the thread's.
#pragma once

#include <condition_variable>
#include <functional>
#include <thread>

#include "base/log.h"
#include "courier/responder.h"
#include "gateway/stapling/stapled_certificate.h"

namespace countersign::gateway {

class StapleKeeper {
 public:
  using Ask = std::function<base::Result<base::Bytes>(const courier::ResponderCall&, const courier::Stop&)>;
  struct Options {
    StaplePace pace = {};
    base::Duration call_time = std::chrono::seconds(5);  ///< of one question
    Ask ask = courier::ask_responder;
  };
  /// Borrows clock and log.
  StapleKeeper(Options options, Dice dice, const base::Clock& clock, const base::Log& log);
  ~StapleKeeper();
  StapleKeeper(const StapleKeeper&) = delete;

  /// One site that shows a certificate, for metrics and records.
  struct Site {
    std::string listener;
    std::string name;
  };
  struct Kept {
    std::shared_ptr<StapledCertificate> certificate;  ///< null: nothing is stapled
    std::vector<Site> sites;
    std::optional<StapledCertificate::Unstapled> unstapled = {};  ///< what is said then
  };
  /// The one of this chain that is kept already, with the response it has; else a new one, which is not kept yet. Null
  /// where nothing is to be stapled (StapledCertificate::why_not).
  std::shared_ptr<StapledCertificate> find_or_make(const std::vector<x509::Certificate>& chain,
                                                   const OcspSettings& settings) const;
  /// From now on these and no others; what is new is asked for at once, and has what is known of the same certificate.
  /// The first ones are those that the gateway begins with.
  void keep(std::vector<Kept> kept);
  /// Begins the thread, unless it runs or there is nothing to keep. Where the system has none to give that is said, and
  /// the next call tries again.
  void start();
  /// Nobody is asked any more, and a question under way is given up. What is there is stapled on.
  void stop();
  /// Asks for what is due, and says when there is more to do. Of the thread, and of tests that begin none.
  base::Instant look();

  /// In the Prometheus text format.
  std::string metrics() const;
  /// For /ready: a line for each certificate that is revoked, or has nothing to staple and must.
  std::string trouble() const;
  /// Did the gateway begin with one that must be stapled, of which nothing was heard yet?
  bool awaits_one() const;

 private:
  void work();
  void ask_if_due(const Kept& one);
  void hand_on(const StapledCertificate& from) const;
  void say_unstapled(const std::vector<Kept>& all);
  std::vector<Kept> kept() const;
  std::vector<Kept> take_fresh();
  bool has_fresh() const;
  void note(const Kept& one, const StapledCertificate::Outcome& outcome) const;
  void note_end(const Kept& one) const;

  const Options options_;
  const base::Clock& clock_;
  const base::Log& log_;
  courier::Stop stop_{false};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Kept> kept_;                        ///< guarded
  bool fresh_ = false;                            ///< guarded: kept_ was changed since the thread looked
  bool begun_ = false;                            ///< guarded: there were first ones
  std::vector<std::string> unstapled_said_ = {};  ///< guarded: of those of now
  Dice dice_;                                     ///< of the thread
  std::thread thread_;
};

}  // namespace countersign::gateway
