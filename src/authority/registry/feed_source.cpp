#include "authority/registry/feed_source.h"

#include "authority/registry/directory.h"
#include "authority/registry/rows.h"
#include "authority/registry/token_facts.h"
#include "store/feed.h"
#include "store/living.h"

namespace countersign::authority {
namespace {

constexpr int kBatch = 10'000;

base::Result<void> add_suspensions(store::Transaction& rows, std::vector<feed::Fact>& facts) {
  BASE_TRY(const auto organisations, store::list_organisations(rows));
  for (const store::OrganisationRow& row : organisations) {
    if (!row.suspended) continue;
    BASE_TRY(const auto id, base::Slug::parse(row.id));
    for (const trust::SuspensionFact& fact : suspension_facts(id, true))
      facts.emplace_back(fact);
  }
  BASE_TRY(const auto applications, store::list_applications(rows, {}));
  for (const store::ApplicationRow& row : applications) {
    if (!row.suspended) continue;
    BASE_TRY(const auto identity, to_identity(row.key));
    facts.emplace_back(trust::SuspensionFact{identity.environment, identity.organisation, identity.application, true});
  }
  return {};
}

base::Result<trust::CertificateFact> to_fact(const store::LivingRow& row) {
  store::CertificateRow what_counts;
  what_counts.fingerprint = row.fingerprint;
  what_counts.key = row.key;
  what_counts.purpose = row.purpose;
  what_counts.not_after = row.not_after;
  what_counts.revoked_for = row.revoked_for;
  return authority::to_fact(what_counts);
}

base::Result<feed::SigningCertificate> to_fact(const store::LivingCertificateRow& row) {
  BASE_TRY(auto identity, to_identity(row.key));
  auto der = base::from_base64(row.der);
  if (!der) return base::fail(base::Kind::corrupt, "registry.corrupt", "a certificate is not base64");
  return feed::SigningCertificate{std::move(identity), std::move(*der)};
}

/// Those who check messages need the certificates themselves, which the authority's own view does not.
base::Result<void> add_signing_certificates(Ledger& ledger, store::Transaction& rows, std::vector<feed::Fact>& facts) {
  base::Result<void> sound;
  const std::string purpose(trust::name(trust::Purpose::signing));
  BASE_TRY_VOID(store::visit_living_certificates(rows, purpose, ledger.now(), [&](const auto& row) {
    auto fact = to_fact(row);
    if (fact) facts.emplace_back(std::move(*fact));
    else if (sound) sound = base::unexpected(std::move(fact).error());
  }));
  return sound;
}

base::Result<feed::Change> to_change(const store::FeedChangeRow& row) {
  BASE_TRY(const auto json, base::parse_json(row.fact));
  BASE_TRY(auto fact, feed::fact_from_json(json));
  return feed::Change{static_cast<std::uint64_t>(row.sequence), std::move(fact)};
}

}  // namespace

base::Result<feed::Snapshot> take_snapshot(Ledger& ledger) {
  BASE_TRY(auto rows, ledger.read());
  BASE_TRY(const std::int64_t sequence, store::last_feed_sequence(rows));
  // Out of the same reading: another authority may have withdrawn a CA just now.
  BASE_TRY(const auto hierarchy, Hierarchy::load(rows));
  feed::Snapshot snapshot{static_cast<std::uint64_t>(sequence), hierarchy.to_facts()};
  base::Result<void> sound;
  BASE_TRY_VOID(store::visit_living(rows, ledger.now(), [&](const store::LivingRow& row) {
    auto fact = to_fact(row);
    if (fact) snapshot.facts.emplace_back(std::move(*fact));
    else if (sound) sound = base::unexpected(std::move(fact).error());
  }));
  BASE_TRY_VOID(std::move(sound));
  BASE_TRY_VOID(add_suspensions(rows, snapshot.facts));
  BASE_TRY_VOID(add_token_facts(rows, ledger.now(), snapshot.facts));
  return snapshot;
}

base::Result<feed::Snapshot> take_snapshot_for_followers(Ledger& ledger) {
  {
    BASE_TRY(auto rows, ledger.read());
    BASE_TRY_VOID(refuse_older(rows, ledger));
  }
  BASE_TRY(auto snapshot, take_snapshot(ledger));
  // In a reading of its own: one that was issued in between is told again by a change, which does no harm.
  BASE_TRY(auto rows, ledger.read());
  BASE_TRY_VOID(add_signing_certificates(ledger, rows, snapshot.facts));
  return snapshot;
}

base::Result<void> refuse_older(store::Transaction& rows, const Ledger& ledger) {
  const auto whole = hold_against_outside(rows, ledger.seal());
  if (whole || whole.error().code != "audit.broken") return whole;
  return base::fail(base::Kind::unavailable, "registry.older",
                    "the registry is older than what is known here: what is known goes on to hold until an operator "
                    "acknowledges the audit log");
}

base::Result<FeedChanges> read_changes(Ledger& ledger, std::uint64_t after) {
  BASE_TRY(auto rows, ledger.read());
  BASE_TRY(const std::int64_t last, store::last_feed_sequence(rows));
  BASE_TRY(const auto oldest, store::oldest_feed_sequence(rows));
  FeedChanges result{static_cast<std::uint64_t>(last), {}};
  const bool too_old = after<result.sequence&& static_cast<std::uint64_t>(oldest.value_or(last + 1))> after + 1;
  if (after > result.sequence || too_old)
    return base::fail(base::Kind::not_found, "feed.gone",
                      "the changes after " + std::to_string(after) + " are not kept here: take a snapshot");
  BASE_TRY(const auto found, store::list_feed_changes(rows, static_cast<std::int64_t>(after), kBatch));
  for (const store::FeedChangeRow& row : found) {
    BASE_TRY(auto change, to_change(row));
    result.changes.push_back(std::move(change));
  }
  return result;
}

base::Result<void> fill_view(trust::RegistryView& view, Ledger& ledger) {
  BASE_TRY(const auto snapshot, take_snapshot(ledger));
  std::vector<trust::CertificateFact> certificates;
  std::vector<trust::SuspensionFact> suspensions;
  std::vector<trust::WithdrawnCa> withdrawn;
  for (const feed::Fact& fact : snapshot.facts) {
    if (const auto* ca = std::get_if<trust::WithdrawnCa>(&fact)) withdrawn.push_back(*ca);
    if (const auto* certificate = std::get_if<trust::CertificateFact>(&fact)) certificates.push_back(*certificate);
    if (const auto* suspension = std::get_if<trust::SuspensionFact>(&fact)) suspensions.push_back(*suspension);
  }
  view.replace(certificates, suspensions, withdrawn);
  ledger.has_applied(static_cast<std::int64_t>(snapshot.sequence));
  return {};
}

}  // namespace countersign::authority
