// Upstreams: all upstreams of one worker.
#pragma once

#include <map>

#include "gateway/upstream/upstream.h"

namespace countersign::gateway {

class Upstreams {
 public:
  /// Borrows what `needs` names.
  Upstreams(UpstreamConnector::Needs needs, std::shared_ptr<const UpstreamStates> states, Dice dice)
      : needs_(needs), states_(std::move(states)), dice_(dice) {}

  /// From now on these. Requests under way end on the upstreams they began with, and so do their connections.
  void use(std::shared_ptr<const UpstreamStates> states);

  /// The upstream of this name, or, where the name is empty, the one at this address. Null: there is none.
  std::shared_ptr<Upstream> find(const std::string& name, const net::Endpoint& address);
  void sweep();
  /// Upstream::reconsider() of all, those included whose last requests are under way.
  void reconsider();
  void close();
  /// Of this worker, for whatever else needs chance.
  Dice& dice() { return dice_; }

 private:
  std::shared_ptr<Upstream> make(std::shared_ptr<UpstreamState> state) {
    return std::make_shared<Upstream>(needs_, std::move(state), Dice(dice_.next()));
  }
  UpstreamConnector::Needs needs_;
  std::shared_ptr<const UpstreamStates> states_;
  Dice dice_;
  std::map<std::string, std::shared_ptr<Upstream>, std::less<>> named_;
  std::map<net::Endpoint, std::shared_ptr<Upstream>> at_;
  std::vector<std::weak_ptr<Upstream>> retired_;  ///< kept by the requests on them
};

}  // namespace countersign::gateway
