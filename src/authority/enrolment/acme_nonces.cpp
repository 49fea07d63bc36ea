#include "authority/enrolment/acme_nonces.h"

#include <array>

#include "crypto/mac.h"

namespace countersign::authority {
namespace {

constexpr std::size_t kCounterBytes = 8;
constexpr std::size_t kMacBytes = 16;

std::array<std::uint8_t, kCounterBytes> to_octets(std::uint64_t counter) {
  std::array<std::uint8_t, kCounterBytes> octets{};
  for (std::size_t i = 0; i < octets.size(); ++i)
    octets[i] = static_cast<std::uint8_t>(counter >> (8 * (octets.size() - 1 - i)));
  return octets;
}

std::uint64_t from_octets(base::BytesView octets) {
  std::uint64_t counter = 0;
  for (const std::uint8_t octet : octets)
    counter = (counter << 8U) | octet;
  return counter;
}

tl::unexpected<base::Error> bad_nonce() {
  return base::fail(base::Kind::invalid, "acme.bad_nonce",
                    "this nonce is not of this authority, or was used: take the one of this answer");
}

}  // namespace

base::Result<std::unique_ptr<AcmeNonces>> AcmeNonces::make(crypto::Random& random) {
  base::Bytes key(32);
  BASE_TRY_VOID(random.fill(key));
  return std::unique_ptr<AcmeNonces>(new AcmeNonces(base::Secret(std::move(key))));
}

std::string AcmeNonces::text_of(std::uint64_t counter) const {
  const auto octets = to_octets(counter);
  const crypto::Digest256 mac = crypto::hmac_sha256(key_.reveal(), octets);
  base::Bytes bytes(octets.begin(), octets.end());
  bytes.insert(bytes.end(), mac.begin(), mac.begin() + kMacBytes);
  return base::to_base64url(bytes);
}

std::string AcmeNonces::issue() {
  const std::lock_guard lock(mutex_);
  return text_of(++last_);
}

base::Result<void> AcmeNonces::use(std::string_view nonce) {
  const auto bytes = base::from_base64url(nonce);
  if (!bytes || bytes->size() != kCounterBytes + kMacBytes) return bad_nonce();
  const std::uint64_t counter = from_octets(base::BytesView(*bytes).first(kCounterBytes));
  const std::lock_guard lock(mutex_);
  if (!base::Secret(std::string_view(text_of(counter))).equals(base::as_bytes(nonce))) return bad_nonce();
  if (counter <= floor_ || counter > last_ || !used_.insert(counter).second) return bad_nonce();
  if (used_.size() <= kUsedNonces) return {};
  floor_ = *used_.begin();
  used_.erase(used_.begin());
  return {};
}

}  // namespace countersign::authority
