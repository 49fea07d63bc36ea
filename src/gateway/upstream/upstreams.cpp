#include "gateway/upstream/upstreams.h"

namespace countersign::gateway {

std::shared_ptr<Upstream> Upstreams::find(const std::string& name, const net::Endpoint& address) {
  if (name.empty()) {
    if (const auto known = at_.find(address); known != at_.end()) return known->second;
    auto state = states_->at(address);
    return state == nullptr ? nullptr : at_.emplace(address, make(std::move(state))).first->second;
  }
  if (const auto known = named_.find(name); known != named_.end()) return known->second;
  auto state = states_->named(name);
  return state == nullptr ? nullptr : named_.emplace(name, make(std::move(state))).first->second;
}

void Upstreams::use(std::shared_ptr<const UpstreamStates> states) {
  states_ = std::move(states);
  const auto is_over = [this](const auto& one) {
    Upstream& upstream = *one.second;
    if (&upstream.state() == states_->named(upstream.settings().name).get()) return false;
    upstream.retire();
    retired_.push_back(one.second);
    return true;
  };
  std::erase_if(named_, is_over);
  std::erase_if(at_, is_over);
}

void Upstreams::sweep() {
  for (const auto& [name, upstream] : named_)
    upstream->sweep();
  for (const auto& [address, upstream] : at_)
    upstream->sweep();
}

void Upstreams::reconsider() {
  for (const auto& [name, upstream] : named_)
    upstream->reconsider();
  for (const auto& [address, upstream] : at_)
    upstream->reconsider();
  std::erase_if(retired_, [](const auto& one) { return one.expired(); });
  for (const auto& one : retired_)
    if (const auto upstream = one.lock()) upstream->reconsider();
}

void Upstreams::close() {
  for (const auto& [name, upstream] : named_)
    upstream->close();
  for (const auto& [address, upstream] : at_)
    upstream->close();
}

}  // namespace countersign::gateway
