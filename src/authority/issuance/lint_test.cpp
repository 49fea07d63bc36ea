// Each rule of the linter, broken one at a time by a certificate that is otherwise perfect.
#include "authority/issuance/lint.h"

#include <functional>

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include "authority/issuance/serial_number.h"
#include "authority/registry/server_names.h"
#include "testing/ca.h"
#include "testing/seeded_random.h"
#include "testing/times.h"

namespace countersign::authority {
namespace {

using testing::kDay;
using testing::kNow;
using trust::Purpose;
using x509::CertificateSpec;
using x509::KeyUsage;

testing::Ca make_issuer(const char* common_name) {
  const testing::Ca root = testing::make_root({"Root", "Provider", kNow - kDay, kNow + kDay * 7000});
  return testing::make_issuing({common_name, "Provider", kNow - kDay, kNow + kDay * 3000, 0}, root);
}

/// Everything the linter is told, and the certificate it is shown.
struct Case {
  base::Identity identity = base::Identity::from_urn("urn:countersign:production:acme:payments").value();
  Purpose purpose = Purpose::transport;
  std::vector<std::string> server_names = {};
  CertificateSpec spec;
  std::function<void(X509*)> change = nullptr;  ///< to the finished certificate, which is then signed again
};

class Lint : public ::testing::Test {
 protected:
  Case make_case(Purpose purpose) {
    Case made{.spec = {.serial = make_serial(random_, kNow).value(),
                       .subject = {"payments", "acme", "production"},
                       .not_before = kNow - kBackdating,
                       .not_after = kNow + kDay * 350,
                       .key = key_.public_key(),
                       .key_usage = profile_of(purpose).key_usage,
                       .extended_key_usage = profile_of(purpose).extended_key_usage,
                       .subject_alt_names = {},
                       .ca = std::nullopt}};
    made.purpose = purpose;
    if (purpose == Purpose::server) made.server_names = {"pay.example", "10.0.0.1"};
    made.spec.subject_alt_names = to_subject_alt_names(made.identity.to_urn(), made.server_names);
    if (profile_of(purpose).names_status) {
      made.spec.crl_distribution_points.urls = {urls_.crl(kCa, crl_shard_of(made.spec.serial, kShards))};
      made.spec.information_access = {{urls_.ocsp()}, {urls_.ca(kCa)}};
    }
    made.spec.ocsp_no_check = profile_of(purpose).ocsp_no_check;
    if (const auto life = profile_of(purpose).life) made.spec.not_after = kNow + *life;
    return made;
  }

  /// "ok", or the name of the rule that was broken.
  std::string judge(const Case& wanted) {
    x509::Certificate certificate = testing::issue(wanted.spec, issuer_);
    if (wanted.change) certificate = testing::forge(certificate, issuer_.key, wanted.change);
    const crypto::PublicKey key = key_.public_key();
    const auto found = apply_rules(
        certificate, {wanted.identity, wanted.purpose, wanted.server_names, key, issuer_.certificate, kNow, status()});
    if (found) return "ok";
    const std::string& detail = found.error().detail;
    const std::size_t at = detail.find('\'') + 1;
    return detail.substr(at, detail.find('\'', at) - at);
  }

  LintRules::Status status() const { return {urls_, kCa, kShards}; }

