// What the outside is told: OCSP and files, held against libcrypto, and how the status follows the registry.
#include "authority/status/status.h"

#include <algorithm>

#include <openssl/ocsp.h>

#include "authority/doors/status_listener.h"
#include "authority/fixture_test.h"
#include "authority/revocation/revocation.h"
#include "crypto/handle.h"
#include "http/client.h"
#include "testing/run.h"
#include "trust/verdict.h"

namespace countersign::authority {
namespace {

using base::Bytes;
using testing::code_of;
using trust::Purpose;
using NativeRequest = crypto::Handle<OCSP_REQUEST, OCSP_REQUEST_free>;
using NativeResponse = crypto::Handle<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using NativeBasic = crypto::Handle<OCSP_BASICRESP, OCSP_BASICRESP_free>;

void free_certificates(STACK_OF(X509) * stack) { sk_X509_free(stack); }

struct Asked {
  std::vector<x509::Certificate> certificates;
  x509::Certificate issuer;
  std::string nonce = {};
  const EVP_MD* digest = EVP_sha1();
};

NativeRequest to_native(const Asked& asked) {
  NativeRequest request(OCSP_REQUEST_new());
  for (const x509::Certificate& one : asked.certificates)
    OCSP_request_add0_id(request.get(), OCSP_cert_to_id(asked.digest, one.native(), asked.issuer.native()));
  std::string nonce = asked.nonce;
  if (!nonce.empty())
    OCSP_request_add1_nonce(request.get(), reinterpret_cast<unsigned char*>(nonce.data()),
                            static_cast<int>(nonce.size()));
  return request;
}

Bytes to_der(const NativeRequest& request) {
  std::uint8_t* raw = nullptr;
  const int length = i2d_OCSP_REQUEST(request.get(), &raw);
  Bytes der(raw, raw + length);
  OPENSSL_free(raw);
  return der;
}

class StatusTest : public AuthorityTest {
 protected:
  void SetUp() override {
    AuthorityTest::SetUp();
    open();
  }
  void TearDown() override { close_status(); }
  void close_status() {
    site_.reset();
    status_.reset();
  }
  /// As after a restart.
  void open() {
    close_status();
    reopen();
    status_ = std::make_unique<Status>(Status::Parts{.ledger = office().ledger,
                                                     .hierarchy = office().hierarchy,
                                                     .signer = *signer,
                                                     .directory = office().directory,
                                                     .issuance = office().issuance,
                                                     .observer = observer});
    ASSERT_TRUE(status_->open(status_urls()));
    const auto provided = status_->provide_responders();
    ASSERT_TRUE(provided) << base::to_string(provided.error());
    ASSERT_TRUE(status_->follow());
    site_ = std::make_unique<StatusSite>(status_->published());
  }
  Status& status() { return *status_; }
  StatusSite& site() { return *site_; }
  std::shared_ptr<const StatusSnapshot> snapshot() { return status_->published().take(); }

  Issued enrol_one(Purpose purpose = Purpose::transport) {
    auto issued = enrol("production:acme:payments", make_key(), purpose);
    EXPECT_TRUE(issued) << base::to_string(issued.error());
    EXPECT_TRUE(status().follow());
    return std::move(*issued);
  }
  static Asked about(const Issued& issued) { return {{issued.certificate}, issued.issuer->certificate}; }

  OcspReply reply(const Asked& asked) { return answers_.answer(to_der(to_native(asked)), *snapshot(), clock.now()); }
  /// "good", "revoked 1", "unknown" of each certificate asked for; or "malformed", "unauthorized", "try later". The
  /// signature, the responder's authority and the nonce are checked by libcrypto.
  std::string say(const Asked& asked) { return read(*reply(asked).der, asked); }

