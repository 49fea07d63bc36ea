// The module itself: see fake_pkcs11.h. Object handles: private half of key n is 2n + 1, its public half 2n + 2.
#include "testing/fake_pkcs11.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#define CRYPTOKI_GNU 1
#include <p11-kit/pkcs11.h>

namespace {

using countersign::testing::FakePkcs11;
using Lock = std::unique_lock<std::mutex>;

FakePkcs11& fake() {
  static FakePkcs11 instance;
  return instance;
}

/// Counts the call and says what it answers; CKR_OK: go on.
ck_rv_t enter(const char* call, bool wants_start = true) {
  ++fake().calls[call];
  auto& fault = fake().faults[call];
  if (fault.times > 0 && fault.good_before-- <= 0) {
    --fault.times;
    if (fault.value == CKR_CRYPTOKI_NOT_INITIALIZED) {
      fake().initialized = false;
      fake().end_sessions();
    }
    if (fault.value == CKR_SESSION_CLOSED || fault.value == CKR_SESSION_HANDLE_INVALID) fake().end_sessions();
    if (fault.value == CKR_USER_NOT_LOGGED_IN) fake().logged_in = false;
    return fault.value;
  }
  return wants_start && !fake().initialized ? CKR_CRYPTOKI_NOT_INITIALIZED : CKR_OK;
}

ck_rv_t enter(const char* call, ck_session_handle_t session) {
  const ck_rv_t value = enter(call);
  if (value != CKR_OK) return value;
  if (!fake().present) return CKR_DEVICE_REMOVED;
  return fake().sessions.contains(session) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

std::string bytes_of(const ck_attribute* attributes, unsigned long count, ck_attribute_type_t type) {
  for (unsigned long i = 0; i < count; ++i)
    if (attributes[i].type == type) return {static_cast<const char*>(attributes[i].value), attributes[i].value_len};
  return {};
}

ck_object_class_t class_of(const ck_attribute* attributes, unsigned long count) {
  ck_object_class_t kind = 0;
  const std::string bytes = bytes_of(attributes, count, CKA_CLASS);
  std::memcpy(&kind, bytes.data(), std::min(bytes.size(), sizeof kind));
  return kind;
}

std::string point_of(const FakePkcs11::Key& key) {
  std::string point(65, '\0');
  std::size_t length = 0;
  EVP_PKEY_get_octet_string_param(key.key.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                  reinterpret_cast<unsigned char*>(point.data()), point.size(), &length);
  return std::string("\x04\x41") + point;
}

std::string attribute_of(ck_object_handle_t object, ck_attribute_type_t type) {
  const FakePkcs11::Key& key = fake().keys[(object - 1) / 2];
  const bool is_public = object % 2 == 0;
  const auto flag = [](bool value) { return std::string(1, value ? '\1' : '\0'); };
  if (type == CKA_EC_PARAMS) return "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
  if (type == CKA_EC_POINT && is_public) return point_of(key);
  if (type == CKA_SENSITIVE && !is_public) return flag(key.sensitive);
  if (type == CKA_EXTRACTABLE && !is_public) return flag(key.extractable);
  if (type == CKA_SIGN && !is_public) return flag(true);
  return {};
}

std::string raw_signature(EVP_PKEY* key, const unsigned char* digest, std::size_t length) {
  std::string der(128, '\0');
  std::size_t size = der.size();
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr);
  EVP_PKEY_sign_init(context);
  EVP_PKEY_sign(context, reinterpret_cast<unsigned char*>(der.data()), &size, digest, length);
  EVP_PKEY_CTX_free(context);
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size));
  std::string raw(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + 32, 32);
  ECDSA_SIG_free(signature);
  return raw;
}

ck_rv_t initialize(void*) {
  const Lock lock(fake().mutex);
  if (const ck_rv_t value = enter("C_Initialize", false); value != CKR_OK) return value;
  if (fake().initialized) return CKR_CRYPTOKI_ALREADY_INITIALIZED;
  fake().initialized = true;
  fake().next_session = 1;  // as real ones: handles of before are handed out again
  return CKR_OK;
}

