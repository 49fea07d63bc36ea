#include "crypto/signed_note.h"

#include <gtest/gtest.h>

namespace countersign::crypto {
namespace {

std::string code_of(const base::Result<std::string>& result) { return result ? "ok" : result.error().code; }

struct Signer {
  PrivateKey key = PrivateKey::generate(PrivateKey::Kind::ed25519).value();
  NoteVerifier verifier = NoteVerifier::make("example.com/log", key.public_key()).value();
};

/// The example of the signed-note specification and of the Go checksum database, whose key everybody knows.
TEST(SignedNote, OpensAKnownNote) {
  const auto verifier = NoteVerifier::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  ASSERT_TRUE(verifier) << verifier.error().detail;
  const std::string text =
      "If you think cryptography is the answer to your problem,\n"
      "then you don't know what your problem is.\n";
  const std::string note =
      text +
      "\n\xE2\x80\x94 PeterNeumann "
      "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
  EXPECT_EQ(verifier->open(note), text);
}

TEST(SignedNote, OnlyTheVeryTextOpens) {
  const Signer signer;
  const Signer other;
  const std::string note = sign_note("example.com/log\n7\nAAAA\n", "example.com/log", signer.key).value();
  EXPECT_EQ(signer.verifier.open(note), "example.com/log\n7\nAAAA\n");
  EXPECT_EQ(code_of(other.verifier.open(note)), "note.not_signed");
  std::string changed = note;
  changed[16] = '8';
  EXPECT_EQ(code_of(signer.verifier.open(changed)), "note.not_signed");
  EXPECT_EQ(code_of(signer.verifier.open("")), "note.malformed");
  EXPECT_EQ(code_of(signer.verifier.open("text\n\nno dash\n")), "note.malformed");
  EXPECT_EQ(code_of(signer.verifier.open(std::string(100'000, 'a') + note)), "note.malformed");
  EXPECT_EQ(code_of(sign_note("no newline", "n", signer.key)), "note.malformed");
  EXPECT_EQ(code_of(sign_note("a\n\nb\n", "n", signer.key)), "note.malformed");
  EXPECT_EQ(code_of(sign_note("a\n", "a name", signer.key)), "note.verifier");
}

TEST(SignedNote, VerifierKeysAreReadStrictly) {
  const Signer signer;
  const std::string text = signer.verifier.to_text();
  EXPECT_EQ(NoteVerifier::parse(text)->to_text(), text);
  std::string other_name = text;
  other_name[0] = 'f';
  for (const std::string& bad : {std::string(), std::string("a+b"), other_name, text + "A", text.substr(0, 40)})
    EXPECT_FALSE(NoteVerifier::parse(bad)) << bad;
  const auto ec = PrivateKey::generate(PrivateKey::Kind::p256).value();
  EXPECT_FALSE(NoteVerifier::make("n", ec.public_key()));
}

}  // namespace
}  // namespace countersign::crypto
