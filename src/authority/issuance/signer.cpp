#include "authority/issuance/signer.h"

#include <cstring>

#include "base/files.h"

namespace countersign::authority {
namespace {

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

}  // namespace

std::filesystem::path key_file(const std::filesystem::path& folder, std::string_view name) {
  return folder / (std::string(name) + ".pem");
}

base::Result<FileSigner> FileSigner::open(const std::filesystem::path& folder, const Hierarchy& hierarchy,
                                          const base::Secret& passphrase) {
  std::map<std::string, crypto::PrivateKey> keys;
  for (const IssuingCa& ca : hierarchy.issuing_cas()) {
    BASE_TRY(auto key, load_key(key_file(folder, ca.name), passphrase));
    if (key.public_key().spki_sha256() != ca.certificate.public_key().spki_sha256())
      return base::fail(
          base::Kind::corrupt, "keys.mismatch",
          "'" + key_file(folder, ca.name).string() +
              "' is not the key of the issuing CA in the registry: " + "keys and registry are of different backups");
    keys.emplace(ca.name, std::move(key));
  }
  return FileSigner(std::move(keys));
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
