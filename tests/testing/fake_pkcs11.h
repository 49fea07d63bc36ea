// FakePkcs11: how a test steers the PKCS#11 module that tests/testing/fake_pkcs11.cpp is: a token of P-256 keys in
// memory, which fails where and as often as it is told, counts what it is asked, and can hang.
//
// The module and the test share one object: the module's file is loaded once in a process.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <dlfcn.h>

#include "base/check.h"

typedef struct evp_pkey_st EVP_PKEY;

namespace countersign::testing {

class FakePkcs11 {
 public:
  static constexpr int kForEver = 1'000'000;

  /// Of the module at `file`, as after it was made.
  static FakePkcs11& of(const char* file) {
    void* library = ::dlopen(file, RTLD_NOW | RTLD_LOCAL);
    BASE_CHECK(library != nullptr);
    const auto control = reinterpret_cast<FakePkcs11* (*)()>(::dlsym(library, "fake_pkcs11"));
    BASE_CHECK(control != nullptr);
    control()->reset();
    return *control();
  }

  /// The next `times` calls of `call` ("C_Sign") answer `value` and do nothing else.
  void fail(const std::string& call, unsigned long value, int times = 1) {
    const std::lock_guard lock(mutex);
    faults[call] = {value, times};
  }
  /// From the call after the next `good` ones on, until fail() says otherwise.
  void fail_after(const std::string& call, int good, unsigned long value) {
    const std::lock_guard lock(mutex);
    faults[call] = {value, kForEver, good};
  }
  /// As if it was unplugged: sessions are gone, and nothing is in the slot until it is put back.
  void unplug() {
    const std::lock_guard lock(mutex);
    present = false;
    end_sessions();
  }
  void plug_in() {
    const std::lock_guard lock(mutex);
    present = true;
  }
  /// Signatures wait from now on, until let_go().
  void hang() {
    const std::lock_guard lock(mutex);
    hangs = true;
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    hangs = false;
    released.notify_all();
  }
  int calls_of(const std::string& call) {
    const std::lock_guard lock(mutex);
    return calls[call];
  }
  std::size_t open_sessions() {
    const std::lock_guard lock(mutex);
    return sessions.size();
  }
  /// As another program part in this process would.
  unsigned long open_another_session() {
    const std::lock_guard lock(mutex);
    sessions[next_session] = {};
    return next_session++;
  }
  bool is_open(unsigned long session) {
    const std::lock_guard lock(mutex);
    return sessions.contains(session);
  }
  template <class T>
  void set(T FakePkcs11::*member, T value) {
    const std::lock_guard lock(mutex);
    this->*member = std::move(value);
  }

  // What the module itself uses, under the mutex.
  struct Fault {
    unsigned long value = 0;
    int times = 0;
    int good_before = 0;
  };
  struct Key {
    std::string label;
    std::shared_ptr<EVP_PKEY> key;
    std::shared_ptr<EVP_PKEY> private_half = {};  ///< signs instead of `key`, whose public half is shown
    bool sensitive = true;
    bool extractable = false;
  };
  struct Session {
    bool may_write = false;
    unsigned long signing_with = 0;
    std::vector<unsigned long> found;
  };
  void end_sessions() {
    sessions.clear();
    logged_in = false;
  }
  void reset() {
    const std::lock_guard lock(mutex);
    end_sessions();
    faults.clear();
    calls.clear();
    keys.clear();
    present = true;
    hangs = false;
    label = "issuing keys";
    pin = "1234";
    token_flags = 0;
    makes_extractable = false;
  }

  std::mutex mutex;
  std::condition_variable released;
  std::map<std::string, Fault> faults;
  std::map<std::string, int> calls;
  std::map<unsigned long, Session> sessions;
  unsigned long next_session = 1;
  std::vector<Key> keys;
  std::map<unsigned long, std::string> made_with;  ///< what the last private key was to be: attribute, value
  std::string label = "issuing keys";
  std::string pin = "1234";
  unsigned long token_flags = 0;
  bool initialized = false;
  bool present = true;
  bool logged_in = false;
  bool hangs = false;
  bool makes_extractable = false;
};

}  // namespace countersign::testing
