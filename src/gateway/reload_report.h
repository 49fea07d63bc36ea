// ReloadReport: what became of the newest reading of the configuration: for metrics and /ready. Belongs to the main
// loop's thread.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/time.h"

namespace countersign::gateway {

class ReloadReport {
 public:
  void note_taken(std::uint64_t generation, base::Instant at);
  /// The one before stays in force.
  void note_kept(const base::Error& error, base::Instant at);
  /// Empty unless the newest reading failed: what to tell whoever asks whether we are ready.
  std::string trouble() const;
  /// In the Prometheus text format.
  std::string metrics() const;

 private:
  std::uint64_t generation_ = 0;
  std::uint64_t taken_ = 0;  ///< readings, the first one included
  std::uint64_t kept_ = 0;
  base::Instant last_ = {};  ///< reading
  std::optional<std::string> error_ = {};
};

}  // namespace countersign::gateway
