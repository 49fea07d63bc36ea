// The PIN of the token: where it comes from, and that one which the token refused is not tried again.
//
// A few wrong PINs lock a token for good, and whoever supervises the authority starts it again and again. So a refusal
// is remembered in a file, from one start to the next: a throw-away key, encrypted under passphrase, token and PIN
// together, so that the file lets nobody guess the PIN who does not know the passphrase.
#pragma once

#include "authority/secrets/secret_source.h"
#include "authority/secrets/token_settings.h"

namespace countersign::authority {

/// $COUNTERSIGN_TOKEN_PIN, `countersign-token-pin` of systemd, the configured file. Fails: `token.no_pin`,
/// `token_pin.empty`, `token_pin.too_long`, `token_pin.unreadable`.
base::Result<base::Secret> find_token_pin(const SecretSources& sources);

/// A PIN and where it is to be tried; all is borrowed.
struct PinTrial {
  const TokenSettings& settings;
  const base::Secret& pin;
  const base::Secret& passphrase;
};

/// Fails: `token.pin_refused` when the file remembers this very trial, and how to go on.
base::Result<void> check_not_refused(const std::filesystem::path& file, const PinTrial& trial);
/// Fails: as files.
base::Result<void> note_refused(const std::filesystem::path& file, const PinTrial& trial);

}  // namespace countersign::authority
