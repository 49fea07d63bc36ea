#include "authority/oauth/party_keys.h"

#include <algorithm>

#include "authority/registry/rows.h"
#include "store/certificates.h"
#include "store/oauth_tokens.h"

namespace countersign::authority {
namespace {

/// Of one organisation, the newest.
constexpr int kCertificates = 1'000;

bool is_listed(const store::CertificateRow& row, Party::Keys keys, base::Instant now) {
  const bool active = !row.revoked_at && row.not_before <= now && now <= row.not_after;
  if (keys == Party::Keys::active) return active;
  if (active || row.not_before > now) return false;
  // Whatever it signed may be somebody else's.
  if (row.revoked_for == "key_compromise" || row.revoked_for == "ca_compromise") return false;
  return now < std::min(row.revoked_at.value_or(row.not_after), row.not_after) + kRecently;
}

base::Result<std::optional<base::json::object>> to_json(const store::CertificateRow& row, Party::Keys keys) {
  BASE_TRY(const auto certificate, to_certificate(row.der));
  const auto jwk = jose::Jwk::from(certificate.public_key());
  if (!jwk) return std::optional<base::json::object>();
  base::json::object key = jwk->to_json();
  key["kid"] = jwk->thumbprint();
  key["use"] = "sig";
  // RSA keys may sign by either of two algorithms: then `alg` is left out (RFC 7517 section 4.4).
  if (jwk->algorithm() != jose::Algorithm::rs256) key["alg"] = jose::name(jwk->algorithm());
  key["x5c"] = base::json::array{base::json::string(row.der)};
  key["x5t#S256"] = base::to_base64url(certificate.fingerprint());
  key["application"] = row.key.application;
  if (keys == Party::Keys::inactive) {
    key["ended"] = base::to_rfc3339(std::min(row.revoked_at.value_or(row.not_after), row.not_after));
    key["why"] = row.revoked_for.value_or("expired");
  }
  return std::optional(std::move(key));
}

}  // namespace

std::optional<Party> parse_party(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto environment = base::parse_environment(path.substr(0, slash));
  std::string_view rest = path.substr(slash + 1);
  const std::size_t second = rest.find('/');
  Party::Keys keys = Party::Keys::active;
  if (second != std::string_view::npos) {
    if (rest.substr(second) != "/inactive") return std::nullopt;
    keys = Party::Keys::inactive;
    rest = rest.substr(0, second);
  }
  auto organisation = base::Slug::parse(rest);
  if (!environment || !organisation || *environment == base::Environment::internal) return std::nullopt;
  return Party{*environment, std::move(*organisation), keys};
}

base::Result<base::json::object> party_key_set(Ledger& ledger, const Party& party) {
  BASE_TRY(auto rows, ledger.read());
  store::CertificateFilter filter;
  filter.of = {std::string(base::name(party.environment)), party.organisation.text(), ""};
  filter.purpose = trust::name(trust::Purpose::signing);
  filter.now = ledger.now();
  if (party.keys == Party::Keys::active) filter.status = store::CertificateStatus::valid;
  filter.limit = kCertificates;
  BASE_TRY(const auto certificates, store::list_certificates(rows, filter));
  base::json::array keys;
  for (const store::CertificateRow& row : certificates) {
    if (!is_listed(row, party.keys, filter.now)) continue;
    BASE_TRY(const auto identity, to_identity(row.key));
    if (party.keys == Party::Keys::active && ledger.view().is_suspended(identity)) continue;
    BASE_TRY(auto key, to_json(row, party.keys));
    if (key) keys.emplace_back(std::move(*key));
  }
  return base::json::object{{"keys", std::move(keys)}};
}

base::Result<void> revoke_token(Ledger& ledger, const Actor& actor, const oauth::Grant& grant) {
  BASE_TRY(auto amendment, ledger.amend());
  const base::Instant now = ledger.now();
  BASE_TRY(const bool is_new,
           store::revoke_oauth_token(amendment.rows(), {grant.id, grant.client, now, grant.expires}));
  if (!is_new) return {};
  BASE_TRY_VOID(store::forget_oauth_revocations(amendment.rows(), now - oauth::kGatewaySkew));
  BASE_TRY_VOID(amendment.audit({actor, "token.revoked", grant.id, {{"client", grant.client}}}));
  amendment.publish(feed::TokenRevocationFact{grant.id, now, grant.expires + oauth::kGatewaySkew});
  return amendment.commit();
}

}  // namespace countersign::authority