  static constexpr std::uint32_t kShards = 64;
  const std::string kCa = "production-transport";
  const StatusUrls urls_ = StatusUrls::parse("http://pki.example").value();
  const crypto::PrivateKey key_ = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  const testing::Ca issuer_ = make_issuer("Issuing");
  testing::SeededRandom random_{7};
};

TEST_F(Lint, LetsEveryProfilePass) {
  for (const Purpose purpose : all_purposes())
    EXPECT_EQ(judge(make_case(purpose)), "ok") << trust::name(purpose);
}

/// The URL that the certificate names for its CRL.
std::string url_of_crl(X509* certificate) {
  return x509::Certificate::from_native(certificate).crl_distribution_points().urls.at(0);
}

struct Row {
  const char* name;
  const char* rule;
  std::function<void(Case&)> break_it;
};

TEST_F(Lint, NamesTheRuleThatIsBroken) {
  const auto other_key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  const Row rows[] = {
      {"small serial", "serial", [](Case& c) { c.spec.serial = x509::Serial::parse("01").value(); }},
      {"serial without a tick", "serial",
       [](Case& c) { c.spec.serial = x509::Serial::parse("01112233445566778899aabbccddeeff00").value(); }},
      {"serial without the first octet", "serial",
       [](Case& c) { c.spec.serial = x509::Serial::parse("ff112233445566778899aabbccddeeff").value(); }},
      {"another application", "subject", [](Case& c) { c.spec.subject.common_name = "cards"; }},
      {"another organisation", "subject", [](Case& c) { c.spec.subject.organisation = "globex"; }},
      {"another environment", "subject", [](Case& c) { c.spec.subject.organisational_unit = "uat"; }},
      {"a second common name", "subject",
       [](Case& c) {
         c.change = [](X509* certificate) {
           X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>("cards"), -1, -1, 0);
         };
       }},
      {"another URN", "subject_alt_names",
       [](Case& c) { c.spec.subject_alt_names.uris = {"urn:countersign:production:globex:payments"}; }},
      {"a second URN", "subject_alt_names",
       [](Case& c) { c.spec.subject_alt_names.uris.emplace_back("urn:countersign:uat:acme:payments"); }},
      {"a host name", "subject_alt_names", [](Case& c) { c.spec.subject_alt_names.dns = {"acme.example"}; }},
      {"an address", "subject_alt_names", [](Case& c) { c.spec.subject_alt_names.ip_addresses = {"10.0.0.1"}; }},
      {"an e-mail address", "subject_alt_names",
       [](Case& c) {
         c.change = [](X509* certificate) {
           testing::remove_extension(certificate, "subjectAltName");
           testing::add_extension(certificate, "subjectAltName",
                                  "URI:urn:countersign:production:acme:payments,email:a@acme.example");
         };
       }},
      {"key encipherment", "key_usage", [](Case& c) { c.spec.key_usage.insert(KeyUsage::key_encipherment); }},
      {"non-repudiation", "key_usage", [](Case& c) { c.spec.key_usage.insert(KeyUsage::non_repudiation); }},
      {"serverAuth", "extended_key_usage",
       [](Case& c) { c.spec.extended_key_usage = {std::string(x509::oid::kServerAuth)}; }},
      {"serverAuth too", "extended_key_usage",
       [](Case& c) { c.spec.extended_key_usage.emplace_back(x509::oid::kServerAuth); }},
      {"no extended key usage", "extended_key_usage", [](Case& c) { c.spec.extended_key_usage.clear(); }},
      {"a CA", "basic_constraints", [](Case& c) { c.spec.ca = CertificateSpec::Ca{}; }},
      {"an unknown extension", "extensions", [](Case& c) { c.change = testing::add_unknown_critical_extension; }},
      {"a known one too many", "extensions",
       [](Case& c) {
         c.change = [](X509* certificate) { testing::add_extension(certificate, "nsComment", "hello"); };
       }},
      {"no basic constraints", "extensions",
       [](Case& c) {
         c.change = [](X509* certificate) { testing::remove_extension(certificate, "basicConstraints"); };
       }},
      {"key usage not critical", "extensions",
       [](Case& c) {
         c.change = [](X509* certificate) {
           testing::remove_extension(certificate, "keyUsage");
           testing::add_extension(certificate, "keyUsage", "digitalSignature");
         };
       }},
      {"extended key usage critical", "extensions",
       [](Case& c) {
         c.change = [](X509* certificate) {
           testing::remove_extension(certificate, "extendedKeyUsage");
           testing::add_extension(certificate, "extendedKeyUsage", "critical,clientAuth");
         };
       }},
      {"no key identifier", "key_identifiers",
       [](Case& c) {
         c.change = [](X509* certificate) { testing::remove_extension(certificate, "subjectKeyIdentifier"); };
       }},
      {"no issuer key identifier", "key_identifiers",
       [](Case& c) {
         c.change = [](X509* certificate) { testing::remove_extension(certificate, "authorityKeyIdentifier"); };
       }},
      {"begins later", "validity", [](Case& c) { c.spec.not_before = kNow + std::chrono::seconds(1); }},
      {"begins too early", "validity",
       [](Case& c) { c.spec.not_before = kNow - kBackdating - std::chrono::seconds(62); }},
      {"has ended", "validity", [](Case& c) { c.spec.not_after = kNow; }},
      {"lives too long", "validity", [](Case& c) { c.spec.not_after = kNow + kDay * 830; }},
      {"outlives the issuer", "validity", [](Case& c) { c.spec.not_after = kNow + kDay * 3001; }},
      {"another key", "key", [&](Case& c) { c.spec.key = other_key.public_key(); }},
      {"no CRL", "extensions", [](Case& c) { c.spec.crl_distribution_points = {}; }},
      {"no OCSP and no issuer", "extensions", [](Case& c) { c.spec.information_access = {}; }},
      {"another shard", "crl",
       [](Case& c) { c.spec.crl_distribution_points.urls = {"http://pki.example/crl/production-transport-64.crl"}; }},
      {"another host's CRL", "crl", [](Case& c) { c.spec.crl_distribution_points.urls[0].replace(7, 3, "evil"); }},
      {"a second CRL", "crl",
       [](Case& c) { c.spec.crl_distribution_points.urls.emplace_back("http://pki.example/crl/more.crl"); }},
      {"a second distribution point", "crl",
       [](Case& c) {
         c.change = [](X509* certificate) {
           const std::string url = url_of_crl(certificate);
           testing::remove_extension(certificate, "crlDistributionPoints");
           testing::add_extension(certificate, "crlDistributionPoints",
                                  ("URI:" + url + ",URI:http://b.example").c_str());
         };
       }},
      {"another OCSP responder", "information_access",
       [](Case& c) { c.spec.information_access.ocsp = {"http://pki.example/ocsp2"}; }},
      {"no OCSP responder", "information_access", [](Case& c) { c.spec.information_access.ocsp.clear(); }},
      {"another issuer's certificate", "information_access",
       [](Case& c) { c.spec.information_access.ca_issuers = {"http://pki.example/ca/uat-transport.cer"}; }},
      {"ocsp-nocheck", "extensions", [](Case& c) { c.spec.ocsp_no_check = x509::OcspNoCheck::yes; }},
      {"too many names", "size",
       [](Case& c) { c.spec.subject_alt_names.dns.assign(500, "a-rather-long-name-of-a-server.example"); }},
  };
  for (const Row& row : rows) {
    Case broken = make_case(Purpose::transport);
    row.break_it(broken);
    EXPECT_EQ(judge(broken), row.rule) << row.name;
  }
}

TEST_F(Lint, WantsTheServersNamesExactly) {
  const Row rows[] = {
      {"as registered", "ok", [](Case&) {}},
      {"one missing", "subject_alt_names", [](Case& c) { c.spec.subject_alt_names.dns.clear(); }},
      {"one more", "subject_alt_names", [](Case& c) { c.spec.subject_alt_names.dns.emplace_back("other.example"); }},
      {"none at all", "subject_alt_names",
       [](Case& c) {
         c.server_names.clear();
         c.spec.subject_alt_names = to_subject_alt_names(c.identity.to_urn(), {});
       }},
  };
  for (const Row& row : rows) {
    Case made = make_case(Purpose::server);
    row.break_it(made);
    EXPECT_EQ(judge(made), row.rule) << row.name;
  }
}

TEST_F(Lint, WantsAnOcspResponderToBeShortLivedAndToNameNoStatus) {
  const Row rows[] = {
      {"as it should be", "ok", [](Case&) {}},
      {"a minute too long", "validity",
       [](Case& c) { c.spec.not_after = kNow + kOcspResponderLife + std::chrono::minutes(2); }},
      {"no ocsp-nocheck", "extensions", [](Case& c) { c.spec.ocsp_no_check = x509::OcspNoCheck::no; }},
      {"names a CRL", "extensions",
       [](Case& c) { c.spec.crl_distribution_points.urls = {"http://pki.example/crl/production-transport-1.crl"}; }},
      {"also for servers", "extended_key_usage",
       [](Case& c) { c.spec.extended_key_usage.emplace_back(x509::oid::kServerAuth); }},
  };
  for (const Row& row : rows) {
    Case made = make_case(Purpose::ocsp);
    row.break_it(made);
    EXPECT_EQ(judge(made), row.rule) << row.name;
  }
}

TEST_F(Lint, WantsTheIssuerItWasTold) {
  const testing::Ca other = make_issuer("Other");
  const Case made = make_case(Purpose::transport);
  const x509::Certificate certificate = testing::issue(made.spec, issuer_);
  const crypto::PublicKey key = key_.public_key();
  const auto judge_by = [&](const x509::Certificate& issuer) {
    return apply_rules(certificate, {made.identity, made.purpose, made.server_names, key, issuer, kNow, status()})
        .has_value();
  };
  EXPECT_TRUE(judge_by(issuer_.certificate));
  EXPECT_FALSE(judge_by(other.certificate));
  EXPECT_FALSE(judge_by(make_issuer("Issuing").certificate)) << "the same name, another key";
}

}  // namespace
}  // namespace countersign::authority
