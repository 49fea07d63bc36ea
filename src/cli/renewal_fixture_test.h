// What tests of renewal start from: a folder with a partner's certificates, and an authority that answers as it is
// told.
#pragma once

#include <functional>

#include <gtest/gtest.h>

#include "base/files.h"
#include "cli/keeper.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/pki.h"
#include "testing/run.h"
#include "x509/csr.h"

namespace countersign::cli {

inline base::Identity acme_payments() {
  return base::Identity::from_urn("urn:countersign:production:acme:payments").value();
}

inline void save_pair(const RequestFiles& files, const testing::Issued& issued) {
  ASSERT_TRUE(base::write_file(files.key, issued.key.to_pem()->reveal_text(), base::FileMode::owner_only));
  ASSERT_TRUE(base::write_file(files.chain, x509::to_pem(issued.chain), base::FileMode::owner_only));
  ASSERT_TRUE(base::write_file(files.certificate, issued.certificate.to_pem(), base::FileMode::owner_only));
}

/// Do key and chain of a purpose belong together, the one that waits counting as well?
inline bool has_matching_pair(const std::filesystem::path& folder, trust::Purpose purpose) {
  const RenewalFiles files = RenewalFiles::in(folder, purpose);
  return tls::load_credential(files.current.chain, files.current.key).has_value() ||
         tls::load_credential(files.current.chain, files.next_key).has_value();
}

/// Certifies whatever key it is asked for, or answers what the test wants.
class FakeDesk final : public RenewalDesk {
 public:
  explicit FakeDesk(testing::Pki& pki) : pki_(pki) {}

  using Answer = std::function<base::Result<ApiAnswer>(const crypto::PublicKey&, trust::Purpose)>;
  Answer answer = nullptr;  ///< null: a certificate
  base::Identity identity = acme_payments();
  base::Duration life = std::chrono::hours(300);
  std::vector<std::string> keys;  ///< of each question, as SHA-256

  net::Task<base::Result<ApiAnswer>> ask(const tls::Credential&, base::json::object body) override {
    const auto csr = x509::Csr::parse(std::string(body.at("csr").as_string()));
    const auto purpose = trust::parse_purpose(std::string(body.at("purpose").as_string()));
    keys.push_back(base::to_hex(csr->public_key().spki_sha256()));
    if (answer) co_return answer(csr->public_key(), *purpose);
    co_return certify(csr->public_key(), *purpose);
  }

  ApiAnswer certify(const crypto::PublicKey& key, trust::Purpose purpose) {
    const bool signing = purpose == trust::Purpose::signing;
    x509::CertificateSpec spec{
        .serial = x509::Serial::generate(random_).value(),
        .subject = {identity.application.text(), identity.organisation.text(),
                    std::string(base::name(identity.environment))},
        .not_before = pki_.now() - std::chrono::minutes(5),
        .not_after = pki_.now() + life,
        .key = key,
        .key_usage = {x509::KeyUsage::digital_signature},
        .extended_key_usage = signing ? std::vector<std::string>{} : std::vector<std::string>{"1.3.6.1.5.5.7.3.2"},
        .subject_alt_names = {},
        .ca = std::nullopt};
    if (signing) spec.key_usage.insert(x509::KeyUsage::non_repudiation);
    spec.subject_alt_names.uris = {identity.to_urn()};
    const testing::Ca& ca = pki_.issuing_ca(identity.environment, purpose);
    const base::json::object object{{"certificate", testing::issue(spec, ca).to_pem()},
                                    {"chain", ca.certificate.to_pem()},
                                    {"root", pki_.partner_root().certificate.to_pem()},
                                    {"urn", identity.to_urn()}};
    return {201, base::json::serialize(object)};
  }

 private:
  testing::Pki& pki_;
  testing::SeededRandom random_{7};
};

inline ApiAnswer pending_answer(int given, base::Duration retry_after) {
  return {
      202,
      R"({"status":"pending","request":"r1","approvals":)" + std::to_string(given) + R"(,"needed":2,"retry_after":60})",
      retry_after};
}

}  // namespace countersign::cli
