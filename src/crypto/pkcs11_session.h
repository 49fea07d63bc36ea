// Inside of crypto: one session with a token, and the handles of keys that were found in it.
#pragma once

#include <map>
#include <memory>

#include "crypto/pkcs11_module.h"
#include "crypto/public_key.h"

namespace countersign::crypto {

/// The private key's handle holds within its session; `public_key` is its other half, out of the token.
struct Pkcs11Key {
  ck_object_handle_t handle = 0;
  PublicKey public_key;
};

/// Used by one thread at a time. Moves, and closes itself.
class Pkcs11Session {
 public:
  struct Place {
    std::shared_ptr<Pkcs11Module> module;
    ck_slot_id_t slot = 0;
    std::uint64_t generation = 0;  ///< of Pkcs11Login
  };
  /// `flags`: CKF_RW_SESSION or 0.
  static Pkcs11Result<Pkcs11Session> open(Place place, ck_flags_t flags);
  ~Pkcs11Session();
  Pkcs11Session(Pkcs11Session&& other) noexcept;
  Pkcs11Session& operator=(Pkcs11Session&&) = delete;

  const ck_function_list& calls() const { return place_.module->calls(); }
  ck_session_handle_t handle() const { return handle_; }
  const Place& place() const { return place_; }
  /// The handle is void: do not close it, it may be another's by now.
  void abandon() { is_open_ = false; }

  /// Keys by their label.
  std::map<std::string, Pkcs11Key>& keys() { return keys_; }

 private:
  Pkcs11Session(Place place, ck_session_handle_t handle) : place_(std::move(place)), handle_(handle) {}
  Place place_;
  ck_session_handle_t handle_;
  bool is_open_ = true;
  std::map<std::string, Pkcs11Key> keys_;
};

}  // namespace countersign::crypto
