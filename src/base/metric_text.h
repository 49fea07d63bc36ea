// The Prometheus text format (version 0.0.4): what every program that counts something writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace countersign::base {

/// KEY="VALUE"; backslash, double quote and line feed are escaped.
std::string metric_label(std::string_view key, std::string_view value);

/// Writes metrics whose names begin with one prefix.
class MetricText {
 public:
  explicit constexpr MetricText(std::string_view prefix) : prefix_(prefix) {}

  /// HELP and TYPE.
  std::string heading(std::string_view name, std::string_view type, std::string_view help) const;
  /// `PREFIXNAME{LABELS} VALUE`; `labels` without braces, may be empty.
  std::string line(std::string_view name, std::string_view labels, std::string_view value) const;
  std::string line(std::string_view name, std::string_view labels, std::uint64_t value) const {
    return line(name, labels, std::string_view(std::to_string(value)));
  }
  std::string line(std::string_view name, std::string_view labels, std::int64_t value) const {
    return line(name, labels, std::string_view(std::to_string(value)));
  }

 private:
  std::string_view prefix_;
};

}  // namespace countersign::base
