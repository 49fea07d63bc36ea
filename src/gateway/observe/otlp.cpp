#include "gateway/observe/otlp.h"

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "base/log.h"

namespace countersign::gateway {
namespace {

/// trace.proto: SPAN_KIND_SERVER, STATUS_CODE_ERROR, and SpanFlags: sampled; the parent is known to be remote.
constexpr std::string_view kKindServer = "2";
constexpr std::string_view kStatusError = "2";
constexpr int kSampled = 0x01;
constexpr int kIsRemoteIsKnown = 0x100;
constexpr int kIsRemote = 0x200;
constexpr std::string_view kScope = "countersign.gateway";
constexpr std::int64_t kNanosOfMicro = 1000;

void member(std::string& json, std::string_view name, std::string_view text) {
  json += '"';
  json += name;
  json += "\":";
  json += base::to_json_string(text);
  json += ',';
}

std::string nanos(base::Instant at) { return std::to_string(at.micros * kNanosOfMicro); }

}  // namespace

void SpanAttributes::begin(std::string_view key) {
  json_ += json_.empty() ? "{\"key\":\"" : ",{\"key\":\"";
  json_ += key;
  json_ += "\",\"value\":{\"";
}

SpanAttributes& SpanAttributes::text(std::string_view key, std::string_view value) {
  begin(key);
  json_ += "stringValue\":";
  json_ += base::to_json_string(value.substr(0, kLongestValue));
  json_ += "}}";
  return *this;
}

SpanAttributes& SpanAttributes::number(std::string_view key, std::int64_t value) {
  begin(key);
  json_ += "intValue\":\"" + std::to_string(value) + "\"}}";
  return *this;
}

SpanAttributes& SpanAttributes::flag(std::string_view key, bool value) {
  begin(key);
  json_ += value ? "boolValue\":true}}" : "boolValue\":false}}";
  return *this;
}

SpanAttributes& SpanAttributes::append(const SpanAttributes& more) {
  if (!json_.empty() && !more.json_.empty()) json_ += ',';
  json_ += more.json_;
  return *this;
}

std::string to_otlp_span(const SpanHead& head, const SpanAttributes& attributes, SpanStatus status,
                         std::string_view message) {
  const bool has_parent = !head.parent_id.empty();
  std::string json = "{";
  member(json, "traceId", head.trace_id);
  member(json, "spanId", head.span_id);
  if (has_parent) member(json, "parentSpanId", head.parent_id);
  if (!head.trace_state.empty()) member(json, "traceState", head.trace_state);
  json += "\"flags\":" + std::to_string(kSampled | (has_parent ? kIsRemoteIsKnown | kIsRemote : 0)) + ',';
  member(json, "name", head.name);
  json += "\"kind\":";
  json += kKindServer;
  json += ',';
  member(json, "startTimeUnixNano", nanos(head.ended - head.took));
  member(json, "endTimeUnixNano", nanos(head.ended));
  json += "\"attributes\":[" + attributes.json() + "],\"status\":{";
  if (status == SpanStatus::error) {
    json += "\"message\":" + base::to_json_string(message) + ",\"code\":";
    json += kStatusError;
  }
  return json + "}}";
}

std::string to_otlp_request(const SpanAttributes& resource, const std::vector<std::string>& spans) {
  std::string json = R"({"resourceSpans":[{"resource":{"attributes":[)" + resource.json() +
                     R"(]},"scopeSpans":[{"scope":{"name":")" + std::string(kScope) + R"("},"spans":[)";
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (i > 0) json += ',';
    json += spans[i];
  }
  return json + "]}]}]}";
}

std::uint64_t rejected_spans(std::string_view response) {
  const auto value = base::parse_json(response);
  if (!value || !value->is_object()) return 0;
  const auto* const partial = value->as_object().if_contains("partialSuccess");
  const auto* const rejected =
      partial == nullptr || !partial->is_object() ? nullptr : partial->as_object().if_contains("rejectedSpans");
  if (rejected == nullptr) return 0;
  // A 64-bit integer is a string in this mapping; receivers take numbers, too.
  if (rejected->is_int64()) return static_cast<std::uint64_t>(std::max<std::int64_t>(rejected->as_int64(), 0));
  if (!rejected->is_string()) return 0;
  const std::string_view text = rejected->as_string();
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  return error == std::errc() && end == text.data() + text.size() ? count : 0;
}

}  // namespace countersign::gateway
