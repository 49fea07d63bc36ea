#include "cli/first_contact.h"

#include <algorithm>

namespace countersign::cli {

base::Result<crypto::Digest256> parse_fingerprint(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool between_bytes = text[i] == ':' && i % 3 == 2 && i + 1 < text.size();
    if (!between_bytes) digits += text[i];
  }
  const auto bytes = base::from_hex(digits);
  crypto::Digest256 digest{};
  if (!bytes || bytes->size() != digest.size())
    return base::fail(base::Kind::invalid, "fingerprint.form",
                      "a fingerprint is SHA-256: 64 hexadecimal digits, with or without a colon between bytes");
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

base::Result<ApiClient> open_api_by_fingerprint(const net::Endpoint& authority, const crypto::Digest256& root,
                                                const Context& context) {
  BASE_TRY(const std::string pem, get_from_stranger(authority, "/v1/trust-chain?of=provider", context));
  auto chain = x509::Certificate::all_from_pem(pem);
  if (!chain)
    return base::unexpected(std::move(chain).error().under(
        "trust_chain.malformed", "whoever answers at " + authority.to_string() + " sent no trust chain"));
  std::vector<x509::Certificate> roots;
  for (const x509::Certificate& certificate : *chain)
    if (certificate.is_self_issued() && certificate.fingerprint() == root) roots.push_back(certificate);
  if (roots.empty())
    return base::fail(base::Kind::conflict, "trust_chain.other_root",
                      "the root at " + authority.to_string() + " is not the one with that fingerprint but " +
                          base::to_hex(chain->front().fingerprint()) +
                          ": nothing was believed or saved. Either the fingerprint is of another root, or somebody "
                          "stands between you and the provider");
  BASE_TRY(trust::TrustSet trust, trust::TrustSet::of_roots(std::move(roots), {}));
  return ApiClient::make({.authority = authority, .trust = std::move(trust)}, context);
}

}  // namespace countersign::cli
