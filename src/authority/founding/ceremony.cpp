#include "authority/founding/ceremony.h"

#include <algorithm>

#include "base/check.h"
#include "ceremony/ca_profile.h"

namespace countersign::authority {
namespace {

/// A CN has at most 64 characters (RFC 5280 appendix A.1), the longest title of ours 31 and a space.
constexpr std::size_t kProviderInCn = 32;
constexpr std::size_t kCnLimit = 64;

std::string_view title_of(Root root) {
  switch (root) {
    case Root::partner: return "Partner Root CA";
    case Root::provider: return "Provider Root CA";
  }
  BASE_UNREACHABLE();
}

/// What fits of the provider's name, never half a UTF-8 character.
std::string shorten(const std::string& provider, std::size_t limit) {
  std::size_t end = std::min(provider.size(), limit);
  while (end > 0 && end < provider.size() && (static_cast<unsigned char>(provider[end]) & 0xC0) == 0x80)
    --end;
  std::string text = provider.substr(0, end);
  while (text.ends_with(' '))
    text.pop_back();
  return text;
}

/// As ceremonies make them: drafted, linted, and only then signed.
ceremony::CaOrder ca_order(const CaName& name, const crypto::PublicKey& key, base::Instant now, base::Duration life) {
  const base::Instant start = base::Instant::from_unix_seconds((now - kCaBackdating).unix_seconds());
  return {.rank = ceremony::CaRank::issuing,
          .subject = {ca_common_name(name), name.provider, {}},
          .key = key,
          .not_before = start,
          .not_after = start + life};
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
  ceremony::CaOrder order = ca_order({plan.provider, title_of(root)}, key.public_key, plan.now, kRootLife);
  order.rank = ceremony::CaRank::root;
  order.path_length = ceremony::kLongestPath;  // one day it may vouch for its successor
  BASE_TRY(const ceremony::CaDraft draft, ceremony::draft(order, nullptr, plan.now, supplies.random));
  BASE_TRY(const auto signature, key.sign(draft.tbs().der));
  BASE_TRY(auto certificate, draft.assemble(signature));
  BASE_TRY(auto crl, make_crl(root, key, certificate, plan));
  return LiveRoot{{root, std::move(certificate), std::move(crl)}, std::move(key)};
}

base::Result<NewIssuingCa> make_issuing_ca(const IssuingCaPlan& plan, const LiveRoot& root, const CeremonyPlan& held,
                                           const CeremonySupplies& supplies) {
  BASE_TRY(const auto key, supplies.keys.make(std::string(plan.name), CaKeys::Of::issuing_ca));
  const CaName name{root.made.certificate.subject().organisation, plan.title};
  ceremony::CaOrder order = ca_order(name, key.public_key, held.now, kIssuingCaLife);
  if (!held.status_urls.empty()) {
    const std::string issuer = root_key_name(root.made.root);
    order.crl.urls = {held.status_urls.crl(issuer, 0)};
    order.access.ca_issuers = {held.status_urls.ca(issuer)};
  }
  BASE_TRY(const ceremony::CaDraft draft, ceremony::draft(order, &root.made.certificate, held.now, supplies.random));
  BASE_TRY(const auto signature, root.key.sign(draft.tbs().der));
  BASE_TRY(auto certificate, draft.assemble(signature));
  return NewIssuingCa{plan, std::move(certificate)};
}

}  // namespace

base::Result<Ceremony> hold_ceremony(const CeremonyPlan& plan, const CeremonySupplies& supplies) {
  std::vector<LiveRoot> roots;
  Ceremony made_here;
  for (const Root root : {Root::partner, Root::provider}) {
    BASE_TRY(auto live, make_root(root, plan, supplies));
    made_here.roots.push_back(live.made);
    roots.push_back(std::move(live));
  }
  for (const IssuingCaPlan& ca : issuing_ca_plans()) {
    BASE_TRY(auto made, make_issuing_ca(ca, ca.root == Root::partner ? roots[0] : roots[1], plan, supplies));
    made_here.issuing_cas.push_back(std::move(made));
  }
  return made_here;
}

std::string ca_common_name(const CaName& name, std::int64_t generation) {
  std::string title = " " + std::string(name.title);
  if (generation > 1) title += " G" + std::to_string(generation);
  return shorten(name.provider, std::min(kProviderInCn, kCnLimit - title.size())) + title;
}

std::string root_key_name(Root root) { return std::string(name(root)) + "-root"; }

}  // namespace countersign::authority
