#include "authority/founding/credentials.h"

#include <cstring>

#include "authority/registry/directory.h"
#include "authority/registry/operator_roles.h"
#include "authority/registry/operators.h"
#include "authority/registry/own_identities.h"
#include "authority/registry/rows.h"
#include "authority/registry/server_names.h"
#include "base/check.h"
#include "base/files.h"
#include "feed/renewal.h"
#include "store/operator_roles.h"
#include "trust/verdict.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;

fs::path next_key(const feed::CredentialFiles& files) { return files.key.string() + ".next"; }

/// The key of an interrupted provision, if there is one that can be read.
std::optional<crypto::PrivateKey> left_over_key(const feed::CredentialFiles& files) {
  auto pem = base::read_file(next_key(files));
  if (!pem) return std::nullopt;
  auto key = crypto::PrivateKey::from_pem(*pem, base::Secret());
  explicit_bzero(pem->data(), pem->size());
  if (!key) return std::nullopt;
  return std::move(*key);
}

base::Result<crypto::PrivateKey> new_key(const feed::CredentialFiles& files) {
  BASE_TRY(auto key, crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256));
  BASE_TRY(const base::Secret pem, key.to_pem());
  BASE_TRY_VOID(base::write_file(next_key(files), pem.reveal_text(), base::FileMode::owner_only));
  return key;
}

}  // namespace

feed::CredentialFiles server_files(const DataFolder& folder) {
  return feed::CredentialFiles::in(folder.root(), "server");
}
feed::CredentialFiles operator_files(const DataFolder& folder) {
  return feed::CredentialFiles::in(folder.operator_folder(), "admin");
}

base::Result<Issued> Credentials::certify(const crypto::PrivateKey& key, const base::Identity& identity,
                                          trust::Purpose purpose) {
  const x509::SubjectName hint{identity.application.text(), identity.organisation.text(), {}};
  BASE_TRY(const std::string pem, x509::Csr::make_pem(key, hint));
  BASE_TRY(auto csr, x509::Csr::parse(pem));
  return issuance_.issue_own({identity, purpose, std::move(csr), the_authority()});
}

base::Result<void> Credentials::obtain(const feed::CredentialFiles& files, const base::Identity& identity,
                                       trust::Purpose purpose) {
  std::optional<crypto::PrivateKey> key = left_over_key(files);
  std::optional<Issued> issued;
  if (key) {
    BASE_TRY(issued, enrolment_.find_valid(identity, purpose, key->public_key()));
  }
  if (!issued) {
    BASE_TRY(key, new_key(files));
    BASE_TRY(issued, certify(*key, identity, purpose));
  }
  BASE_TRY(const base::Secret pem, key->to_pem());
  return feed::replace(files, pem, issued->certificate.to_pem() + x509::to_pem(hierarchy_.chain_of(*issued->issuer)));
}

/// A certificate may be stored and not be valid: the clock was wrong when it was issued, or is wrong now.
base::Result<bool> Credentials::is_believed(const tls::Credential& credential) const {
  const trust::Policy policy{.purposes = {trust::Purpose::server}};
  BASE_TRY(const auto trust, hierarchy_.to_trust_set());
  return trust::verify_chain(credential.chain, policy, trust, ledger_.now()).has_value();
}

/// Its issuing CA still issues: whoever has been superseded may be retired one day.
bool Credentials::is_of_today(const x509::Certificate& certificate) const {
  const IssuingCa* issuer = hierarchy_.find_issuer(base::Environment::internal, trust::Purpose::server);
  return issuer == nullptr || certificate.authority_key_id() == issuer->certificate.subject_key_id();
}

base::Result<bool> Credentials::has_usable_server(const DataFolder& folder) {
  const auto present = feed::load(server_files(folder));
  if (!present) return false;
  BASE_TRY(const bool believed, is_believed(*present));
  if (!believed) return false;
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(const auto row, store::find_certificate(rows, present->chain.front().serial().hex()));
  return row && !row->revoked_at;
}

base::Result<bool> Credentials::is_good_server(const feed::CredentialFiles& files, const base::Identity& identity) {
  const auto present = feed::load(files);
  if (!present) return false;
  BASE_TRY(const bool believed, is_believed(*present));
  const x509::Certificate& certificate = present->chain.front();
  if (!believed || !is_of_today(certificate) || feed::is_due(certificate, ledger_.now())) return false;
  {
    BASE_TRY(auto rows, ledger_.read());
    BASE_TRY(const auto application, store::find_application(rows, to_key(identity)));
    BASE_TRY(const auto row, store::find_certificate(rows, certificate.serial().hex()));
    if (!application || !row || row->revoked_at || row->der != to_der_base64(certificate)) return false;
    const auto expected = to_subject_alt_names(identity.to_urn(), application->server_names);
    const auto& found = certificate.subject_alt_names();
    return found.dns == expected.dns && found.ip_addresses == expected.ip_addresses;
  }
}

base::Result<Provision> Credentials::provide_server(const DataFolder& folder) {
  const feed::CredentialFiles files = server_files(folder);
  const base::Identity identity = authority_identity();
  BASE_TRY(const bool good, is_good_server(files, identity));
  if (good) return Provision::was_there;
  BASE_TRY_VOID(obtain(files, identity, trust::Purpose::server));
  return Provision::made_now;
}

base::Result<bool> Credentials::has_usable_operator() {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(const std::size_t usable, count_usable_operators(rows, ledger_.now()));
  return usable > 0;
}

base::Result<void> Credentials::make_new_operator(const DataFolder& folder) {
  const base::Identity identity = admin_identity();
  BASE_TRY_VOID(base::make_folder(folder.operator_folder()));
  Directory directory(ledger_);
  BASE_TRY_VOID(directory.resume_application(the_authority(), identity));
  {
    BASE_TRY(auto amendment, ledger_.amend());
    BASE_TRY_VOID(store::set_operator_roles(amendment.rows(), identity.application.text(),
                                            {std::string(name(Role::administrator))}));
    BASE_TRY_VOID(amendment.audit({the_authority(), "operator.recovered", identity.to_urn()}));
    BASE_TRY_VOID(amendment.commit());
  }
  const feed::CredentialFiles files = operator_files(folder);
  std::error_code ignored;
  fs::remove(next_key(files), ignored);  // what was left over may be known to somebody
  return obtain(files, identity, trust::Purpose::service);
}

base::Result<Provision> Credentials::provide_operator(const DataFolder& folder) {
  const feed::CredentialFiles files = operator_files(folder);
  BASE_TRY_VOID(base::make_folder(folder.operator_folder()));
  const bool interrupted = fs::exists(next_key(files));
  BASE_TRY(const bool usable, has_usable_operator());
  if (usable && !interrupted) return Provision::was_there;
  BASE_TRY_VOID(obtain(files, admin_identity(), trust::Purpose::service));
  return Provision::made_now;
}

}  // namespace countersign::authority
