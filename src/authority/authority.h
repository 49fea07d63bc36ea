// Authority: the whole domain on one data folder, put together: registry, hierarchy, signer, issuance and what uses
// them.
//
// Synchronous and free of sockets. Everything except view(), trust() and acme_nonces() belongs to one thread at a time.
#pragma once

#include <memory>
#include <optional>

#include "authority/enrolment/acme_accounts.h"
#include "authority/enrolment/acme_nonces.h"
#include "authority/enrolment/cmp_transactions.h"
#include "authority/enrolment/enrolment.h"
#include "authority/fleet.h"
#include "authority/founding/credentials.h"
#include "authority/notices/notices.h"
#include "authority/own_keys.h"
#include "authority/registry/directory.h"
#include "authority/rotation/rotation.h"
#include "authority/settings.h"
#include "authority/status/status.h"
#include "authority/transparency/checkpoint.h"
#include "base/log.h"
#include "base/published.h"
#include "crypto/token.h"

namespace countersign::authority {

class AuthorisationServer;

class Authority {
 public:
  /// What the authority is handed from outside; borrowed for its whole life.
  struct Outside {
    const base::Clock& clock;
    crypto::Random& random;
    const base::Log& log;
    StepObserver& observer;
    PublicationListener& listener;
    /// What certificates name as the place of their status, where the settings leave it to the listener.
    StatusUrls status_urls = {};
    const base::Secret* token_pin = nullptr;  ///< where the settings name a token
  };

  /// Locks the folder, opens the registry, does the first run or completes one that was interrupted, checks keys
  /// against certificates, ends what a crash left open, and provides the authority's own credentials. Fails: as
  /// check_private, DataLock, store::Registry::open, establish, Hierarchy::load, open_token, FileSigner::open,
  /// TokenSigner::open and Credentials; `keys.in_token` when the keys are in a token that the settings do not name.
  static base::Result<std::unique_ptr<Authority>> open(const Settings& settings, const base::Secret& passphrase,
                                                       const Outside& outside);
  Authority(const Authority&) = delete;
  ~Authority();

  const DataFolder& folder() const { return folder_; }
  const Hierarchy& hierarchy() const { return *hierarchy_; }
  /// What the outside is told of certificates; nothing until somebody opens it.
  Status& status() { return *status_; }
  Ledger& ledger() { return ledger_; }
  Directory& directory() { return directory_; }
  Enrolment& enrolment() { return *enrolment_; }
  Issuance& issuance() { return *issuance_; }
  Approvals& approvals() { return *approvals_; }
  AcmeAccounts& acme_accounts() { return *acme_accounts_; }
  AcmeNonces& acme_nonces() { return *acme_nonces_; }  ///< thread-safe
  CmpTransactions& cmp_transactions() { return cmp_transactions_; }
  crypto::Random& random() { return outside_.random; }
  Contacts& contacts() { return *contacts_; }
  Notices& notices() { return *notices_; }
  Rotation& rotation() { return *rotation_; }
  Followers& followers() { return followers_; }
  AuthorisationServer& oauth() { return *oauth_; }
  bool signer_has_key_of(const std::string& ca) const { return signer_->has_key_of(ca); }
  bool checks_ehi_servers() const { return checks_ehi_servers_; }  ///< [authority.ehi_checks] is there
  const IssuancePolicy& policy() const { return *policy_; }
  const Checkpoints& checkpoints() const { return *checkpoints_; }
  const base::Clock& clock() const { return outside_.clock; }
  const std::string& feed_id() const { return fleet_.feed_id(); }  ///< of the trust feed (fleet.h); it may change
  bool is_shared() const { return ledger_.is_shared(); }           ///< may other authorities change the same registry?
  /// Learns what others have committed, as far as the registry can be read now. For before a decision about a caller.
  void catch_up();
  /// Where whom to trust has changed, loads it anew: hierarchy(), trust(), the keys to sign with, the files of
  /// certificates. Ends every IssuingCa that was handed out, so between two jobs only. Fails: as Hierarchy::load.
  base::Result<void> refresh();
  /// What is to be done every kFollowInterval where the registry is shared: catch_up(), and to be seen by the others.
  /// Fails: as follow, Fleet::beat.
  base::Result<void> keep_up();

  /// The registry as the authority itself judges by it: brought up to date by the very amendments that publish.
  /// Thread-safe.
  const trust::RegistryView& view() const { return view_; }
  /// Never null. Thread-safe.
  std::shared_ptr<const trust::TrustSet> trust() const { return trust_.take(); }

  /// Replaces the server certificate when it is due or its names changed. Fails: as Credentials.
  base::Result<Provision> provide_server_certificate();

  /// Recovery for when no operator can get in: writes operator/admin.* anew, audited. Fails: as Credentials.
  base::Result<void> make_new_operator();

 private:
  Authority(DataFolder folder, DataLock lock, store::Registry registry, const Outside& outside);
  base::Result<void> set_up(const Settings& settings, const base::Secret& passphrase);
  base::Result<void> adopt_audit_of_others();
  base::Result<void> open_token_home(const TokenSettings& settings, const base::Secret& passphrase);
  base::Result<void> load_issuers();
  void note_keys();
  base::Result<void> open_signer(const Settings& settings, const base::Secret& passphrase);
  base::Result<void> remember_keys(const OwnKeyDigests& digests);
  base::Result<void> take_into_log();
  base::Result<void> provide_server(const Settings& settings);
  base::Result<void> provide_credentials(const Settings& settings);

  DataFolder folder_;
  DataLock lock_;
  store::Registry registry_;
  Outside outside_;
  trust::RegistryView view_;
  AuditSeal seal_;
  Ledger ledger_;
  Fleet fleet_;
  std::optional<base::Instant> last_beat_;
  bool checks_ehi_servers_ = false;
  Directory directory_;
  std::optional<Hierarchy> hierarchy_;
  base::Published<trust::TrustSet> trust_;
  std::unique_ptr<crypto::Token> token_;
  std::optional<TokenSettings> token_settings_;
  std::optional<TokenHome> token_home_;
  std::unique_ptr<Signer> signer_;
  std::optional<IssuancePolicy> policy_;
  std::optional<Approvals> approvals_;
  std::optional<Checkpoints> checkpoints_;
  Followers followers_;
  std::optional<CaKeyHome> ca_keys_;
  std::optional<Rotation> rotation_;
  std::optional<Contacts> contacts_;
  std::optional<Notices> notices_;
  std::optional<Issuance> issuance_;
  std::optional<Enrolment> enrolment_;
  std::optional<AcmeAccounts> acme_accounts_;
  std::unique_ptr<AcmeNonces> acme_nonces_;
  CmpTransactions cmp_transactions_;
  std::unique_ptr<AuthorisationServer> oauth_;
  std::optional<Credentials> credentials_;
  NoObserver nobody_;
  std::optional<Issuance> responders_issuance_;
  std::optional<Status> status_;
};

}  // namespace countersign::authority
