// What is counted of routes and of partners. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "trust/reason.h"

namespace countersign::gateway {

/// Of one route: answers by the first digit of their status.
class RouteCounts {
 public:
  void note(int status) {
    const int digit = status / 100;
    by_class_[digit >= 1 && digit <= 5 ? static_cast<std::size_t>(digit) : 0].fetch_add(1, std::memory_order_relaxed);
  }
  std::uint64_t of(std::size_t digit) const { return by_class_[digit].load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<std::uint64_t>, 6> by_class_{};
};

/// Handshakes by partner organisation. Only of those whose certificate one of our issuing CAs made: a stranger cannot
/// fill the table; and it is bounded all the same.
class PartnerCounts {
 public:
  static constexpr std::size_t kPartners = 1000;  ///< the rest is counted as "other"

  void accepted(const std::string& organisation);
  void refused(const std::string& organisation, trust::Reason reason);
  /// In the Prometheus text format.
  std::string to_text() const;

 private:
  struct Of {
    std::uint64_t accepted = 0;
    std::map<trust::Reason, std::uint64_t> refused = {};
  };
  Of& of(const std::string& organisation);

  mutable std::mutex mutex_;  ///< once a handshake, never once a request
  std::map<std::string, Of, std::less<>> by_organisation_;
};

}  // namespace countersign::gateway
