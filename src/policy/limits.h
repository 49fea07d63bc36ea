// Limits: how much an application, or an organisation as a whole, may have of the gateway. Plain numbers, absent: none.
#pragma once

#include <cstdint>
#include <optional>

namespace countersign::policy {

/// So many a second in the long run, and so many at once after a pause. Both at least 1.
struct Rate {
  std::uint64_t per_second;
  std::uint64_t burst;
};

struct Limits {
  std::optional<Rate> requests = {};
  std::optional<std::uint32_t> concurrent = {};  ///< requests under way at once
  std::optional<Rate> bytes_in = {};             ///< of request bodies
  std::optional<Rate> bytes_out = {};            ///< of response bodies
  std::optional<std::uint64_t> bytes_in_per_day = {};
  std::optional<std::uint64_t> bytes_out_per_day = {};

  /// Takes from `wider` what is not said here.
  void fill_from(const Limits& wider) {
    if (!requests) requests = wider.requests;
    if (!concurrent) concurrent = wider.concurrent;
    if (!bytes_in) bytes_in = wider.bytes_in;
    if (!bytes_out) bytes_out = wider.bytes_out;
    if (!bytes_in_per_day) bytes_in_per_day = wider.bytes_in_per_day;
    if (!bytes_out_per_day) bytes_out_per_day = wider.bytes_out_per_day;
  }
};

}  // namespace countersign::policy
