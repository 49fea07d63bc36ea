#include "tls/admission.h"

#include <algorithm>

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
  make_room(source);
  return std::unique_ptr<Place>(new Place(shared_from_this(), std::move(source), std::move(hang_up)));
}

void Admission::make_room(const std::string& source) {
  if (const auto own = handshakes_from_.find(source);
      own != handshakes_from_.end() && own->second.size() >= limits_.handshakes_per_address)
    return own->second.front()->give_up();
  if (handshakes_ < limits_.handshakes || handshakes_from_.empty()) return;
  const auto most = std::ranges::max_element(handshakes_from_, [](const auto& a, const auto& b) {
    if (a.second.size() != b.second.size()) return a.second.size() < b.second.size();
    return a.second.front()->number_ > b.second.front()->number_;
  });
  most->second.front()->give_up();
}

void Admission::forget_handshake(Place& place) {
  const auto own = handshakes_from_.find(place.source_);
  own->second.erase(place.at_);
  if (own->second.empty()) handshakes_from_.erase(own);
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
  Handshakes& own = admission_->handshakes_from_[source_];
  own.splice(own.end(), one);
  at_ = std::prev(own.end());
  ++connections_from_there;
  ++admission_->connections_;
  ++admission_->handshakes_;
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
