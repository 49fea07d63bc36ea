// What becomes of a CA that has its certificate: distribute, activate, retire, withdraw; and what operators see.
#include <algorithm>

#include "authority/registry/operators.h"
#include "authority/registry/own_identities.h"
#include "authority/registry/rows.h"
#include "authority/rotation/rotation.h"
#include "authority/rotation/rows.h"
#include "base/json_array.h"
#include "store/ca_announcements.h"
#include "store/instances.h"
#include "store/notices.h"
#include "store/statuses.h"

namespace countersign::authority {
namespace {

using base::Kind;
using store::IssuingCaRow;

base::Result<IssuingCaRow> find_ca(store::Transaction& rows, const std::string& name) {
  BASE_TRY(auto cas, store::list_issuing_cas(rows));
  const auto found = std::ranges::find(cas, name, &IssuingCaRow::name);
  if (found != cas.end()) return std::move(*found);
  BASE_TRY(const auto prospects, store::list_prospective_cas(rows));
  const auto prospect = std::ranges::find(prospects, name, &store::ProspectiveCaRow::name);
  if (prospect == prospects.end()) return unknown_ca(name);
  return wrong_state(name, prospect->state, "it has no certificate yet");
}

base::Result<trust::IssuingCa> to_trust(const IssuingCaRow& row) {
  BASE_TRY(auto certificate, to_certificate(row.der));
  const auto environment = base::parse_environment(row.environment);
  if (!environment) return base::unexpected(environment.error());
  trust::IssuingCa ca{std::move(certificate), *environment, {}};
  for (const std::string& text : row.purposes) {
    BASE_TRY(const trust::Purpose purpose, to_purpose(text));
    ca.purposes.insert(purpose);
  }
  return ca;
}

struct Change {
  const IssuingCaRow& row;
  CaState to;
  const char* action;
  base::json::object detail = {};
};

/// One row, its audit record; the fact is the caller's.
base::Result<void> change(Amendment& amendment, const Actor& actor, base::Instant now, Change what) {
  BASE_TRY_VOID(store::set_issuing_ca_state(amendment.rows(), what.row.name, std::string(name(what.to)), now));
  what.detail["line"] = what.row.line;
  return amendment.audit({actor, what.action, what.row.name, std::move(what.detail)});
}

std::string list_of(const std::vector<FollowerStanding>& lacking) {
  std::string list;
  for (const FollowerStanding& one : lacking)
    list += (list.empty() ? "" : ", ") + one.row.serial + " (" + one.row.caller + ", seen " +
            base::to_rfc3339(one.row.seen_at) + ")";
  return list;
}

/// Whoever would refuse what the new CA issues must be named by the operator, and a reason given.
base::Result<void> check_followers(const std::vector<FollowerStanding>& standings, const ActivationOverride& given) {
  std::vector<FollowerStanding> lacking;
  bool held = false;
  for (const FollowerStanding& one : standings) {
    held = held || (one.concerned && one.holds);
    const bool left_behind = std::ranges::find(given.without, one.row.serial) != given.without.end();
    if (one.concerned && !one.holds && (!left_behind || given.reason.empty())) lacking.push_back(one);
  }
  if (!lacking.empty())
    return base::fail(Kind::conflict, "ca.not_held",
                      "these do not believe it yet, and would refuse what it issues: " + list_of(lacking) +
                          ". Wait for them; or name each in 'without', with a reason");
  if (held || !given.reason.empty()) return {};
  return base::fail(Kind::conflict, "ca.nobody_seen",
                    "no gateway was seen to believe it within a day: start one, or give a reason why none is needed");
}

constexpr std::size_t kReasonLimit = 500;
/// Certificates that are revoked in one amendment, which holds the registry meanwhile; and such amendments in one call.
constexpr int kWithdrawalBatch = 5'000;
constexpr int kWithdrawalBatches = 10;

base::Result<void> check_reason_text(const std::string& reason) {
  if (!reason.empty() && reason.size() <= kReasonLimit) return {};
  return base::fail(Kind::invalid, "ca.no_reason", "say why, in 1 to 500 bytes: the audit log keeps it");
}

}  // namespace

/// Each authority of a fleet signs for itself: one without the key could neither issue nor publish CRLs.
base::Result<void> Rotation::check_keys_of_fleet(store::Transaction& rows, const std::string& name) {
  std::string lacking;
  if (!parts_.signer.has_key_of(name)) lacking = "this one";
  if (parts_.ledger.is_shared()) {
    BASE_TRY(const auto instances, store::list_instances(rows));
    for (const store::InstanceRow& row : instances)
      if (row.id != parts_.ledger.instance() && std::ranges::find(row.ca_keys, name) == row.ca_keys.end())
        lacking += (lacking.empty() ? "" : ", ") + row.label;
  }
  if (lacking.empty()) return {};
  return base::fail(Kind::conflict, "ca.key_missing",
                    "these authorities lack the key of '" + name + "': " + lacking +
                        ". In a token that they share they find it within seconds; else copy keys/" + name +
                        ".pem from the one that made it, which is noticed as soon");
}

/// In the amendment that takes a CA away: would we still be believed, and could anybody still administrate?
base::Result<void> Rotation::keep_ourselves(store::Transaction& rows, const std::string& name) {
  const base::Instant now = parts_.ledger.now();
  BASE_TRY(const std::size_t operators, count_usable_operators(rows, now));
  if (operators == 0)
    return base::fail(Kind::conflict, "operator.last",
                      "nobody could administrate any more: activate the next CA of this line, and have an operator "
                      "renew or enrol with it first");
  store::CertificateFilter filter;
  const store::ApplicationKey own = to_key(authority_identity());
  filter.of = {own.environment, own.organisation, own.application};
  filter.purpose = trust::name(trust::Purpose::server);
  filter.status = store::CertificateStatus::valid;
  filter.now = now;
  filter.limit = 1;
  BASE_TRY(const auto newest, store::list_certificates(rows, filter));
  if (!newest.empty() && newest.front().issuer != name) return {};
  return base::fail(Kind::conflict, "ca.serves_us",
                    "the authority's own server certificate is of '" + name +
                        "', and nobody would talk to it: activate the next CA of this line first; the authority then "
                        "renews its own at once");
}

base::Result<void> Rotation::set_day(Amendment& amendment, const IssuingCaRow& row, base::Instant use_from) {
  BASE_TRY(const auto certificate, to_certificate(row.der));
  const bool is_within = use_from >= certificate.not_before() && use_from < certificate.not_after();
  if (use_from <= parts_.ledger.now() || !is_within)
    return base::fail(Kind::invalid, "ca.use_from",
                      "the day from which it may be used is to come, and lies within the life of its certificate: " +
                          base::to_rfc3339(certificate.not_before()) + " to " +
                          base::to_rfc3339(certificate.not_after()));
  return store::set_issuing_ca_use_from(amendment.rows(), row.name, use_from);
}

/// Whoever was told of the day before is told again, and what was not sent of it is not sent any more.
base::Result<void> Rotation::move_day(Amendment& amendment, const Actor& actor, const IssuingCaRow& row,
                                      base::Instant use_from) {
  if (row.state != name(CaState::distributed))
    return wrong_state(row.name, row.state, "it is in use already: there is no day to announce");
  BASE_TRY_VOID(set_day(amendment, row, use_from));
  BASE_TRY_VOID(store::forget_announcements(amendment.rows(), row.name));
  BASE_TRY_VOID(store::drop_announcing_letters(amendment.rows(), row.name, parts_.ledger.now()));
  base::json::object detail{{"line", row.line}, {"use_from", base::to_rfc3339(use_from)}};
  if (row.use_from) detail["before"] = base::to_rfc3339(*row.use_from);
  BASE_TRY_VOID(amendment.audit({actor, "issuing_ca.day_moved", row.name, std::move(detail)}));
  return commit(amendment);
}

base::Result<void> Rotation::distribute(const Actor& actor, const std::string& name,
                                        std::optional<base::Instant> use_from) {
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY(const IssuingCaRow row, find_ca(amendment.rows(), name));
  BASE_TRY(const CaState state, parse_ca_state(row.state));
  if (is_trusted(state)) {
    if (!use_from || use_from == row.use_from) return {};
    return move_day(amendment, actor, row, *use_from);
  }
  if (state != CaState::prepared) return wrong_state(name, row.state, "what is over is never believed again");
  if (!parts_.signer.has_key_of(name))
    return base::fail(Kind::conflict, "ca.key_missing",
                      "this authority lacks the key of '" + name + "': it could not publish its CRLs");
  BASE_TRY(auto fact, to_trust(row));
  Change distribution{row, CaState::distributed, "issuing_ca.distributed"};
  if (use_from) {
    BASE_TRY_VOID(set_day(amendment, row, *use_from));
    distribution.detail["use_from"] = base::to_rfc3339(*use_from);
  }
  BASE_TRY_VOID(change(amendment, actor, parts_.ledger.now(), std::move(distribution)));
  amendment.publish(std::move(fact));
  BASE_TRY_VOID(commit(amendment));
  return reached(Step::after_ca_change);
}

base::Result<void> Rotation::activate(const Actor& actor, const std::string& name,
                                      const ActivationOverride& override_) {
  const base::Instant now = parts_.ledger.now();
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY(const IssuingCaRow row, find_ca(amendment.rows(), name));
  BASE_TRY(const CaState state, parse_ca_state(row.state));
  if (state == CaState::active) return {};
  if (!is_trusted(state)) return wrong_state(name, row.state, "only one that was distributed can issue");
  if (!override_.without.empty() || !override_.reason.empty()) BASE_TRY_VOID(check_reason_text(override_.reason));
  if (row.use_from && now < *row.use_from && override_.reason.empty())
    return base::fail(Kind::conflict, "ca.announced",
                      "partners were told that '" + name + "' is not used before " + base::to_rfc3339(*row.use_from) +
                          ": wait for that day, or give a reason");
  BASE_TRY_VOID(check_keys_of_fleet(amendment.rows(), name));
  BASE_TRY(const auto standings, list_standings(amendment.rows(), name, now));
  BASE_TRY_VOID(check_followers(standings, override_));
  BASE_TRY(auto fact, to_trust(row));
  if (now < fact.certificate.not_before() || now >= fact.certificate.not_after())
    return wrong_state(name, row.state, "its certificate is not valid now");
  BASE_TRY(const auto cas, store::list_issuing_cas(amendment.rows()));
  for (const IssuingCaRow& other : cas)
    if (other.line == row.line && other.state == authority::name(CaState::active))
      BASE_TRY_VOID(change(amendment, actor, now, {other, CaState::superseded, "issuing_ca.superseded"}));
  Change activation{row, CaState::active, "issuing_ca.activated"};
  if (!override_.reason.empty()) {
    activation.detail["override"] = override_.reason;
    activation.detail["without"] = base::to_json_array(override_.without);
  }
  BASE_TRY_VOID(change(amendment, actor, now, std::move(activation)));
  // Followers know it; the other authorities hear that the one who issues is another.
  amendment.publish(std::move(fact));
  BASE_TRY_VOID(commit(amendment));
  return reached(Step::after_ca_change);
}

base::Result<void> Rotation::retire(const Actor& actor, const std::string& name, const RetirementOrder& order) {
  const base::Instant now = parts_.ledger.now();
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY(const IssuingCaRow row, find_ca(amendment.rows(), name));
  BASE_TRY(const CaState state, parse_ca_state(row.state));
  if (is_over(state)) return {};
  if (state == CaState::active)
    return base::fail(Kind::conflict, "ca.active",
                      "'" + name + "' is the one that issues: activate its successor first");
  if (state == CaState::prepared) return wrong_state(name, row.state, "nobody was told of it: cancel it");
  BASE_TRY(const auto issued, store::count_issued(amendment.rows(), name, now));
  if (issued.living != order.remaining)
    return base::fail(Kind::conflict, "ca.in_use",
                      std::to_string(issued.living) + " certificates of '" + name +
                          "' are neither ended nor revoked, and would be refused from now on. Wait until they were "
                          "renewed and ended; or say 'remaining': " +
                          std::to_string(issued.living));
  Change what{row, CaState::retired, "issuing_ca.retired", {{"remaining", issued.living}}};
  BASE_TRY_VOID(change(amendment, actor, now, std::move(what)));
  BASE_TRY_VOID(keep_ourselves(amendment.rows(), name));
  BASE_TRY(auto certificate, to_certificate(row.der));
  amendment.publish(trust::WithdrawnCa{std::move(certificate), trust::WithdrawalCause::retired});
  BASE_TRY_VOID(commit(amendment));
  return reached(Step::after_ca_change);
}

/// What refuses everything under the CA is one row and one fact, however many certificates it has; that each of them is
/// revoked, for CRLs and OCSP, follows in batches, and asking again goes on with what is left.
base::Result<std::int64_t> Rotation::withdraw(const Actor& actor, const std::string& name, const std::string& reason) {
  BASE_TRY_VOID(check_reason_text(reason));
  const base::Instant now = parts_.ledger.now();
  std::optional<x509::Certificate> certificate;
  {
    BASE_TRY(auto amendment, parts_.ledger.amend());
    BASE_TRY(const IssuingCaRow row, find_ca(amendment.rows(), name));
    BASE_TRY(certificate, to_certificate(row.der));
    if (row.state != authority::name(CaState::withdrawn)) {
      Change what{row, CaState::withdrawn, "issuing_ca.withdrawn", {{"reason", reason}}};
      BASE_TRY_VOID(change(amendment, actor, now, std::move(what)));
      BASE_TRY_VOID(keep_ourselves(amendment.rows(), name));
      amendment.publish(trust::WithdrawnCa{*certificate, trust::WithdrawalCause::compromised});
      BASE_TRY_VOID(commit(amendment));
    }
  }
  BASE_TRY_VOID(reached(Step::after_ca_change));
  std::int64_t revoked = 0;
  for (int batch = 0; batch < kWithdrawalBatches; ++batch) {
    BASE_TRY(auto amendment, parts_.ledger.amend());
    BASE_TRY(const std::int64_t some,
             store::end_some_of(amendment.rows(), {name, "ca_compromise", now, kWithdrawalBatch}));
    if (some == 0) break;
    BASE_TRY_VOID(amendment.audit({actor, "issuing_ca.certificates_revoked", name, {{"certificates", some}}}));
    // Told once more: whoever publishes the status reads it anew.
    amendment.publish(trust::WithdrawnCa{*certificate, trust::WithdrawalCause::compromised});
    BASE_TRY_VOID(commit(amendment));
    revoked += some;
  }
  return revoked;
}

base::Result<std::vector<CaOverview>> Rotation::list() {
  const base::Instant now = parts_.ledger.now();
  BASE_TRY(auto rows, parts_.ledger.read());
  BASE_TRY(auto cas, store::list_issuing_cas(rows));
  BASE_TRY(auto prospects, store::list_prospective_cas(rows));
  std::vector<CaOverview> overviews;
  for (IssuingCaRow& row : cas) {
    BASE_TRY(const auto issued, store::count_issued(rows, row.name, now));
    CaOverview overview{std::nullopt, std::nullopt, issued.living, parts_.signer.has_key_of(row.name)};
    overview.row = std::move(row);
    overviews.push_back(std::move(overview));
  }
  for (store::ProspectiveCaRow& row : prospects) {
    const auto same = [&](const CaOverview& known) { return known.row && known.row->name == row.name; };
    auto found = std::ranges::find_if(overviews, same);
    if (found == overviews.end()) found = overviews.insert(found, CaOverview{});
    found->prospect = std::move(row);
  }
  return overviews;
}

base::Result<CaOverview> Rotation::show(const std::string& name) {
  BASE_TRY(auto overviews, list());
  for (CaOverview& overview : overviews) {
    const bool named =
        (overview.row && overview.row->name == name) || (overview.prospect && overview.prospect->name == name);
    if (!named) continue;
    if (!overview.row) return std::move(overview);
    BASE_TRY(auto rows, parts_.ledger.read());
    BASE_TRY(overview.followers, list_standings(rows, name, parts_.ledger.now()));
    return std::move(overview);
  }
  return unknown_ca(name);
}

}  // namespace countersign::authority
