#include "ehi/own_certificates.h"

#include <algorithm>

#include "base/check.h"

namespace countersign::ehi {
namespace {

/// Has a certificate of ours come to its end for this, or is it only that we cannot say?
bool is_an_end(trust::Reason reason) {
  using enum trust::Reason;
  return reason == expired || reason == revoked || reason == suspended || reason == issuer_withdrawn;
}

}  // namespace

std::string_view name(OwnCertificates::Rank rank) {
  switch (rank) {
    case OwnCertificates::Rank::first: return "first";
    case OwnCertificates::Rank::standby: return "standby";
  }
  return "";
}

void OwnCertificates::add(Kind kind, Use use) { slots_.push_back({.kind = kind, .use = std::move(use)}); }

void OwnCertificates::offer(Kind kind, Rank rank, std::shared_ptr<const tls::Credential> own) {
  const auto slot = std::ranges::find(slots_, kind, &Slot::kind);
  BASE_CHECK(slot != slots_.end());
  slot->candidates[static_cast<std::size_t>(rank)] = {.own = std::move(own)};
  look(*slot);
}

void OwnCertificates::look() {
  for (Slot& slot : slots_)
    look(slot);
}

/// Only when trust has changed: what a registry says is asked every time.
void OwnCertificates::verify(const Kind& kind, Candidate& candidate) const {
  const auto trust = knowledge_.trust();
  if (candidate.trust_generation == trust->generation() && candidate.chain) return;
  const trust::Policy policy{.purposes = {kind.purpose}, .environment = kind.environment};
  auto chain = trust::verify_chain(candidate.own->chain, policy, *trust, clock_.now());
  candidate.trust_generation = trust->generation();
  candidate.chain.reset();
  candidate.unverified.reset();
  if (chain) candidate.chain = std::move(*chain);
  else candidate.unverified = std::move(chain).error();
}

std::optional<trust::Refusal> OwnCertificates::judge(const Kind& kind, Candidate& candidate) const {
  const x509::Certificate& leaf = candidate.own->chain.front();
  if (leaf.not_after() < clock_.now()) return trust::refuse(trust::Reason::expired, leaf, 0, "its time is over");
  const auto fact = knowledge_.registry().certificate(leaf.fingerprint());
  if (fact && fact->revoked_for)
    return trust::refuse(trust::Reason::revoked, leaf, 0, "revoked: " + *fact->revoked_for);
  verify(kind, candidate);
  std::optional<trust::Refusal> refusal = candidate.unverified;
  if (candidate.chain && clock_.now() > candidate.chain->valid_until())
    refusal = trust::refuse(trust::Reason::expired, leaf, 0, "a certificate on its path expired");
  else if (candidate.chain)
    if (auto admitted = trust::admit(*candidate.chain, knowledge_.registry()); !admitted)
      refusal = std::move(admitted).error();
  return refusal && is_an_end(refusal->reason) ? refusal : std::nullopt;
}

void OwnCertificates::look(Slot& slot) {
  Standing now{slot.kind, std::nullopt};
  std::shared_ptr<const tls::Credential> chosen;
  for (const Rank rank : {Rank::first, Rank::standby}) {
    Candidate& candidate = slot.candidates[static_cast<std::size_t>(rank)];
    if (candidate.own == nullptr || chosen != nullptr) continue;
    const auto refusal = judge(slot.kind, candidate);
    if (!refusal) {
      now.used = rank;
      chosen = candidate.own;
    } else if (rank == Rank::first) {
      now.why_not = std::string(trust::name(refusal->reason)) + ": " + refusal->detail;
    }
  }
  tell(slot, now, std::move(chosen));
}

void OwnCertificates::tell(Slot& slot, const Standing& now, std::shared_ptr<const tls::Credential> chosen) {
  std::optional<crypto::Digest256> used;
  if (chosen) used = chosen->chain.front().fingerprint();
  const bool is_news = !slot.told || slot.told->why_not != now.why_not || slot.used != used;
  if (!is_news) return;
  const bool other = !slot.told || slot.used != used || !used;
  slot.told = now;
  slot.used = used;
  const base::Fields fields{{"environment", base::name(slot.kind.environment)},
                            {"purpose", trust::name(slot.kind.purpose)},
                            {"used", now.used ? name(*now.used) : "none"},
                            {"why", now.why_not}};
  if (!now.why_not.empty()) log_.error("ehi.own_certificate_not_used", fields);
  else if (used) log_.info("ehi.own_certificate_used", fields);
  if (other) slot.use(std::move(chosen), now.why_not);
}

std::vector<OwnCertificates::Standing> OwnCertificates::standings() const {
  std::vector<Standing> standings;
  for (const Slot& slot : slots_)
    standings.push_back(slot.told.value_or(Standing{slot.kind, std::nullopt, "there is none yet"}));
  return standings;
}

}  // namespace countersign::ehi
