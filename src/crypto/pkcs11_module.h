// Inside of crypto: a PKCS#11 module, the library that a token's vendor brings: loaded, started, stopped, and asked
// where a token is.
//
// The standard lets a process start a module once. Threads may call into it at any time, but only one may start or stop
// it, and nobody else may be inside meanwhile: Pkcs11Login sees to that.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "crypto/pkcs11_failure.h"

namespace countersign::crypto {

class Pkcs11Module {
 public:
  /// Loads the library and starts it. It is never unloaded: vendors' threads and exit handlers do not survive that.
  /// Fails: `token.module`.
  static base::Result<std::shared_ptr<Pkcs11Module>> load(const std::filesystem::path& file);
  /// Stops it, unless somebody else in this process had started it.
  ~Pkcs11Module();
  Pkcs11Module(const Pkcs11Module&) = delete;

  const ck_function_list& calls() const { return *calls_; }

  /// Stops and starts it: all sessions are void afterwards, and tokens are looked for anew.
  Pkcs11Result<void> restart();

  struct Slot {
    ck_slot_id_t id = 0;
    ck_flags_t token_flags = 0;
  };
  /// Where the token with this label is now. Fails: `token.absent`, `token.ambiguous` when two bear it.
  Pkcs11Result<Slot> find_slot(const std::string& label) const;

 private:
  explicit Pkcs11Module(ck_function_list* calls) : calls_(calls) {}
  Pkcs11Result<void> start();
  Pkcs11Result<std::vector<ck_slot_id_t>> list_slots() const;

  ck_function_list* calls_;
  bool started_ = false;  ///< by us
};

}  // namespace countersign::crypto
