#include "crypto/pkcs11_failure.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace countersign::crypto {
namespace {

using base::Kind;

struct Meaning {
  ck_rv_t value;
  const char* name;
  Loss loss;
  Kind kind;
  const char* code;
  const char* detail;
};

constexpr const char* kPin =
    "the token refuses the PIN, which is not tried again, since a few wrong ones lock the token: correct the PIN in "
    "the "
    "configuration";
constexpr const char* kAbsent = "the token is not there: put it back, or start the service that gives access to it";
constexpr const char* kLost = "the session with the token has ended";
constexpr const char* kModule = "the token's module reports a failure: look at the token and at the module's own log";
constexpr const char* kUnsupported = "the token cannot make or use such a key: choose another kind of key";
constexpr const char* kReadOnly = "the token cannot be written: lift its write protection";
constexpr const char* kBadKey = "the token does not let this key sign: make a key that may, or allow it";

constexpr std::array kMeanings = {
    Meaning{CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT", Loss::none, Kind::invalid, "token.pin", kPin},
    Meaning{CKR_PIN_INVALID, "CKR_PIN_INVALID", Loss::none, Kind::invalid, "token.pin", kPin},
    Meaning{CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE", Loss::none, Kind::invalid, "token.pin", kPin},
    Meaning{CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED", Loss::none, Kind::invalid, "token.pin",
            "the token's PIN has expired: set a new one with the vendor's tool"},
    Meaning{CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED", Loss::none, Kind::invalid, "token.pin",
            "the token has no user PIN yet: set one with the vendor's tool"},
    Meaning{CKR_PIN_LOCKED, "CKR_PIN_LOCKED", Loss::none, Kind::unavailable, "token.locked",
            "the token is locked after too many wrong PINs: its security officer has to set a new PIN"},
    Meaning{CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT", Loss::token, Kind::unavailable, "token.absent", kAbsent},
    Meaning{CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED", Loss::token, Kind::unavailable, "token.absent",
            kAbsent},
    Meaning{CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED", Loss::token, Kind::unavailable, "token.absent", kAbsent},
    Meaning{CKR_SLOT_ID_INVALID, "CKR_SLOT_ID_INVALID", Loss::token, Kind::unavailable, "token.absent", kAbsent},
    Meaning{CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR", Loss::token, Kind::unavailable, "token.failed", kModule},
    Meaning{CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY", Loss::token, Kind::unavailable, "token.failed", kModule},
    Meaning{CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR", Loss::token, Kind::unavailable, "token.failed", kModule},
    Meaning{CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED", Loss::token, Kind::unavailable, "token.failed", kModule},
    Meaning{CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED", Loss::token, Kind::unavailable,
            "token.failed", kModule},
    Meaning{CKR_HOST_MEMORY, "CKR_HOST_MEMORY", Loss::none, Kind::unavailable, "token.failed", kModule},
    Meaning{CKR_FUNCTION_CANCELED, "CKR_FUNCTION_CANCELED", Loss::none, Kind::unavailable, "token.failed", kModule},
    Meaning{CKR_SESSION_COUNT, "CKR_SESSION_COUNT", Loss::none, Kind::unavailable, "token.failed",
            "the token has no session left: close what else uses it"},
    Meaning{CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID", Loss::session, Kind::unavailable, "token.session",
            kLost},
    Meaning{CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED", Loss::session, Kind::unavailable, "token.session", kLost},
    Meaning{CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN", Loss::session, Kind::unavailable, "token.session", kLost},
    Meaning{CKR_OPERATION_ACTIVE, "CKR_OPERATION_ACTIVE", Loss::session, Kind::unavailable, "token.session", kLost},
    Meaning{CKR_OPERATION_NOT_INITIALIZED, "CKR_OPERATION_NOT_INITIALIZED", Loss::session, Kind::unavailable,
            "token.session", kLost},
    Meaning{CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID", Loss::session, Kind::unavailable, "token.session", kLost},
    Meaning{CKR_OBJECT_HANDLE_INVALID, "CKR_OBJECT_HANDLE_INVALID", Loss::session, Kind::unavailable, "token.session",
            kLost},
    Meaning{CKR_TOKEN_WRITE_PROTECTED, "CKR_TOKEN_WRITE_PROTECTED", Loss::none, Kind::invalid, "token.read_only",
            kReadOnly},
    Meaning{CKR_SESSION_READ_ONLY, "CKR_SESSION_READ_ONLY", Loss::none, Kind::invalid, "token.read_only", kReadOnly},
    Meaning{CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID", Loss::none, Kind::invalid, "token.unsupported",
            kUnsupported},
    Meaning{CKR_CURVE_NOT_SUPPORTED, "CKR_CURVE_NOT_SUPPORTED", Loss::none, Kind::invalid, "token.unsupported",
            kUnsupported},
    Meaning{CKR_DOMAIN_PARAMS_INVALID, "CKR_DOMAIN_PARAMS_INVALID", Loss::none, Kind::invalid, "token.unsupported",
            kUnsupported},
    Meaning{CKR_KEY_SIZE_RANGE, "CKR_KEY_SIZE_RANGE", Loss::none, Kind::invalid, "token.unsupported", kUnsupported},
    Meaning{CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED", Loss::none, Kind::invalid,
            "token.bad_key", kBadKey},
    Meaning{CKR_KEY_TYPE_INCONSISTENT, "CKR_KEY_TYPE_INCONSISTENT", Loss::none, Kind::invalid, "token.bad_key",
            kBadKey},
};

const Meaning* find_meaning(ck_rv_t value) {
  const auto found = std::ranges::find(kMeanings, value, &Meaning::value);
  return found == kMeanings.end() ? nullptr : &*found;
}

}  // namespace

Loss loss_of(ck_rv_t value) {
  const Meaning* meaning = find_meaning(value);
  return meaning == nullptr ? Loss::none : meaning->loss;
}

bool is_void_session(ck_rv_t value) {
  return value == CKR_SESSION_HANDLE_INVALID || value == CKR_SESSION_CLOSED || value == CKR_CRYPTOKI_NOT_INITIALIZED;
}

std::string pkcs11_name(ck_rv_t value) {
  const Meaning* meaning = find_meaning(value);
  if (meaning != nullptr) return meaning->name;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "CKR_0x%08lx", value);
  return text.data();
}

tl::unexpected<Pkcs11Failure> pkcs11_failure(const char* call, ck_rv_t value) {
  const std::string answer = std::string(call) + " answered " + pkcs11_name(value);
  const Meaning* meaning = find_meaning(value);
  if (meaning == nullptr)
    return base::unexpected(
        Pkcs11Failure{value, {Kind::unavailable, "token.failed", std::string(kModule) + " (" + answer + ")"}});
  return base::unexpected(
      Pkcs11Failure{value, {meaning->kind, meaning->code, std::string(meaning->detail) + " (" + answer + ")"}});
}

tl::unexpected<Pkcs11Failure> pkcs11_finding(base::Kind kind, std::string code, std::string detail) {
  return base::unexpected(Pkcs11Failure{CKR_OK, {kind, std::move(code), std::move(detail)}});
}

}  // namespace countersign::crypto
