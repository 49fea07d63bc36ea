#include "authority/outcome.h"

#include "feed/renewal.h"

namespace countersign::authority {
namespace {

bool is_partners(trust::Purpose purpose) {
  return purpose == trust::Purpose::transport || purpose == trust::Purpose::signing;
}

}  // namespace

base::Result<Outcome> redeem(Authority& authority, const Redemption& redemption) {
  BASE_TRY(auto issued, authority.enrolment().redeem(redemption));
  return Outcome(std::move(issued));
}

base::Result<Outcome> renew(Authority& authority, const RenewalOrder& order) {
  if (order.held == trust::Purpose::transport && is_partners(order.wanted))
    return enrol(authority, {order.identity, order.wanted, order.csr, Actor{order.identity.to_urn()}});
  BASE_TRY(auto issued, authority.enrolment().renew(order));
  return Outcome(std::move(issued));
}

base::Result<Outcome> enrol(Authority& authority, const DirectOrder& order) {
  BASE_TRY(auto csr, x509::Csr::parse(order.csr));
  BASE_TRY(auto known, authority.enrolment().find_valid(order.identity, order.purpose, csr.public_key()));
  if (known && !feed::is_due(known->certificate, authority.clock().now())) return Outcome(std::move(*known));
  const Order issue{order.identity, order.purpose, std::move(csr), order.actor};
  BASE_TRY(auto issued, authority.issuance().issue(issue));
  return Outcome(std::move(issued));
}

}  // namespace countersign::authority
