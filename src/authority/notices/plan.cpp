#include "authority/notices/plan.h"

#include <algorithm>

#include "authority/registry/rows.h"

namespace countersign::authority {
namespace {

/// Do we see in handshakes with us whether such a certificate is used, when it begins to be?
bool is_use_seen(const std::string& purpose) {
  return purpose == trust::name(trust::Purpose::transport) || purpose == trust::name(trust::Purpose::service);
}

/// The authority itself makes such anew every few hours or days; what lives longer comes from a ceremony.
constexpr base::Duration kShortLife = std::chrono::hours(24 * 4);

Expiring ending_of(const x509::Certificate& certificate, std::string name) {
  return {certificate.serial().hex(), std::move(name),         "CA", std::nullopt,
          certificate.not_before(),   certificate.not_after(), true};
}

/// One that issues no more outlives what it issued: its end concerns nobody. One that shall issue one day does.
bool is_end_noticed(CaState state) { return state == CaState::active || state == CaState::distributed; }

std::string plural(std::int64_t count, const char* unit) {
  return std::to_string(count) + " " + unit + (count == 1 ? "" : "s");
}

}  // namespace

Expiring to_ending(const store::EndingRow& row) {
  const bool succeeded = is_use_seen(row.purpose) ? row.successor_seen : row.newer_there;
  return {row.serial,
          "urn:countersign:" + row.key.environment + ":" + row.key.organisation + ":" + row.key.application,
          row.purpose,
          row.key,
          row.issued_at,
          row.not_after,
          !row.revoked && !row.suspended && !succeeded};
}

std::vector<Expiring> endings_of(const Hierarchy& hierarchy) {
  std::vector<Expiring> endings;
  for (const RootCa& root : hierarchy.roots()) {
    if (!root.is_trusted) continue;
    endings.push_back(ending_of(root.certificate, root.name + " root"));
    for (const x509::Certificate& cross : root.crosses)
      endings.push_back(ending_of(cross, "cross certificate of the " + root.name + " root"));
  }
  for (const IssuingCa& ca : hierarchy.issuing_cas())
    if (is_end_noticed(ca.state)) endings.push_back(ending_of(ca.certificate, "issuing CA " + ca.name));
  return endings;
}

Expiring to_ending(const OwnMaterial& material) {
  Expiring ending{material.id,  material.issuer,  std::string(name(material.kind)),
                  std::nullopt, material.made_at, material.good_until,
                  true};
  const base::Duration life = material.good_until - material.made_at;
  if (life <= kShortLife) ending.thresholds = {-std::chrono::duration_cast<std::chrono::seconds>(life / 4).count(), 0};
  return ending;
}

std::optional<Threshold> newest_threshold(const Expiring& ending, const std::vector<Threshold>& thresholds,
                                          base::Instant now) {
  std::optional<Threshold> newest;
  for (const Threshold threshold : ending.thresholds.empty() ? thresholds : ending.thresholds) {
    const base::Instant due = ending.ends + std::chrono::seconds(threshold);
    if (due > ending.begins && due <= now && (!newest || threshold > *newest)) newest = threshold;
  }
  return newest;
}

std::vector<Notice> plan_notices(const std::vector<Expiring>& endings, const Noted& noted,
                                 const std::vector<Threshold>& thresholds, base::Instant now) {
  std::vector<Notice> notices;
  for (const Expiring& ending : endings) {
    if (!ending.needed) continue;
    const auto threshold = newest_threshold(ending, thresholds, now);
    if (!threshold) continue;
    const auto said = noted.find(ending.serial);
    if (said != noted.end() && said->second.contains(*threshold)) continue;
    notices.push_back({ending, *threshold});
  }
  return notices;
}

std::string to_words(base::Duration until) {
  const bool past = until <= base::Duration::zero();
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(past ? -until : until).count();
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  std::string words;
  if (seconds >= kDay) words = plural((seconds + kHour) / kDay, "day");  // a run that is a little late says 30, not 29
  else if (seconds >= kHour) words = plural(seconds / kHour, "hour");
  else if (seconds >= kMinute) words = plural(seconds / kMinute, "minute");
  else words = past ? "a moment" : "less than a minute";
  return past ? words + " ago" : "in " + words;
}

}  // namespace countersign::authority
