#include "authority/secrets/passphrase.h"

#include <array>

#include "base/files.h"

namespace countersign::authority {
namespace {

constexpr SecretName kPassphrase{.code = "passphrase",
                                 .words = "the passphrase of the CA keys",
                                 .variable = "COUNTERSIGN_PASSPHRASE",
                                 .credential = "countersign-passphrase"};
constexpr std::size_t kRandomBytes = 32;

base::Result<void> make_file(const std::filesystem::path& file, crypto::Random& random) {
  std::array<std::uint8_t, kRandomBytes> bytes{};
  BASE_TRY_VOID(random.fill(bytes));
  BASE_TRY_VOID(base::make_folder(file.parent_path()));
  return base::create_file(file, base::to_base64url(bytes) + "\n", base::FileMode::owner_only);
}

}  // namespace

base::Result<Passphrase> find_passphrase(const PassphraseSources& sources, crypto::Random& random) {
  BASE_TRY(auto given, find_secret(kPassphrase, sources.given));
  if (given) return Passphrase{std::move(*given)};
  if (sources.may_make_file && !std::filesystem::exists(sources.file_beside_keys))
    BASE_TRY_VOID(make_file(sources.file_beside_keys, random));
  BASE_TRY(auto secret, read_secret(kPassphrase, sources.file_beside_keys));
  return Passphrase{std::move(secret), true};
}

}  // namespace countersign::authority
