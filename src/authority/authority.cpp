#include "authority/authority.h"

#include "authority/founding/establish.h"
#include "authority/issuance/token_signer.h"
#include "authority/oauth/server.h"
#include "authority/registry/audit_verification.h"
#include "authority/registry/feed_source.h"
#include "authority/registry/follow.h"
#include "authority/registry/open_files.h"
#include "authority/registry/own_identities.h"
#include "authority/secrets/sealed_secret.h"
#include "base/check.h"
#include "base/files.h"

namespace countersign::authority {
namespace {

std::vector<std::filesystem::path> secret_files_of(const Settings& settings) {
  std::vector<std::filesystem::path> files{settings.passphrase_file};
  if (settings.token) files.push_back(settings.token->pin_file);
  if (settings.notices.mail) files.push_back(settings.notices.mail->password_file);
  return files;
}

}  // namespace

Authority::Authority(DataFolder folder, DataLock lock, store::Registry registry, const Outside& outside)
    : folder_(std::move(folder)),
      lock_(std::move(lock)),
      registry_(std::move(registry)),
      outside_(outside),
      seal_(folder_.audit_head()),
      ledger_({registry_, seal_, outside_.clock, view_, outside_.listener}),
      fleet_(ledger_, outside_.log),
      directory_(ledger_),
      followers_(ledger_) {}

Authority::~Authority() { fleet_.leave(); }

base::Result<std::unique_ptr<Authority>> Authority::open(const Settings& settings, const base::Secret& passphrase,
                                                         const Outside& outside) {
  DataFolder folder(settings.data);
  const auto is_private = check_private(settings.data, secret_files_of(settings));
  if (!is_private && !settings.danger_open_files) return base::unexpected(is_private.error());
  if (!is_private) outside.log.warning("danger.open_files", {{"error", base::to_string(is_private.error())}});
  BASE_TRY(auto lock, DataLock::acquire(folder));
  if (const std::size_t removed = remove_leftovers(folder); removed > 0)
    outside.log.info("files.leftovers_removed", {{"files", removed}});
  const store::Location location = settings.registry.value_or(folder.registry());
  if (settings.danger_unverified_registry)
    outside.log.warning("danger.unverified_registry", {{"registry", location.to_string()}});
  BASE_TRY(auto registry, store::Registry::open(location));
  std::unique_ptr<Authority> authority(new Authority(std::move(folder), std::move(lock), std::move(registry), outside));
  BASE_TRY_VOID(authority->set_up(settings, passphrase));
  return authority;
}

base::Result<void> Authority::set_up(const Settings& settings, const base::Secret& passphrase) {
  if (settings.token) BASE_TRY_VOID(open_token_home(*settings.token, passphrase));
  if (token_) token_home_.emplace(TokenHome{*token_, *token_settings_});
  const TokenHome* home = token_home_ ? &*token_home_ : nullptr;
  const FirstRun first{folder_, settings.provider, settings.server_names, passphrase, outside_.random,
                       home,    settings.ceremony, settings.status_url};
  BASE_TRY(const Establishment establishment, establish(ledger_, first));
  BASE_TRY_VOID(load_issuers());
  BASE_TRY_VOID(open_signer(settings, passphrase));
  ca_keys_.emplace(CaKeyHome::Parts{folder_.keys(), passphrase, home});
  BASE_TRY(OwnKeys own, OwnKeys::open(folder_.keys(), passphrase));
  const OwnKeyDigests own_digests = own.digests();
  BASE_TRY_VOID(check_own_keys(ledger_, own_digests));
  BASE_TRY(auto audit_key, derive_seal_key(own.audit));
  contacts_.emplace(ledger_, outside_.random, derive_webhook_key(audit_key));
  seal_.use_key(std::move(audit_key));
  BASE_TRY(checkpoints_, Checkpoints::sign_with(std::move(own.checkpoint),
                                                checkpoint_origin(hierarchy_->first_root(Root::provider))));
  if (establishment == Establishment::made_now)
    outside_.log.info("authority.established", {{"provider", settings.provider}, {"data", folder_.root().string()}});

  policy_ = settings.policy;
  checks_ehi_servers_ = settings.ehi_checks.has_value();
  if (policy_->can_be_outvoted_by_one())
    outside_.log.warning("approval.one_operator_suffices",
                         {{"remedy",
                           "set approvals for environment internal, purpose service, too: otherwise one "
                           "operator can make the others who approve"}});
  for (const std::string& profile : policy_->late_renewals())
    outside_.log.warning(
        "danger.renew_after_expiry",
        {{"profile", profile}, {"meaning", "whoever has the key of a certificate that has ended may renew it"}});
  approvals_.emplace(ledger_, *policy_, outside_.random);
  const StatusUrls& urls = settings.status_url.empty() ? outside_.status_urls : settings.status_url;
  const Checker checker(ledger_, *hierarchy_, outside_.random, {*policy_, urls});
  issuance_.emplace(checker, *approvals_, ledger_, *signer_, outside_.observer);
  // Not watched: a test that stops at a step means one of the issuances that somebody asked for.
  responders_issuance_.emplace(checker, *approvals_, ledger_, *signer_, nobody_);
  status_.emplace(Status::Parts{.ledger = ledger_,
                                .hierarchy = *hierarchy_,
                                .signer = *signer_,
                                .directory = directory_,
                                .issuance = *responders_issuance_,
                                .observer = outside_.observer});
  enrolment_.emplace(ledger_, *hierarchy_, *issuance_, outside_.random);
  BASE_TRY(auto acme_key, derive_secret(own.acme, "countersign acme credentials 1\n"));
  acme_accounts_.emplace(ledger_, outside_.random, std::move(acme_key));
  BASE_TRY(auto oauth_key, derive_secret(own.acme, "countersign token keys 1\n"));
  oauth_ = std::make_unique<AuthorisationServer>(AuthorisationServer::Parts{ledger_, outside_.random, outside_.log},
                                                 settings.oauth, base::Secret(base::to_base64url(oauth_key.reveal())));
  BASE_TRY(acme_nonces_, AcmeNonces::make(outside_.random));
  notices_.emplace(
      Notices::Parts{ledger_, *hierarchy_, outside_.random, outside_.log},
      Notices::Rules{settings.notices.thresholds, settings.notices.operators, settings.notices.mail.has_value()});
  credentials_.emplace(Credentials::Parts{ledger_, *hierarchy_, *enrolment_, *issuance_});
  rotation_.emplace(Rotation::Parts{.ledger = ledger_,
                                    .hierarchy = *hierarchy_,
                                    .signer = *signer_,
                                    .keys = *ca_keys_,
                                    .random = outside_.random,
                                    .observer = outside_.observer,
                                    .status_urls = settings.status_url});
  note_keys();

  if (establishment == Establishment::was_there) BASE_TRY_VOID(adopt_audit_of_others());
  BASE_TRY_VOID(check_audit(ledger_, outside_.log));
  BASE_TRY_VOID(fleet_.join(folder_, outside_.random));
  BASE_TRY_VOID(remember_keys(own_digests));
  BASE_TRY_VOID(take_into_log());
  BASE_TRY_VOID(fill_view(view_, ledger_));
  BASE_TRY_VOID(write_certificates(folder_, *hierarchy_));
  return provide_credentials(settings);
}

base::Result<void> Authority::open_token_home(const TokenSettings& settings, const base::Secret& passphrase) {
  BASE_CHECK(outside_.token_pin != nullptr);
  token_settings_ = settings;
  BASE_TRY(token_, open_token({*token_settings_, *outside_.token_pin, passphrase}, folder_.refused_pin()));
  return {};
}

base::Result<void> Authority::open_signer(const Settings& settings, const base::Secret& passphrase) {
  if (token_) {
    BASE_TRY(signer_, TokenSigner::open({*token_, *token_settings_, outside_.log}, *hierarchy_));
    outside_.log.info("token.ready", {{"token", settings.token->label}, {"module", settings.token->module.string()}});
    return {};
  }
  if (const auto note = base::read_file(DataFolder::token_note(folder_.keys())))
    return base::fail(base::Kind::invalid, "keys.in_token",
                      note->substr(0, note->find('\n')) + " Name it in [authority.token] of the configuration");
  BASE_TRY(auto signer, FileSigner::open(folder_.keys(), *hierarchy_, passphrase));
  signer_ = std::make_unique<FileSigner>(std::move(signer));
  return {};
}

/// A data folder that comes new to a shared registry knows no end of the log yet. Where the log is not whole the
/// missing file stays what it is: something for an operator to look into.
base::Result<void> Authority::adopt_audit_of_others() {
  if (!is_shared() || std::filesystem::exists(folder_.instance())) return {};
  const auto adopted = adopt_audit(ledger_, folder_.root().string());
  if (!adopted && adopted.error().code != "audit.broken") return adopted;
  if (adopted) outside_.log.warning("authority.joined", {{"data", folder_.root().string()}});
  return {};
}

base::Result<void> Authority::load_issuers() {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(auto hierarchy, Hierarchy::load(rows));
  BASE_TRY(auto trust, hierarchy.to_trust_set());
  hierarchy_ = std::move(hierarchy);
  trust_.publish(std::make_shared<const trust::TrustSet>(std::move(trust)));
  return {};
}

void Authority::note_keys() {
  std::vector<std::string> held;
  for (const IssuingCa& ca : hierarchy_->issuing_cas())
    if (signer_->has_key_of(ca.name)) held.push_back(ca.name);
  fleet_.has_keys_of(std::move(held));
}

base::Result<void> Authority::refresh() {
  if (!ledger_.take_issuers_changed()) return {};
  if (auto loaded = load_issuers(); !loaded) {
    ledger_.note_issuers_changed();
    return loaded;
  }
  signer_->look_for_keys(*hierarchy_);
  note_keys();
  outside_.log.info("issuers.changed", {{"issuing_cas", hierarchy_->issuing_cas().size()}});
  ledger_.tell(ledger_.applied().value_or(0));  // whoever waits for news finds the new trust now
  return write_certificates(folder_, *hierarchy_);
}

void Authority::catch_up() {
  if (is_shared()) (void)follow(ledger_);  // keep_up() says what is wrong, and goes on trying
  (void)refresh();
}

base::Result<void> Authority::keep_up() {
  BASE_TRY_VOID(follow(ledger_));
  BASE_TRY_VOID(refresh());
  BASE_TRY_VOID(fleet_.read_feed_id());
  const base::Instant now = outside_.clock.now();
  if (last_beat_ && now >= *last_beat_ && now < *last_beat_ + kBeat) return {};
  last_beat_ = now;
  signer_->look_for_keys(*hierarchy_);  // somebody may have copied one here
  note_keys();
  return fleet_.beat();
}

base::Result<void> Authority::remember_keys(const OwnKeyDigests& digests) {
  const auto changed = remember_own_keys(ledger_, digests);
  if (!changed && changed.error().code == "audit.broken") return {};
  BASE_TRY_VOID(changed);
  for (const std::string& name : *changed)
    outside_.log.warning("own_key.changed", {{"key", name}});
  return {};
}

base::Result<void> Authority::take_into_log() {
  const auto taken = complete_log(ledger_);
  if (!taken && taken.error().code == "audit.broken") return {};
  BASE_TRY(const std::size_t certificates, taken);
  if (certificates > 0) outside_.log.info("log.completed", {{"certificates", certificates}});
  return {};
}

/// What could not be renewed does not stop a start as long as callers accept what is there: the next attempts follow.
base::Result<void> Authority::provide_server(const Settings& settings) {
  base::Result<void> provided;
  const auto named = directory_.set_server_names(the_authority(), authority_identity(), settings.server_names);
  if (!named) {
    provided = base::unexpected(named.error());
  } else if (const auto made = credentials_->provide_server(folder_); !made) {
    provided = base::unexpected(made.error());
  }
  if (provided) return {};
  BASE_TRY(const bool usable, credentials_->has_usable_server(folder_));
  if (!usable) return provided;
  outside_.log.error("certificate.renewal_failed", {{"error", base::to_string(provided.error())}});
  return {};
}

base::Result<void> Authority::make_new_operator() { return credentials_->make_new_operator(folder_); }

base::Result<void> Authority::provide_credentials(const Settings& settings) {
  BASE_TRY_VOID(provide_server(settings));
  auto made = credentials_->provide_operator(folder_);
  if (!made) {
    outside_.log.error("operator.none", {{"error", base::to_string(made.error())},
                                         {"remedy", "stop the authority, run countersign-authority --new-operator"}});
  } else if (*made == Provision::made_now) {
    outside_.log.warning("operator.credential_made", {{"folder", folder_.operator_folder().string()}});
  }
  return {};
}

base::Result<Provision> Authority::provide_server_certificate() { return credentials_->provide_server(folder_); }

}  // namespace countersign::authority
