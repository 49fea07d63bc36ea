// ACME accounts and the credentials with which operators let partners make them (RFC 8555 sections 7.1.2, 7.3.4).
//
// A credential names an application and some purposes; its HMAC key is derived from a key outside of the registry, so
// that whoever reads the registry can make no account. One credential makes one account, which is bound to that
// application for ever. Belongs to the registry's thread.
#pragma once

#include "authority/enrolment/enrolment.h"
#include "jose/jws.h"
#include "store/acme.h"

namespace countersign::authority {

inline constexpr std::size_t kAccountContacts = 8;
inline constexpr std::size_t kContactLength = 200;

struct NewCredential {
  std::string kid;
  base::Secret key;  ///< shown once; 32 bytes
  std::vector<trust::Purpose> purposes;
  base::Instant expires;
};

/// Who asks for an account, with what proof of having a credential.
struct NewAccount {
  const jose::Jwk& key;                       ///< proved to be held
  const base::json::value* external_binding;  ///< `externalAccountBinding`; null: absent
  std::string url;                            ///< of the request: the binding must be for the same
  std::vector<std::string> contact;
};

class AcmeAccounts {
 public:
  /// Borrows all; `key` is what credentials are derived from.
  AcmeAccounts(Ledger& ledger, crypto::Random& random, base::Secret key)
      : ledger_(ledger), random_(random), key_(std::move(key)) {}

  /// Fails: `application.unknown`, `purpose.not_allowed`, `code.life`, and as store.
  base::Result<NewCredential> create_credential(const Actor& actor, const CodeOrder& order);
  /// Newest first. Fails: `application.unknown`, and as store.
  base::Result<std::vector<store::AcmeCredentialRow>> list_credentials(const base::Identity& identity);
  /// The HMAC key of a credential in the letters in which people were given it, whether there is such a credential or
  /// not: a MAC by it is checked before anything is said of the credential.
  base::Secret shown_key(const std::string& kid) const;
  /// No account can be made with it any more, and the one that was is revoked. Done already is no failure. Fails:
  /// `eab_credential.unknown`, and as store.
  base::Result<store::AcmeCredentialRow> cancel_credential(const Actor& actor, const base::Identity& identity,
                                                           const std::string& kid);

  /// Nothing where the key has no account. Fails: `acme.account_ended`, and as store.
  base::Result<std::optional<store::AcmeAccountRow>> find_account(const jose::Jwk& key);
  /// Fails: `acme.eab_required`, `acme.eab_refused`, `acme.contact`, `acme.contact_scheme`, as jose and store.
  base::Result<store::AcmeAccountRow> create_account(const NewAccount& account);
  /// Fails: `acme.contact`, `acme.contact_scheme`, and as store.
  base::Result<store::AcmeAccountRow> change_contact(store::AcmeAccountRow account, std::vector<std::string> contact);
  /// For good (RFC 8555 section 7.3.6). What the account was given stays. Fails: as store.
  base::Result<store::AcmeAccountRow> deactivate(store::AcmeAccountRow account);
  /// Fails: `acme.key_taken` when the key has an account, and as store.
  base::Result<store::AcmeAccountRow> change_key(store::AcmeAccountRow account, const jose::Jwk& key);

 private:
  base::Secret derive(const std::string& kid) const;
  /// One whose key, as it is shown, can be an argument of a command as well.
  base::Result<std::string> draw_kid() const;
  base::Result<store::AcmeCredentialRow> verify_binding(const NewAccount& account);
  Ledger& ledger_;
  crypto::Random& random_;
  base::Secret key_;
};

/// As the audit log names it.
Actor holder_of(const store::AcmeAccountRow& account);
/// Fails, both: `registry.corrupt`.
base::Result<base::Identity> identity_of(const store::AcmeAccountRow& account);
base::Result<std::vector<trust::Purpose>> purposes_of(const store::AcmeAccountRow& account);
/// 128 random bits in base64url, for ids in URLs and commands: it does not begin with "-".
base::Result<std::string> random_id(crypto::Random& random);

}  // namespace countersign::authority
