// Spans in the words of OpenTelemetry: opentelemetry-proto's trace.proto in its JSON mapping (OTLP 1.x, section "JSON
// Protobuf Encoding": ids in hexadecimal, 64-bit integers as strings, enumerations as numbers). Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace countersign::gateway {

/// Attributes in their order, as they stand in a span.
class SpanAttributes {
 public:
  /// Longer values are cut.
  static constexpr std::size_t kLongestValue = 1024;

  /// `key` is our own word, and needs no escape.
  SpanAttributes& text(std::string_view key, std::string_view value);
  SpanAttributes& number(std::string_view key, std::int64_t value);
  SpanAttributes& flag(std::string_view key, bool value);
  SpanAttributes& append(const SpanAttributes& more);
  const std::string& json() const { return json_; }

 private:
  void begin(std::string_view key);
  std::string json_;
};

/// Of a server's span. Borrowed.
struct SpanHead {
  std::string_view trace_id;          ///< 32 hexadecimal digits
  std::string_view span_id;           ///< 16
  std::string_view parent_id = {};    ///< of the caller; empty: the trace begins here
  std::string_view trace_state = {};  ///< its own
  std::string_view name;
  base::Instant ended;
  base::Duration took;
};

enum class SpanStatus { unset, error };

std::string to_otlp_span(const SpanHead& head, const SpanAttributes& attributes, SpanStatus status,
                         std::string_view message = {});
/// One ExportTraceServiceRequest.
std::string to_otlp_request(const SpanAttributes& resource, const std::vector<std::string>& spans);
/// How many spans of such a request a collector says it did not take (ExportTracePartialSuccess).
std::uint64_t rejected_spans(std::string_view response);

}  // namespace countersign::gateway
