// Who asks at an endpoint of the authorisation server: first the certificate, which the gateway's connection proved and
// this authority looks up once more; then the client beside it.
//
// ActiveCaller and AuthenticatedClient are proofs: each can only be made by its check (law 3).
#pragma once

#include <map>
#include <unordered_map>

#include "authority/oauth/clients.h"
#include "authority/oauth/settings.h"
#include "oauth/assertion.h"
#include "oauth/relay.h"

namespace countersign::authority {

/// The certificate that a gateway vouched for is active in this registry, now: a partner's Transport Certificate, of
/// the identity that the gateway said, neither revoked nor over, nobody suspended.
class ActiveCaller {
 public:
  /// Fails: no_certificate, certificate_not_active.
  static oauth::Checked<ActiveCaller> of(const oauth::RelayedCall& call, const trust::RegistryView& registry,
                                         base::Instant now);
  const base::Identity& identity() const { return peer_.identity; }
  const crypto::Digest256& certificate() const { return peer_.fingerprint; }
  std::string client_id() const;

 private:
  explicit ActiveCaller(oauth::RelayedPeer peer) : peer_(std::move(peer)) {}
  oauth::RelayedPeer peer_;
};

class AuthenticatedClient {
 public:
  const ActiveCaller& caller() const { return caller_; }
  const store::OauthClientRow& row() const { return row_; }
  oauth::Method method() const { return method_; }
  /// Of the key that made the assertion; empty for other methods.
  const std::string& kid() const { return kid_; }

 private:
  friend class Authentication;
  AuthenticatedClient(ActiveCaller caller, store::OauthClientRow row, oauth::Method method, std::string kid)
      : caller_(std::move(caller)), row_(std::move(row)), method_(method), kid_(std::move(kid)) {}
  ActiveCaller caller_;
  store::OauthClientRow row_;
  oauth::Method method_;
  std::string kid_;
};

/// Wrong secrets of one client after which none is looked at until kSecretPause has passed.
inline constexpr int kWrongSecrets = 5;
inline constexpr base::Duration kSecretPause = std::chrono::minutes(1);

class Authentication {
 public:
  /// Borrows both.
  Authentication(Ledger& ledger, const OauthSettings& settings) : ledger_(ledger), settings_(settings) {}

  /// An assertion that passed is used up, durably, for all authorities. Fails: the reasons of clients, secrets and
  /// assertions; `unavailable` where the registry does not answer.
  oauth::Checked<AuthenticatedClient> authenticate(const ActiveCaller& caller, const std::string& authorization,
                                                   const oauth::Form& form);

 private:
  oauth::Checked<store::OauthClientRow> find_client(const ActiveCaller& caller, const oauth::ClientCredentials& shown);
  oauth::Checked<std::string> check_assertion(const ActiveCaller& caller, const std::string& jwt);
  oauth::Checked<void> use_up(const std::string& client, const oauth::VerifiedAssertion& assertion);
  oauth::Checked<void> check_secret(const ActiveCaller& caller, const base::Secret& secret);
  base::Result<bool> is_live_secret(const ActiveCaller& caller, const base::Secret& secret);
  base::Result<std::vector<oauth::ClientKey>> keys_of(const base::Identity& identity);
  struct Attempts {
    int wrong = 0;
    base::Instant since;
  };
  Ledger& ledger_;
  const OauthSettings& settings_;
  std::map<std::string, Attempts> attempts_;  ///< by client
  /// By certificate: reading one takes longer than checking a signature.
  std::unordered_map<std::string, oauth::ClientKey> read_;
  std::optional<base::Instant> forgotten_at_;
};

}  // namespace countersign::authority