ck_rv_t finalize(void*) {
  const Lock lock(fake().mutex);
  if (const ck_rv_t value = enter("C_Finalize"); value != CKR_OK) return value;
  fake().initialized = false;
  fake().end_sessions();
  return CKR_OK;
}

ck_rv_t get_slot_list(unsigned char, ck_slot_id_t* slots, unsigned long* count) {
  const Lock lock(fake().mutex);
  if (const ck_rv_t value = enter("C_GetSlotList"); value != CKR_OK) return value;
  if (slots != nullptr && *count > 0) slots[0] = 7;
  *count = fake().present ? 1 : 0;
  return CKR_OK;
}

ck_rv_t get_token_info(ck_slot_id_t, ck_token_info* info) {
  const Lock lock(fake().mutex);
  if (const ck_rv_t value = enter("C_GetTokenInfo"); value != CKR_OK) return value;
  *info = {};
  std::memset(info->label, ' ', sizeof info->label);
  std::memcpy(info->label, fake().label.data(), std::min(fake().label.size(), sizeof info->label));
  info->flags = fake().token_flags;
  return CKR_OK;
}

ck_rv_t open_session(ck_slot_id_t, ck_flags_t flags, void*, ck_notify_t, ck_session_handle_t* session) {
  const Lock lock(fake().mutex);
  if (const ck_rv_t value = enter("C_OpenSession"); value != CKR_OK) return value;
  if (!fake().present) return CKR_TOKEN_NOT_PRESENT;
  *session = fake().next_session++;
  fake().sessions[*session].may_write = (flags & CKF_RW_SESSION) != 0;
  return CKR_OK;
}

ck_rv_t close_session(ck_session_handle_t session) {
  const Lock lock(fake().mutex);
  if (const ck_rv_t value = enter("C_CloseSession", session); value != CKR_OK) return value;
  fake().sessions.erase(session);
  if (fake().sessions.empty()) fake().logged_in = false;
  return CKR_OK;
}

ck_rv_t login(ck_session_handle_t session, ck_user_type_t, unsigned char* pin, unsigned long length) {
  const Lock lock(fake().mutex);
  if (const ck_rv_t value = enter("C_Login", session); value != CKR_OK) return value;
  if (fake().logged_in) return CKR_USER_ALREADY_LOGGED_IN;
  if (std::string(reinterpret_cast<char*>(pin), length) != fake().pin) return CKR_PIN_INCORRECT;
  fake().logged_in = true;
  return CKR_OK;
}

ck_rv_t find_objects_init(ck_session_handle_t session, ck_attribute* wanted, unsigned long count) {
  const Lock lock(fake().mutex);
  if (const ck_rv_t value = enter("C_FindObjectsInit", session); value != CKR_OK) return value;
  const bool is_public = class_of(wanted, count) == CKO_PUBLIC_KEY;
  auto& found = fake().sessions[session].found;
  found.clear();
  for (unsigned long i = 0; i < fake().keys.size(); ++i)
    if (fake().keys[i].label == bytes_of(wanted, count, CKA_LABEL) && (is_public || fake().logged_in))
      found.push_back(2 * i + (is_public ? 2 : 1));
  return CKR_OK;
}

ck_rv_t find_objects(ck_session_handle_t session, ck_object_handle_t* objects, unsigned long most,
                     unsigned long* count) {
  const Lock lock(fake().mutex);
  if (const ck_rv_t value = enter("C_FindObjects", session); value != CKR_OK) return value;
  const auto& found = fake().sessions[session].found;
  *count = std::min<unsigned long>(most, found.size());
  std::copy_n(found.begin(), *count, objects);
  return CKR_OK;
}

ck_rv_t find_objects_final(ck_session_handle_t session) {
  const Lock lock(fake().mutex);
  return enter("C_FindObjectsFinal", session);
}

