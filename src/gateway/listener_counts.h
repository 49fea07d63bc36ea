// ListenerCounts: the handshakes of one listener, on all workers, beside the gateway's own count of all. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "gateway/listener_config.h"
#include "gateway/metrics.h"

namespace countersign::gateway {

/// What became of a connection whose bytes went on as they were.
struct TcpOutcome {
  std::uint64_t up = 0;  ///< bytes to the upstream
  std::uint64_t down = 0;
  bool failed = false;
};

class ListenerCounts final : public tls::ServerObserver {
 public:
  /// Borrows `all`, which is told everything, too.
  explicit ListenerCounts(Metrics& all) : all_(all) {}

  void accepted() override;
  void resumed() override;
  void refused(trust::Reason reason) override;
  void failed(const std::string& error_code) override;
  void refused_partner(const std::string& organisation, trust::Reason reason) override {
    all_.refused_partner(organisation, reason);
  }
  void shook_hands(base::Duration took) override { all_.shook_hands(took); }
  void shed() override;
  void cut(trust::Reason reason) override { all_.cut(reason); }

  void tcp(const TcpOutcome& outcome);

  /// One line an outcome, labelled with the listener's name and what its TLS is; without a heading.
  std::string to_text(const ListenerConfig& listener) const;
  static std::string heading();
  /// The same of connections without HTTP; nothing where there were none.
  std::string tcp_to_text(const ListenerConfig& listener) const;
  static std::string tcp_heading();

 private:
  using Counter = std::atomic<std::uint64_t>;
  static void add(Counter& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

  Metrics& all_;
  Counter accepted_{0};
  Counter resumed_{0};
  Counter refused_{0};
  Counter failed_{0};
  Counter shed_{0};
  Counter tcp_ended_{0};
  Counter tcp_failed_{0};
  Counter tcp_up_{0};
  Counter tcp_down_{0};
};

}  // namespace countersign::gateway