  std::string read(const std::string& der, const Asked& asked) {
    const auto* at = reinterpret_cast<const std::uint8_t*>(der.data());
    const NativeResponse response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
    if (response == nullptr) return "no OCSP response";
    switch (OCSP_response_status(response.get())) {
      case OCSP_RESPONSE_STATUS_SUCCESSFUL: break;
      case OCSP_RESPONSE_STATUS_MALFORMEDREQUEST: return "malformed";
      case OCSP_RESPONSE_STATUS_UNAUTHORIZED: return "unauthorized";
      case OCSP_RESPONSE_STATUS_TRYLATER: return "try later";
      default: return "another status";
    }
    const NativeBasic basic(OCSP_response_get1_basic(response.get()));
    const NativeRequest request = to_native(asked);
    if (!asked.nonce.empty() && OCSP_check_nonce(request.get(), basic.get()) != 1) return "another nonce";
    if (!is_signed_for(basic.get(), asked.issuer)) return "not signed for that CA";
    std::string said;
    for (const x509::Certificate& one : asked.certificates) {
      const crypto::Handle<OCSP_CERTID, OCSP_CERTID_free> id(
          OCSP_cert_to_id(asked.digest, one.native(), asked.issuer.native()));
      int status = -1;
      int reason = -1;
      ASN1_GENERALIZEDTIME* this_update = nullptr;
      ASN1_GENERALIZEDTIME* next_update = nullptr;
      if (OCSP_resp_find_status(basic.get(), id.get(), &status, &reason, nullptr, &this_update, &next_update) != 1)
        return "not about that certificate";
      said += (said.empty() ? "" : ", ") + std::string(OCSP_cert_status_str(status));
      if (status == V_OCSP_CERTSTATUS_REVOKED) said += " " + std::to_string(reason);
    }
    return said;
  }

  bool is_signed_for(OCSP_BASICRESP* basic, const x509::Certificate& issuer) {
    const crypto::Handle<X509_STORE, X509_STORE_free> store(X509_STORE_new());
    for (const Root root : {Root::partner, Root::provider})
      X509_STORE_add_cert(store.get(), office().hierarchy.root(root).native());
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store.get()), clock.now().unix_seconds());
    const crypto::Handle<STACK_OF(X509), free_certificates> helpers(sk_X509_new_null());
    sk_X509_push(helpers.get(), issuer.native());
    return OCSP_basic_verify(basic, helpers.get(), store.get(), 0) == 1;
  }

  http::Response ask(http::Request request) { return site().respond(request, clock.now()); }
  http::Response get(const std::string& target, const std::string& method = "GET") {
    http::Request request;
    request.head.method = method;
    request.head.target = target;
    return ask(std::move(request));
  }

 private:
  OcspAnswers answers_;
  std::unique_ptr<Status> status_;
  std::unique_ptr<StatusSite> site_;
};

TEST_F(StatusTest, GoodThenRevoked) {
  const Issued one = enrol_one();
  const Issued other = enrol_one();
  for (const EVP_MD* digest : {EVP_sha1(), EVP_sha256()}) {
    Asked asked = about(one);
    asked.digest = digest;
    EXPECT_EQ(say(asked), "good");
  }
  ASSERT_TRUE(revoke(office().ledger, admin(), one.certificate.serial(), "key_compromise"));
  ASSERT_TRUE(status().follow());
  for (const EVP_MD* digest : {EVP_sha1(), EVP_sha256()}) {
    Asked asked = about(one);
    asked.digest = digest;
    EXPECT_EQ(say(asked), "revoked 1") << "also where a response was kept";
  }
  EXPECT_EQ(say(about(other)), "good");
}

TEST_F(StatusTest, EveryCaHasAResponderOfItsOwn) {
  add_application("uat:acme:payments");
  add_application("internal:service:reports");
  const struct {
    const char* identity;
    Purpose purpose;
  } rows[] = {{"uat:acme:payments", Purpose::transport},      {"uat:acme:payments", Purpose::signing},
              {"production:acme:payments", Purpose::signing}, {"uat:provider:ehi", Purpose::ehi},
              {"production:provider:ehi", Purpose::ehi},      {"internal:service:reports", Purpose::service}};
  for (const auto& row : rows) {
    const auto issued = enrol(row.identity, make_key(), row.purpose);
    ASSERT_TRUE(issued) << row.identity << base::to_string(issued.error());
    ASSERT_TRUE(status().follow());
    EXPECT_EQ(say(about(*issued)), "good") << row.identity;
  }
}

