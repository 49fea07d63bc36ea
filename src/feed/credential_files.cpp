#include "feed/credential_files.h"

#include "base/files.h"

namespace countersign::feed {
namespace {

std::filesystem::path next_key(const CredentialFiles& files) { return files.key.string() + ".next"; }

}  // namespace

base::Result<tls::Credential> load(const CredentialFiles& files) {
  auto credential = tls::load_credential(files.chain, files.key);
  if (credential || !std::filesystem::exists(next_key(files))) return credential;
  auto swapped = tls::load_credential(files.chain, next_key(files));
  if (!swapped) return credential;
  std::error_code ignored;  // the next load() tries again
  std::filesystem::rename(next_key(files), files.key, ignored);
  return swapped;
}

base::Result<void> replace(const CredentialFiles& files, const base::Secret& key_pem, const std::string& chain_pem) {
  BASE_TRY_VOID(base::write_file(next_key(files), key_pem.reveal_text(), base::FileMode::owner_only));
  BASE_TRY_VOID(base::write_file(files.chain, chain_pem, base::FileMode::world_readable));
  BASE_TRY_VOID(base::write_file(files.key, key_pem.reveal_text(), base::FileMode::owner_only));
  std::error_code ignored;
  std::filesystem::remove(next_key(files), ignored);
  return {};
}

base::Result<crypto::PrivateKey> open_or_make_next_key(const CredentialFiles& files, const x509::Certificate& current) {
  if (const auto there = base::read_secret_file(next_key(files))) {
    auto key = crypto::PrivateKey::from_pem(there->reveal_text(), base::Secret());
    if (key && key->public_key().spki_sha256() != current.public_key().spki_sha256()) return key;
  }
  BASE_TRY(auto key, crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256));
  BASE_TRY(const base::Secret pem, key.to_pem());
  BASE_TRY_VOID(base::write_file(next_key(files), pem.reveal_text(), base::FileMode::owner_only));
  return key;
}

void drop_next_key(const CredentialFiles& files) {
  std::error_code ignored;
  std::filesystem::remove(next_key(files), ignored);
}

}  // namespace countersign::feed
