#include "authority/founding/establish.h"

#include <algorithm>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "authority/founding/awaited_ceremony.h"
#include "authority/founding/ceremony.h"
#include "authority/issuance/signer.h"
#include "authority/registry/directory.h"
#include "authority/registry/operator_roles.h"
#include "authority/registry/own_identities.h"
#include "authority/registry/rows.h"
#include "base/check.h"
#include "base/files.h"
#include "store/crls.h"
#include "store/issuers.h"
#include "store/operator_roles.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;
using base::Environment;
using base::Kind;

struct PlatformApplication {
  Environment environment;
  const char* organisation;
  const char* application;
  bool serves = false;  ///< has server certificates, for the names of this machine until an operator says otherwise
};
constexpr PlatformApplication kPlatform[] = {
    {Environment::internal, "service", "authority", true},
    {Environment::internal, "service", "gateway", true},
    {Environment::internal, "service", "ehi", true},
    {Environment::internal, "operator", "admin"},
    {Environment::uat, "provider", "ehi"},
    {Environment::production, "provider", "ehi"},
};

base::Result<void> sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (synced) return {};
  return base::fail(Kind::unavailable, "file.unwritable",
                    "cannot write '" + folder.string() + "': " + std::strerror(error));
}

/// The last of the three stages: from here on `keys` are the keys of the registry's CAs.
base::Result<void> adopt_keys(const DataFolder& folder) {
  std::error_code error;
  fs::rename(folder.new_keys(), folder.keys(), error);
  if (error)
    return base::fail(Kind::unavailable, "file.unwritable",
                      "cannot rename '" + folder.new_keys().string() + "' to 'keys': " + error.message());
  return sync_folder(folder.root());
}

/// Another authority was first: what this one has made was for CAs that will never be.
void discard_new_keys(const DataFolder& folder) {
  std::error_code ignored;
  fs::remove_all(folder.new_keys(), ignored);
  fs::remove(folder.audit_head(), ignored);
}

tl::unexpected<base::Error> keys_missing(const DataFolder& folder) {
  return base::fail(Kind::corrupt, "keys.missing",
                    "'" + folder.keys().string() +
                        "' is missing, but the registry has CAs: restore the folder from a backup, or, if another "
                        "authority made the registry, copy its 'keys' folder there and give this one the same "
                        "passphrase");
}

/// Were the keys of an interrupted first run made for the CAs that the registry has?
base::Result<bool> are_of_registry(Ledger& ledger, const FirstRun& run) {
  if (fs::exists(DataFolder::token_note(run.folder.new_keys()))) return true;  // the token's signer will look at them
  BASE_TRY(auto rows, ledger.read());
  BASE_TRY(const auto hierarchy, Hierarchy::load(rows));
  const auto opened = FileSigner::open(run.folder.new_keys(), hierarchy, run.passphrase);
  if (opened) return true;
  if (opened.error().code == "keys.mismatch" || opened.error().code == "keys.missing") return false;
  return base::unexpected(opened.error());
}

base::Result<void> complete(Ledger& ledger, const FirstRun& run) {
  if (fs::is_directory(run.folder.keys())) return {};
  if (!fs::is_directory(run.folder.new_keys())) return keys_missing(run.folder);
  BASE_TRY(const bool ours, are_of_registry(ledger, run));
  if (ours) return adopt_keys(run.folder);
  discard_new_keys(run.folder);
  return keys_missing(run.folder);
}

base::Result<void> check_provider_name(const std::string& provider) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const bool good =
      !provider.empty() && provider.size() <= kProviderNameLimit && std::ranges::none_of(provider, is_control);
  if (good) return {};
  return base::fail(
      Kind::invalid, "provider.name",
      "the provider's name must have 1 to " + std::to_string(kProviderNameLimit) + " bytes and no control characters");
}

/// What says, beside the encrypted files, that keys are in a token, and in which.
std::string note_of(const TokenSettings& settings) {
  return "The keys of the CAs are in the token '" + settings.label + "' with labels that begin with '" +
         settings.key_prefix + "-'.\n";
}

/// Empties `keys.new` of what an interrupted first run left there, as no certificate of it was ever durable - but for
/// the note on keys in the token, which are still there.
base::Result<void> empty_new_keys(const FirstRun& run) {
  const fs::path folder = run.folder.new_keys();
  BASE_TRY_VOID(base::make_folder(folder));
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    found.push_back(entry->path());
  for (const fs::path& path : found)
    if (run.token == nullptr || path != DataFolder::token_note(folder)) fs::remove_all(path, error);
  return {};
}

