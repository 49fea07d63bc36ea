#include "gateway/listener_counts.h"

namespace countersign::gateway {
namespace {

constexpr std::string_view kName = "listener_handshakes_total";

}  // namespace

void ListenerCounts::accepted() {
  add(accepted_);
  all_.accepted();
}
void ListenerCounts::resumed() {
  add(resumed_);
  all_.resumed();
}
void ListenerCounts::refused(trust::Reason reason) {
  add(refused_);
  all_.refused(reason);
}
void ListenerCounts::failed(const std::string& error_code) {
  add(failed_);
  all_.failed(error_code);
}
void ListenerCounts::shed() {
  add(shed_);
  all_.shed();
}

void ListenerCounts::tcp(const TcpOutcome& outcome) {
  add(outcome.failed ? tcp_failed_ : tcp_ended_);
  tcp_up_.fetch_add(outcome.up, std::memory_order_relaxed);
  tcp_down_.fetch_add(outcome.down, std::memory_order_relaxed);
}

std::string ListenerCounts::tcp_heading() {
  return kMetrics.heading(
      "tcp_total", "counter",
      "Connections without HTTP by listener and how they ended, and their bytes in each direction.");
}

std::string ListenerCounts::tcp_to_text(const ListenerConfig& listener) const {
  if (tcp_ended_ + tcp_failed_ == 0) return "";
  const std::string of = base::metric_label("listener", listener.name) + ",";
  return kMetrics.line("tcp_total", of + base::metric_label("what", "ended"), tcp_ended_) +
         kMetrics.line("tcp_total", of + base::metric_label("what", "failed"), tcp_failed_) +
         kMetrics.line("tcp_total", of + base::metric_label("what", "bytes_up"), tcp_up_) +
         kMetrics.line("tcp_total", of + base::metric_label("what", "bytes_down"), tcp_down_);
}

std::string ListenerCounts::heading() {
  return kMetrics.heading(
      kName, "counter",
      "TLS handshakes by listener, what its TLS is, and outcome; those resumed are accepted ones, too.");
}

std::string ListenerCounts::to_text(const ListenerConfig& listener) const {
  struct Line {
    const char* outcome;
    const Counter& count;
  };
  const std::string of =
      base::metric_label("listener", listener.name) + "," + base::metric_label("tls", tls_word(listener)) + ",";
  std::string text;
  for (const Line& line : {Line{"accepted", accepted_}, Line{"resumed", resumed_}, Line{"refused", refused_},
                           Line{"failed", failed_}, Line{"shed", shed_}})
    text += kMetrics.line(kName, of + base::metric_label("outcome", line.outcome), line.count);
  return text;
}

}  // namespace countersign::gateway
