#include "ehi/metrics.h"

#include "base/metric_text.h"

namespace countersign::ehi {
namespace {

constexpr base::MetricText kMetrics{"countersign_ehi_"};

using base::metric_label;

std::string with(const std::string& labels, std::string_view key, std::string_view value) {
  return labels + "," + metric_label(key, value);
}

std::string calls_of(const Lane& lane, const std::string& labels) {
  const Lane::Counts& counts = lane.counts;
  std::string text;
  for (const auto& [by, count] : {std::pair<const char*, std::uint64_t>{"partner", counts.answered},
                                  {"decline", counts.declined},
                                  {"stand_in", counts.stood_in},
                                  {"advice_only", counts.undecided},
                                  {"nobody", counts.unrecorded}})
    text += kMetrics.line("decisions_total", with(labels, "decided_by", by), count);
  text += kMetrics.line("late_answers_total", labels, counts.late);
  for (const auto& [use, trouble] :
       {std::pair<const char*, const Trouble*>{"decisions", &lane.trouble}, {"advices", &lane.delivery.trouble()}})
    for (const auto& [what, count] : trouble->refusals()) {
      const std::string said = with(with(with(labels, "use", use), "code", what.first), "reason", what.second);
      text += kMetrics.line("server_refusals_total", said, count);
    }
  text += kMetrics.line("advices_accepted_total", labels, counts.advices);
  return text;
}

std::string channel_text(Channel& channel, const std::string& labels, const char* use) {
  const std::string used = with(labels, "use", use);
  std::string text;
  text += kMetrics.line("site_up", with(used, "site", "primary"), std::uint64_t{channel.is_closed(Site::primary)});
  if (channel.has_recovery())
    text += kMetrics.line("site_up", with(used, "site", "recovery"), std::uint64_t{channel.is_closed(Site::recovery)});
  text += kMetrics.line("unreachable_total", used, channel.counts().unreachable);
  text += kMetrics.line("turned_away_total", used, channel.counts().turned_away);
  text += kMetrics.line("recovery_answers_total", used, channel.counts().failed_over);
  text += kMetrics.line("under_way", used, channel.under_way());
  return text + channel.latency().to_text("call_seconds", used, std::chrono::steady_clock::now());
}

std::string lane_text(Lane& lane) {
  const std::string labels = metric_label("endpoint", lane.endpoint.name.text());
  std::string text = calls_of(lane, labels);
  text += channel_text(lane.decisions, labels, "decisions");
  text += channel_text(lane.advices, labels, "advices");
  if (lane.cutoffs) text += channel_text(*lane.cutoffs, labels, "cutoffs");
  text +=
      kMetrics.line("advice_attempts_total", with(labels, "outcome", "delivered"), lane.delivery.counts().delivered);
  return text +
         kMetrics.line("advice_attempts_total", with(labels, "outcome", "failed"), lane.delivery.counts().failed);
}

}  // namespace

std::string to_metrics(const Lanes& lanes, const std::map<std::string, outbox::Outbox::Count>& outbox) {
  std::string text;
  Lane::Counts sum;
  for (const auto& lane : lanes) {
    sum.answered += lane->counts.answered;
    sum.failed += lane->counts.failed;
    sum.refused += lane->counts.refused;
    text += lane_text(*lane);
  }
  for (const auto& [endpoint, count] : outbox) {
    const std::string labels = metric_label("endpoint", endpoint);
    text += kMetrics.line("outbox_messages", with(labels, "state", "waiting"), count.waiting);
    text += kMetrics.line("outbox_messages", with(labels, "state", "dead"), count.dead);
  }
  text += kMetrics.line("calls_total", metric_label("outcome", "answered"), sum.answered);
  text += kMetrics.line("calls_total", metric_label("outcome", "failed"), sum.failed);
  return text + kMetrics.line("partner_certificates_refused_total", "", sum.refused);
}

std::string to_metrics(const std::vector<OwnCertificates::Standing>& own) {
  std::string text;
  for (const OwnCertificates::Standing& one : own) {
    const std::string labels =
        with(metric_label("environment", base::name(one.kind.environment)), "purpose", trust::name(one.kind.purpose));
    for (const auto rank : {OwnCertificates::Rank::first, OwnCertificates::Rank::standby})
      text += kMetrics.line("own_certificate_used", with(labels, "which", name(rank)), std::uint64_t{one.used == rank});
  }
  return text;
}

}  // namespace countersign::ehi
