#include "authority/api/operator.h"

namespace countersign::authority {

base::Result<Operator> Operator::from(const std::optional<tls::VerifiedPeer>& peer, store::Transaction& rows) {
  if (!peer)
    return base::fail(
        base::Kind::denied, "caller.none",
        "this needs an operator's certificate: send the one that the authority made in operator/, or your own");
  const base::Identity& identity = peer->identity();
  if (!is_operator(identity))
    return base::fail(base::Kind::denied, "caller.not_operator",
                      "this needs an operator's certificate; yours is of " + identity.to_urn());
  BASE_TRY(auto roles, roles_of(rows, identity.application));
  return Operator(identity, std::move(roles));
}

base::Result<void> Operator::need(Right right) const {
  if (grants(roles_, right)) return {};
  const std::string& own = identity_.application.text();
  return base::fail(base::Kind::denied, "caller.role",
                    "this takes the role " + roles_that_grant(right) + ", which operator '" + own +
                        "' does not have: ask an administrator (countersign admin operators set " + own + " ...)");
}

base::Result<void> Operator::may_change(const base::Identity& touched) const {
  return is_platform(touched) ? need(Right::administrate) : base::Result<void>();
}

}  // namespace countersign::authority