TEST_F(StatusTest, AnswersOnlyForWhatWasIssued) {
  const Issued one = enrol_one();
  const Issued of_other_ca = enrol_one(Purpose::signing);
  testing::SeededRandom elsewhere(77);
  x509::CertificateSpec spec{.serial = x509::Serial::generate(elsewhere).value(),
                             .subject = {"payments", "acme", "production"},
                             .not_before = kNow,
                             .not_after = kNow + kDay,
                             .key = make_key().public_key(),
                             .key_usage = {x509::KeyUsage::digital_signature},
                             .extended_key_usage = {},
                             .subject_alt_names = {},
                             .ca = std::nullopt};
  const auto key = make_key();
  const auto tbs = x509::build_tbs(spec, one.issuer->certificate, key.public_key()).value();
  const x509::Certificate never_issued = x509::assemble(tbs, key.sign(tbs.der).value()).value();
  spec.serial = x509::Serial::parse("7f112233445566778899aabbccddeeff00112233").value();
  const auto huge_tbs = x509::build_tbs(spec, one.issuer->certificate, key.public_key()).value();
  const x509::Certificate huge = x509::assemble(huge_tbs, key.sign(huge_tbs.der).value()).value();

  const x509::Certificate& issuer = one.issuer->certificate;
  EXPECT_EQ(say({{never_issued}, issuer}), "unknown");
  EXPECT_EQ(say({{huge}, issuer}), "unknown");
  EXPECT_FALSE(reply({{never_issued}, issuer}).good_until) << "it may be issued in a moment";
  EXPECT_EQ(say({{one.certificate, never_issued}, issuer}), "good, unknown");
  EXPECT_EQ(say({{of_other_ca.certificate}, issuer}), "unauthorized") << "the name of one CA, the key of another";
  EXPECT_EQ(say({{one.certificate}, office().hierarchy.root(Root::partner)}), "unauthorized") << "not for roots";
  Asked sha512 = about(one);
  sha512.digest = EVP_sha512();
  EXPECT_EQ(say(sha512), "unauthorized");
  EXPECT_EQ(read(*OcspAnswers().answer(Bytes{0x30, 0x00}, *snapshot(), clock.now()).der, about(one)), "malformed");
}

/// One signature speaks for one CA (RFC 6960 section 4.2.2.2).
TEST_F(StatusTest, AboutSeveralCasNothingIsSaid) {
  const Issued transport = enrol_one();
  const Issued signing = enrol_one(Purpose::signing);
  const NativeRequest request(OCSP_REQUEST_new());
  for (const Issued* one : {&transport, &signing})
    OCSP_request_add0_id(request.get(),
                         OCSP_cert_to_id(EVP_sha1(), one->certificate.native(), one->issuer->certificate.native()));
  const OcspReply both = OcspAnswers().answer(to_der(request), *snapshot(), clock.now());
  EXPECT_EQ(read(*both.der, about(transport)), "unauthorized");
}

TEST_F(StatusTest, ANonceIsRepeatedAndNothingIsKept) {
  const Issued one = enrol_one();
  Asked asked = about(one);
  asked.nonce = std::string(32, 'n');
  EXPECT_EQ(say(asked), "good");
  EXPECT_FALSE(reply(asked).good_until);
  asked.nonce = std::string(128, 'n');
  EXPECT_EQ(say(asked), "good");
}

