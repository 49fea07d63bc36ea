#include "trust/verdict.h"

#include <algorithm>

#include "base/check.h"
#include "crypto/strength.h"

namespace countersign::trust {
namespace {

using x509::Certificate;
using x509::KeyUsage;

Reason to_reason(x509::PathProblem problem) {
  switch (problem) {
    case x509::PathProblem::not_yet_valid: return Reason::not_yet_valid;
    case x509::PathProblem::expired: return Reason::expired;
    case x509::PathProblem::issuer_not_found: return Reason::unknown_issuer;
    case x509::PathProblem::self_signed: return Reason::self_signed;
    case x509::PathProblem::bad_signature: return Reason::bad_signature;
    case x509::PathProblem::not_a_ca: return Reason::invalid_issuer;
    case x509::PathProblem::name_constraint: return Reason::name_constraint;
    case x509::PathProblem::too_long: return Reason::chain_too_long;
    case x509::PathProblem::weak_key: return Reason::weak_key;
    case x509::PathProblem::weak_signature: return Reason::weak_signature;
    case x509::PathProblem::malformed: return Reason::malformed;
  }
  BASE_UNREACHABLE();
}

/// Does the certificate where the path stopped hint that its issuer exists but was not sent: it says where to fetch it,
/// or its issuer is of the same organisation as a root we do trust?
bool issuer_was_left_out(const Certificate& at, const TrustSet& trust) {
  if (trust.knows_issuing_cas()) return false;  // we know every issuing CA of ours: this is none of them
  const auto is_its_issuer = [&](const Certificate& known) { return known.subject().der == at.issuer().der; };
  if (std::ranges::any_of(trust.anchors().anchors(), is_its_issuer)) return false;  // a name we know, another key
  if (!at.information_access().ca_issuers.empty()) return true;
  return std::ranges::any_of(trust.anchors().anchors(), [&](const Certificate& root) {
    return !at.issuer().organisation.empty() && at.issuer().organisation == root.subject().organisation;
  });
}

Refusal to_refusal(const x509::PathFailure& failure, const Certificate& leaf, const TrustSet& trust) {
  const bool left_out =
      failure.problem == x509::PathProblem::issuer_not_found && issuer_was_left_out(failure.at, trust);
  const Reason reason = left_out ? Reason::missing_intermediate : to_reason(failure.problem);
  return refuse(
      reason, leaf, failure.depth,
      failure.detail + " (at '" + failure.at.subject().text + "', issued by '" + failure.at.issuer().text + "')");
}

bool has_eku(const Certificate& leaf, std::string_view oid) {
  const auto& usages = leaf.extended_key_usages();
  return usages && std::ranges::find(*usages, oid) != usages->end();
}

bool has_exactly_eku(const Certificate& leaf, std::string_view oid) {
  return has_eku(leaf, oid) && leaf.extended_key_usages()->size() == 1;
}

bool is_for_any_tls(const Certificate& leaf) {
  return has_eku(leaf, x509::oid::kClientAuth) || has_eku(leaf, x509::oid::kServerAuth) ||
         has_eku(leaf, x509::oid::kAnyExtendedKeyUsage);
}

/// A certificate without keyUsage is not restricted by it (RFC 5280 section 4.2.1.3).
bool may_sign(const Certificate& leaf) { return !leaf.key_usages() || leaf.has_key_usage(KeyUsage::digital_signature); }

/// Do the leaf's own extensions allow `purpose`?
bool extensions_allow(const Certificate& leaf, Purpose purpose) {
  switch (purpose) {
    case Purpose::transport:
    case Purpose::ehi:
    case Purpose::service:
    case Purpose::person: return has_exactly_eku(leaf, x509::oid::kClientAuth) && may_sign(leaf);
    case Purpose::signing:
      return !is_for_any_tls(leaf) && !has_eku(leaf, x509::oid::kOcspSigning) &&
             leaf.has_key_usage(KeyUsage::digital_signature);
    case Purpose::server: return has_eku(leaf, x509::oid::kServerAuth) && may_sign(leaf);
    case Purpose::ocsp: return has_exactly_eku(leaf, x509::oid::kOcspSigning) && may_sign(leaf);
  }
  BASE_UNREACHABLE();
}

/// The purpose among those asked for that both the leaf and its issuing CA (where known) stand for.
std::optional<Purpose> purpose_of(const Certificate& leaf, const IssuingCa* issuer, const std::set<Purpose>& asked) {
  for (const Purpose purpose : asked)
    if (extensions_allow(leaf, purpose) && (issuer == nullptr || issuer->purposes.contains(purpose))) return purpose;
  return std::nullopt;
}

std::string list_of(const std::set<Purpose>& purposes) {
  std::string text;
  for (const Purpose purpose : purposes)
    text += (text.empty() ? "" : " or ") + std::string(name(purpose));
  return text;
}

/// The one URN of ours in the SAN, if there is exactly one.
std::optional<base::Identity> identity_in(const Certificate& leaf) {
  std::optional<base::Identity> found;
  for (const std::string& uri : leaf.subject_alt_names().uris) {
    auto identity = base::Identity::from_urn(uri);
    if (!identity) continue;
    if (found) return std::nullopt;
    found = std::move(*identity);
  }
  return found;
}

Refusal refuse_withdrawn(const Certificate& leaf, const Certificate& issuer, WithdrawalCause cause) {
  return refuse(Reason::issuer_withdrawn, leaf, 0,
                "its issuing CA '" + issuer.subject().text + "' is " +
                    (cause == WithdrawalCause::retired ? "retired" : "withdrawn: its key may be known to others"));
}

/// Purpose and environment, as the leaf's issuing CA may vouch for them. Nothing means: no objection.
std::optional<Refusal> judge_issuer(const Certificate& leaf, const IssuingCa* issuer,
                                    const std::optional<base::Identity>& identity, const Policy& policy,
                                    const TrustSet& trust) {
  if (!trust.knows_issuing_cas()) return std::nullopt;
  if (issuer == nullptr)
    return refuse(Reason::unknown_issuer, leaf, 0,
                  "'" + leaf.issuer().text + "' is not one of the issuing CAs in use here");
  if (!identity) return refuse(Reason::malformed, leaf, 0, "the certificate carries no Countersign identity (URI SAN)");
  const bool own_environment = issuer->environment == identity->environment;
  const bool wanted_environment = !policy.environment || *policy.environment == identity->environment;
  if (own_environment && wanted_environment) return std::nullopt;
  return refuse(Reason::wrong_environment, leaf, 0,
                "the certificate is of the environment '" + std::string(base::name(identity->environment)) + "'" +
                    (own_environment ? "" : ", which its issuing CA does not serve") +
                    (policy.environment ? "; this is '" + std::string(base::name(*policy.environment)) + "'" : ""));
}

/// The anchor is believed by configuration, not for its key or signature (RFC 5280 section 6.1.1 (d)).
std::optional<Refusal> judge_keys(const std::vector<Certificate>& path) {
  const Certificate& leaf = path.front();
  for (std::size_t depth = 0; depth + 1 < path.size(); ++depth) {
    auto strong = crypto::check_strength(path[depth].public_key(), crypto::KeyPolicy::believe);
    if (!strong) return refuse(Reason::weak_key, leaf, static_cast<int>(depth), strong.error().detail);
    if (!path[depth].has_strong_signature())
      return refuse(Reason::weak_signature, leaf, static_cast<int>(depth),
                    "'" + path[depth].subject().text + "' is signed with a broken or unknown algorithm");
  }
  return std::nullopt;
}

/// Whose the leaf is, where nothing but the hour speaks against its path: it is good within its own times, and what the
/// leaf says of itself its issuing CA may vouch for. Of any other path that failed nothing is known.
std::string organisation_within_its_time(const x509::PathQuery& query, const TrustSet& trust) {
  const x509::PathQuery within{
      .leaf = query.leaf, .presented = query.presented, .at = query.leaf.not_after(), .max_depth = query.max_depth};
  const auto path = x509::build_path(within, trust.anchors());
  const IssuingCa* issuer = path && path->size() > 1 ? trust.find_issuing_ca((*path)[1]) : nullptr;
  const auto identity = identity_in(query.leaf);
  if (issuer == nullptr || !identity || identity->environment != issuer->environment) return "";
  return judge_keys(*path) ? "" : identity->organisation.text();
}

Refusal refuse_path(const x509::PathFailure& failure, const x509::PathQuery& query, const TrustSet& trust) {
  Refusal refusal = to_refusal(failure, query.leaf, trust);
  const bool untimely =
      failure.problem == x509::PathProblem::expired || failure.problem == x509::PathProblem::not_yet_valid;
  if (untimely && failure.depth == 0) refusal.organisation = organisation_within_its_time(query, trust);
  return refusal;
}

/// A client sends its leaf and what is between it and the root; a server may come from any public CA.
std::size_t presented_limit(const Policy& policy) {
  return policy.purposes.contains(Purpose::server) ? kPresentedLimit : kClientPresentedLimit;
}

/// Has an issuer on a path that was verified once been withdrawn?
std::optional<Refusal> judge_issuers_again(const VerifiedChain& chain, const RegistryView& registry) {
  for (const Certificate& above : chain.path())
    if (const auto cause = registry.withdrawal(above.fingerprint()))
      return refuse_withdrawn(chain.leaf(), above, *cause);
  return std::nullopt;
}

std::optional<Refusal> judge_hour_again(const VerifiedChain& chain, base::Instant at) {
  if (at <= chain.valid_until()) return std::nullopt;
  return refuse(Reason::expired, chain.leaf(), 0, "a certificate on the path expired while the connection was open");
}

Refusal refuse_revoked(const Certificate& leaf, const CertificateFact& fact) {
  return refuse(Reason::revoked, leaf, 0, "revoked: " + *fact.revoked_for);
}

struct Span {
  base::Instant from;
  base::Instant until;
};

/// When every certificate of the path is valid at once.
Span common_validity(const std::vector<Certificate>& path) {
  Span span{path.front().not_before(), path.front().not_after()};
  for (const Certificate& certificate : path) {
    span.from = std::max(span.from, certificate.not_before());
    span.until = std::min(span.until, certificate.not_after());
  }
  return span;
}

}  // namespace

base::Result<VerifiedChain, Refusal> verify_chain(const PresentedChain& presented, const Policy& policy,
                                                  const TrustSet& trust, base::Instant at) {
  if (presented.empty()) return base::unexpected(refuse(Reason::no_certificate, "no certificate was presented"));
  const Certificate& leaf = presented.front();
  if (const std::size_t limit = presented_limit(policy); presented.size() > limit)
    return base::unexpected(refuse(Reason::chain_too_long, leaf, 0,
                                   std::to_string(presented.size()) + " certificates were sent; at most " +
                                       std::to_string(limit) + " are looked at"));
  const std::vector<Certificate> others(presented.begin() + 1, presented.end());
  const x509::PathQuery query{.leaf = leaf, .presented = others, .at = at};
  auto path = x509::build_path(query, trust.anchors());
  if (!path) return base::unexpected(refuse_path(path.error(), query, trust));
  if (auto objection = judge_keys(*path)) return base::unexpected(std::move(*objection));

  for (const Certificate& above : *path)
    if (const WithdrawnCa* gone = trust.find_withdrawn(above))
      return base::unexpected(refuse_withdrawn(leaf, above, gone->cause));
  const IssuingCa* issuer = path->size() > 1 ? trust.find_issuing_ca((*path)[1]) : nullptr;
  std::optional<base::Identity> identity = identity_in(leaf);
  if (auto objection = judge_issuer(leaf, issuer, identity, policy, trust))
    return base::unexpected(std::move(*objection));
  const std::optional<Purpose> purpose = purpose_of(leaf, issuer, policy.purposes);
  if (!purpose || leaf.is_ca())
    return base::unexpected(
        refuse(Reason::wrong_purpose, leaf, 0, "the certificate is not for " + list_of(policy.purposes)));
  if (policy.server_name && !leaf.matches_host(*policy.server_name))
    return base::unexpected(
        refuse(Reason::wrong_name, leaf, 0, "the certificate does not name '" + *policy.server_name + "'"));
  const Span span = common_validity(*path);
  return VerifiedChain({std::move(*path), *purpose, std::move(identity), span.from, span.until});
}

base::Result<AdmittedChain, Refusal> admit(VerifiedChain chain, const RegistryView& registry) {
  const Certificate& leaf = chain.leaf();
  const auto fact = registry.certificate(leaf.fingerprint());
  const bool listed =
      fact && chain.identity() && fact->identity == *chain.identity() && fact->purpose == chain.purpose();
  const auto refused = [&chain](Refusal refusal) {
    if (chain.identity()) refusal.organisation = chain.identity()->organisation.text();
    return base::unexpected(std::move(refusal));
  };
  if (!listed) return refused(refuse(Reason::not_in_registry, leaf, 0, "the registry does not list this certificate"));
  if (auto withdrawn = judge_issuers_again(chain, registry)) return refused(std::move(*withdrawn));
  if (fact->revoked_for) return refused(refuse_revoked(leaf, *fact));
  if (registry.is_suspended(fact->identity))
    return refused(refuse(Reason::suspended, leaf, 0, "'" + fact->identity.to_urn() + "' is suspended"));
  return AdmittedChain(std::move(chain));
}

std::optional<Refusal> reconsider(const AdmittedChain& chain, const RegistryView& registry, base::Instant at) {
  if (auto over = judge_hour_again(chain.chain(), at)) return over;
  auto again = admit(chain.chain(), registry);
  if (again) return std::nullopt;
  return std::move(again).error();
}

std::optional<Refusal> reconsider_server(const VerifiedChain& chain, const RegistryView& registry, base::Instant at) {
  if (auto over = judge_hour_again(chain, at)) return over;
  if (auto withdrawn = judge_issuers_again(chain, registry)) return withdrawn;
  const auto fact = registry.certificate(chain.leaf().fingerprint());
  if (fact && fact->revoked_for) return refuse_revoked(chain.leaf(), *fact);
  return std::nullopt;
}

}  // namespace countersign::trust
