#include "ehi/own_certificates.h"

#include <algorithm>

#include "base/check.h"

namespace countersign::ehi {
namespace {

/// Is a certificate of ours of no use for this, any more or at all, or is it only that we cannot say?
bool is_an_end(trust::Reason reason) {
  using enum trust::Reason;
  return reason == expired || reason == revoked || reason == suspended || reason == issuer_withdrawn ||
         reason == wrong_purpose || reason == wrong_environment;
}

std::optional<crypto::Digest256> fingerprint_of(const std::shared_ptr<const tls::Credential>& own) {
  return own ? std::optional(own->chain.front().fingerprint()) : std::nullopt;
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

std::string OwnCertificates::why_not(const Kind& kind, Candidate& candidate) const {
  const auto refusal = judge(kind, candidate);
  return refusal ? std::string(trust::name(refusal->reason)) + ": " + refusal->detail : "";
}

/// Why it cannot be; empty: it is. Not tried a second time before it was replaced.
std::string OwnCertificates::use(Slot& slot, Rank rank, const std::string& why_not_first) const {
  Candidate& candidate = slot.candidates[static_cast<std::size_t>(rank)];
  if (fingerprint_of(candidate.own) == fingerprint_of(slot.used.own) || !candidate.unfit.empty())
    return candidate.unfit;
  if (auto used = slot.use(candidate.own, why_not_first); !used) {
    candidate.unfit = "unfit: " + base::to_string(used.error());
    log_.error("ehi.own_certificate_unfit", {{"environment", base::name(slot.kind.environment)},
                                             {"purpose", trust::name(slot.kind.purpose)},
                                             {"which", name(rank)},
                                             {"error", base::to_string(used.error())}});
    return candidate.unfit;
  }
  slot.used = {.own = candidate.own};
  return "";
}

/// Did others come in the place of the one used?
bool OwnCertificates::is_replaced(const Slot& slot) {
  const auto used = fingerprint_of(slot.used.own);
  return used &&
         std::ranges::none_of(slot.candidates, [&](const Candidate& one) { return fingerprint_of(one.own) == used; });
}

/// Where what came in the place of the one used cannot be used, that one goes on while it is good.
OwnCertificates::Standing OwnCertificates::choose(Slot& slot) const {
  Standing now{slot.kind, std::nullopt};
  for (const Rank rank : {Rank::first, Rank::standby}) {
    Candidate& candidate = slot.candidates[static_cast<std::size_t>(rank)];
    if (candidate.own == nullptr) continue;
    std::string why = why_not(slot.kind, candidate);
    if (why.empty()) why = use(slot, rank, now.why_not);
    if (why.empty()) {
      now.used = rank;
      return now;
    }
    if (rank == Rank::standby) continue;
    if (is_replaced(slot) && why_not(slot.kind, slot.used).empty()) return {slot.kind, rank};
    now.why_not = std::move(why);
  }
  return now;
}

void OwnCertificates::look(Slot& slot) {
  const auto before = fingerprint_of(slot.used.own);
  const Standing now = choose(slot);
  if (!now.used) slot.used = {};
  const bool is_news = !slot.told || slot.told->why_not != now.why_not || fingerprint_of(slot.used.own) != before;
  if (!is_news) return;
  slot.told = now;
  if (!now.used) (void)slot.use(nullptr, now.why_not);
  const base::Fields fields{{"environment", base::name(slot.kind.environment)},
                            {"purpose", trust::name(slot.kind.purpose)},
                            {"used", now.used ? name(*now.used) : "none"},
                            {"why", now.why_not}};
  if (!now.why_not.empty()) log_.error("ehi.own_certificate_not_used", fields);
  else if (now.used) log_.info("ehi.own_certificate_used", fields);
}

std::vector<OwnCertificates::Standing> OwnCertificates::standings() const {
  std::vector<Standing> standings;
  for (const Slot& slot : slots_)
    standings.push_back(slot.told.value_or(Standing{slot.kind, std::nullopt, "there is none yet"}));
  return standings;
}

}  // namespace countersign::ehi