TEST_F(StatusTest, AKeptResponseIsGivenAgainWhileItIsFresh) {
  const Issued one = enrol_one();
  const auto first = reply(about(one)).der;
  EXPECT_EQ(reply(about(one)).der, first);
  clock.advance(kOcspLife / 2 - std::chrono::seconds(1));
  ASSERT_TRUE(status().follow());
  EXPECT_EQ(reply(about(one)).der, first);
  clock.advance(std::chrono::seconds(1));
  const auto second = reply(about(one)).der;
  EXPECT_NE(second, first);
  EXPECT_EQ(read(*second, about(one)), "good");
}

TEST_F(StatusTest, WhatWasTrueLongAgoIsNotGivenOutAsNew) {
  const Issued one = enrol_one();
  clock.advance(kOcspLife - std::chrono::seconds(1));
  EXPECT_EQ(say(about(one)), "good");
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(say(about(one)), "try later") << "the registry was not asked for so long";
  ASSERT_TRUE(status().follow());
  EXPECT_EQ(say(about(one)), "good");
}

TEST_F(StatusTest, WhatAClockAheadHasForgottenComesBackWithTheTime) {
  const Issued good = enrol_one();
  const Issued revoked = enrol_one();
  ASSERT_TRUE(revoke(office().ledger, admin(), revoked.certificate.serial(), "superseded"));
  const auto jump = [this](base::Duration by) {
    clock.advance(by);
    ASSERT_TRUE(status().provide_responders());
    ASSERT_TRUE(status().follow());
  };
  jump(kDay * 400);
  EXPECT_EQ(say(about(good)), "unknown");
  jump(-kDay * 400);
  EXPECT_EQ(say(about(good)), "good");
  EXPECT_EQ(say(about(revoked)), "revoked 4");
  EXPECT_TRUE(status().is_behind()) << "the CRL is still to come";
}

TEST_F(StatusTest, RespondersAreReplacedAtHalfOfTheirLife) {
  const auto of = [&] { return snapshot()->cas.front()->responder; };
  const auto first = of();
  EXPECT_EQ(first->certificate.not_after(), kNow + kOcspResponderLife);
  clock.advance(kOcspResponderLife / 2 - std::chrono::minutes(10));
  ASSERT_TRUE(status().provide_responders());
  EXPECT_EQ(of(), first);
  clock.advance(std::chrono::minutes(10));
  ASSERT_TRUE(status().provide_responders());
  EXPECT_NE(of(), first);
  const auto second = of();
  ASSERT_TRUE(revoke(office().ledger, admin(), second->certificate.serial(), "key_compromise"));
  ASSERT_TRUE(status().provide_responders());
  EXPECT_NE(of(), second);
}

/// Nobody comes in with it, at no listener, even while the registry lists it.
TEST_F(StatusTest, AResponderIsAcceptedAsNothingElse) {
  const auto trust = office().hierarchy.to_trust_set().value();
  for (const auto& ca : snapshot()->cas) {
    const IssuingCa* issuer = office().hierarchy.find_issuing_ca(ca->name);
    const trust::PresentedChain chain = {ca->responder->certificate, issuer->certificate};
    for (const Purpose purpose :
         {Purpose::transport, Purpose::signing, Purpose::ehi, Purpose::service, Purpose::server}) {
      const auto verdict = trust::verify_chain(chain, {.purposes = {purpose}}, trust, clock.now());
      EXPECT_FALSE(verdict) << ca->name << " " << trust::name(purpose);
    }
  }
}

TEST_F(StatusTest, NobodyCanEnrolAsAResponder) {
  EXPECT_EQ(code_of(office().enrolment.create_code(admin(), {ocsp_identity(), {Purpose::ocsp}})),
            "purpose.not_allowed");
  EXPECT_EQ(code_of(redeem(make_code("internal:service:ocsp"), make_key(), Purpose::ocsp)), "code.other_purpose");
  auto csr = x509::Csr::parse(make_csr(make_key())).value();
  EXPECT_EQ(code_of(office().issuance.issue(Order{ocsp_identity(), Purpose::ocsp, csr, admin()})),
            "purpose.not_allowed")
      << "for no CA in particular";
  Order order{identity("production:acme:payments"), Purpose::ocsp, csr, admin()};
  order.speaks_for = &office().hierarchy.issuing_cas().front();
  EXPECT_EQ(code_of(office().issuance.issue(order)), "purpose.not_allowed") << "another identity";
  Order transport{identity("production:acme:payments"), Purpose::transport, csr, admin()};
  transport.speaks_for = &office().hierarchy.issuing_cas().front();
  EXPECT_EQ(code_of(office().issuance.issue(transport)), "purpose.not_allowed")
      << "the CA is not for the asker to choose";
}

