#include "authority/api/operator.h"

namespace countersign::authority {

base::Result<Operator> Operator::from(const std::optional<tls::VerifiedPeer>& peer) {
  if (!peer)
    return base::fail(
        base::Kind::denied, "caller.none",
        "this needs an operator's certificate: send the one that the authority made in operator/, or your own");
  const base::Identity& identity = peer->identity();
  const bool is_operator =
      identity.environment == base::Environment::internal && identity.organisation.text() == "operator";
  if (is_operator) return Operator(identity);
  return base::fail(base::Kind::denied, "caller.not_operator",
                    "this needs an operator's certificate; yours is of " + identity.to_urn());
}

}  // namespace countersign::authority
