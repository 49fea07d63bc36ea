#include "check/target.h"

#include "base/files.h"
#include "base/presence.h"

namespace countersign::check {
namespace {

constexpr TestFile kTestFiles[] = {
    {"refuse.expired", "expired"},
    {"refuse.revoked", "revoked"},
    {"refuse.signing", "signing"},
    {"refuse.server_certificate", "server"},
    {"refuse.other_environment", "other-environment"},
    {"refuse.other_caller", "other-caller"},
};

}  // namespace

std::span<const TestFile> test_files() { return kTestFiles; }

base::Result<std::vector<TestCredential>> load_test_credentials(const std::filesystem::path& folder) {
  std::vector<TestCredential> found;
  std::string names;
  for (const TestFile& file : kTestFiles) {
    const std::filesystem::path certificate = folder / (std::string(file.name) + ".pem");
    names += (names.empty() ? "" : ", ") + std::string(file.name) + ".pem";
    BASE_TRY(const bool there, base::is_there(certificate));
    if (!there) continue;
    const std::filesystem::path key = folder / (std::string(file.name) + ".key");
    BASE_TRY(tls::Credential credential, tls::load_credential(certificate.string(), key.string()));
    found.push_back({file.check, std::move(credential)});
  }
  if (found.empty())
    return base::fail(base::Kind::invalid, "check.test_credentials",
                      "'" + folder.string() + "' holds none of " + names + "; docs/check-ehi.md says how to make them");
  return found;
}

base::Result<std::shared_ptr<const trust::TrustSet>> load_anchors(const std::filesystem::path& file) {
  BASE_TRY(const std::string text, base::read_file(file));
  auto certificates = x509::Certificate::all_from_pem(text);
  if (!certificates)
    return base::unexpected(
        std::move(certificates)
            .error()
            .under("check.certificates", "'" + file.string() + "' is not a file of PEM certificates"));
  auto trust = trust::TrustSet::of_roots(std::move(*certificates), {});
  if (!trust)
    return base::unexpected(
        std::move(trust).error().under("check.anchors", "'" + file.string() + "' does not hold anchors"));
  return std::make_shared<const trust::TrustSet>(std::move(*trust));
}

}  // namespace countersign::check
