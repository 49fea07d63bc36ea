#include "gateway/websocket.h"

#include <algorithm>

#include "base/bytes.h"

namespace countersign::gateway {
namespace {

constexpr std::size_t kKeyBytes = 16;

bool equals_websocket(std::string_view text) {
  constexpr std::string_view kName = "websocket";
  return std::ranges::equal(text, kName, [](char a, char b) { return (a | 0x20) == b; });
}

/// The only value of the field, or nothing.
std::optional<std::string_view> only(const http::Fields& fields, std::string_view name) {
  return fields.count(name) == 1 ? fields.find(name) : std::nullopt;
}

bool upgrades_to_websocket(const http::Fields& fields) {
  const auto upgrade = only(fields, "Upgrade");
  return upgrade && equals_websocket(*upgrade) && fields.has_token("Connection", "Upgrade");
}

}  // namespace

bool is_websocket_request(const http::RequestHead& head) {
  if (head.method != "GET" || head.minor_version != 1 || !upgrades_to_websocket(head.fields)) return false;
  const auto key = only(head.fields, "Sec-WebSocket-Key");
  const auto bytes = base::from_base64(key.value_or(""));
  return key && bytes && bytes->size() == kKeyBytes && only(head.fields, "Sec-WebSocket-Version") == "13";
}

bool is_websocket_answer(const http::ResponseHead& head) {
  return head.status == 101 && upgrades_to_websocket(head.fields) && only(head.fields, "Sec-WebSocket-Accept");
}

}  // namespace countersign::gateway
