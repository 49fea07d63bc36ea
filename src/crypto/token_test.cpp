// Keys in a token: with SoftHSM2, and with a module that fails on demand.
#include "crypto/token.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "crypto/pkcs11_api.h"
#include "crypto/pkcs11_session_pool.h"
#include "testing/code_of.h"
#include "testing/fake_pkcs11.h"
#include "testing/soft_token.h"

namespace countersign::crypto {
namespace {

using testing::code_of;
using testing::FakePkcs11;
using testing::SoftToken;

constexpr auto kSoon = std::chrono::seconds(20);

/// Asks until it holds or there is no hope left.
template <class Condition>
bool comes_true(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kSoon;
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

base::Secret secret(const std::string& text) { return base::Secret(std::string_view(text)); }

base::Bytes message(std::string_view text) { return base::to_bytes(base::as_bytes(text)); }

// --- SoftHSM2
// ----------------------------------------------------------------------------------------------------------

class SoftHsm : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!SoftToken::is_installed()) GTEST_SKIP() << "SoftHSM2 is not installed (package softhsm2)";
    token_.emplace();
  }
  SoftToken& soft() { return *token_; }
  static base::Result<std::unique_ptr<Token>> open(const std::string& label = SoftToken::label(),
                                                   const std::string& pin = SoftToken::pin()) {
    return Token::open({.module = testing::kSoftHsm, .label = label}, secret(pin));
  }

 private:
  std::optional<SoftToken> token_;
};

TEST_F(SoftHsm, MakesKeysThatSign) {
  const auto token = open();
  ASSERT_TRUE(token) << base::to_string(token.error());
  for (const char* kind : {"p256", "p384", "rsa2048", "rsa3072"}) {
    SCOPED_TRACE(kind);
    const auto made = (*token)->make_key(kind, PrivateKey::parse_kind(kind).value());
    ASSERT_TRUE(made) << base::to_string(made.error());
    EXPECT_EQ((*token)->find_key(kind)->to_spki(), made->to_spki());
    const auto signature = (*token)->sign(kind, message("one"));
    ASSERT_TRUE(signature) << base::to_string(signature.error());
    EXPECT_TRUE(made->verify(message("one"), *signature));
    EXPECT_FALSE(made->verify(message("two"), *signature));
  }
  EXPECT_EQ((*token)->find_key("p384")->type(), KeyType::ec_p384);
  EXPECT_EQ((*token)->find_key("rsa3072")->bits(), 3072);
}

TEST_F(SoftHsm, KeepsKeysFromOneStartToTheNext) {
  base::Bytes spki;
  {
    const auto token = open();
    ASSERT_TRUE(token);
    spki = (*token)->make_key("ca", PrivateKey::Kind::p256)->to_spki();
  }
  const auto token = open();
  ASSERT_TRUE(token) << base::to_string(token.error());
  EXPECT_EQ((*token)->find_key("ca")->to_spki(), spki);
  EXPECT_TRUE(PublicKey::from_spki(spki)->verify(message("x"), (*token)->sign("ca", message("x")).value()));
}

TEST_F(SoftHsm, NamesWhatIsWrong) {
  soft().add("twin");
  soft().add("twin");
  EXPECT_EQ(code_of(open()), "ok");
  EXPECT_EQ(code_of(open("another")), "token.absent");
  EXPECT_EQ(code_of(open("twin")), "token.ambiguous");
  EXPECT_EQ(code_of(open(SoftToken::label(), "4321")), "token.pin");
  EXPECT_EQ(code_of(open(SoftToken::label(), "")), "token.pin");
  EXPECT_EQ(code_of(Token::open({.module = "/nowhere/module.so", .label = "x"}, secret("1"))), "token.module");
  EXPECT_EQ(code_of(Token::open({.module = "libsofthsm2.so", .label = "x"}, secret("1"))), "token.module");
  EXPECT_EQ(code_of(Token::open({.module = "/usr/lib/x86_64-linux-gnu/libz.so.1", .label = "x"}, secret("1"))),
            "token.module");
  const auto token = open();
  ASSERT_TRUE(token);
  EXPECT_EQ(code_of((*token)->find_key("ca")), "token.no_key");
  EXPECT_EQ(code_of((*token)->sign("ca", message("x"))), "token.no_key");
  EXPECT_EQ(code_of((*token)->make_key("ca", PrivateKey::Kind::ed25519)), "token.unsupported");
  EXPECT_EQ(code_of((*token)->make_key("ca", PrivateKey::Kind::p256)), "ok");
  EXPECT_EQ(code_of((*token)->make_key("ca", PrivateKey::Kind::p256)), "token.key_exists");
}

