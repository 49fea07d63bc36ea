#include "authority/secrets/token_pin.h"

#include "base/files.h"

namespace countersign::authority {
namespace {

constexpr SecretName kPin{.code = "token_pin",
                          .words = "the PIN of the token",
                          .variable = "COUNTERSIGN_TOKEN_PIN",
                          .credential = "countersign-token-pin"};
constexpr const char* kDomain = "countersign token pin 1";

/// The parts are told apart by their digests' fixed lengths.
base::Secret seal_of(const PinTrial& trial) {
  const std::string module = trial.settings.module.string();
  const crypto::Digest256 token =
      crypto::sha256({crypto::sha256(base::as_bytes(module)), crypto::sha256(base::as_bytes(trial.settings.label))});
  const crypto::Digest256 secrets =
      crypto::sha256({crypto::sha256(trial.passphrase.reveal()), crypto::sha256(trial.pin.reveal())});
  return base::Secret(std::string_view(base::to_hex(crypto::sha256({base::as_bytes(kDomain), token, secrets}))));
}

}  // namespace

base::Result<base::Secret> find_token_pin(const SecretSources& sources) {
  BASE_TRY(auto found, find_secret(kPin, sources));
  if (found) return std::move(*found);
  return base::fail(base::Kind::invalid, "token.no_pin",
                    "the PIN of the token is nowhere: set authority.token.pin_file, give systemd's credential "
                    "countersign-token-pin, or set $COUNTERSIGN_TOKEN_PIN");
}

base::Result<void> check_not_refused(const std::filesystem::path& file, const PinTrial& trial) {
  const auto remembered = base::read_file(file);
  if (!remembered) return {};  // what cannot be read remembers nothing
  if (!crypto::PrivateKey::from_pem(*remembered, seal_of(trial))) return {};
  return base::fail(base::Kind::invalid, "token.pin_refused",
                    "the token refused this PIN before, and it is not tried again, since a few wrong ones lock the "
                    "token: correct the PIN; if it is right by now, remove '" +
                        file.string() + "'");
}

base::Result<void> note_refused(const std::filesystem::path& file, const PinTrial& trial) {
  BASE_TRY(const auto throw_away, crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256));
  BASE_TRY(const std::string pem, throw_away.to_encrypted_pem(seal_of(trial)));
  return base::write_file(file, pem, base::FileMode::owner_only);
}

}  // namespace countersign::authority
