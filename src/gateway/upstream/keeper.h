// UpstreamKeeper: keeps what is known of upstreams true: asks each address whether it is well, and names where they
// lead now. On the main loop, once for all workers; they see it in UpstreamState.
#pragma once

#include "gateway/upstream/connector.h"
#include "gateway/upstream/dice.h"
#include "http/message.h"

namespace countersign::gateway {

class UpstreamKeeper {
 public:
  /// Borrows what `needs` names.
  UpstreamKeeper(UpstreamConnector::Needs needs, Dice dice) : needs_(needs), dice_(dice) {}

  /// Begins to keep `state`; the tasks end with the loop, or soon after it was retired.
  void keep(std::shared_ptr<UpstreamState> state);

 private:
  /// What a name led to last.
  struct Name {
    net::Endpoint name;
    std::vector<net::Endpoint> known = {};
    bool lost = false;
  };
  net::Task<void> check(std::shared_ptr<UpstreamState> state);
  net::Task<void> check_once(std::shared_ptr<UpstreamConnector> connector, std::shared_ptr<UpstreamAddress> address);
  net::Task<base::Result<void>> ask(UpstreamConnector& connector, std::shared_ptr<UpstreamAddress> address);
  net::Task<base::Result<int>> ask_h1(const UpstreamConnector::Opened& opened, http::Request request,
                                      net::Deadline deadline);
  net::Task<base::Result<int>> ask_h2(const UpstreamConnector::Opened& opened, http::Request request,
                                      net::Deadline deadline);
  net::Task<void> resolve(std::shared_ptr<UpstreamState> state);
  net::Task<void> resolve_once(Name& name, const std::string& upstream);

  UpstreamConnector::Needs needs_;
  Dice dice_;
};

}  // namespace countersign::gateway