TEST_F(SoftHsm, ComesBackAfterTheTokenWasAway) {
  const auto token = open();
  ASSERT_TRUE(token);
  const PublicKey key = (*token)->make_key("ca", PrivateKey::Kind::p256).value();
  ASSERT_TRUE((*token)->sign("ca", message("x")));
  soft().unplug();
  const auto refused = (*token)->sign("ca", message("x"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, base::Kind::unavailable) << base::to_string(refused.error());
  soft().plug_in();
  const auto signature = (*token)->sign("ca", message("x"));
  ASSERT_TRUE(signature) << base::to_string(signature.error());
  EXPECT_TRUE(key.verify(message("x"), *signature));
}

// --- the fake
// ----------------------------------------------------------------------------------------------------------

class FakeToken : public ::testing::Test {
 protected:
  void TearDown() override { fake.let_go(); }
  base::Result<std::unique_ptr<Token>> open(const std::string& pin = "1234") {
    return Token::open(options, secret(pin));
  }
  /// With a key `ca`, used once, so that a session is open and logged in and knows it.
  std::unique_ptr<Token> open_with_key() {
    auto token = open();
    EXPECT_TRUE(token) << base::to_string(token.error());
    key = (*token)->make_key("ca", PrivateKey::Kind::p256).value();
    EXPECT_TRUE((*token)->sign("ca", message("x")));
    return std::move(*token);
  }

  FakePkcs11& fake = FakePkcs11::of(FAKE_PKCS11);
  TokenOptions options{.module = FAKE_PKCS11, .label = "issuing keys"};
  std::optional<PublicKey> key;
};

TEST_F(FakeToken, RecoversFromEveryLoss) {
  struct Row {
    const char* call;
    unsigned long value;
    const char* code;  ///< when it goes on for ever
  };
  const auto token = open_with_key();
  for (const Row& row :
       {Row{"C_SignInit", CKR_SESSION_HANDLE_INVALID, "token.session"},
        Row{"C_SignInit", CKR_SESSION_CLOSED, "token.session"}, Row{"C_Sign", CKR_SESSION_CLOSED, "token.session"},
        Row{"C_SignInit", CKR_USER_NOT_LOGGED_IN, "token.session"},
        Row{"C_SignInit", CKR_OPERATION_ACTIVE, "token.session"},
        Row{"C_SignInit", CKR_KEY_HANDLE_INVALID, "token.session"},
        Row{"C_SignInit", CKR_TOKEN_NOT_PRESENT, "token.absent"}, Row{"C_Sign", CKR_DEVICE_REMOVED, "token.absent"},
        Row{"C_Sign", CKR_DEVICE_ERROR, "token.failed"}, Row{"C_Sign", CKR_GENERAL_ERROR, "token.failed"},
        Row{"C_Sign", CKR_FUNCTION_FAILED, "token.failed"},
        Row{"C_SignInit", CKR_CRYPTOKI_NOT_INITIALIZED, "token.failed"},
        Row{"C_Sign", CKR_CRYPTOKI_NOT_INITIALIZED, "token.failed"}})
    for (int times = 1; times <= Pkcs11SessionPool::kTries; ++times) {
      fake.fail(row.call, row.value, times);
      const bool goes_on = times == Pkcs11SessionPool::kTries;
      EXPECT_EQ(code_of(token->sign("ca", message("x"))), goes_on ? row.code : "ok")
          << row.call << " " << std::hex << row.value << ", times " << times;
      const auto after = token->sign("ca", message("after"));
      ASSERT_TRUE(after) << base::to_string(after.error());
      EXPECT_TRUE(key->verify(message("after"), *after));
    }
  EXPECT_LE(fake.open_sessions(), options.sessions) << "sessions that were lost are not kept";
}

/// A module hands out the same handles again after a restart: a session of before may then seem to be somebody else's.
TEST_F(FakeToken, NoSessionOfBeforeARestartIsUsedOrClosed) {
  options.sessions = 2;
  const auto token = open_with_key();
  const auto sign_twice_at_once = [&](std::size_t sessions_meanwhile) {
    const int before = fake.calls_of("C_SignInit");
    fake.hang();
    std::vector<std::thread> threads;
    for (int n = 0; n < 2; ++n)
      threads.emplace_back([&] { EXPECT_EQ(code_of(token->sign("ca", message("x"))), "ok"); });
    EXPECT_TRUE(comes_true([&] { return fake.calls_of("C_SignInit") - before == 2; }));
    EXPECT_EQ(fake.open_sessions(), sessions_meanwhile);
    fake.let_go();
    for (std::thread& thread : threads)
      thread.join();
  };
  sign_twice_at_once(2);
  fake.fail("C_Sign", CKR_DEVICE_ERROR);  // one of the two threads starts the module anew
  EXPECT_TRUE(token->sign("ca", message("x")));
  EXPECT_EQ(fake.open_sessions(), 1U);
  const std::vector<ck_session_handle_t> others = {fake.open_another_session(), fake.open_another_session()};
  sign_twice_at_once(4);
  for (const ck_session_handle_t other : others)
    EXPECT_TRUE(fake.is_open(other)) << other;
}

TEST_F(FakeToken, TriesNoMoreThanItSays) {
  const auto token = open_with_key();
  const int before = fake.calls_of("C_Sign");
  fake.fail("C_Sign", CKR_DEVICE_ERROR, 100);
  EXPECT_EQ(code_of(token->sign("ca", message("x"))), "token.failed");
  EXPECT_EQ(fake.calls_of("C_Sign") - before, Pkcs11SessionPool::kTries);
}

TEST_F(FakeToken, AnAnswerThatIsFinalIsNotAskedForAgain) {
  const auto token = open_with_key();
  for (const unsigned long value :
       {CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_MECHANISM_INVALID, CKR_HOST_MEMORY, 0x80001234UL}) {
    const int before = fake.calls_of("C_SignInit");
    fake.fail("C_SignInit", value, 100);
    EXPECT_NE(code_of(token->sign("ca", message("x"))), "ok");
    EXPECT_EQ(fake.calls_of("C_SignInit") - before, 1);
    fake.fail("C_SignInit", 0, 0);
  }
}

TEST_F(FakeToken, ComesBackAfterItWasUnplugged) {
  const auto token = open_with_key();
  fake.unplug();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(code_of(token->sign("ca", message("x"))), "token.absent");
  fake.plug_in();
  const auto signature = token->sign("ca", message("x"));
  ASSERT_TRUE(signature) << base::to_string(signature.error());
  EXPECT_TRUE(key->verify(message("x"), *signature));
}

TEST_F(FakeToken, NeverShowsItsPinToAnotherToken) {
  const auto token = open_with_key();
  const int before = fake.calls_of("C_Login");
  fake.unplug();
  fake.set(&FakePkcs11::label, std::string("somebody else's"));
  fake.plug_in();
  EXPECT_EQ(code_of(token->sign("ca", message("x"))), "token.absent");
  EXPECT_EQ(fake.calls_of("C_Login"), before);
}

TEST_F(FakeToken, AWrongPinIsTriedOnce) {
  EXPECT_EQ(code_of(open("4321")), "token.pin");
  EXPECT_EQ(fake.calls_of("C_Login"), 1);
  const auto token = open_with_key();
  fake.set(&FakePkcs11::pin, std::string("changed by somebody"));
  const int before = fake.calls_of("C_Login");
  fake.unplug();
  fake.plug_in();
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(code_of(token->sign("ca", message("x"))), "token.pin");
  EXPECT_EQ(fake.calls_of("C_Login") - before, 1);
}

TEST_F(FakeToken, NoPinIsTriedWhereItCouldLockTheToken) {
  struct Row {
    ck_flags_t flags;
    const char* code;
  };
  for (const Row& row : {Row{CKF_USER_PIN_FINAL_TRY, "token.final_try"}, Row{CKF_USER_PIN_LOCKED, "token.locked"},
                         Row{CKF_USER_PIN_COUNT_LOW, "ok"}}) {
    fake.set(&FakePkcs11::token_flags, static_cast<unsigned long>(row.flags));
    const int before = fake.calls_of("C_Login");
    EXPECT_EQ(code_of(open()), row.code);
    EXPECT_EQ(fake.calls_of("C_Login") - before, std::string(row.code) == "ok" ? 1 : 0);
  }
  fake.set(&FakePkcs11::token_flags, 0UL);
  fake.fail("C_Login", CKR_PIN_LOCKED, 1);
  EXPECT_EQ(code_of(open()), "token.locked");
}

TEST_F(FakeToken, KeysAreMadeToSignAndForNothingElse) {
  const auto token = open_with_key();
  struct Row {
    ck_attribute_type_t attribute;
    char value;
  };
  for (const Row& row : {Row{CKA_TOKEN, 1}, Row{CKA_PRIVATE, 1}, Row{CKA_SENSITIVE, 1}, Row{CKA_EXTRACTABLE, 0},
                         Row{CKA_SIGN, 1}, Row{CKA_DECRYPT, 0}, Row{CKA_UNWRAP, 0}, Row{CKA_DERIVE, 0}})
    EXPECT_EQ(fake.made_with[row.attribute], std::string(1, row.value)) << std::hex << row.attribute;
  EXPECT_EQ(fake.made_with[CKA_LABEL], "ca");
}

TEST_F(FakeToken, RefusesKeysThatAreNotSafeInIt) {
  const auto token = open();
  ASSERT_TRUE(token);
  fake.set(&FakePkcs11::makes_extractable, true);
  EXPECT_EQ(code_of((*token)->make_key("loose", PrivateKey::Kind::p256)), "token.bad_key");
  EXPECT_EQ(code_of((*token)->find_key("loose")), "token.bad_key");
  EXPECT_EQ(code_of((*token)->sign("loose", message("x"))), "token.bad_key");
  fake.set(&FakePkcs11::makes_extractable, false);
  EXPECT_EQ(code_of((*token)->make_key("safe", PrivateKey::Kind::p256)), "ok");
  EXPECT_EQ(code_of((*token)->find_key("safe")), "ok");
  fake.keys.push_back(fake.keys.back());
  EXPECT_EQ(code_of((*token)->find_key("safe")), "ok") << "it was found before";
  fake.fail("C_SignInit", CKR_SESSION_CLOSED);
  EXPECT_EQ(code_of((*token)->sign("safe", message("x"))), "token.ambiguous");
}

TEST_F(FakeToken, WhatHangsIsGivenUp) {
  options.sessions = 2;
  options.call_time = std::chrono::seconds(1);
  const auto token = open_with_key();
  fake.hang();
  EXPECT_EQ(code_of(token->sign("ca", message("x"))), "token.timeout");
  EXPECT_EQ(code_of(token->sign("ca", message("x"))), "token.timeout");
  EXPECT_EQ(code_of(token->sign("ca", message("x"))), "token.busy") << "both sessions hang";
  fake.let_go();
  EXPECT_TRUE(comes_true([&] { return code_of(token->sign("ca", message("x"))) == "ok"; }));
}

TEST_F(FakeToken, EndsAlthoughItHangs) {
  options.call_time = std::chrono::seconds(1);
  auto token = open_with_key();
  fake.hang();
  EXPECT_EQ(code_of(token->sign("ca", message("x"))), "token.timeout");
  token.reset();
  fake.let_go();
  EXPECT_TRUE(comes_true([&] { return fake.open_sessions() == 0; }));
}

TEST_F(FakeToken, ClosesSessionsThatAreIdle) {
  options.idle_time = std::chrono::milliseconds(1);
  const auto token = open_with_key();
  EXPECT_TRUE(comes_true([&] { return fake.open_sessions() == 0 && token->sessions() == 0; }));
  EXPECT_TRUE(token->sign("ca", message("x")));
}

TEST_F(FakeToken, ItsThreadsTakeNoSignals) {
  const auto token = open_with_key();
  const auto masks_of_others = [] {
    std::vector<std::string> masks;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      if (task.path().filename() == std::to_string(::gettid())) continue;
      std::ifstream status(task.path() / "status");
      for (std::string line; std::getline(status, line);)
        if (line.starts_with("SigBlk:")) masks.push_back(line.substr(line.find_first_not_of(" \t", 7)));
    }
    return masks;
  };
  const auto masks = masks_of_others();
  ASSERT_FALSE(masks.empty());
  for (const std::string& mask : masks)
    EXPECT_NE(std::stoull(mask, nullptr, 16) & (1ULL << (SIGTERM - 1)), 0U) << mask;
}

TEST_F(FakeToken, ServesManyThreadsThroughLosses) {
  options.sessions = 3;
  options.idle_time = std::chrono::milliseconds(1);
  const auto token = open_with_key();
  std::atomic<int> good = 0;
  std::atomic<int> forged = 0;
  std::vector<std::thread> threads;
  for (int n = 0; n < 8; ++n)
    threads.emplace_back([&, n] {
      for (int i = 0; i < 40; ++i) {
        const base::Bytes text = message("message " + std::to_string(n * 100 + i));
        const auto signature = token->sign("ca", text);
        if (!signature) continue;
        ++good;
        forged += key->verify(text, *signature) ? 0 : 1;
      }
    });
  for (const unsigned long value :
       {CKR_DEVICE_REMOVED, CKR_SESSION_CLOSED, CKR_CRYPTOKI_NOT_INITIALIZED, CKR_USER_NOT_LOGGED_IN, CKR_DEVICE_ERROR})
    fake.fail("C_Sign", value, 1);
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(forged, 0) << "a signature over what another asked for";
  EXPECT_GT(good, 250);
  EXPECT_LE(fake.open_sessions(), options.sessions);
}

}  // namespace
}  // namespace countersign::crypto
