#include "gateway/observe/counts.h"

#include "gateway/observe/histogram.h"

namespace countersign::gateway {

PartnerCounts::Of& PartnerCounts::of(const std::string& organisation) {
  const auto known = by_organisation_.find(organisation);
  if (known != by_organisation_.end()) return known->second;
  // No slug holds a '(': no partner can be called so.
  return by_organisation_[by_organisation_.size() < kPartners ? organisation : "(other)"];
}

void PartnerCounts::accepted(const std::string& organisation) {
  const std::lock_guard lock(mutex_);
  ++of(organisation).accepted;
}

void PartnerCounts::refused(const std::string& organisation, trust::Reason reason) {
  const std::lock_guard lock(mutex_);
  ++of(organisation).refused[reason];
}

std::string PartnerCounts::to_text() const {
  const std::lock_guard lock(mutex_);
  std::string text = kMetrics.heading("partner_handshakes_total", "counter",
                                      "Handshakes of partners that an issuing CA of ours vouches for, by outcome.");
  for (const auto& [organisation, counts] : by_organisation_) {
    const std::string who = base::metric_label("organisation", organisation) + ",";
    text += kMetrics.line("partner_handshakes_total", who + base::metric_label("outcome", "accepted"), counts.accepted);
    for (const auto& [reason, count] : counts.refused)
      text +=
          kMetrics.line("partner_handshakes_total", who + base::metric_label("outcome", trust::name(reason)), count);
  }
  return text;
}

}  // namespace countersign::gateway