TEST_F(StatusTest, WhatWasRevokedJustBeforeACrashGetsItsCrl) {
  while (status().publish_crls().value() > 0) {
  }
  const Issued one = enrol_one();
  ASSERT_TRUE(revoke(office().ledger, admin(), one.certificate.serial(), "superseded"));
  const std::string path = crl_path(one.issuer->name, crl_shard_of(one.certificate.serial(), 64));
  open();  // the issuer that `one` points to is gone with the office
  EXPECT_TRUE(status().is_behind());
  EXPECT_EQ(status().publish_crls().value(), 1U);
  const auto crl = x509::Crl::from_der(base::as_bytes(*snapshot()->files->at(path).content)).value();
  EXPECT_NE(crl.find(one.certificate.serial()), nullptr);
  open();
  EXPECT_FALSE(status().is_behind());
}

TEST_F(StatusTest, SuspensionIsNotPublished) {
  const Issued one = enrol_one();
  ASSERT_TRUE(office().directory.suspend_application(admin(), identity("production:acme:payments")));
  ASSERT_TRUE(status().follow());
  EXPECT_EQ(say(about(one)), "good");
  EXPECT_FALSE(status().is_behind());
}

TEST_F(StatusTest, SiteRows) {
  while (status().publish_crls().value() > 0) {
  }
  const Issued one = enrol_one();
  const std::string base64 = base::to_base64(to_der(to_native(about(one))));
  std::string escaped;
  for (const char c : base64)
    escaped += c == '/' ? "%2F" : c == '+' ? "%2B" : c == '=' ? "%3D" : std::string(1, c);
  std::string unpadded = base64;
  unpadded.erase(std::min(unpadded.find('='), unpadded.size()));
  const struct {
    const char* name;
    const char* method;
    std::string target;
    int status;
    const char* type;
  } rows[] = {
      {"a CRL", "GET", "/crl/production-transport-0.crl", 200, "application/pkix-crl"},
      {"its head", "HEAD", "/crl/production-transport-63.crl", 200, "application/pkix-crl"},
      {"one shard too many", "GET", "/crl/production-transport-64.crl", 404, "text/plain"},
      {"a root's CRL", "GET", "/crl/provider-root-0.crl", 200, "application/pkix-crl"},
      {"an issuing CA", "GET", "/ca/production-transport.cer", 200, "application/pkix-cert"},
      {"a root", "GET", "/ca/partner-root.cer", 200, "application/pkix-cert"},
      {"no such CA", "GET", "/ca/nobody.cer", 404, "text/plain"},
      {"out of the folder", "GET", "/ca/../registry.db", 404, "text/plain"},
      {"to a file", "POST", "/ca/partner-root.cer", 405, "text/plain"},
      {"OCSP by GET", "GET", "/ocsp/" + base64, 200, "application/ocsp-response"},
      {"escaped", "GET", "/ocsp/" + escaped, 200, "application/ocsp-response"},
      {"unpadded", "GET", "/ocsp/" + unpadded, 200, "application/ocsp-response"},
      {"not base64", "GET", "/ocsp/!", 200, "application/ocsp-response"},
      {"OCSP by POST without type", "POST", "/ocsp", 415, "text/plain"},
      {"OCSP without request", "GET", "/ocsp", 405, "text/plain"},
      {"OCSP by DELETE", "DELETE", "/ocsp/" + base64, 405, "text/plain"},
      {"something else", "GET", "/", 404, "text/plain"},
      {"a longer word", "GET", "/ocspx/a", 404, "text/plain"},
      {"a broken escape", "GET", "/ocsp/%zz", 400, "text/plain"},
  };
  for (const auto& row : rows) {
    const http::Response response = get(row.target, row.method);
    EXPECT_EQ(response.status, row.status) << row.name;
    EXPECT_EQ(response.fields.find("Content-Type"), row.type) << row.name;
  }
  for (const std::string& target : {"/ocsp/" + base64, "/ocsp/" + escaped, "/ocsp/" + unpadded})
    EXPECT_EQ(read(get(target).body, about(one)), "good") << target;
  EXPECT_EQ(read(get("/ocsp/!").body, about(one)), "malformed");
}

