// TelemetrySettings: [gateway.telemetry] of countersign.toml, checked: where spans go, and which.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/config.h"

namespace countersign::gateway {

struct TelemetrySettings {
  std::string endpoint;                    ///< of the collector: OTLP over HTTP, as JSON
  std::filesystem::path ca_file = {};      ///< whom its certificate may come from; empty: the system's
  std::filesystem::path certificate = {};  ///< that we show it; empty: none
  std::filesystem::path key = {};
  std::string service_name = "countersign-gateway";
  /// Who says whether a trace that a caller began is exported.
  enum class Sampling {
    parent,  ///< the caller, by its flag
    ratio,   ///< the same share of them as of those that begin here, and none that the caller does not flag
  };
  Sampling sampling = Sampling::parent;
  bool danger_plain = false;  ///< another machine, in the clear: the operator accepted that
  friend bool operator==(const TelemetrySettings&, const TelemetrySettings&) = default;
};

/// Reads the table `telemetry` of [gateway]; nothing where there is none. Files are relative to `folder`. Fails:
/// `config.*`, `gateway.config` naming the key.
base::Result<std::optional<TelemetrySettings>> read_telemetry(base::ConfigSection& gateway,
                                                              const std::filesystem::path& folder);

}  // namespace countersign::gateway
