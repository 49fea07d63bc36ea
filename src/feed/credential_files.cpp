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

}  // namespace countersign::feed