TEST_F(StatusTest, PostedOcspIsAnswered) {
  const Issued one = enrol_one();
  http::Request request;
  request.head.method = "POST";
  request.head.target = "/ocsp";
  request.head.fields.add("Content-Type", "Application/OCSP-Request; x=y");
  request.body = base::as_text(to_der(to_native(about(one))));
  EXPECT_EQ(read(ask(std::move(request)).body, about(one)), "good");
}

TEST_F(StatusTest, CachingFieldsFollowTheTimesInside) {
  while (status().publish_crls().value() > 0) {
  }
  const Issued one = enrol_one();
  const http::Response crl = get("/crl/internal-1.crl");
  EXPECT_EQ(crl.fields.find("Cache-Control"), "max-age=300, public, no-transform, must-revalidate");
  EXPECT_EQ(crl.fields.find("Expires"), http::to_http_date(kNow + kCrlLife));
  http::Request again;
  again.head.method = "GET";
  again.head.target = "/crl/internal-1.crl";
  again.head.fields.add("If-None-Match", std::string(*crl.fields.find("ETag")));
  const http::Response unchanged = ask(std::move(again));
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_EQ(unchanged.body, "");

  const http::Response ocsp = get("/ocsp/" + base::to_base64(to_der(to_native(about(one)))));
  EXPECT_EQ(ocsp.fields.find("Cache-Control"), "max-age=3600, public, no-transform, must-revalidate");
  EXPECT_EQ(ocsp.fields.find("Expires"), http::to_http_date(kNow + kOcspLife));
  EXPECT_EQ(get("/ocsp/!").fields.find("Cache-Control"), "no-store");
}

net::Task<base::Result<http::Response>> fetch(net::Loop& loop, net::Endpoint at, std::string target) {
  const net::Deadline soon = net::Deadline::after(std::chrono::seconds(20));
  auto socket = co_await net::Socket::connect(loop, std::move(at), soon);
  if (!socket) co_return base::unexpected(socket.error());
  http::ClientOptions options;
  options.host = "pki.example";
  http::Client client(*socket, std::move(options));
  http::Request request;
  request.head.method = "GET";
  request.head.target = std::move(target);
  co_return co_await client.send(std::move(request), soon);
}

TEST_F(StatusTest, TheListenerServesOnAThreadOfItsOwn) {
  const testing::KeptLog log;
  const auto listener = StatusListener::bind({"127.0.0.1", 0}, log.log()).value();
  listener->start(status().published(), clock);
  net::Loop loop;
  const auto served = testing::run(loop, fetch(loop, listener->local(), "/ca/internal.cer"));
  ASSERT_TRUE(served) << base::to_string(served.error());
  EXPECT_EQ(base::to_bytes(base::as_bytes(served->body)),
            office().hierarchy.find_issuing_ca("internal")->certificate.der());
  EXPECT_EQ(testing::run(loop, fetch(loop, listener->local(), "/ocsp/" + std::string(9000, 'A')))->status, 431);
  listener->stop();
  EXPECT_FALSE(testing::run(loop, fetch(loop, listener->local(), "/ca/internal.cer")));
}

}  // namespace
}  // namespace countersign::authority
