#include "authority/rotation/root_crl.h"

#include <algorithm>

#include "crypto/pem.h"
#include "store/crls.h"

namespace countersign::authority {
namespace {

using base::Kind;

base::Result<base::Bytes> der_of(std::string_view pem_or_der) {
  if (!crypto::is_pem(pem_or_der)) return base::to_bytes(base::as_bytes(pem_or_der));
  auto blocks = crypto::pem_blocks(pem_or_der, {"X509 CRL"});
  if (blocks && blocks->size() == 1) return std::move(blocks->front());
  return base::fail(Kind::invalid, "crl.malformed", "this is not one CRL in PEM or DER");
}

base::Result<void> check_origin(const x509::Crl& crl, const x509::Certificate& root) {
  const auto& point = crl.distribution_point();
  const bool ours = crl.issuer().der == root.subject().der && crl.is_signed_by(root.public_key()) && point &&
                    point->scope == x509::CrlScope::ca_certificates && !point->names.has_others;
  if (ours) return {};
  return base::fail(Kind::invalid, "crl.foreign",
                    "this CRL is not signed by '" + root.subject().text + "', or not for CA certificates only");
}

/// RFC 5280 section 6.3.3 (b) (2) (i): a verifier holds the place in the certificate against the one in the CRL.
base::Result<void> check_place(const x509::Crl& crl, const Hierarchy& hierarchy, const RootCa& root) {
  const std::vector<std::string>& said = crl.distribution_point()->names.urls;
  for (const IssuingCa& ca : hierarchy.issuing_cas())
    for (const std::string& url : ca.certificate.crl_distribution_points().urls)
      if (ca.root_name == root.name && std::ranges::find(said, url) == said.end())
        return base::fail(Kind::invalid, "crl.place",
                          "the certificate of '" + ca.name + "' looks for this CRL at " + url +
                              ", which it does not name: write that as its 'url'");
  return {};
}

tl::unexpected<base::Error> old(std::string why) {
  return base::fail(Kind::conflict, "crl.old", "this CRL " + std::move(why) + ": make a newer one");
}

}  // namespace

base::Result<void> import_root_crl(Ledger& ledger, const Hierarchy& hierarchy, const Actor& actor, const RootCa& root,
                                   std::string_view pem_or_der) {
  BASE_TRY(const base::Bytes der, der_of(pem_or_der));
  BASE_TRY(const x509::Crl crl, x509::Crl::from_der(der));
  BASE_TRY_VOID(check_origin(crl, root.certificate));
  BASE_TRY_VOID(check_place(crl, hierarchy, root));
  if (crl.next_update() <= ledger.now()) return old("should have been followed by another one");
  const store::CrlRow row{{root.key_name(), 0}, static_cast<std::int64_t>(crl.number()), crl.this_update(),
                          crl.next_update(),    base::to_hex(crypto::sha256(der)),       0};
  BASE_TRY(auto amendment, ledger.amend());
  BASE_TRY(const auto known, store::find_crl(amendment.rows(), row.key));
  if (known && known->number == row.number && known->tbs_sha256 == row.tbs_sha256) return {};
  BASE_TRY(const bool risen, store::record_crl(amendment.rows(), row));
  if (!risen) return old("has no higher number, or is not later, than the one before");
  BASE_TRY(const bool published, store::publish_crl(amendment.rows(), row.key, row.number, base::to_base64(der)));
  if (!published) return old("was overtaken by another one");
  BASE_TRY_VOID(amendment.audit(
      {actor, "root_crl.imported", row.key.issuer, {{"number", row.number}, {"revoked", crl.revoked().size()}}}));
  // A fact that says nothing new: it tells whoever publishes the status that there is something to look at.
  amendment.publish(to_fact(root));
  return amendment.commit();
}

}  // namespace countersign::authority
