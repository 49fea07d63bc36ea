// What tests of late renewal share: an order as `countersign renew` writes it, and the way it goes.
#pragma once

#include "authority/enrolment/late_renewal.h"
#include "authority/fixture_test.h"
#include "authority/registry/rows.h"
#include "feed/late_renewal.h"

namespace countersign::authority {

/// A certificate and its key.
struct Held {
  crypto::PrivateKey key;
  Issued issued;
};

/// For the key `next`, signed by the one held.
inline LateRenewalOrder late_order(const Held& held, const crypto::PrivateKey& next,
                                   trust::Purpose purpose = trust::Purpose::transport) {
  auto csr = x509::Csr::parse(x509::Csr::make_pem(next, {"hint", "", ""}).value()).value();
  const std::string content = feed::late_renewal_content(purpose, csr.public_key(), held.issued.certificate);
  base::Bytes signature = held.key.sign(base::as_bytes(content)).value();
  return {purpose, std::move(csr), held.issued.certificate, std::move(signature)};
}

/// As POST /v1/late-renewals does.
inline base::Result<Outcome> take(Office& at, const LateRenewalOrder& order) {
  BASE_TRY(const auto row, verify_late_holder(at.ledger, order));
  BASE_TRY(auto known, at.enrolment.find_valid(to_identity(row.key).value(), order.purpose, order.csr.public_key()));
  if (known) return Outcome(std::move(*known));
  BASE_TRY(const auto wanted, check_late_renewal(at.ledger, at.hierarchy, at.policy, order, row));
  return at.issuance.issue(wanted);
}

}  // namespace countersign::authority
