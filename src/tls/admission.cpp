#include "tls/admission.h"

#include <algorithm>
#include <iterator>

#include <arpa/inet.h>

namespace countersign::tls {

std::string source_of(const net::Endpoint& peer) {
  constexpr std::size_t kNetworkBytes = 8;
  in6_addr address;
  if (inet_pton(AF_INET6, peer.host.c_str(), &address) != 1) return peer.host;
  return {reinterpret_cast<const char*>(address.s6_addr), kNetworkBytes};
}

std::unique_ptr<Admission::Place> Admission::admit(const net::Endpoint& peer, std::function<void()> hang_up) {
  std::string source = source_of(peer);
  const auto found = connections_from_.find(source);
  const std::size_t from_there = found == connections_from_.end() ? 0 : found->second;
  if (connections_ >= limits_.connections || from_there >= limits_.connections_per_address) return nullptr;
  if (!make_room(source)) return nullptr;
  return std::unique_ptr<Place>(new Place(shared_from_this(), std::move(source), std::move(hang_up)));
}

/// Room for one more handshake from `source`; false when there is none.
bool Admission::make_room(const std::string& source) {
  const auto own = handshakes_from_.find(source);
  const std::size_t own_size = own == handshakes_from_.end() ? 0 : own->second.size();
  if (own_size > 0 && own_size >= limits_.handshakes_per_address) {
    if (own->second.silent.empty()) return false;
    own->second.silent.front()->give_up();
    return true;
  }
  if (handshakes_ < limits_.handshakes || handshakes_from_.empty()) return true;
  if (silent_ * 2 < limits_.handshakes) return give_up_one_that_waits_for_us(own_size);
  const auto most = std::ranges::max_element(handshakes_from_, [](const auto& a, const auto& b) {
    const Handshakes &ours = a.second.silent, &theirs = b.second.silent;
    if (ours.size() != theirs.size()) return ours.size() < theirs.size();
    return !theirs.empty() && ours.front()->number_ > theirs.front()->number_;
  });
  most->second.silent.front()->give_up();
  return true;
}

/// We are too slow for all that is asked. The newest goes, of the address with most, if that has more than the
/// newcomer's would have; else the newcomer.
bool Admission::give_up_one_that_waits_for_us(std::size_t newcomers) {
  const auto most = std::ranges::max_element(
      handshakes_from_, {}, [](const auto& one) { return one.second.waiting.empty() ? 0 : one.second.size(); });
  if (most->second.waiting.empty() || most->second.size() <= newcomers + 1) return false;
  most->second.waiting.back()->give_up();
  return true;
}

void Admission::forget_handshake(Place& place) {
  const auto own = handshakes_from_.find(place.source_);
  (place.silent_ ? own->second.silent : own->second.waiting).erase(place.at_);
  if (own->second.size() == 0) handshakes_from_.erase(own);
  if (place.silent_) --silent_;
  --handshakes_;
}

Admission::Place::Place(std::shared_ptr<Admission> admission, std::string source, std::function<void()> hang_up)
    : admission_(std::move(admission)),
      source_(std::move(source)),
      hang_up_(std::move(hang_up)),
      number_(++admission_->admitted_) {
  // What can throw comes first, so that a place is counted whole or not at all.
  Handshakes one(1, this);
  std::size_t& connections_from_there = admission_->connections_from_[source_];
  Handshakes& own = admission_->handshakes_from_[source_].silent;
  own.splice(own.end(), one);
  at_ = std::prev(own.end());
  ++connections_from_there;
  ++admission_->connections_;
  ++admission_->handshakes_;
  ++admission_->silent_;
}

void Admission::Place::our_move() {
  if (!shaking_hands_ || !std::exchange(silent_, false)) return;
  UnderWay& own = admission_->handshakes_from_.find(source_)->second;
  own.waiting.splice(own.waiting.end(), own.silent, at_);
  --admission_->silent_;
}

void Admission::Place::its_move() {
  if (!shaking_hands_ || std::exchange(silent_, true)) return;
  UnderWay& own = admission_->handshakes_from_.find(source_)->second;
  own.silent.splice(own.silent.end(), own.waiting, at_);
  number_ = ++admission_->admitted_;
  ++admission_->silent_;
}

Admission::Place::~Place() {
  end_handshake();
  --admission_->connections_;
  const auto own = admission_->connections_from_.find(source_);
  if (--own->second == 0) admission_->connections_from_.erase(own);
}

void Admission::Place::end_handshake() {
  if (std::exchange(shaking_hands_, false)) admission_->forget_handshake(*this);
}

void Admission::Place::give_up() {
  given_up_ = true;
  end_handshake();
  hang_up_();
}

}  // namespace countersign::tls
