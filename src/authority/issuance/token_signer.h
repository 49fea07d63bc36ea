// TokenSigner: the issuing keys in a token. It names the key of the issuing CA and gets a signature back.
#pragma once

#include <atomic>

#include "authority/issuance/signer.h"
#include "authority/secrets/token_pin.h"
#include "base/log.h"
#include "crypto/token.h"

namespace countersign::authority {

/// Logs in to the token of the settings, unless `refusals`, the file, remembers that this PIN was refused. Fails: as
/// crypto::Token::open, and `token.pin_refused`.
base::Result<std::unique_ptr<crypto::Token>> open_token(const PinTrial& trial, const std::filesystem::path& refusals);

/// Thread-safe as the token is. While that is away, signing fails and says so; it works again as soon as it is back.
class TokenSigner final : public Signer {
 public:
  /// Borrows all.
  struct Parts {
    crypto::Token& token;
    const TokenSettings& settings;
    const base::Log& log;
  };
  /// Finds the key of each issuing CA, and has it sign something to see that both halves are those of the certificate.
  /// Fails: `keys.missing`, `keys.mismatch`, and as the token.
  static base::Result<std::unique_ptr<TokenSigner>> open(const Parts& parts, const Hierarchy& hierarchy);

  base::Result<x509::Certificate> sign(SigningPermit permit) override;
  base::Result<base::Bytes> sign_crl(CrlPermit permit) override;

 private:
  explicit TokenSigner(const Parts& parts) : parts_(parts) {}
  /// With the key of that issuing CA. Fails: `signer.unavailable`.
  base::Result<base::Bytes> sign_bytes(const std::string& issuing_ca, base::BytesView bytes);

  Parts parts_;
  std::atomic<bool> lost_ = false;
};

}  // namespace countersign::authority