ck_rv_t get_attribute_value(ck_session_handle_t session, ck_object_handle_t object, ck_attribute* attribute,
                            unsigned long) {
  const Lock lock(fake().mutex);
  if (const ck_rv_t value = enter("C_GetAttributeValue", session); value != CKR_OK) return value;
  if (object == 0 || (object - 1) / 2 >= fake().keys.size()) return CKR_OBJECT_HANDLE_INVALID;
  const std::string content = attribute_of(object, attribute->type);
  if (content.empty()) return CKR_ATTRIBUTE_TYPE_INVALID;
  if (attribute->value != nullptr) std::memcpy(attribute->value, content.data(), content.size());
  attribute->value_len = content.size();
  return CKR_OK;
}

ck_rv_t generate_key_pair(ck_session_handle_t session, ck_mechanism*, ck_attribute* for_all, unsigned long count,
                          ck_attribute* for_me, unsigned long my_count, ck_object_handle_t* public_half,
                          ck_object_handle_t* private_half) {
  const Lock lock(fake().mutex);
  if (const ck_rv_t value = enter("C_GenerateKeyPair", session); value != CKR_OK) return value;
  if (!fake().sessions[session].may_write) return CKR_SESSION_READ_ONLY;
  if (!fake().logged_in) return CKR_USER_NOT_LOGGED_IN;
  fake().made_with.clear();
  for (unsigned long i = 0; i < my_count; ++i)
    fake().made_with[for_me[i].type] = {static_cast<const char*>(for_me[i].value), for_me[i].value_len};
  fake().keys.push_back({bytes_of(for_all, count, CKA_LABEL),
                         std::shared_ptr<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free),
                         {},
                         true,
                         fake().makes_extractable});
  *private_half = 2 * fake().keys.size() - 1;
  *public_half = *private_half + 1;
  return CKR_OK;
}

ck_rv_t sign_init(ck_session_handle_t session, ck_mechanism* mechanism, ck_object_handle_t key) {
  const Lock lock(fake().mutex);
  if (const ck_rv_t value = enter("C_SignInit", session); value != CKR_OK) return value;
  if (!fake().logged_in) return CKR_USER_NOT_LOGGED_IN;
  if (mechanism->mechanism != CKM_ECDSA) return CKR_MECHANISM_INVALID;
  if (key % 2 == 0 || (key - 1) / 2 >= fake().keys.size()) return CKR_KEY_HANDLE_INVALID;
  fake().sessions[session].signing_with = key;
  return CKR_OK;
}

ck_rv_t sign(ck_session_handle_t session, unsigned char* data, unsigned long length, unsigned char* signature,
             unsigned long* signature_length) {
  Lock lock(fake().mutex);
  fake().released.wait(lock, [] { return !fake().hangs; });
  if (const ck_rv_t value = enter("C_Sign", session); value != CKR_OK) return value;
  const unsigned long key = std::exchange(fake().sessions[session].signing_with, 0UL);
  if (key == 0) return CKR_OPERATION_NOT_INITIALIZED;
  const FakePkcs11::Key& signer = fake().keys[(key - 1) / 2];
  const std::string raw = raw_signature((signer.private_half ? signer.private_half : signer.key).get(), data, length);
  std::memcpy(signature, raw.data(), raw.size());
  *signature_length = raw.size();
  return CKR_OK;
}

}  // namespace

extern "C" {

FakePkcs11* fake_pkcs11() { return &fake(); }

ck_rv_t C_GetFunctionList(ck_function_list** list) {
  static ck_function_list calls = [] {
    ck_function_list made{};
    made.version = {2, 40};
    made.C_Initialize = initialize;
    made.C_Finalize = finalize;
    made.C_GetSlotList = get_slot_list;
    made.C_GetTokenInfo = get_token_info;
    made.C_OpenSession = open_session;
    made.C_CloseSession = close_session;
    made.C_Login = login;
    made.C_FindObjectsInit = find_objects_init;
    made.C_FindObjects = find_objects;
    made.C_FindObjectsFinal = find_objects_final;
    made.C_GetAttributeValue = get_attribute_value;
    made.C_GenerateKeyPair = generate_key_pair;
    made.C_SignInit = sign_init;
    made.C_Sign = sign;
    return made;
  }();
  *list = &calls;
  return CKR_OK;
}
}
