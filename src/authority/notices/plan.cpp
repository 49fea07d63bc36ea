#include "authority/notices/plan.h"

#include <algorithm>

#include "authority/registry/rows.h"

namespace countersign::authority {
namespace {

/// Do we see in handshakes with us whether such a certificate is used, when it begins to be?
bool is_use_seen(const std::string& purpose) {
  return purpose == trust::name(trust::Purpose::transport) || purpose == trust::name(trust::Purpose::service);
}

Expiring ending_of(const x509::Certificate& certificate, std::string name) {
  return {certificate.serial().hex(), std::move(name),         "CA", std::nullopt,
          certificate.not_before(),   certificate.not_after(), true};
}

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
  for (const auto& [root, name] :
       {std::pair{Root::partner, "partner root"}, std::pair{Root::provider, "provider root"}})
    endings.push_back(ending_of(hierarchy.root(root), name));
  for (const IssuingCa& ca : hierarchy.issuing_cas())
    endings.push_back(ending_of(ca.certificate, "issuing CA " + ca.name));
  return endings;
}

std::optional<Threshold> newest_threshold(const Expiring& ending, const std::vector<Threshold>& thresholds,
                                          base::Instant now) {
  std::optional<Threshold> newest;
  for (const Threshold threshold : thresholds) {
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
