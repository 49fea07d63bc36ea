// Metrics: what the gateway counts, in the Prometheus text format (version 0.0.4). Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/observe/counts.h"
#include "gateway/observe/histogram.h"
#include "oauth/reason.h"
#include "tls/server.h"
#include "trust/chain_memory.h"
#include "trust/reason.h"

namespace countersign::gateway {

/// Why a connection of HTTP/2 was ended by us, for what its client did.
enum class H2Refusal { calm, protocol, too_slow };
/// What an error of http::H2Session::run stands for, if it is one of these.
std::optional<H2Refusal> h2_refusal_of(std::string_view code);

class Metrics final : public tls::ServerObserver {
 public:
  void accepted() override { add(handshakes_accepted_); }
  void resumed() override { add(handshakes_resumed_); }
  void refused(trust::Reason reason) override;
  void failed(const std::string& error_code) override;
  void refused_partner(const std::string& organisation, trust::Reason reason) override {
    partners_.refused(organisation, reason);
  }
  void shook_hands(base::Duration took) override { handshake_time_.observe(took); }
  void shed() override { add(handshakes_shed_); }
  void cut(trust::Reason reason) override;

  void connection_opened() { add(connections_); }
  void connection_closed() { connections_.fetch_sub(1, std::memory_order_relaxed); }
  void partner_accepted(const std::string& organisation) { partners_.accepted(organisation); }
  void request(int status);
  /// Of a whole request, from its head read to its response written.
  void request_took(base::Duration time) { request_time_.observe(time); }
  void token_taken() { add(tokens_taken_); }
  void token_refused(oauth::Reason reason) { add(tokens_refused_[static_cast<std::size_t>(reason)]); }
  void h2_refused(H2Refusal reason) { add(h2_refused_[static_cast<std::size_t>(reason)]); }

  /// Facts that are asked for when the text is made.
  struct Now {
    std::uint64_t feed_sequence;
    double feed_age_seconds;  ///< negative: the authority has not answered since start
    std::size_t known_certificates;
    trust::ChainMemory::Counts chains;
  };
  std::string to_text(const Now& now) const;

 private:
  using Counter = std::atomic<std::uint64_t>;
  static void add(Counter& counter) { counter.fetch_add(1, std::memory_order_relaxed); }
  static constexpr std::size_t kReasons = static_cast<std::size_t>(trust::Reason::proof_failed) + 1;

  Counter handshakes_accepted_{0};
  Counter handshakes_resumed_{0};
  Counter handshakes_failed_{0};
  Counter handshakes_shed_{0};
  Counter connections_{0};
  std::array<Counter, kReasons> refused_{};
  std::array<Counter, kReasons> cut_{};
  PartnerCounts partners_;
  Histogram handshake_time_;
  Histogram request_time_;
  std::array<Counter, 3> h2_refused_{};
  Counter tokens_taken_{0};
  std::array<Counter, oauth::kReasons> tokens_refused_{};
  std::array<Counter, 6> requests_{};  ///< by the first digit of the status
};

}  // namespace countersign::gateway
