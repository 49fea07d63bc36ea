#include "authority/status/ocsp_responders.h"

#include "authority/registry/rows.h"
#include "store/certificates.h"

namespace countersign::authority {

/// A registry of before there was OCSP does not know the application.
base::Result<void> OcspResponders::register_application() {
  if (registered_) return {};
  const base::Identity identity = ocsp_identity();
  {
    BASE_TRY(auto rows, ledger_.read());
    BASE_TRY(const auto found, store::find_application(rows, to_key(identity)));
    registered_ = found.has_value();
  }
  if (registered_) return {};
  BASE_TRY_VOID(directory_.create_application(the_authority(), {identity, "OCSP responders", {}}));
  registered_ = true;
  return {};
}

base::Result<bool> OcspResponders::is_good(const std::string& ca) {
  const auto responder = find(ca);
  if (responder == nullptr) return false;
  const x509::Certificate& certificate = responder->certificate;
  const base::Instant now = ledger_.now();
  const base::Duration half = (certificate.not_after() - certificate.not_before()) / 2;
  if (now < certificate.not_before() || now >= certificate.not_before() + half) return false;
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(const auto row, store::find_certificate(rows, certificate.serial().hex()));
  return row && !row->revoked_at;
}

base::Result<void> OcspResponders::make(const IssuingCa& ca) {
  BASE_TRY(auto key, crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256));
  const base::Identity identity = ocsp_identity();
  BASE_TRY(const std::string pem, x509::Csr::make_pem(key, {identity.application.text(), {}, {}}));
  BASE_TRY(auto csr, x509::Csr::parse(pem));
  Order order{identity, trust::Purpose::ocsp, std::move(csr), the_authority()};
  order.speaks_for = &ca;
  BASE_TRY(const Issued issued, issuance_.issue_own(std::move(order)));
  const x509::Sha1 key_sha1 = x509::OcspNames::of(issued.certificate).key_sha1;
  responders_[ca.name] =
      std::make_shared<const OcspResponder>(OcspResponder{std::move(key), issued.certificate, key_sha1});
  return {};
}

base::Result<void> OcspResponders::provide() {
  BASE_TRY_VOID(register_application());
  base::Result<void> first;
  for (const IssuingCa& ca : hierarchy_.issuing_cas()) {
    if (ledger_.now() >= ca.certificate.not_after()) continue;
    const auto good = is_good(ca.name);
    const base::Result<void> made = !good   ? base::Result<void>(base::unexpected(good.error()))
                                    : *good ? base::Result<void>()
                                            : make(ca);
    if (!made && first) first = made;
  }
  return first;
}

std::shared_ptr<const OcspResponder> OcspResponders::find(const std::string& ca) const {
  const auto found = responders_.find(ca);
  return found == responders_.end() ? nullptr : found->second;
}

}  // namespace countersign::authority
