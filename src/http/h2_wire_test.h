// An HTTP/2 client made by hand: its frames, and the frames that were said to it. For tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/fed_stream_test.h"

namespace countersign::http {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum Type : std::uint8_t {
  kData,
  kHeaders,
  kPriority,
  kReset,
  kSettings,
  kPush,
  kPing,
  kGoaway,
  kWindow,
  kContinuation
};
inline constexpr std::uint8_t kEndStream = 1;
inline constexpr std::uint8_t kEndHeaders = 4;

inline std::string number(std::size_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i)
    out += static_cast<char>(value >> (8 * i));
  return out;
}
inline std::string frame(Type type, std::uint8_t flags, std::size_t stream, const std::string& payload = {}) {
  return number(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) + number(stream, 4) + payload;
}

/// Literals without indexing (RFC 7541 section 6.2.2), of short texts.
inline std::string block(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  for (const auto& [name, value] : fields)
    out += std::string(1, '\0') + static_cast<char>(name.size()) + name + static_cast<char>(value.size()) + value;
  return out;
}

inline std::string request(std::size_t stream, const std::string& method, std::uint8_t flags) {
  return frame(kHeaders, flags, stream,
               block({{":method", method}, {":scheme", "https"}, {":authority", "localhost"}, {":path", "/"}}));
}
inline std::string get(std::size_t stream) { return request(stream, "GET", kEndHeaders | kEndStream); }
inline std::string post(std::size_t stream) { return request(stream, "POST", kEndHeaders); }
/// A table of size 0, so that statuses can be told; and the acknowledgement of ours.
inline std::string hello() {
  return std::string(kPreface) + frame(kSettings, 0, 0, number(1, 2) + number(0, 4)) + frame(kSettings, 1, 0);
}

inline std::size_t value_of(std::string_view bytes) {
  std::size_t value = 0;
  for (const char c : bytes)
    value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

struct Seen {
  Type type;
  std::uint8_t flags;
  std::size_t stream;
  std::string payload;
  /// Of RST_STREAM or GOAWAY.
  std::size_t code() const { return value_of(std::string_view(payload).substr(type == kGoaway ? 4 : 0, 4)); }
  /// Of GOAWAY.
  std::size_t last_stream() const { return value_of(std::string_view(payload).substr(0, 4)); }
};

inline std::vector<Seen> frames_of(std::string_view bytes) {
  std::vector<Seen> frames;
  while (bytes.size() >= 9) {
    const std::size_t size = value_of(bytes.substr(0, 3));
    frames.push_back({static_cast<Type>(bytes[3]), static_cast<std::uint8_t>(bytes[4]), value_of(bytes.substr(5, 4)),
                      std::string(bytes.substr(9, size))});
    bytes.remove_prefix(std::min(bytes.size(), 9 + size));
  }
  return frames;
}

}  // namespace countersign::http
