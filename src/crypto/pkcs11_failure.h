// Inside of crypto: what a PKCS#11 module answers when it does not do what it was asked, and what that means.
#pragma once

#include "base/result.h"
#include "crypto/pkcs11_api.h"

namespace countersign::crypto {

/// `value` is the module's, or CKR_OK when we found something wrong ourselves.
struct Pkcs11Failure {
  ck_rv_t value = CKR_OK;
  base::Error error;
};

template <class T>
using Pkcs11Result = base::Result<T, Pkcs11Failure>;

/// What is gone, and so what has to be made anew before the same call may succeed.
enum class Loss {
  none,     ///< nothing: the answer stands
  session,  ///< this session, or what it knew of the token's objects
  token,    ///< the token or the connection to it: the module is started anew
};
Loss loss_of(ck_rv_t value);

/// Is the handle of the session itself void? Closing it might then hit another's.
bool is_void_session(ck_rv_t value);

/// "CKR_PIN_INCORRECT", "CKR_0x80000001".
std::string pkcs11_name(ck_rv_t value);

/// `call` is the function's name, "C_Sign". The error's code: `token.pin`, `token.locked`, `token.absent`,
/// `token.session`, `token.read_only`, `token.unsupported`, `token.bad_key` or `token.failed`.
tl::unexpected<Pkcs11Failure> pkcs11_failure(const char* call, ck_rv_t value);
/// Found by ourselves.
tl::unexpected<Pkcs11Failure> pkcs11_finding(base::Kind kind, std::string code, std::string detail);

}  // namespace countersign::crypto
