// Delivery: takes the advice messages of one endpoint out of the outbox and brings them to the partner, again and again
// until it acknowledges. Lives on one loop.
#pragma once

#include "ehi/channel.h"
#include "ehi/outbox_desk.h"
#include "ehi/trouble.h"

namespace countersign::ehi {

class Delivery {
 public:
  struct Counts {
    std::uint64_t delivered = 0, failed = 0;
  };
  /// Borrows everything; `cutoffs` is null where there are none.
  Delivery(net::Loop& loop, OutboxDesk& desk, const Endpoint& endpoint, Channel& advices, Channel* cutoffs,
           const base::Clock& clock, const base::Log& log);

  void start();
  /// There is something new.
  void nudge();
  /// Claims nothing more: what is under way goes on.
  void stop() { stopped_ = true; }
  std::int64_t under_way() const { return under_way_; }
  const Counts& counts() const { return counts_; }
  const Trouble& trouble() const { return trouble_; }

 private:
  net::Task<void> run();
  std::optional<outbox::Outbox::Claim::Which> deliverable() const;
  net::Task<bool> claim();
  net::Task<void> deliver(outbox::Message message);
  net::Task<std::string> attempt(const outbox::Message& message);
  void record(const outbox::Message& message, const std::string& error) const;

  net::Loop& loop_;
  OutboxDesk& desk_;
  const Endpoint& endpoint_;
  Channel& advices_;
  Channel* cutoffs_;
  const base::Clock& clock_;
  const base::Log& log_;
  std::optional<net::Wakeup> wakeup_ = {};
  bool nudged_ = false;
  bool stopped_ = false;
  bool told_ = false;  ///< that the outbox fails
  std::int64_t under_way_ = 0;
  Counts counts_;
  Trouble trouble_;
};

/// What every attempt says besides the message's own fields.
inline constexpr std::string_view kKeyField = "Idempotency-Key";
inline constexpr std::string_view kAttemptField = "X-Countersign-Attempt";

}  // namespace countersign::ehi
