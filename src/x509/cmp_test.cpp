// CMP messages, held against libcrypto's client: what it sends is read as it was meant, what we write it believes, and
// a message that is wrong in one place is refused for that.
#include <algorithm>
#include <functional>

#include <gtest/gtest.h>
#include <openssl/cmp.h>

#include "crypto/handle.h"
#include "testing/cmp_client.h"
#include "testing/code_of.h"
#include "testing/pki.h"
#include "x509/cmp_reply.h"
#include "x509/der.h"

namespace countersign::x509 {
namespace {

using base::Bytes;
using crypto::PrivateKey;
using testing::CmpAsk;
using testing::CmpClient;
using testing::code_of;

constexpr const char* kSecret = "a secret that was made for this";

/// `octets` in `message` once more, with `change` done to it there.
Bytes changed_at(Bytes message, const Bytes& octets, const std::function<void(std::uint8_t*)>& change) {
  const auto found = std::ranges::search(message, octets);
  EXPECT_FALSE(found.empty());
  if (!found.empty()) change(&*found.begin());
  return message;
}

class Cmp : public ::testing::Test {
 protected:
  static PrivateKey make_key(PrivateKey::Kind kind = PrivateKey::Kind::p256) {
    return PrivateKey::generate(kind).value();
  }
  CmpClient by_mac() const { return {.mac = CmpClient::Mac{"payments-1", kSecret}, .now = testing::kPkiNow}; }
  CmpClient by_signature() const {
    return {.signer = CmpClient::Signer{held_.certificate, held_.key}, .now = testing::kPkiNow};
  }
  /// The first message of a conversation that then goes silent.
  Bytes first_of(CmpAsk ask, const CmpClient& client) {
    Bytes sent;
    (void)testing::run_cmp(ask, client, &key_, [&](const Bytes& message) -> std::optional<Bytes> {
      sent = message;
      return std::nullopt;
    });
    EXPECT_FALSE(sent.empty());
    return sent;
  }
  /// One that answers, as an authority that holds `held_` would.
  CmpClient::Transfer answering(const std::function<Bytes(const CmpMessage&)>& body, const char* secret = kSecret) {
    return [this, body, secret](const Bytes& der) -> std::optional<Bytes> {
      const auto message = CmpMessage::parse(der);
      EXPECT_TRUE(message) << base::to_string(message.error());
      const Bytes own_nonce(16, 7);
      const Bytes content = body(*message);
      const CmpHeader& header = message->header();
      const CmpReply reply{.version = 2,
                           .sender = held_.certificate,
                           .recipient = header.sender,
                           .at = testing::kPkiNow,
                           .transaction_id = header.transaction_id,
                           .sender_nonce = own_nonce,
                           .recipient_nonce = header.sender_nonce,
                           .confirms_implicitly = header.wants_implicit_confirmation,
                           .body = content,
                           .certificates = {held_.certificate}};
      const auto how = message->mac().value();
      if (!how) return protect_by_signature(reply, held_.key).value();
      const base::Secret key{std::string_view(secret)};
      return protect_by_mac(reply, {key, *how, header.sender_key_id});
    };
  }

