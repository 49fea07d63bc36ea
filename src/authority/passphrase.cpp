#include "authority/passphrase.h"

#include <array>
#include <cstring>

#include "base/files.h"

namespace countersign::authority {
namespace {

constexpr std::size_t kFileLimit = 4096;
constexpr std::size_t kRandomBytes = 32;

base::Result<base::Secret> from_text(std::string_view text, const std::string& origin) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty())
    return base::fail(base::Kind::invalid, "passphrase.empty", "the passphrase in " + origin + " is empty");
  if (text.size() > kPassphraseLimit)
    return base::fail(base::Kind::invalid, "passphrase.too_long",
                      "the passphrase in " + origin + " has more than " + std::to_string(kPassphraseLimit) +
                          " bytes, which no program could open the keys with");
  return base::Secret(text);
}

base::Result<base::Secret> from_file(const std::filesystem::path& file) {
  auto text = base::read_file(file, kFileLimit);
  if (!text)
    return base::unexpected(
        std::move(text).error().under("passphrase.unreadable", "cannot read the passphrase of the CA keys"));
  auto secret = from_text(*text, "'" + file.string() + "'");
  explicit_bzero(text->data(), text->size());
  return secret;
}

base::Result<void> make_file(const std::filesystem::path& file, crypto::Random& random) {
  std::array<std::uint8_t, kRandomBytes> bytes{};
  BASE_TRY_VOID(random.fill(bytes));
  BASE_TRY_VOID(base::make_folder(file.parent_path()));
  return base::create_file(file, base::to_base64url(bytes) + "\n", base::FileMode::owner_only);
}

}  // namespace

base::Result<Passphrase> find_passphrase(const PassphraseSources& sources, crypto::Random& random) {
  if (sources.environment) {
    BASE_TRY(auto secret, from_text(*sources.environment, "$COUNTERSIGN_PASSPHRASE"));
    return Passphrase{std::move(secret)};
  }
  const std::filesystem::path credential = sources.credentials_directory / "countersign-passphrase";
  const bool given_by_systemd = !sources.credentials_directory.empty() && std::filesystem::exists(credential);
  if (given_by_systemd || !sources.configured_file.empty()) {
    BASE_TRY(auto secret, from_file(given_by_systemd ? credential : sources.configured_file));
    return Passphrase{std::move(secret)};
  }
  if (sources.may_make_file && !std::filesystem::exists(sources.file_beside_keys))
    BASE_TRY_VOID(make_file(sources.file_beside_keys, random));
  BASE_TRY(auto secret, from_file(sources.file_beside_keys));
  return Passphrase{std::move(secret), true};
}

}  // namespace countersign::authority
