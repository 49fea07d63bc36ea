#include "authority/doors/gate.h"

#include <algorithm>

#include "tls/server.h"

namespace countersign::authority {

tls::JudgeClient Gate::judge() const {
  return [this](const trust::PresentedChain& presented) -> base::Result<trust::AdmittedChain, trust::Refusal> {
    auto chain = trust::verify_chain(presented, policy_, authority_->trust(), authority_->clock().now());
    if (!chain) return base::unexpected(std::move(chain).error());
    return trust::admit(std::move(*chain), authority_->view());
  };
}

base::Result<void> Gate::recheck(const tls::VerifiedPeer& peer, const net::Endpoint& address,
                                 const std::string& server_name) const {
  const auto refusal = trust::reconsider(peer.admitted(), authority_->view(), authority_->clock().now());
  if (!refusal) return {};
  log_->warning("tls.refused", tls::refusal_record(*refusal, address, server_name, listener_));
  return base::fail(base::Kind::denied, "caller.refused", "your certificate is no longer accepted here");
}

base::Result<void> Gate::recheck(const InternalCaller& caller) const {
  return recheck(caller.peer, caller.address, caller.server_name);
}

base::Result<void> Gate::recheck(const ApiCaller& caller) const {
  if (!caller.peer) return {};
  return recheck(*caller.peer, caller.address, caller.server_name);
}

std::vector<x509::Certificate> Gate::issuers() const {
  std::vector<x509::Certificate> issuers;
  for (const IssuingCa& ca : authority_->hierarchy().issuing_cas())
    if (std::ranges::any_of(policy_.purposes, [&](trust::Purpose purpose) { return ca.purposes.contains(purpose); }))
      issuers.push_back(ca.certificate);
  return issuers;
}

}  // namespace countersign::authority
