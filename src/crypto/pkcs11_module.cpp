#include "crypto/pkcs11_module.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <dlfcn.h>

namespace countersign::crypto {
namespace {

/// Slots may come and go between the call that counts them and the one that lists them.
constexpr int kListTries = 3;
constexpr std::size_t kSlotLimit = 1024;

/// Fixed fields are padded with blanks and do not end in a zero (section 3.2).
template <std::size_t Size>
std::string_view trimmed(const unsigned char (&field)[Size]) {
  std::string_view text(reinterpret_cast<const char*>(field), Size);
  while (text.ends_with(' ') || text.ends_with('\0'))
    text.remove_suffix(1);
  return text;
}

tl::unexpected<base::Error> unusable(const std::filesystem::path& file, std::string_view why) {
  return base::fail(base::Kind::invalid, "token.module",
                    "'" + file.string() + "' is no PKCS#11 module that can be used here: " + std::string(why));
}

std::string last_loader_error() {
  const char* error = ::dlerror();
  return error == nullptr ? "no reason given" : error;
}

}  // namespace

base::Result<std::shared_ptr<Pkcs11Module>> Pkcs11Module::load(const std::filesystem::path& file) {
  // An absolute path: a bare name would be looked for along the search path of libraries.
  if (!file.is_absolute()) return unusable(file, "its path must be absolute");
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return unusable(file, last_loader_error());
  const auto entry = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  ck_function_list* calls = nullptr;
  if (entry == nullptr || entry(&calls) != CKR_OK || calls == nullptr) return unusable(file, "it offers no functions");
  std::shared_ptr<Pkcs11Module> module(new Pkcs11Module(calls));
  if (const auto started = module->start(); !started) {
    return base::unexpected(
        base::Error(started.error().error).under("token.module", "'" + file.string() + "' cannot be started"));
  }
  return module;
}

Pkcs11Module::~Pkcs11Module() {
  if (started_) (void)calls_->C_Finalize(nullptr);
}

Pkcs11Result<void> Pkcs11Module::start() {
  ck_c_initialize_args arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  const ck_rv_t value = calls_->C_Initialize(&arguments);
  if (value == CKR_CRYPTOKI_ALREADY_INITIALIZED) return {};
  if (value != CKR_OK) return pkcs11_failure("C_Initialize", value);
  started_ = true;
  return {};
}

Pkcs11Result<void> Pkcs11Module::restart() {
  (void)calls_->C_Finalize(nullptr);  // it may not even know that it runs
  started_ = false;
  return start();
}

Pkcs11Result<std::vector<ck_slot_id_t>> Pkcs11Module::list_slots() const {
  ck_rv_t value = CKR_OK;
  for (int attempt = 0; attempt < kListTries; ++attempt) {
    unsigned long count = 0;
    value = calls_->C_GetSlotList(1, nullptr, &count);
    if (value != CKR_OK) break;
    std::vector<ck_slot_id_t> slots(std::min<std::size_t>(count, kSlotLimit));
    count = slots.size();
    value = calls_->C_GetSlotList(1, slots.data(), &count);
    slots.resize(std::min<std::size_t>(count, slots.size()));
    if (value == CKR_OK) return slots;
    if (value != CKR_BUFFER_TOO_SMALL) break;
  }
  return pkcs11_failure("C_GetSlotList", value);
}

Pkcs11Result<Pkcs11Module::Slot> Pkcs11Module::find_slot(const std::string& label) const {
  BASE_TRY(const auto slots, list_slots());
  std::optional<Slot> found;
  std::string others;
  for (const ck_slot_id_t id : slots) {
    ck_token_info info{};
    if (calls_->C_GetTokenInfo(id, &info) != CKR_OK) continue;  // gone since
    if (trimmed(info.label) != label) {
      others += (others.empty() ? "'" : ", '") + std::string(trimmed(info.label)) + "'";
      continue;
    }
    if (found)
      return pkcs11_finding(base::Kind::invalid, "token.ambiguous",
                            "two tokens have the label '" + label + "': rename one");
    found = Slot{id, info.flags};
  }
  if (found) return *found;
  return base::unexpected(Pkcs11Failure{
      CKR_TOKEN_NOT_PRESENT,
      {base::Kind::unavailable, "token.absent",
       "there is no token with the label '" + label + "'; there is " + (others.empty() ? "none at all" : others)}});
}

}  // namespace countersign::crypto
