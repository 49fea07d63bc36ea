#include "policy/api_key.h"

#include <algorithm>
#include <array>

namespace countersign::policy {
namespace {

constexpr std::string_view kPrefix = "countersign-key-";
constexpr std::size_t kKeyBytes = 32;
/// Longer ones are wrong without being digested.
constexpr std::size_t kLongestKey = 256;

char fold(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
}

/// Says nothing by its time about where two digests differ.
bool are_equal(const crypto::Digest256& a, const crypto::Digest256& b) {
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace

base::Result<NewApiKey> make_api_key(crypto::Random& random) {
  base::Bytes bytes(kKeyBytes);
  BASE_TRY_VOID(random.fill(bytes));
  const base::Secret seed(std::move(bytes));
  base::Secret key(std::string(kPrefix) + base::to_base64url(seed.reveal()));
  std::string digest = base::to_hex(crypto::sha256(key.reveal()));
  return NewApiKey{std::move(key), std::move(digest)};
}

base::Result<crypto::Digest256> parse_digest(std::string_view text) {
  const auto bytes = base::from_hex(text);
  crypto::Digest256 digest;
  if (!bytes || bytes->size() != digest.size())
    return base::fail(base::Kind::invalid, "policy.digest",
                      "a digest is the 64 hexadecimal digits that `countersign-gateway policy key` printed, never the "
                      "key itself");
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

KeyCheck check_api_key(const http::Fields& fields, std::string_view name, const std::vector<crypto::Digest256>& good) {
  std::string_view shown;
  std::size_t count = 0;
  for (const http::Field& field : fields)
    if (is_spelling_of(field.name, name)) {
      shown = field.value;
      ++count;
    }
  if (count == 0) return KeyCheck::missing;
  if (count > 1 || shown.size() > kLongestKey) return KeyCheck::refused;
  const crypto::Digest256 digest = crypto::sha256(base::as_bytes(shown));
  bool found = false;
  for (const crypto::Digest256& one : good)
    found |= are_equal(digest, one);
  return found ? KeyCheck::good : KeyCheck::refused;
}

bool is_spelling_of(std::string_view name, std::string_view other) {
  return std::ranges::equal(name, other, [](char a, char b) { return fold(a) == fold(b); });
}

}  // namespace countersign::policy
