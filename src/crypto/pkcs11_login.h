// Inside of crypto: the way into one token. Finds it, opens sessions that are logged in, and starts the module anew
// when the token was lost.
//
// A PIN that the token refused is never tried again by this object: a few wrong ones lock a token for good.
// Thread-safe. Whoever is inside the module holds in_use() shared; restart() takes it alone.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <shared_mutex>

#include "base/secret.h"
#include "base/time.h"
#include "crypto/pkcs11_session.h"

namespace countersign::crypto {

class Pkcs11Login {
 public:
  Pkcs11Login(std::shared_ptr<Pkcs11Module> module, std::string label, base::Secret pin)
      : module_(std::move(module)), label_(std::move(label)), pin_(std::move(pin)) {}

  /// `flags`: CKF_RW_SESSION or 0. Fails: `token.absent`, `token.pin`, `token.locked`, `token.final_try` when one more
  /// wrong PIN would lock the token, and as the module.
  Pkcs11Result<Pkcs11Session> open_session(ck_flags_t flags);

  /// Rises with each restart of the module: sessions of an older one are void.
  std::uint64_t generation() const { return generation_.load(); }
  std::shared_timed_mutex& in_use() { return in_use_; }
  /// Unless somebody did so since `seen` was the generation. Waits at most `patience` for those inside to come out.
  /// What goes wrong shows when the next session is opened.
  void restart(std::uint64_t seen, base::Duration patience);

 private:
  Pkcs11Result<void> log_in(const Pkcs11Session& session, ck_flags_t token_flags);

  std::shared_ptr<Pkcs11Module> module_;
  const std::string label_;
  const base::Secret pin_;
  std::atomic<std::uint64_t> generation_ = 1;
  std::shared_timed_mutex in_use_;
  std::mutex login_;  ///< so that two threads do not both try a wrong PIN
  std::optional<Pkcs11Failure> refused_;
};

}  // namespace countersign::crypto