/// Notes that keys will be in the token, before there are any. Are those that lie there left over from this first run?
base::Result<TokenCaKeys::LeftOver> claim_token(const FirstRun& run) {
  const fs::path file = DataFolder::token_note(run.folder.new_keys());
  const std::string note = note_of(run.token->settings);
  const auto noted = base::read_file(file);
  if (noted && *noted == note) return TokenCaKeys::LeftOver::ours;
  BASE_TRY_VOID(check_labels_are_free(run.token->token, run.token->settings));
  BASE_TRY_VOID(base::write_file(file, note, base::FileMode::owner_only));
  BASE_TRY_VOID(sync_folder(run.folder.root()));
  return TokenCaKeys::LeftOver::none;
}

/// The end of the first stage: the key of the audit log's seal, which is always a file.
base::Result<void> begin_audit(const FirstRun& run, Ledger& ledger) {
  BASE_TRY(auto audit_key, open_audit_key(run.folder.new_keys(), run.passphrase));
  ledger.seal().use_key(std::move(audit_key));
  BASE_TRY_VOID(ledger.seal().begin());
  return sync_folder(run.folder.root());
}

/// The first stage where the roots are made elsewhere: keys stay from start to start until the ceremony was held.
base::Result<Ceremony> take_keys(const FirstRun& run, Ledger& ledger) {
  const fs::path folder = run.folder.new_keys();
  BASE_TRY_VOID(base::make_folder(folder));
  if (run.token != nullptr) BASE_TRY_VOID(claim_token(run));
  CaKeyHome keys({folder, run.passphrase, run.token});
  BASE_TRY(auto ceremony, take_ceremony({run.ceremony, run.provider, ledger.now()}, keys));
  BASE_TRY_VOID(begin_audit(run, ledger));
  return ceremony;
}

/// The first stage: the keys, wherever they are to lie, and that of the audit log's seal, which is always a file.
base::Result<Ceremony> make_keys(const FirstRun& run, Ledger& ledger) {
  const fs::path folder = run.folder.new_keys();
  if (!run.ceremony.empty()) return take_keys(run, ledger);
  BASE_TRY_VOID(empty_new_keys(run));
  const auto kind = run.token == nullptr ? crypto::PrivateKey::Kind::p256 : run.token->settings.key;
  FileCaKeys files(folder, run.passphrase, kind);
  std::optional<TokenCaKeys> in_token;
  if (run.token != nullptr) {
    BASE_TRY(const auto left_over, claim_token(run));
    in_token.emplace(TokenCaKeys::Parts{run.token->token, run.token->settings, files, left_over});
  }
  CaKeys& keys = in_token ? static_cast<CaKeys&>(*in_token) : files;
  BASE_TRY(auto ceremony, hold_ceremony({run.provider, ledger.now(), run.status_urls}, {keys, run.random}));
  BASE_TRY_VOID(begin_audit(run, ledger));
  return ceremony;
}

base::Result<void> add_crl(Amendment& amendment, const NewRoot& root) {
  const x509::CrlSpec& spec = root.crl.spec;
  const store::CrlRow row{{root_key_name(root.root), 0},
                          static_cast<std::int64_t>(spec.number),
                          spec.this_update,
                          spec.next_update,
                          base::to_hex(crypto::sha256(root.crl.tbs.der.empty() ? root.crl.der : root.crl.tbs.der)),
                          0};
  BASE_TRY(const bool recorded, store::record_crl(amendment.rows(), row));
  BASE_TRY(const bool published,
           store::publish_crl(amendment.rows(), row.key, row.number, base::to_base64(root.crl.der)));
  BASE_CHECK(recorded && published);  // the registry was empty
  return {};
}

base::Result<void> add_cas(Amendment& amendment, const Ceremony& ceremony, base::Instant now) {
  for (const NewRoot& root : ceremony.roots) {
    BASE_TRY_VOID(
        store::insert(amendment.rows(), {std::string(name(root.root)), to_der_base64(root.certificate), now}));
    BASE_TRY_VOID(amendment.audit({the_authority(),
                                   "root.created",
                                   root.certificate.subject().text,
                                   {{"serial", root.certificate.serial().hex()}}}));
    BASE_TRY_VOID(add_crl(amendment, root));
    amendment.publish(feed::RootFact{root.certificate});
  }
  for (const NewIssuingCa& ca : ceremony.issuing_cas) {
    const IssuingCaPlan& plan = ca.plan;
    store::IssuingCaRow row{std::string(plan.name),
                            std::string(name(plan.root)),
                            std::string(base::name(plan.environment)),
                            {},
                            to_der_base64(ca.certificate),
                            now};
    for (const trust::Purpose purpose : plan.purposes)
      row.purposes.emplace_back(trust::name(purpose));
    row.line = row.name;
    row.state_since = now;
    BASE_TRY_VOID(store::insert(amendment.rows(), row));
    BASE_TRY_VOID(amendment.audit({the_authority(),
                                   "issuing_ca.created",
                                   ca.certificate.subject().text,
                                   {{"serial", ca.certificate.serial().hex()}}}));
    amendment.publish(trust::IssuingCa{ca.certificate, plan.environment, {plan.purposes.begin(), plan.purposes.end()}});
  }
  return {};
}

