// Inside of crypto: work for a token, done on a few threads, each with a session of its own.
//
// A call into a module can hang for as long as the token does, and nothing can end it. So nobody calls from a thread
// that others wait for: run() hands the work over and waits with a deadline. Threads and their sessions begin when
// there is work for them, and end when there was none for a while. A session or token that was lost is made anew, up to
// kTries times in all.
#pragma once

#include <functional>
#include <memory>

#include "crypto/pkcs11_login.h"

namespace countersign::crypto {

class Pkcs11SessionPool {
 public:
  /// Done again on a new session when the one before it was lost. May outlive the call of run(): owns what it uses.
  using Work = std::function<Pkcs11Result<base::Bytes>(Pkcs11Session&)>;
  static constexpr int kTries = 3;

  struct Limits {
    std::size_t sessions = 1;
    base::Duration idle_time;
  };
  Pkcs11SessionPool(std::shared_ptr<Pkcs11Login> login, Limits limits);
  /// Waits a moment for threads inside the module. One that hangs there is left behind with what it uses.
  ~Pkcs11SessionPool();
  Pkcs11SessionPool(const Pkcs11SessionPool&) = delete;

  /// Thread-safe. Fails: as the work; `token.timeout` after `within`, whatever comes of the call later;
  /// `token.busy` at once while every session is in a call that was given up.
  base::Result<base::Bytes> run(Work work, base::Duration within);

  /// Threads that live now.
  std::size_t threads() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace countersign::crypto
