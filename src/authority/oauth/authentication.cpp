#include "authority/oauth/authentication.h"

#include <algorithm>

#include "authority/registry/rows.h"
#include "oauth/access_token.h"
#include "store/certificates.h"
#include "store/oauth_tokens.h"

namespace countersign::authority {
namespace {

using oauth::Reason;
using oauth::refuse;

/// Certificates of an application that are looked at: a key for each purpose, and those that overlap.
constexpr int kKeysOfClient = 16;
constexpr std::size_t kReadLimit = 4096;
constexpr std::size_t kAttemptsLimit = 10'000;
constexpr base::Duration kForgetEvery = std::chrono::minutes(1);

/// What went wrong in the registry, in a refusal's words.
tl::unexpected<oauth::Refusal> unavailable(const base::Error& error) {
  return refuse(Reason::unavailable, base::to_string(error));
}

}  // namespace

oauth::Checked<ActiveCaller> ActiveCaller::of(const oauth::RelayedCall& call, const trust::RegistryView& registry,
                                              base::Instant now) {
  if (!call.peer) return refuse(Reason::no_certificate);
  const oauth::RelayedPeer& peer = *call.peer;
  const auto fact = registry.certificate(peer.fingerprint);
  if (!fact) return refuse(Reason::certificate_not_active, "it is not in the registry");
  if (fact->identity != peer.identity || fact->purpose != trust::Purpose::transport)
    return refuse(Reason::certificate_not_active, "it is no Transport Certificate of this application");
  if (fact->revoked_for) return refuse(Reason::certificate_not_active, "it is revoked");
  if (fact->not_after < now) return refuse(Reason::certificate_not_active, "it has expired");
  if (registry.is_suspended(peer.identity)) return refuse(Reason::certificate_not_active, "suspended");
  return ActiveCaller(peer);
}

std::string ActiveCaller::client_id() const { return oauth::client_id_of(peer_.identity); }

oauth::Checked<ProvedClient> Authentication::prove(const ActiveCaller& caller, const std::string& authorization,
                                                   const oauth::Form& form) {
  auto shown = oauth::read_credentials(authorization, form);
  if (!shown) return base::unexpected(std::move(shown).error());
  auto rules = find_rules(caller, *shown);
  if (!rules) return base::unexpected(std::move(rules).error());
  ProvedClient client(caller, std::move(*rules), shown->method());
  if (const auto* assertion = std::get_if<oauth::ShownAssertion>(&shown->shown)) {
    auto checked = check_assertion(caller, assertion->jwt);
    if (!checked) return base::unexpected(std::move(checked).error());
    client.assertion_ = std::move(*checked);
  } else if (const auto* secret = std::get_if<oauth::ShownSecret>(&shown->shown)) {
    if (auto checked = check_secret(caller, secret->secret); !checked)
      return base::unexpected(std::move(checked).error());
  }
  return client;
}

/// RFC 7523 section 3 (7.): once and never again.
oauth::Checked<AuthenticatedClient> Authentication::use_up(store::Transaction& rows, ProvedClient client) {
  if (!client.assertion_) return AuthenticatedClient(std::move(client));
  const oauth::VerifiedAssertion& assertion = *client.assertion_;
  const base::Instant now = ledger_.now();
  const store::OauthAssertionRow row{client.caller_.client_id(),
                                     base::to_hex(crypto::sha256(base::as_bytes(assertion.id()))),
                                     assertion.forgettable()};
  const auto is_new = store::use_oauth_assertion(rows, row);
  if (!is_new) return unavailable(is_new.error());
  if (!*is_new) return refuse(Reason::assertion_replayed);
  if (!forgotten_at_ || now >= *forgotten_at_ + kForgetEvery || now < *forgotten_at_) {
    if (auto forgotten = store::forget_oauth_assertions(rows, now - oauth::kClockSkew); !forgotten)
      return unavailable(forgotten.error());
    forgotten_at_ = now;
  }
  return AuthenticatedClient(std::move(client));
}

oauth::Checked<AuthenticatedClient> Authentication::authenticate(const ActiveCaller& caller,
                                                                 const std::string& authorization,
                                                                 const oauth::Form& form) {
  auto proved = prove(caller, authorization, form);
  if (!proved) return base::unexpected(std::move(proved).error());
  auto rows = ledger_.write_unaudited();
  if (!rows) return unavailable(rows.error());
  auto client = use_up(*rows, std::move(*proved));
  if (!client) return client;
  if (auto committed = rows->commit(); !committed) return unavailable(committed.error());
  return client;
}

oauth::Checked<ClientRules> Authentication::find_rules(const ActiveCaller& caller,
                                                       const oauth::ClientCredentials& shown) {
  if (shown.client_id && *shown.client_id != caller.client_id())
    return refuse(Reason::certificate_of_another, "the certificate is that of " + caller.client_id());
  auto rows = ledger_.read();
  if (!rows) return unavailable(rows.error());
  auto row = store::find_oauth_client(*rows, to_key(caller.identity()));
  if (!row) return unavailable(row.error());
  if (!*row) return refuse(Reason::client_unknown);
  if ((*row)->state != "active") return refuse(Reason::client_disabled);
  auto rules = rules_of(**row);
  if (!rules) return unavailable(rules.error());
  const oauth::Method method = shown.method();
  const auto has = [&](const std::vector<oauth::Method>& methods) {
    return std::ranges::find(methods, method) != methods.end();
  };
  if (!has(rules->methods) || !has(settings_.methods()))
    return refuse(Reason::method_not_allowed, std::string(oauth::name(method)));
  return std::move(*rules);
}

base::Result<std::vector<oauth::ClientKey>> Authentication::keys_of(const base::Identity& identity) {
  BASE_TRY(auto rows, ledger_.read());
  const store::ApplicationKey key = to_key(identity);
  store::CertificateFilter filter;
  filter.of = {key.environment, key.organisation, key.application};
  filter.status = store::CertificateStatus::valid;
  filter.now = ledger_.now();
  filter.limit = kKeysOfClient;
  BASE_TRY(const auto certificates, store::list_certificates(rows, filter));
  std::vector<oauth::ClientKey> keys;
  for (const store::CertificateRow& row : certificates) {
    auto known = read_.find(row.fingerprint);
    if (known == read_.end()) {
      BASE_TRY(const auto certificate, to_certificate(row.der));
      BASE_TRY(const auto purpose, to_purpose(row.purpose));
      auto jwk = jose::Jwk::from(certificate.public_key());
      if (!jwk) continue;  // of a kind that signs nothing here
      if (read_.size() >= kReadLimit) read_.clear();
      const auto use =
          purpose == trust::Purpose::signing ? oauth::ClientKey::Use::signing : oauth::ClientKey::Use::transport;
      known = read_
                  .emplace(row.fingerprint,
                           oauth::ClientKey{std::move(*jwk), base::to_base64url(certificate.fingerprint()), use})
                  .first;
    }
    keys.push_back(known->second);
  }
  return keys;
}

oauth::Checked<oauth::VerifiedAssertion> Authentication::check_assertion(const ActiveCaller& caller,
                                                                         const std::string& jwt) {
  const auto keys = keys_of(caller.identity());
  if (!keys) return unavailable(keys.error());
  const bool strict = settings_.profile == OauthSettings::Profile::fapi2;
  oauth::AssertionRules rules{.client = caller.client_id(), .audiences = {settings_.issuer}};
  // FAPI 2.0 section 5.3.2.1: the issuer alone.
  if (!strict) rules.audiences.push_back(settings_.endpoint("/oauth2/token"));
  if (strict) rules.audience_form = oauth::AssertionRules::AudienceForm::text;
  rules.algorithms = settings_.algorithms();
  return oauth::verify_assertion(jwt, *keys, rules, ledger_.now());
}

oauth::Checked<void> Authentication::check_secret(const ActiveCaller& caller, const base::Secret& secret) {
  const base::Instant now = ledger_.now();
  const std::string client = caller.client_id();
  if (attempts_.size() > kAttemptsLimit) attempts_.clear();
  Attempts& attempts = attempts_[client];
  if (attempts.wrong > 0 && (now >= attempts.since + kSecretPause || now < attempts.since)) attempts = {};
  if (attempts.wrong >= kWrongSecrets) return refuse(Reason::too_many_attempts);
  const auto good = is_live_secret(caller, secret);
  if (!good) return unavailable(good.error());
  if (*good) {
    attempts_.erase(client);
    return {};
  }
  ++attempts.wrong;
  attempts.since = now;
  return refuse(Reason::secret_refused);
}

base::Result<bool> Authentication::is_live_secret(const ActiveCaller& caller, const base::Secret& secret) {
  if (!looks_like_secret(secret.reveal_text())) return false;
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(const auto secrets, store::list_oauth_secrets(rows, to_key(caller.identity())));
  for (const store::OauthSecretRow& row : secrets) {
    if (row.cancelled_at) continue;
    BASE_TRY(const bool good, is_secret_of(secret, row.digest));
    if (good) return true;
  }
  return false;
}

}  // namespace countersign::authority
