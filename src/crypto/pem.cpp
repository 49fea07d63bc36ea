#include "crypto/pem.h"

#include <algorithm>

namespace countersign::crypto {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";
constexpr std::size_t kLabelLimit = 64;
constexpr std::size_t kLineLength = 64;

tl::unexpected<base::Error> malformed(std::string_view label, std::string_view what) {
  return base::fail(base::Kind::invalid, "pem.malformed",
                    "the block '" + std::string(label) + "' " + std::string(what));
}

base::Result<base::Bytes> decode(std::string_view label, std::string_view body) {
  std::string packed;
  packed.reserve(body.size());
  for (const char c : body)
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') packed += c;
  auto bytes = base::from_base64(packed);
  if (!bytes) return malformed(label, "is not base64");
  return std::move(*bytes);
}

}  // namespace

bool is_pem(std::string_view text) { return text.find(kBegin) != std::string_view::npos; }

base::Result<std::vector<base::Bytes>> pem_blocks(std::string_view text,
                                                  std::initializer_list<std::string_view> labels) {
  std::vector<base::Bytes> blocks;
  for (std::size_t at = text.find(kBegin); at != std::string_view::npos; at = text.find(kBegin)) {
    text.remove_prefix(at + kBegin.size());
    const std::size_t label_end = text.substr(0, kLabelLimit + kDashes.size()).find(kDashes);
    if (label_end == std::string_view::npos) continue;
    const std::string_view label = text.substr(0, label_end);
    if (std::ranges::find(labels, label) == labels.end()) continue;
    text.remove_prefix(label_end + kDashes.size());
    const std::string end = std::string(kEnd) + std::string(label) + std::string(kDashes);
    const std::size_t body_end = text.find(kDashes);
    if (body_end == std::string_view::npos || !text.substr(body_end).starts_with(end))
      return malformed(label, "has no end line");
    BASE_TRY(base::Bytes bytes, decode(label, text.substr(0, body_end)));
    blocks.push_back(std::move(bytes));
    text.remove_prefix(body_end + end.size());
  }
  return blocks;
}

std::string to_pem(std::string_view label, base::BytesView der) {
  const std::string body = base::to_base64(der);
  std::string text = std::string(kBegin) + std::string(label) + std::string(kDashes) + "\n";
  for (std::size_t at = 0; at < body.size(); at += kLineLength)
    text += body.substr(at, kLineLength) + "\n";
  return text + std::string(kEnd) + std::string(label) + std::string(kDashes) + "\n";
}

}  // namespace countersign::crypto
