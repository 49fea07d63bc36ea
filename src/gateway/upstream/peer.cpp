#include "gateway/upstream/peer.h"

#include "gateway/upstream/state.h"

namespace countersign::gateway {

void UpstreamPeers::reconsider() {
  for (UpstreamPeer* const peer : all_)
    (void)peer->is_believed();
}

std::optional<trust::Refusal> UpstreamPeers::ask(UpstreamPeer& peer) const {
  return peer.still_believed_.of_server(*peer.known_.chain, needs_.registry, needs_.clock.now());
}

void UpstreamPeers::note_refused(const UpstreamPeer& peer) {
  needs_.state->counts.cut.fetch_add(1, std::memory_order_relaxed);
  if (peer.refusal_->fingerprint == told_) return;
  told_ = peer.refusal_->fingerprint;
  base::Fields fields = trust::to_fields(*peer.refusal_);
  fields.emplace_back("upstream", needs_.state->settings().name);
  fields.emplace_back("address", peer.known_.address);
  needs_.log.warning("upstream.cut", std::move(fields));
}

UpstreamPeer::UpstreamPeer(Known known, std::function<void()> cut)
    : known_(std::move(known)), cut_(std::move(cut)), place_(known_.all->all_.insert(known_.all->all_.end(), this)) {}

UpstreamPeer::~UpstreamPeer() { known_.all->all_.erase(place_); }

bool UpstreamPeer::is_believed() {
  if (refusal_) return false;
  if (!known_.chain) return true;
  refusal_ = known_.all->ask(*this);
  if (!refusal_) return true;
  known_.all->note_refused(*this);
  cut_();
  return false;
}

base::Error upstream_untrusted(base::Error cause, const trust::Refusal& refusal, const std::string& upstream) {
  const trust::Explanation& why = trust::explanation(refusal.reason);
  base::Error error =
      std::move(cause).under("gateway.upstream_untrusted", "the certificate of upstream '" + upstream +
                                                               "' was refused: " + std::string(why.name) + ": " +
                                                               std::string(why.remedy(trust::Party::server)));
  error.kind = base::Kind::unavailable;
  return error;
}

}  // namespace countersign::gateway