base::Result<void> add_platform(Amendment& amendment, const FirstRun& run, base::Instant now) {
  const std::pair<const char*, std::string> organisations[] = {
      {"provider", run.provider}, {"service", run.provider + ": platform"}, {"operator", run.provider + ": operators"}};
  for (const auto& [id, organisation_name] : organisations)
    BASE_TRY_VOID(add_organisation(amendment, the_authority(), {id, organisation_name, false, now}));
  for (const PlatformApplication& platform : kPlatform) {
    auto organisation = base::Slug::parse(platform.organisation);
    auto application = base::Slug::parse(platform.application);
    BASE_CHECK(organisation && application);
    NewApplication wanted{
        {platform.environment, std::move(*organisation), std::move(*application)}, platform.application, {}};
    if (platform.serves) wanted.server_names = run.server_names;
    BASE_TRY_VOID(add_application(amendment, the_authority(), wanted, now));
  }
  return store::set_operator_roles(amendment.rows(), admin_identity().application.text(),
                                   {std::string(name(Role::administrator))});
}

/// The second stage: all or nothing. Of several authorities that make their first run on one registry at once, one
/// comes through here.
base::Result<void> commit_hierarchy(Ledger& ledger, const Ceremony& ceremony, const FirstRun& run) {
  const base::Instant now = ledger.now();
  BASE_TRY(auto amendment, ledger.amend());
  BASE_TRY(const auto roots, store::list_roots(amendment.rows()));
  if (!roots.empty()) return keys_missing(run.folder);
  BASE_TRY_VOID(add_cas(amendment, ceremony, now));
  BASE_TRY_VOID(add_platform(amendment, run, now));
  return amendment.commit();
}

base::Result<bool> is_established(Ledger& ledger) {
  BASE_TRY(auto rows, ledger.read());
  BASE_TRY(const auto roots, store::list_roots(rows));
  return !roots.empty();
}

base::Result<void> write_if_changed(const fs::path& file, const std::string& content) {
  const auto present = base::read_file(file);
  if (present && *present == content) return {};
  return base::write_file(file, content, base::FileMode::world_readable);
}

}  // namespace

base::Result<Establishment> establish(Ledger& ledger, const FirstRun& run) {
  BASE_TRY(const bool established, is_established(ledger));
  if (established) {
    BASE_TRY_VOID(complete(ledger, run));
    return Establishment::was_there;
  }
  if (fs::exists(run.folder.keys()))
    return base::fail(Kind::corrupt, "authority.registry_lost",
                      "there are CA keys in '" + run.folder.keys().string() +
                          "', but the registry is empty: restore it " +
                          "from a backup, or move the whole data folder away to begin anew");
  BASE_TRY_VOID(check_provider_name(run.provider));
  BASE_TRY(const Ceremony ceremony, make_keys(run, ledger));
  const auto committed = commit_hierarchy(ledger, ceremony, run);
  if (!committed && committed.error().code == "keys.missing") discard_new_keys(run.folder);
  BASE_TRY_VOID(committed);
  BASE_TRY_VOID(adopt_keys(run.folder));
  return Establishment::made_now;
}

base::Result<void> write_certificates(const DataFolder& folder, const Hierarchy& hierarchy) {
  BASE_TRY_VOID(base::make_folder(folder.certificates()));
  for (const RootCa& root : hierarchy.roots())
    BASE_TRY_VOID(write_if_changed(key_file(folder.certificates(), root.key_name()), root.certificate.to_pem()));
  for (const IssuingCa& ca : hierarchy.issuing_cas())
    BASE_TRY_VOID(write_if_changed(key_file(folder.certificates(), ca.name), ca.certificate.to_pem()));
  BASE_TRY_VOID(write_if_changed(folder.provider_chain(), hierarchy.trust_chain_pem(Root::provider)));
  return write_if_changed(folder.partner_chain(), hierarchy.trust_chain_pem(Root::partner));
}

}  // namespace countersign::authority
