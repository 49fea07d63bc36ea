// Token: keys that never leave a hardware module (HSM), reached through its vendor's PKCS#11 library.
//
// Keys are named by their label; only public halves and signatures come out. A token that was lost - unplugged, its
// service started anew, its sessions ended - is found again by itself, with a bounded number of tries in each call.
// A PIN that it refused is never tried again by this object.
// Thread-safe. No call takes longer than its time limit, whatever the token does.
#pragma once

#include <filesystem>
#include <memory>

#include "base/secret.h"
#include "base/time.h"
#include "crypto/private_key.h"

namespace countersign::crypto {

struct TokenOptions {
  std::filesystem::path module;  ///< the vendor's library, an absolute path
  std::string label;             ///< of the token
  std::size_t sessions = 4;      ///< at once, at most
  base::Duration call_time = std::chrono::seconds(5);
  base::Duration key_making_time = std::chrono::minutes(2);
  base::Duration idle_time = std::chrono::minutes(1);  ///< after which a session without work is closed
};

/// All calls fail as follows. `token.absent`: no token of that label is there. `token.ambiguous`: two are. `token.pin`:
/// it refuses the PIN. `token.locked`, `token.final_try`: it is locked, or would be by one more wrong PIN.
/// `token.session`, `token.failed`: the module says so, several times. `token.timeout`, `token.busy`: it does not
/// answer.
class Token {
 public:
  /// Loads the module and logs in once. Fails also: `token.module`.
  static base::Result<std::unique_ptr<Token>> open(const TokenOptions& options, base::Secret pin);
  ~Token();
  Token(const Token&) = delete;

  /// The public half of a key that is safe in the token and may sign. Fails also: `token.no_key`, `token.ambiguous`,
  /// `token.bad_key`.
  base::Result<PublicKey> find_key(const std::string& label);
  /// Makes a key that only signs and never leaves the token. Fails also: `token.key_exists`, `token.unsupported`.
  base::Result<PublicKey> make_key(const std::string& label, PrivateKey::Kind kind);
  /// As PrivateKey::sign, by the key that find_key finds. Fails also: as find_key.
  base::Result<base::Bytes> sign(const std::string& label, base::BytesView message);

  /// Sessions that are open now.
  std::size_t sessions() const;

 private:
  struct Parts;
  explicit Token(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace countersign::crypto
