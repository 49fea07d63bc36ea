// What of HTTP/1.1 we write around bodies and upgrades, on both sides (RFC 9112 section 7.1, RFC 9110 section 7.8).
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace countersign::gateway {

/// "SIZE\r\n" in hexadecimal.
inline std::string chunk_size_line(std::size_t size) {
  char line[20];
  std::snprintf(line, sizeof line, "%zx\r\n", size);
  return line;
}
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
/// The last chunk, before trailers and the empty line.
inline constexpr std::string_view kLastChunkSize = "0\r\n";

/// Only where both ends asked for it: these two name one hop, and are copied from nobody.
inline constexpr std::string_view kSwitchLines = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
/// RFC 9110 section 10.1.4: a field of one hop, ours.
inline constexpr std::string_view kTrailerLines = "Connection: TE\r\nTE: trailers\r\n";

}  // namespace countersign::gateway
