#include "gateway/reload_report.h"

#include "gateway/observe/histogram.h"

namespace countersign::gateway {

void ReloadReport::note_taken(std::uint64_t generation, base::Instant at) {
  generation_ = generation;
  ++taken_;
  last_ = at;
  error_.reset();
}

void ReloadReport::note_kept(const base::Error& error, base::Instant at) {
  ++kept_;
  last_ = at;
  error_ = error.code;
}

std::string ReloadReport::trouble() const {
  if (!error_) return "";
  return "the configuration could not be taken over at " + base::to_rfc3339(last_) + " (" + *error_ +
         ", see the log); generation " + std::to_string(generation_) + " is in force\n";
}

std::string ReloadReport::metrics() const {
  std::string text = kMetrics.heading("config_generation", "gauge", "Configurations taken over since the start.") +
                     kMetrics.line("config_generation", "", generation_);
  text += kMetrics.heading("config_reloads_total", "counter", "Readings of the configuration, by what became of them.");
  text += kMetrics.line("config_reloads_total", base::metric_label("outcome", "taken"), taken_);
  text += kMetrics.line("config_reloads_total", base::metric_label("outcome", "kept"), kept_);
  text +=
      kMetrics.heading("config_last_reload_ok", "gauge", "1: the newest reading was taken over; 0: it could not be.") +
      kMetrics.line("config_last_reload_ok", "", std::uint64_t{error_ ? 0U : 1U});
  return text +
         kMetrics.heading("config_last_reload_timestamp_seconds", "gauge", "When the configuration was last read.") +
         kMetrics.line("config_last_reload_timestamp_seconds", "", static_cast<std::uint64_t>(last_.unix_seconds()));
}

}  // namespace countersign::gateway
