#include "authority/holder.h"

namespace countersign::authority {

base::Result<Holder> Holder::from(const std::optional<tls::VerifiedPeer>& peer) {
  if (!peer)
    return base::fail(base::Kind::denied, "caller.none",
                      "this renews the certificate that you show: connect with your Transport Certificate");
  const trust::VerifiedChain& chain = peer->admitted().chain();
  const trust::Purpose purpose = chain.purpose();
  if (purpose == trust::Purpose::transport) return Holder(peer->identity(), purpose, chain.leaf().fingerprint());
  return base::fail(base::Kind::denied, "caller.not_holder",
                    "this is for partners' Transport Certificates; yours is of " + peer->identity().to_urn() + " for " +
                        std::string(trust::name(purpose)));
}

}  // namespace countersign::authority
