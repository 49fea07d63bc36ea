#include "crypto/pkcs11_session.h"

#include <utility>

namespace countersign::crypto {

Pkcs11Result<Pkcs11Session> Pkcs11Session::open(Place place, ck_flags_t flags) {
  ck_session_handle_t handle = 0;
  const ck_rv_t value =
      place.module->calls().C_OpenSession(place.slot, CKF_SERIAL_SESSION | flags, nullptr, nullptr, &handle);
  if (value != CKR_OK) return pkcs11_failure("C_OpenSession", value);
  return Pkcs11Session(std::move(place), handle);
}

Pkcs11Session::~Pkcs11Session() {
  if (is_open_) (void)calls().C_CloseSession(handle_);
}

Pkcs11Session::Pkcs11Session(Pkcs11Session&& other) noexcept
    : place_(other.place_),
      handle_(other.handle_),
      is_open_(std::exchange(other.is_open_, false)),
      keys_(std::move(other.keys_)) {}

}  // namespace countersign::crypto
