// The digests of client secrets. A secret is 256 random bits, so that guessing is hopeless with any digest; scrypt is
// for whoever doubts that.
#include <algorithm>
#include <array>
#include <charconv>

#include "authority/oauth/clients.h"
#include "crypto/scrypt.h"

namespace countersign::authority {
namespace {

constexpr std::size_t kSaltBytes = 16;
constexpr std::string_view kPrefix = "countersign-secret-";
constexpr std::size_t kSecretLetters = 43;  ///< 32 bytes in base64url

struct Kept {
  crypto::ScryptCost cost;
  base::Bytes salt;
  base::Bytes digest;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Kept> parse_kept(std::string_view text) {
  std::array<std::string_view, 6> parts;
  for (std::string_view& part : parts) {
    part = text.substr(0, text.find(':'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  const auto n = number(parts[1]);
  const auto r = number(parts[2]);
  const auto p = number(parts[3]);
  auto salt = base::from_base64url(parts[4]);
  auto digest = base::from_base64url(parts[5]);
  if (parts[0] != "scrypt" || !n || !r || !p || !salt || !digest || !text.empty()) return std::nullopt;
  return Kept{{.n = *n, .r = *r, .p = *p}, std::move(*salt), std::move(*digest)};
}

}  // namespace

base::Result<std::string> digest_secret(const base::Secret& secret, crypto::Random& random) {
  std::array<std::uint8_t, kSaltBytes> salt{};
  BASE_TRY_VOID(random.fill(salt));
  const crypto::ScryptCost cost;
  BASE_TRY(const base::Bytes digest, crypto::scrypt(secret, salt, cost));
  return "scrypt:" + std::to_string(cost.n) + ":" + std::to_string(cost.r) + ":" + std::to_string(cost.p) + ":" +
         base::to_base64url(salt) + ":" + base::to_base64url(digest);
}

base::Result<bool> is_secret_of(const base::Secret& secret, const std::string& digest) {
  const auto kept = parse_kept(digest);
  if (!kept) return base::fail(base::Kind::corrupt, "registry.corrupt", "the digest of a client secret cannot be read");
  BASE_TRY(base::Bytes reckoned, crypto::scrypt(secret, kept->salt, kept->cost));
  return base::Secret(std::move(reckoned)).equals(kept->digest);
}

bool looks_like_secret(std::string_view secret) {
  return secret.starts_with(kPrefix) && secret.size() == kPrefix.size() + kSecretLetters;
}

base::Result<NewClientSecret> Clients::make_secret(const Actor& actor, const base::Identity& identity) {
  base::Bytes bytes(32);
  BASE_TRY_VOID(random_.fill(bytes));
  const base::Secret seed(std::move(bytes));
  base::Secret secret(std::string(kPrefix) + base::to_base64url(seed.reveal()));
  std::array<std::uint8_t, 12> id_bytes{};
  BASE_TRY_VOID(random_.fill(id_bytes));
  std::string id = base::to_base64url(id_bytes);
  BASE_TRY(std::string digest, digest_secret(secret, random_));
  BASE_TRY(const auto known, list_secrets(identity));
  const auto live = std::ranges::count_if(known, [](const auto& row) { return !row.cancelled_at; });
  if (static_cast<std::size_t>(live) >= kSecretsLimit)
    return base::fail(base::Kind::conflict, "client.secrets",
                      "the client has 3 secrets already: cancel those that are not used any more");
  BASE_TRY(const auto client, find(identity));
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY_VOID(store::insert(amendment.rows(),
                              store::OauthSecretRow{id, client.key, std::move(digest), actor.name, ledger_.now()}));
  BASE_TRY_VOID(amendment.audit({actor, "client_secret.made", identity.to_urn(), {{"id", id}}}));
  BASE_TRY_VOID(amendment.commit());
  return NewClientSecret{std::move(id), std::move(secret)};
}

base::Result<std::vector<store::OauthSecretRow>> Clients::list_secrets(const base::Identity& identity) {
  BASE_TRY(const auto client, find(identity));
  BASE_TRY(auto rows, ledger_.read());
  return store::list_oauth_secrets(rows, client.key);
}

base::Result<store::OauthSecretRow> Clients::cancel_secret(const Actor& actor, const base::Identity& identity,
                                                           const std::string& id) {
  BASE_TRY(const auto client, find(identity));
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto secrets, store::list_oauth_secrets(amendment.rows(), client.key));
  const auto found = std::ranges::find(secrets, id, &store::OauthSecretRow::id);
  if (found == secrets.end())
    return base::fail(base::Kind::not_found, "client_secret.unknown", "the client has no secret " + id);
  if (found->cancelled_at) return std::move(*found);
  found->cancelled_at = ledger_.now();
  BASE_TRY_VOID(store::cancel_oauth_secret(amendment.rows(), id, *found->cancelled_at));
  BASE_TRY_VOID(amendment.audit({actor, "client_secret.cancelled", identity.to_urn(), {{"id", id}}}));
  BASE_TRY_VOID(amendment.commit());
  return std::move(*found);
}

}  // namespace countersign::authority
