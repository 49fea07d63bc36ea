// Decisions: what an internal system asks of an endpoint: a decision, answered within the deadline whatever the partner
// does, or an advice, answered once it is on disk.
//
// An answer counts if it came in time and is an acknowledgement; it goes back as it came. Else the endpoint's mode
// decides, and what it decided is in the outbox before it is told to anybody. Lives on one loop.
#pragma once

#include "crypto/random.h"
#include "ehi/lane.h"

namespace countersign::ehi {

class Decisions {
 public:
  /// Borrows everything.
  Decisions(net::Loop& loop, OutboxDesk& desk, crypto::Random& random, const base::Clock& clock, const base::Log& log);

  /// `caller` is who asks: a name for records.
  net::Task<http::Response> decide(Lane& lane, std::string caller, http::Request request);
  /// 202 once it is durable.
  net::Task<http::Response> take_advice(Lane& lane, std::string caller, http::Request request);

 private:
  struct Race;
  struct Asked;
  net::Task<Answer> ask_in_time(Lane& lane, http::Request request);
  net::Task<void> run(Lane& lane, http::Request request, net::Deadline deadline, std::shared_ptr<Race> race);
  net::Task<http::Response> fall_back(Lane& lane, Asked asked, CallFailure failure);
  net::Task<base::Result<outbox::Outbox::Accepted>> put_outcome(Lane& lane, outbox::Draft draft);
  base::Result<std::string> key_of(const http::Request& request);
  base::Result<std::string> make_key();

  net::Loop& loop_;
  OutboxDesk& desk_;
  crypto::Random& random_;
  const base::Clock& clock_;
  const base::Log& log_;
};

}  // namespace countersign::ehi
