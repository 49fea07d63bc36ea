#include "signatures/content_digest.h"

#include "base/check.h"
#include "signatures/message.h"
#include "signatures/structured_field.h"

namespace countersign::signatures {
namespace {

using base::Kind;

crypto::Hasher::Kind to_kind(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::sha256: return crypto::Hasher::Kind::sha256;
    case DigestAlgorithm::sha512: return crypto::Hasher::Kind::sha512;
  }
  BASE_UNREACHABLE();
}

}  // namespace

std::string_view name(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::sha256: return "sha-256";
    case DigestAlgorithm::sha512: return "sha-512";
  }
  BASE_UNREACHABLE();
}

std::string content_digest(DigestAlgorithm algorithm, std::string_view content) {
  crypto::Hasher hasher(to_kind(algorithm));
  hasher.add(base::as_bytes(content));
  return std::string(name(algorithm)) + "=" + sf::serialise(sf::BareItem(std::move(hasher).finish()));
}

base::Result<DigestCheck> DigestCheck::of(const http::Fields& fields, std::string_view field) {
  const auto text = combined(fields, field);
  if (!text) return base::fail(Kind::invalid, "digest.missing", "there is no " + std::string(field));
  const auto members = sf::parse_dictionary(*text);
  if (!members)
    return base::fail(Kind::invalid, "digest.malformed",
                      std::string(field) + " does not parse: " + members.error().detail);
  DigestCheck check;
  for (const DigestAlgorithm algorithm : {DigestAlgorithm::sha256, DigestAlgorithm::sha512}) {
    const sf::Member* member = sf::find(*members, name(algorithm));
    if (member == nullptr) continue;
    const auto* item = std::get_if<sf::Item>(member);
    const auto* digest = item == nullptr ? nullptr : std::get_if<base::Bytes>(&item->value);
    if (digest == nullptr)
      return base::fail(Kind::invalid, "digest.malformed",
                        std::string(name(algorithm)) + " of " + std::string(field) + " is no byte sequence");
    auto& place = algorithm == DigestAlgorithm::sha256 ? check.sha256_ : check.sha512_;
    place.emplace(Expected{crypto::Hasher(to_kind(algorithm)), *digest});
  }
  if (!check.sha256_ && !check.sha512_)
    return base::fail(Kind::invalid, "digest.unsupported",
                      std::string(field) + " has neither sha-256 nor sha-512: send one of them");
  return check;
}

void DigestCheck::add(base::BytesView part) {
  if (sha256_) sha256_->hasher.add(part);
  if (sha512_) sha512_->hasher.add(part);
}

base::Result<void> DigestCheck::finish() && {
  const auto fits = [](std::optional<Expected>& expected) {
    return !expected || std::move(expected->hasher).finish() == expected->digest;
  };
  const bool first = fits(sha256_);
  const bool second = fits(sha512_);
  if (first && second) return {};
  return base::fail(Kind::denied, "digest.mismatch",
                    "the content does not have the " +
                        std::string(name(first ? DigestAlgorithm::sha512 : DigestAlgorithm::sha256)) +
                        " digest that was sent: it was changed after it was hashed, or hashed in another form");
}

std::optional<DigestAlgorithm> wanted_digest(const http::Fields& fields) {
  const auto text = combined(fields, "Want-Content-Digest");
  if (!text) return std::nullopt;
  const auto members = sf::parse_dictionary(*text);
  if (!members) return std::nullopt;
  std::optional<DigestAlgorithm> best;
  std::int64_t best_weight = 0;
  for (const DigestAlgorithm algorithm : {DigestAlgorithm::sha256, DigestAlgorithm::sha512}) {
    const sf::Member* member = sf::find(*members, name(algorithm));
    const auto* item = member == nullptr ? nullptr : std::get_if<sf::Item>(member);
    const auto* weight = item == nullptr ? nullptr : std::get_if<std::int64_t>(&item->value);
    if (weight == nullptr || *weight <= best_weight) continue;
    best = algorithm;
    best_weight = *weight;
  }
  return best;
}

}  // namespace countersign::signatures
