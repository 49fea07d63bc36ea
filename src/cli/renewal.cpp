#include "cli/renewal.h"

#include "base/check.h"
#include "base/files.h"
#include "feed/late_renewal.h"

namespace countersign::cli {
namespace {

namespace fs = std::filesystem;
using trust::Purpose;

RequestFiles files_named(const fs::path& folder, const std::string& stem) {
  return {folder / (stem + ".key"), folder / (stem + ".pem"), folder / (stem + "-chain.pem")};
}

feed::CredentialFiles pair_of(const RequestFiles& files) { return {files.key, files.chain}; }

base::Result<base::Identity> identity_of(const x509::Certificate& certificate, const fs::path& file) {
  const std::vector<std::string>& uris = certificate.subject_alt_names().uris;
  auto identity = uris.size() == 1 ? base::Identity::from_urn(uris.front()) : base::Identity::from_urn("");
  if (identity) return identity;
  return base::unexpected(std::move(identity).error().under(
      "renewal.nothing",
      "'" + file.string() + "' is no certificate of this platform: it does not name one application"));
}

/// After a swap that was cut off: the leaf alone is written last, and a key that is in use waits for nothing.
base::Result<void> tidy(const RenewalFiles& files, const tls::Credential& credential) {
  const x509::Certificate& leaf = credential.chain.front();
  const std::string pem = leaf.to_pem();
  const auto there = base::read_file(files.current.certificate);
  if (!there || *there != pem)
    BASE_TRY_VOID(base::write_file(files.current.certificate, pem, base::FileMode::world_readable));
  const auto next = base::read_secret_file(files.next_key);
  if (!next) return {};
  const auto key = crypto::PrivateKey::from_pem(next->reveal_text(), base::Secret());
  if (key && key->public_key().spki_sha256() == leaf.public_key().spki_sha256()) return drop_next_key(files);
  return {};
}

base::Result<tls::Credential> load_pair(const fs::path& folder, Purpose purpose) {
  const RenewalFiles files = RenewalFiles::in(folder, purpose);
  auto credential = feed::load(pair_of(files.current));
  if (credential) {
    BASE_TRY_VOID(tidy(files, *credential));
    return credential;
  }
  if (credential.error().kind != base::Kind::not_found) return credential;
  return base::unexpected(
      std::move(credential)
          .error()
          .under("renewal.nothing",
                 "there is nothing to renew in '" + folder.string() + "': " + files.current.chain.filename().string() +
                     " and " + files.current.key.filename().string() + " must be there, as `countersign request " +
                     std::string(trust::name(purpose)) + "` makes them with an enrolment code"));
}

base::Result<void> copy_to_previous(const RenewalFiles& files) {
  BASE_TRY(const base::Secret key, base::read_secret_file(files.current.key));
  BASE_TRY(const std::string chain, base::read_file(files.current.chain));
  BASE_TRY(const std::string certificate, base::read_file(files.current.certificate));
  BASE_TRY_VOID(base::write_file(files.previous.key, key.reveal_text(), base::FileMode::owner_only));
  BASE_TRY_VOID(base::write_file(files.previous.chain, chain, base::FileMode::world_readable));
  return base::write_file(files.previous.certificate, certificate, base::FileMode::world_readable);
}

/// Certificates that it may take again - of the suspended - the authority turns away by another alert than those that
/// are over (docs/refusals.md).
bool may_be_suspended(const base::Error& refusal) {
  for (const base::Error* error = &refusal; error != nullptr; error = error->cause.get())
    if (error->detail.find("certificate_unknown") != std::string::npos) return true;
  return false;
}

}  // namespace

Purpose held_for(Purpose wanted) {
  switch (wanted) {
    case Purpose::transport:
    case Purpose::signing: return Purpose::transport;
    case Purpose::service:
    case Purpose::server: return Purpose::service;
    case Purpose::ehi: return Purpose::ehi;
    case Purpose::person: return Purpose::person;
    case Purpose::ocsp: return Purpose::ocsp;  // the authority makes these for itself, and nobody can renew one
  }
  BASE_UNREACHABLE();
}

RenewalFiles RenewalFiles::in(const fs::path& folder, Purpose purpose) {
  const RequestFiles current = RequestFiles::in(folder, purpose);
  return {current, files_named(folder, std::string(trust::name(purpose)) + "-previous"), current.key.string() + ".next",
          folder / "renewal.lock"};
}

base::Result<Held> load_held(const fs::path& folder, Purpose purpose) {
  const Purpose by = held_for(purpose);
  BASE_TRY(tls::Credential credential, load_pair(folder, by));
  const RenewalFiles files = RenewalFiles::in(folder, purpose);
  BASE_TRY(base::Identity identity, identity_of(credential.chain.front(), RequestFiles::in(folder, by).chain));
  x509::Certificate current = credential.chain.front();
  if (by != purpose) {
    BASE_TRY(const tls::Credential own, load_pair(folder, purpose));
    current = own.chain.front();
    BASE_TRY(const base::Identity named, identity_of(current, files.current.chain));
    if (named != identity)
      return base::fail(base::Kind::invalid, "renewal.other_identity",
                        "'" + folder.string() + "' holds certificates of two applications, " + identity.to_urn() +
                            " and " + named.to_urn() + ": keep them in a folder each");
  }
  std::error_code ignored;
  const bool under_way = fs::exists(files.next_key, ignored);
  return Held{std::move(credential), std::move(current), std::move(identity), under_way};
}

crypto::PrivateKey::Kind kind_like(const crypto::PublicKey& key) {
  using Kind = crypto::PrivateKey::Kind;
  switch (key.type()) {
    case crypto::KeyType::ec_p384: return Kind::p384;
    case crypto::KeyType::ed25519: return Kind::ed25519;
    case crypto::KeyType::rsa:
      if (key.bits() <= 2048) return Kind::rsa2048;
      return key.bits() <= 3072 ? Kind::rsa3072 : Kind::rsa4096;
    case crypto::KeyType::ec_p256:
    case crypto::KeyType::other: return Kind::p256;
  }
  BASE_UNREACHABLE();
}

base::Result<Question> prepare_renewal(const Held& held, const RenewalFiles& files, Purpose purpose,
                                       crypto::PrivateKey::Kind kind) {
  BASE_TRY(KeyFile key, open_or_make_key(files.next_key, kind));
  BASE_TRY(std::string csr, x509::Csr::make_pem(key.key, {held.identity.application.text(), {}, {}}));
  base::json::object body{{"purpose", trust::name(purpose)}, {"csr", csr}};
  crypto::PublicKey public_key = key.key.public_key();
  Enrolment enrolment{
      .code = "", .purpose = purpose, .csr = std::move(csr), .key = std::move(public_key), .expected = held.identity};
  return Question{std::move(key.key), std::move(enrolment), std::move(body)};
}

bool is_late(const Held& held, Purpose purpose, base::Instant now) {
  return held_for(purpose) == purpose && now > held.credential.chain.front().not_after();
}

base::Result<base::json::object> late_body(const Held& held, const Question& question) {
  const x509::Certificate& leaf = held.credential.chain.front();
  const std::string content = feed::late_renewal_content(question.enrolment.purpose, question.key.public_key(), leaf);
  BASE_TRY(const base::Bytes signature, held.credential.key.sign(base::as_bytes(content)));
  base::json::object body = question.body;
  body["certificate"] = leaf.to_pem();
  body["signature"] = base::to_base64(signature);
  return body;
}

bool is_late_body(const base::json::object& body) { return body.contains("signature"); }

base::Result<void> swap_in(const RenewalFiles& files, const Question& question, const Issued& issued) {
  BASE_TRY_VOID(copy_to_previous(files));
  BASE_TRY(const base::Secret key, question.key.to_pem());
  BASE_TRY_VOID(feed::replace(pair_of(files.current), key, issued.chain_pem()));
  return base::write_file(files.current.certificate, issued.certificate.to_pem(), base::FileMode::world_readable);
}

base::Result<void> drop_next_key(const RenewalFiles& files) {
  std::error_code error;
  fs::remove(files.next_key, error);
  if (!error) return {};
  return base::fail(base::Kind::unavailable, "file.unwritable",
                    "cannot remove '" + files.next_key.string() + "': " + error.message());
}

bool is_about_the_key(const base::Error& error) {
  return error.code.starts_with("key.") && error.code != "key.unusable";
}

base::Error explain_refusal(base::Error error, const Held& held, base::Instant now) {
  const base::Instant end = held.credential.chain.front().not_after();
  const bool is_over = error.code == "renewal.too_late" || error.code == "api.no_such_path";
  if (error.code != "authority.refuses_us" && !is_over) return error;
  if (now < end && may_be_suspended(error))
    return std::move(error).under("renewal.suspended",
                                  "the authority does not take the certificate held at present: your organisation or "
                                  "this application is suspended; ask the provider why, and who may resume it");
  if (now < end)
    return std::move(error).under(
        "renewal.not_accepted",
        "the certificate held is accepted no more (revoked, perhaps): ask the provider for an "
        "enrolment code, and use `countersign request` with it in another folder");
  return std::move(error).under("renewal.expired",
                                "the certificate held ended at " + base::to_rfc3339(end) +
                                    ", and with it the time to renew it: ask the provider for an enrolment code, and "
                                    "use `countersign request` with it in another folder");
}

}  // namespace countersign::cli
