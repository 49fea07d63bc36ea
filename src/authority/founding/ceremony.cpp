#include "authority/founding/ceremony.h"

#include <algorithm>

#include "base/check.h"
#include "x509/certificate_builder.h"

namespace countersign::authority {
namespace {

/// A CN has at most 64 characters (RFC 5280 appendix A.1), the longest title of ours 31 and a space.
constexpr std::size_t kProviderInCn = 32;
/// For clocks that are behind, generously: CA certificates are looked at right after they were made.
constexpr base::Duration kCaBackdating = std::chrono::hours(1);

std::string_view title_of(Root root) {
  switch (root) {
    case Root::partner: return "Partner Root CA";
    case Root::provider: return "Provider Root CA";
  }
  BASE_UNREACHABLE();
}

/// What fits of the provider's name, never half a UTF-8 character.
std::string shorten(const std::string& provider) {
  std::size_t end = std::min(provider.size(), kProviderInCn);
  while (end > 0 && end < provider.size() && (static_cast<unsigned char>(provider[end]) & 0xC0) == 0x80)
    --end;
  std::string text = provider.substr(0, end);
  while (text.ends_with(' '))
    text.pop_back();
  return text;
}

struct CaName {
  const std::string& provider;
  std::string_view title;
};

base::Result<x509::CertificateSpec> ca_spec(const CaName& name, const crypto::PublicKey& key, base::Instant now,
                                            crypto::Random& random) {
  BASE_TRY(auto serial, x509::Serial::generate(random));
  const base::Instant start = base::Instant::from_unix_seconds((now - kCaBackdating).unix_seconds());
  return x509::CertificateSpec{
      .serial = std::move(serial),
      .subject = {shorten(name.provider) + " " + std::string(name.title), name.provider, {}},
      .not_before = start,
      .not_after = start + kIssuingCaLife,
      .key = key,
      .key_usage = {x509::KeyUsage::cert_sign, x509::KeyUsage::crl_sign},
      .extended_key_usage = {},
      .subject_alt_names = {},
      .ca = x509::CertificateSpec::Ca{0},
  };
}

/// A root while its key may sign.
struct LiveRoot {
  NewRoot made;
  CaKeys::Key key;
};

base::Result<RootCrl> make_crl(Root root, const CaKeys::Key& key, const x509::Certificate& certificate,
                               const CeremonyPlan& plan) {
  const base::Instant now = base::Instant::from_unix_seconds(plan.now.unix_seconds());
  RootCrl crl{.spec = {.number = 1,
                       .this_update = now,
                       .next_update = now + kIssuingCaLife,
                       .urls = {},
                       .scope = x509::CrlScope::ca_certificates,
                       .revoked = {}},
              .tbs = {},
              .der = {}};
  if (!plan.status_urls.empty()) crl.spec.urls = {plan.status_urls.crl(root_key_name(root), 0)};
  BASE_TRY(crl.tbs, x509::build_tbs(crl.spec, certificate));
  BASE_TRY(const base::Bytes signature, key.sign(crl.tbs.der));
  crl.der = x509::assemble(crl.tbs, signature);
  return crl;
}

base::Result<LiveRoot> make_root(Root root, const CeremonyPlan& plan, const CeremonySupplies& supplies) {
  BASE_TRY(auto key, supplies.keys.make(root_key_name(root), CaKeys::Of::root));
  BASE_TRY(auto spec, ca_spec({plan.provider, title_of(root)}, key.public_key, plan.now, supplies.random));
  spec.not_after = spec.not_before + kRootLife;
  spec.ca->path_length = 1;
  BASE_TRY(const auto tbs, x509::build_self_issued_tbs(spec));
  BASE_TRY(const auto signature, key.sign(tbs.der));
  BASE_TRY(auto certificate, x509::assemble(tbs, signature));
  BASE_TRY(auto crl, make_crl(root, key, certificate, plan));
  return LiveRoot{{root, std::move(certificate), std::move(crl)}, std::move(key)};
}

base::Result<NewIssuingCa> make_issuing_ca(const IssuingCaPlan& plan, const LiveRoot& root,
                                           const CeremonyPlan& ceremony, const CeremonySupplies& supplies) {
  BASE_TRY(const auto key, supplies.keys.make(std::string(plan.name), CaKeys::Of::issuing_ca));
  const CaName name{root.made.certificate.subject().organisation, plan.title};
  BASE_TRY(auto spec, ca_spec(name, key.public_key, ceremony.now, supplies.random));
  if (!ceremony.status_urls.empty()) {
    const std::string issuer = root_key_name(root.made.root);
    spec.crl_distribution_points.urls = {ceremony.status_urls.crl(issuer, 0)};
    spec.information_access.ca_issuers = {ceremony.status_urls.ca(issuer)};
  }
  BASE_TRY(const auto tbs, x509::build_tbs(spec, root.made.certificate, root.key.public_key));
  BASE_TRY(const auto signature, root.key.sign(tbs.der));
  BASE_TRY(auto certificate, x509::assemble(tbs, signature));
  return NewIssuingCa{plan, std::move(certificate)};
}

}  // namespace

base::Result<Ceremony> hold_ceremony(const CeremonyPlan& plan, const CeremonySupplies& supplies) {
  std::vector<LiveRoot> roots;
  Ceremony ceremony;
  for (const Root root : {Root::partner, Root::provider}) {
    BASE_TRY(auto live, make_root(root, plan, supplies));
    ceremony.roots.push_back(live.made);
    roots.push_back(std::move(live));
  }
  for (const IssuingCaPlan& ca : issuing_ca_plans()) {
    BASE_TRY(auto made, make_issuing_ca(ca, ca.root == Root::partner ? roots[0] : roots[1], plan, supplies));
    ceremony.issuing_cas.push_back(std::move(made));
  }
  return ceremony;
}

std::string root_key_name(Root root) { return std::string(name(root)) + "-root"; }

}  // namespace countersign::authority
