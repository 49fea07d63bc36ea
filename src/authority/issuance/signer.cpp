#include "authority/issuance/signer.h"

#include <cstring>

#include "base/files.h"

namespace countersign::authority {

base::Result<crypto::PrivateKey> load_key(const std::filesystem::path& file, const base::Secret& passphrase) {
  auto pem = base::read_file(file);
  if (!pem)
    return base::unexpected(std::move(pem).error().under(
        "keys.missing", "the key of a CA cannot be read: restore the folder of keys from a backup"));
  const base::Secret content{std::string_view(*pem)};
  explicit_bzero(pem->data(), pem->size());
  auto key = crypto::PrivateKey::from_pem(content.reveal_text(), passphrase);
  if (!key)
    return base::unexpected(std::move(key).error().under(
        "keys.passphrase",
        "cannot open '" + file.string() + "': is this the passphrase that the keys were made with?"));
  return key;
}

std::filesystem::path key_file(const std::filesystem::path& folder, std::string_view name) {
  return folder / (std::string(name) + ".pem");
}

base::Result<void> FileSigner::adopt(const IssuingCa& ca) {
  const std::filesystem::path file = key_file(folder_, ca.name);
  BASE_TRY(auto key, load_key(file, passphrase_));
  if (key.public_key().spki_sha256() != ca.certificate.public_key().spki_sha256())
    return base::fail(base::Kind::corrupt, "keys.mismatch",
                      "'" + file.string() +
                          "' is not the key of the issuing CA in the registry: keys and registry are of different "
                          "backups");
  keys_.emplace(ca.name, std::move(key));
  return {};
}

base::Result<FileSigner> FileSigner::open(const std::filesystem::path& folder, const Hierarchy& hierarchy,
                                          const base::Secret& passphrase) {
  FileSigner signer(folder, passphrase);
  for (const IssuingCa& ca : hierarchy.issuing_cas()) {
    const auto adopted = signer.adopt(ca);
    if (!adopted && needs_key(ca.state)) return base::unexpected(adopted.error());
  }
  return signer;
}

void FileSigner::look_for_keys(const Hierarchy& hierarchy) {
  for (const IssuingCa& ca : hierarchy.issuing_cas())
    if (!keys_.contains(ca.name)) (void)adopt(ca);
}

base::Result<base::Bytes> FileSigner::sign(const std::string& issuer, base::BytesView tbs) const {
  const auto key = keys_.find(issuer);
  if (key == keys_.end())
    return base::fail(base::Kind::internal, "signer.failed",
                      "the signer has no key for the issuing CA '" + issuer + "'");
  auto signature = key->second.sign(tbs);
  if (!signature)
    return base::unexpected(std::move(signature).error().under("signer.failed", "the signature could not be made"));
  return signature;
}

base::Result<x509::Certificate> FileSigner::sign(SigningPermit permit) {
  const SigningPermit::Content content = std::move(permit).spend();
  BASE_TRY(const base::Bytes signature, sign(content.issuer, content.tbs.der));
  return content.linted.with_signature(signature);
}

base::Result<base::Bytes> FileSigner::sign_crl(CrlPermit permit) {
  const CrlPermit::Content content = std::move(permit).spend();
  return sign(content.issuer, content.tbs.der);
}

}  // namespace countersign::authority
