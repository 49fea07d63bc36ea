// Who asks at an endpoint of the authorisation server: first the certificate, which the gateway's connection proved and
// this authority looks up once more; then the client beside it.
//
// ActiveCaller, ProvedClient and AuthenticatedClient are proofs: each can only be made by its check (law 3).
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

/// The client has proved itself by all that can be looked at without writing: whether its assertion was used before is
/// still to be found out.
class ProvedClient {
 private:
  friend class Authentication;
  friend class AuthenticatedClient;
  ProvedClient(ActiveCaller caller, ClientRules rules, oauth::Method method)
      : caller_(std::move(caller)), rules_(std::move(rules)), method_(method) {}
  ActiveCaller caller_;
  ClientRules rules_;
  oauth::Method method_;
  std::optional<oauth::VerifiedAssertion> assertion_;
};

class AuthenticatedClient {
 public:
  const ActiveCaller& caller() const { return proved_.caller_; }
  const ClientRules& rules() const { return proved_.rules_; }
  oauth::Method method() const { return proved_.method_; }
  /// Of the key that made the assertion; empty for other methods.
  std::string kid() const { return proved_.assertion_ ? proved_.assertion_->kid() : ""; }

 private:
  friend class Authentication;
  explicit AuthenticatedClient(ProvedClient proved) : proved_(std::move(proved)) {}
  ProvedClient proved_;
};

/// Wrong secrets of one client after which none is looked at until kSecretPause has passed.
inline constexpr int kWrongSecrets = 5;
inline constexpr base::Duration kSecretPause = std::chrono::minutes(1);

class Authentication {
 public:
  /// Borrows both.
  Authentication(Ledger& ledger, const OauthSettings& settings) : ledger_(ledger), settings_(settings) {}

  /// Fails: the reasons of clients, secrets and assertions, but assertion_replayed; `unavailable` where the registry
  /// does not answer.
  oauth::Checked<ProvedClient> prove(const ActiveCaller& caller, const std::string& authorization,
                                     const oauth::Form& form);
  /// Uses up the assertion, for all authorities. Nothing may be given for it before `rows` are committed. Fails:
  /// assertion_replayed; `unavailable`, and then nothing of `rows` may last.
  oauth::Checked<AuthenticatedClient> use_up(store::Transaction& rows, ProvedClient client);
  /// Both, durably. Fails: as these.
  oauth::Checked<AuthenticatedClient> authenticate(const ActiveCaller& caller, const std::string& authorization,
                                                   const oauth::Form& form);

 private:
  oauth::Checked<ClientRules> find_rules(const ActiveCaller& caller, const oauth::ClientCredentials& shown);
  oauth::Checked<oauth::VerifiedAssertion> check_assertion(const ActiveCaller& caller, const std::string& jwt);
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