  testing::Pki pki_;
  testing::Issued held_ = pki_.client().issue();
  PrivateKey key_ = make_key();
};

TEST_F(Cmp, ReadsWhatLibcryptoAsks) {
  struct Row {
    const char* name;
    CmpAsk ask;
    bool by_mac;
    CmpBody body;
  };
  for (const Row& row :
       {Row{"ir by MAC", CmpAsk::ir, true, CmpBody::ir}, Row{"cr by MAC", CmpAsk::cr, true, CmpBody::cr},
        Row{"kur by signature", CmpAsk::kur, false, CmpBody::kur},
        Row{"cr by signature", CmpAsk::cr, false, CmpBody::cr}}) {
    SCOPED_TRACE(row.name);
    const Bytes der = first_of(row.ask, row.by_mac ? by_mac() : by_signature());
    const auto message = CmpMessage::parse(der);
    ASSERT_TRUE(message) << base::to_string(message.error());
    EXPECT_EQ(message->body(), row.body);
    const CmpHeader& header = message->header();
    EXPECT_EQ(header.version, 2U);
    EXPECT_EQ(header.transaction_id.size(), 16U);
    EXPECT_EQ(header.sender_nonce.size(), 16U);
    EXPECT_TRUE(header.recipient_nonce.empty());
    EXPECT_EQ(header.message_time, testing::kPkiNow);
    EXPECT_EQ(message->certificates().empty(), row.by_mac);
    const auto how = message->mac();
    ASSERT_TRUE(how);
    ASSERT_EQ(how->has_value(), row.by_mac);
    if (row.by_mac) {
      EXPECT_EQ(base::as_text(header.sender_key_id), "payments-1");
      EXPECT_EQ((*how)->iterations, 500U);
      EXPECT_TRUE(message->has_mac_of(base::Secret(std::string_view(kSecret)), **how));
      EXPECT_FALSE(message->has_mac_of(base::Secret(std::string_view("another secret")), **how));
    } else {
      EXPECT_TRUE(message->is_signed_by(held_.key.public_key()));
      EXPECT_FALSE(message->is_signed_by(key_.public_key()));
    }
    const auto request = read_cert_request(*message);
    ASSERT_TRUE(request) << base::to_string(request.error());
    EXPECT_EQ(request->id, 0);
    EXPECT_EQ(request->csr.public_key().to_spki(), key_.public_key().to_spki());
    ASSERT_EQ(request->old.has_value(), row.ask == CmpAsk::kur);
    if (request->old) {
      EXPECT_EQ(request->old->issuer, held_.certificate.issuer().der);
      EXPECT_EQ(request->old->serial, held_.certificate.serial());
    }
  }
}

TEST_F(Cmp, TakesEveryKindOfKeyThatLibcryptoProves) {
  for (const auto kind : {PrivateKey::Kind::p256, PrivateKey::Kind::p384, PrivateKey::Kind::rsa2048}) {
    key_ = make_key(kind);
    const auto message = CmpMessage::parse(first_of(CmpAsk::ir, by_mac()));
    const auto request = read_cert_request(*message);
    ASSERT_TRUE(request) << static_cast<int>(kind) << base::to_string(request.error());
    EXPECT_EQ(request->csr.public_key().to_spki(), key_.public_key().to_spki());
  }
}

TEST_F(Cmp, WantsTheProofThatTheKeyIsHeld) {
  struct Row {
    const char* name;
    CmpClient::Proof proof;
    const char* code;
  };
  for (const Row& row : {Row{"by signature", CmpClient::Proof::signature, "ok"},
                         Row{"an RA's word", CmpClient::Proof::ra_verified, "csr.bad_proof"},
                         Row{"none", CmpClient::Proof::none, "csr.bad_proof"}}) {
    CmpClient client = by_mac();
    client.proof = row.proof;
    const auto message = CmpMessage::parse(first_of(CmpAsk::ir, client));
    ASSERT_TRUE(message);
    EXPECT_EQ(code_of(read_cert_request(*message)), row.code) << row.name;
  }
  const Bytes der = first_of(CmpAsk::ir, by_mac());
  const Bytes point = key_.public_key().to_spki();
  const auto other = make_key().public_key().to_spki();
  const Bytes swapped = changed_at(der, Bytes(point.begin() + 2, point.end()),
                                   [&](std::uint8_t* at) { std::copy(other.begin() + 2, other.end(), at); });
  EXPECT_EQ(code_of(read_cert_request(*CmpMessage::parse(swapped))), "csr.bad_proof") << "somebody else's key";
  const Bytes renamed = changed_at(der, {0x0c, 0x04, 'e', 'v', 'i', 'l'}, [](std::uint8_t* at) { at[2] = 'E'; });
  EXPECT_EQ(code_of(read_cert_request(*CmpMessage::parse(renamed))), "ok") << "that is the header's";
}

TEST_F(Cmp, ReadsARevocation) {
  struct Row {
    int reason;
    std::int64_t found;
  };
  for (const Row& row : {Row{-1, 0}, Row{1, 1}, Row{4, 4}}) {
    CmpClient client = by_signature();
    client.old = held_.certificate;
    client.reason = row.reason;
    const auto message = CmpMessage::parse(first_of(CmpAsk::rr, client));
    ASSERT_TRUE(message);
    ASSERT_EQ(message->body(), CmpBody::rr);
    const auto revocation = read_revocation(*message);
    ASSERT_TRUE(revocation) << base::to_string(revocation.error());
    EXPECT_EQ(revocation->reason, row.found);
    EXPECT_EQ(revocation->certificate.serial, held_.certificate.serial());
    EXPECT_EQ(revocation->certificate.issuer, held_.certificate.issuer().der);
  }
}

TEST_F(Cmp, WritesWhatLibcryptoBelieves) {
  const auto body = [&](const CmpMessage& message) {
    if (message.body() == CmpBody::cert_conf) {
      const auto confirmation = read_confirmation(message);
      EXPECT_TRUE(confirmation && confirmation->accepts);
      EXPECT_EQ(confirmation->hash, cmp_certificate_hash(held_.certificate));
      return confirmation_body();
    }
    if (message.body() == CmpBody::rr) return revocation_response_body({});
    if (message.body() == CmpBody::genm) {
      EXPECT_TRUE(asks_for_ca_certificates(message).value());
      return ca_certificates_body({held_.certificate});
    }
    const CmpBody reply = message.body() == CmpBody::ir   ? CmpBody::ip
                          : message.body() == CmpBody::cr ? CmpBody::cp
                                                          : CmpBody::kup;
    return cert_response_body({reply, 0, {}, &held_.certificate});
  };
  for (const bool with_mac : {true, false}) {
    for (const auto confirm : {CmpClient::Confirm::explicitly, CmpClient::Confirm::implicitly})
      for (const CmpAsk ask : {CmpAsk::ir, CmpAsk::cr, CmpAsk::kur, CmpAsk::rr, CmpAsk::ca_certificates}) {
        CmpClient client = with_mac ? by_mac() : by_signature();
        client.confirm = confirm;
        client.old = held_.certificate;
        client.trusted = {pki_.partner_root().certificate, held_.chain.back()};
        const auto outcome = testing::run_cmp(ask, client, &held_.key, answering(body));
        EXPECT_TRUE(outcome.succeeded) << with_mac << static_cast<int>(ask) << outcome.errors;
      }
  }
  EXPECT_FALSE(testing::run_cmp(CmpAsk::ir, by_mac(), &held_.key, answering(body, "another secret")).succeeded);
}

TEST_F(Cmp, SaysWhyNotSoThatLibcryptoReadsIt) {
  const auto body = [&](const CmpMessage&) {
    return cert_response_body(
        {CmpBody::ip, 0, {CmpStatus::Kind::rejection, CmpFailure::signer_not_trusted, {"no", "and why"}}});
  };
  const auto outcome = testing::run_cmp(CmpAsk::ir, by_mac(), &key_, answering(body));
  EXPECT_FALSE(outcome.succeeded);
  EXPECT_NE(outcome.errors.find("signerNotTrusted"), std::string::npos) << outcome.errors;
  EXPECT_NE(outcome.errors.find("and why"), std::string::npos) << outcome.errors;
  const auto error = [&](const CmpMessage&) {
    return error_body({CmpStatus::Kind::rejection, CmpFailure::bad_alg, {"not that one"}});
  };
  const auto refused = testing::run_cmp(CmpAsk::ir, by_mac(), &key_, answering(error));
  EXPECT_NE(refused.errors.find("badAlg"), std::string::npos) << refused.errors;
  EXPECT_NE(refused.errors.find("not that one"), std::string::npos) << refused.errors;
}

const Bytes kPbmOid = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf6, 0x7d, 0x07, 0x42, 0x0d};

TEST_F(Cmp, BoundsWhatAMacMayCost) {
  using Hash = crypto::PasswordMac::Hash;
  struct Row {
    const char* name;
    crypto::PasswordMac how;
    const char* code;
  };
  const Bytes salt(16, 1);
  const Row rows[] = {
      {"the least", {Hash::sha256, Hash::sha256, 100, salt}, "ok"},
      {"less", {Hash::sha256, Hash::sha256, 99, salt}, "cmp.mac_algorithm"},
      {"the most", {Hash::sha256, Hash::sha256, 10'000, salt}, "ok"},
      {"more", {Hash::sha256, Hash::sha256, 10'001, salt}, "cmp.mac_algorithm"},
      {"SHA-384", {Hash::sha384, Hash::sha384, 100, salt}, "ok"},
      {"SHA-512 and HMAC-SHA-1", {Hash::sha512, Hash::sha1, 100, salt}, "ok"},
      {"a long salt", {Hash::sha256, Hash::sha256, 100, Bytes(kCmpSaltLimit, 1)}, "ok"},
      {"a longer one", {Hash::sha256, Hash::sha256, 100, Bytes(kCmpSaltLimit + 1, 1)}, "cmp.mac_algorithm"},
  };
  const base::Secret secret{std::string_view(kSecret)};
  for (const Row& row : rows) {
    const Bytes nonce(16, 7);
    const Bytes body = confirmation_body();
    const CmpReply reply{.sender = held_.certificate,
                         .recipient = {},
                         .at = testing::kPkiNow,
                         .transaction_id = nonce,
                         .sender_nonce = nonce,
                         .recipient_nonce = {},
                         .body = body};
    const auto message = CmpMessage::parse(protect_by_mac(reply, {secret, row.how, nonce}));
    ASSERT_TRUE(message) << row.name;
    const auto how = message->mac();
    EXPECT_EQ(code_of(how), row.code) << row.name;
    EXPECT_TRUE(!how || message->has_mac_of(secret, **how)) << row.name;
  }
}

/// CVE-2026-63076 is a parameter of another type than SEQUENCE, taken for one. Here its tag decides.
TEST_F(Cmp, LooksAtTheTagOfMacParametersBeforeTheirContent) {
  const Bytes der = first_of(CmpAsk::ir, by_mac());
  for (const int tag : {0x01, 0x02, 0x04, 0x05, 0x06, 0x31, 0xa0}) {
    const Bytes bent =
        changed_at(der, kPbmOid, [&](std::uint8_t* at) { at[kPbmOid.size()] = static_cast<std::uint8_t>(tag); });
    EXPECT_EQ(code_of(CmpMessage::parse(bent).value().mac()), "cmp.mac_algorithm") << tag;
  }
  const Bytes other = changed_at(der, kPbmOid, [&](std::uint8_t* at) { at[kPbmOid.size() - 1] = 0x0e; });
  const auto message = CmpMessage::parse(other);
  EXPECT_FALSE(message->mac().value().has_value()) << "another algorithm is no MAC of ours";
  EXPECT_FALSE(message->is_signed_by(key_.public_key()));
}

/// Cut off anywhere, with bytes behind, or with any one octet changed: an answer, never a crash; what is protected is
/// not what was protected any more.
TEST_F(Cmp, RefusesWhatIsDamaged) {
  const Bytes der = first_of(CmpAsk::kur, by_signature());
  for (std::size_t length = 0; length < der.size(); ++length)
    EXPECT_EQ(code_of(CmpMessage::parse(base::BytesView(der).first(length))), "cmp.malformed") << length;
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_EQ(code_of(CmpMessage::parse(longer)), "cmp.malformed");
  EXPECT_EQ(code_of(CmpMessage::parse(Bytes(kCmpMessageLimit + 1, 0x30))), "cmp.too_large");
  const auto whole = CmpMessage::parse(der).value();
  const std::size_t protected_end = der.size() - held_.certificate.der().size() - 100;
  for (std::size_t i = 0; i < protected_end; ++i) {
    Bytes bent = der;
    bent[i] ^= 0x01;
    const auto message = CmpMessage::parse(bent);
    EXPECT_FALSE(message && message->is_signed_by(held_.key.public_key())) << i;
  }
}

/// What goes out parses for libcrypto and for us, and a failInfo of every bit is the one that was meant.
TEST_F(Cmp, WritesEachFailureBit) {
  for (const auto failure :
       {CmpFailure::bad_alg, CmpFailure::bad_data_format, CmpFailure::bad_pop, CmpFailure::bad_cert_template,
        CmpFailure::transaction_id_in_use, CmpFailure::unsupported_version, CmpFailure::system_failure}) {
    const Bytes body = error_body({CmpStatus::Kind::rejection, failure, {}});
    der::Reader tagged(body);
    der::Reader content(tagged.next()->content);
    der::Reader error(content.next(der::kSequence)->content);
    const Bytes info = base::to_bytes(error.next(der::kSequence)->whole);
    const std::uint8_t* at = info.data();
    const crypto::Handle<OSSL_CMP_PKISI, OSSL_CMP_PKISI_free> read(
        d2i_OSSL_CMP_PKISI(nullptr, &at, static_cast<long>(info.size())));
    ASSERT_NE(read, nullptr);
    const crypto::Handle<OSSL_CMP_PKISI, OSSL_CMP_PKISI_free> theirs(
        OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection, 1 << static_cast<int>(failure), nullptr));
    std::array<char, OSSL_CMP_PKISI_BUFLEN> ours_text{};
    std::array<char, OSSL_CMP_PKISI_BUFLEN> their_text{};
    EXPECT_STREQ(OSSL_CMP_snprint_PKIStatusInfo(read.get(), ours_text.data(), ours_text.size()),
                 OSSL_CMP_snprint_PKIStatusInfo(theirs.get(), their_text.data(), their_text.size()));
  }
}

}  // namespace
}  // namespace countersign::x509
