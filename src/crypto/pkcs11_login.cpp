#include "crypto/pkcs11_login.h"

namespace countersign::crypto {
namespace {

/// C_Login takes its PIN without const, and does not write to it (section 5.6).
unsigned char* pin_bytes(const base::Secret& pin) { return const_cast<unsigned char*>(pin.reveal().data()); }

bool is_refusal_of_pin(ck_rv_t value) {
  return value == CKR_PIN_INCORRECT || value == CKR_PIN_INVALID || value == CKR_PIN_LEN_RANGE ||
         value == CKR_PIN_EXPIRED || value == CKR_PIN_LOCKED || value == CKR_USER_PIN_NOT_INITIALIZED;
}

}  // namespace

Pkcs11Result<void> Pkcs11Login::log_in(const Pkcs11Session& session, ck_flags_t token_flags) {
  const std::lock_guard lock(login_);
  if (refused_) return base::unexpected(*refused_);
  if ((token_flags & CKF_USER_PIN_LOCKED) != 0) return pkcs11_failure("C_GetTokenInfo", CKR_PIN_LOCKED);
  if ((token_flags & CKF_USER_PIN_FINAL_TRY) != 0)
    return pkcs11_finding(base::Kind::invalid, "token.final_try",
                          "one more wrong PIN locks the token '" + label_ +
                              "', so none is tried: log in once by hand with the vendor's tool");
  const ck_rv_t value = session.calls().C_Login(session.handle(), CKU_USER, pin_bytes(pin_), pin_.reveal().size());
  if (value == CKR_OK || value == CKR_USER_ALREADY_LOGGED_IN) return {};
  auto failure = pkcs11_failure("C_Login", value);
  if (is_refusal_of_pin(value)) refused_ = failure.value();
  return failure;
}

Pkcs11Result<Pkcs11Session> Pkcs11Login::open_session(ck_flags_t flags) {
  // Each time anew: what is in the slot now may be another token, which must not see the PIN of this one.
  BASE_TRY(const auto slot, module_->find_slot(label_));
  BASE_TRY(auto session, Pkcs11Session::open({module_, slot.id, generation()}, flags));
  BASE_TRY_VOID(log_in(session, slot.token_flags));
  return session;
}

void Pkcs11Login::restart(std::uint64_t seen, base::Duration patience) {
  const std::unique_lock alone(in_use_, patience);
  if (!alone.owns_lock() || generation() != seen) return;
  ++generation_;
  (void)module_->restart();
}

}  // namespace countersign::crypto
