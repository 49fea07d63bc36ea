#include "authority/founding/awaited_ceremony.h"

#include "base/files.h"
#include "ceremony/ca_profile.h"
#include "crypto/pem.h"
#include "x509/csr.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;
using base::Kind;

/// The request stays as it is once it is there: somebody may have carried it away.
base::Result<crypto::PublicKey> provide_request(const AwaitedCeremony& awaited, const IssuingCaPlan& plan,
                                                CaKeyHome& keys) {
  const std::string name(plan.name);
  BASE_TRY(const CaKeys::Key key, keys.find_or_make(name, keys.usual_kind()));
  const fs::path file = awaited.folder / (name + ".csr");
  if (!fs::exists(file)) {
    const x509::SubjectName subject{ca_common_name({awaited.provider, plan.title}), awaited.provider, {}};
    BASE_TRY(const std::string csr, x509::Csr::make_pem(key.public_key, key.sign, subject));
    BASE_TRY_VOID(base::write_file(file, csr, base::FileMode::world_readable));
  }
  return key.public_key;
}

base::Result<x509::Certificate> read_certificate(const fs::path& file) {
  BASE_TRY(const std::string pem, base::read_file(file));
  auto certificate = x509::Certificate::one_from(pem);
  if (certificate) return certificate;
  return base::unexpected(std::move(certificate).error().under("ca.profile", "cannot use '" + file.string() + "'"));
}

base::Result<RootCrl> read_crl(const fs::path& file, const x509::Certificate& root, base::Instant now) {
  BASE_TRY(const std::string pem, base::read_file(file));
  auto blocks = crypto::pem_blocks(pem, {"X509 CRL"});
  if (!blocks || blocks->size() != 1)
    return base::fail(Kind::invalid, "crl.foreign", "'" + file.string() + "' is not one CRL in PEM");
  BASE_TRY(const x509::Crl crl, x509::Crl::from_der(blocks->front()));
  const auto& point = crl.distribution_point();
  const bool ours = crl.issuer().der == root.subject().der && crl.is_signed_by(root.public_key()) && point &&
                    point->scope == x509::CrlScope::ca_certificates && crl.next_update() > now;
  if (!ours)
    return base::fail(
        Kind::invalid, "crl.foreign",
        "'" + file.string() + "' is not a CRL of '" + root.subject().text + "' for CA certificates, or it is over");
  return RootCrl{.spec = {.number = crl.number(),
                          .this_update = crl.this_update(),
                          .next_update = crl.next_update(),
                          .urls = point->names.urls,
                          .scope = point->scope,
                          .revoked = crl.revoked()},
                 .tbs = {},
                 .der = std::move(blocks->front())};
}

base::Result<NewRoot> read_root(const AwaitedCeremony& awaited, Root root) {
  BASE_TRY(auto certificate, read_certificate(awaited.folder / (root_key_name(root) + ".pem")));
  const crypto::PublicKey own = certificate.public_key();
  BASE_TRY_VOID(ceremony::check_ca(certificate, {ceremony::CaRank::root, own, nullptr, awaited.now}));
  if (!certificate.is_signed_by(own))
    return base::fail(Kind::invalid, "ca.signature",
                      "the " + std::string(name(root)) + " root does not sign for itself");
  BASE_TRY(auto crl, read_crl(awaited.folder / (root_key_name(root) + ".crl.pem"), certificate, awaited.now));
  return NewRoot{root, std::move(certificate), std::move(crl)};
}

base::Result<NewIssuingCa> read_ca(const AwaitedCeremony& awaited, const IssuingCaPlan& plan,
                                   const x509::Certificate& root, const crypto::PublicKey& key) {
  BASE_TRY(auto certificate, read_certificate(awaited.folder / (std::string(plan.name) + ".pem")));
  BASE_TRY_VOID(ceremony::check_ca(certificate, {ceremony::CaRank::issuing, key, &root, awaited.now}));
  if (!certificate.is_signed_by(root.public_key()))
    return base::fail(Kind::invalid, "ca.signature",
                      "the certificate of '" + std::string(plan.name) + "' is not signed by the " +
                          std::string(name(plan.root)) + " root");
  return NewIssuingCa{plan, std::move(certificate)};
}

/// The files that the ceremony is still to bring.
std::string missing_in(const fs::path& folder) {
  std::string missing;
  const auto want = [&](const std::string& file) {
    if (!fs::exists(folder / file)) missing += (missing.empty() ? "" : ", ") + file;
  };
  for (const Root root : {Root::partner, Root::provider}) {
    want(root_key_name(root) + ".pem");
    want(root_key_name(root) + ".crl.pem");
  }
  for (const IssuingCaPlan& plan : issuing_ca_plans())
    want(std::string(plan.name) + ".pem");
  return missing;
}

}  // namespace

base::Result<Ceremony> take_ceremony(const AwaitedCeremony& awaited, CaKeyHome& keys) {
  BASE_TRY_VOID(base::make_folder(awaited.folder));
  std::vector<std::pair<IssuingCaPlan, crypto::PublicKey>> requested;
  std::string digests;
  for (IssuingCaPlan& plan : issuing_ca_plans()) {
    BASE_TRY(auto key, provide_request(awaited, plan, keys));
    digests += std::string(plan.name) + " " + base::to_hex(key.spki_sha256()) + "\n";
    requested.emplace_back(std::move(plan), std::move(key));
  }
  // What the reviewed file must say of each key, read out by whoever runs this authority.
  BASE_TRY_VOID(base::write_file(awaited.folder / "keys.sha256", digests, base::FileMode::world_readable));
  if (const std::string missing = missing_in(awaited.folder); !missing.empty())
    return base::fail(
        Kind::unavailable, "authority.awaits_ceremony",
        "the requests lie in '" + awaited.folder.string() +
            "', with the digests of their keys in keys.sha256: have them signed by 'countersign ceremony', "
            "bring what it makes there, and start again. Missing: " +
            missing);
  Ceremony ceremony;
  for (const Root root : {Root::partner, Root::provider}) {
    BASE_TRY(auto made, read_root(awaited, root));
    ceremony.roots.push_back(std::move(made));
  }
  for (const auto& [plan, key] : requested) {
    const x509::Certificate& root = ceremony.roots[plan.root == Root::partner ? 0 : 1].certificate;
    BASE_TRY(auto made, read_ca(awaited, plan, root, key));
    ceremony.issuing_cas.push_back(std::move(made));
  }
  return ceremony;
}

}  // namespace countersign::authority
