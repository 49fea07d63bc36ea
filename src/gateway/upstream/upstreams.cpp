#include "gateway/upstream/upstreams.h"

namespace countersign::gateway {

std::shared_ptr<Upstream> Upstreams::find(const std::string& name, const net::Endpoint& address) {
  if (name.empty()) {
    auto& upstream = at_[address];
    if (upstream == nullptr) upstream = make(states_->at(address));
    return upstream;
  }
  if (const auto known = named_.find(name); known != named_.end()) return known->second;
  auto state = states_->named(name);
  return state == nullptr ? nullptr : named_.emplace(name, make(std::move(state))).first->second;
}

void Upstreams::use(std::shared_ptr<UpstreamStates> states) {
  states_ = std::move(states);
  std::erase_if(named_, [this](const auto& one) { return &one.second->state() != states_->named(one.first).get(); });
  std::erase_if(at_, [this](const auto& one) { return &one.second->state() != states_->at(one.first).get(); });
}

void Upstreams::sweep() {
  for (const auto& [name, upstream] : named_)
    upstream->sweep();
  for (const auto& [address, upstream] : at_)
    upstream->sweep();
}

void Upstreams::close() {
  for (const auto& [name, upstream] : named_)
    upstream->close();
  for (const auto& [address, upstream] : at_)
    upstream->close();
}

}  // namespace countersign::gateway
