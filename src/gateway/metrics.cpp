#include "gateway/metrics.h"

#include <numeric>

namespace countersign::gateway {
namespace {

struct H2RefusalRow {
  H2Refusal reason;
  std::string_view code;
  std::string_view label;
};
constexpr std::array kH2Refusals{H2RefusalRow{H2Refusal::calm, "http.calm", "calm"},
                                 H2RefusalRow{H2Refusal::protocol, "http.protocol", "protocol"},
                                 H2RefusalRow{H2Refusal::too_slow, "http.too_slow", "too_slow"}};

}  // namespace

std::optional<H2Refusal> h2_refusal_of(std::string_view code) {
  for (const H2RefusalRow& row : kH2Refusals)
    if (row.code == code) return row.reason;
  return std::nullopt;
}

void Metrics::refused(trust::Reason reason) { add(refused_[static_cast<std::size_t>(reason)]); }
void Metrics::cut(trust::Reason reason) { add(cut_[static_cast<std::size_t>(reason)]); }
void Metrics::failed(const std::string&) { add(handshakes_failed_); }

void Metrics::request(int status) {
  const int first_digit = status / 100;
  add(requests_[first_digit >= 1 && first_digit <= 5 ? static_cast<std::size_t>(first_digit) : 0]);
}

std::string Metrics::to_text(const Now& now) const {
  std::string text = kMetrics.heading("handshakes_total", "counter", "TLS handshakes by outcome.");
  text += kMetrics.line("handshakes_total", base::metric_label("outcome", "accepted"), handshakes_accepted_);
  text += kMetrics.line("handshakes_total", base::metric_label("outcome", "failed"), handshakes_failed_);
  text += kMetrics.line("handshakes_total", base::metric_label("outcome", "shed"), handshakes_shed_);
  text += kMetrics.heading("handshakes_resumed_total", "counter",
                           "Those of the accepted ones that came back on a session.") +
          kMetrics.line("handshakes_resumed_total", "", handshakes_resumed_);
  text += kMetrics.heading("handshake_seconds", "histogram", "Accepted handshakes, from the connection on.") +
          handshake_time_.to_text("handshake_seconds", "");
  text += partners_.to_text();
  text += kMetrics.heading("refusals_total", "counter", "Client certificates refused in the handshake, by reason.");
  for (const trust::Explanation& e : trust::explanations())
    text += kMetrics.line("refusals_total", base::metric_label("reason", e.name),
                          refused_[static_cast<std::size_t>(e.reason)]);
  text += kMetrics.heading("connections_cut_total", "counter",
                           "Live connections cut because the peer is no longer admitted, by reason.");
  for (const trust::Explanation& e : trust::explanations())
    if (const auto count = cut_[static_cast<std::size_t>(e.reason)].load(); count > 0)
      text += kMetrics.line("connections_cut_total", base::metric_label("reason", e.name), count);
  text +=
      kMetrics.heading("connections", "gauge", "Live connections.") + kMetrics.line("connections", "", connections_);
  text += kMetrics.heading("tokens_total", "counter", "Access tokens shown where a route demands one.");
  text += kMetrics.line("tokens_total", base::metric_label("outcome", "taken"), tokens_taken_);
  const auto no_token = std::accumulate(tokens_refused_.begin(), tokens_refused_.end(), std::uint64_t{0});
  text += kMetrics.line("tokens_total", base::metric_label("outcome", "refused"), no_token);
  text += kMetrics.heading("tokens_refused_total", "counter", "Requests whose access token was not taken, by code.");
  for (const oauth::Explanation& e : oauth::explanations())
    if (const auto count = tokens_refused_[static_cast<std::size_t>(e.reason)].load(); count > 0)
      text += kMetrics.line("tokens_refused_total", base::metric_label("code", e.code), count);
  text += kMetrics.heading("requests_total", "counter", "Requests answered, by class of status.");
  for (std::size_t digit = 1; digit < requests_.size(); ++digit)
    text +=
        kMetrics.line("requests_total", base::metric_label("class", std::to_string(digit) + "xx"), requests_[digit]);
  text += kMetrics.heading("request_seconds", "histogram", "Requests, from the head read to the response written.") +
          request_time_.to_text("request_seconds", "");
  text += kMetrics.heading("http2_refused_total", "counter",
                           "Connections of HTTP/2 that were ended for what the client did, by reason.");
  for (const H2RefusalRow& row : kH2Refusals)
    text += kMetrics.line("http2_refused_total", base::metric_label("reason", row.label),
                          h2_refused_[static_cast<std::size_t>(row.reason)]);
  text += kMetrics.heading("feed_sequence", "gauge", "Newest change known from the trust feed.") +
          kMetrics.line("feed_sequence", "", now.feed_sequence);
  text += kMetrics.heading("known_certificates", "gauge", "Certificates known from the trust feed.") +
          kMetrics.line("known_certificates", "", now.known_certificates);
  text += kMetrics.heading("chain_memory_total", "counter",
                           "Client chains judged in handshakes: verified before, or verified from the ground up.");
  text += kMetrics.line("chain_memory_total", base::metric_label("outcome", "hit"), now.chains.hits);
  text += kMetrics.line("chain_memory_total", base::metric_label("outcome", "miss"), now.chains.misses);
  text += kMetrics.heading("chain_memory_chains", "gauge", "Verified client chains remembered.") +
          kMetrics.line("chain_memory_chains", "", now.chains.chains);
  text += kMetrics.heading("feed_age_seconds", "gauge",
                           "Seconds since the authority last answered; -1 before its first answer.");
  return text + "countersign_gateway_feed_age_seconds " + std::to_string(now.feed_age_seconds) + "\n";
}

}  // namespace countersign::gateway
