#include "authority/ehi/material.h"

#include "base/presence.h"
#include "trust/system_roots.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;

base::Result<std::optional<tls::Credential>> load_if_there(const fs::path& folder, const std::string& name) {
  if (folder.empty()) return std::nullopt;
  const fs::path certificate = folder / (name + ".pem");
  BASE_TRY(const bool there, base::is_there(certificate));
  if (!there) return std::nullopt;
  BASE_TRY(auto credential, tls::load_credential(certificate, folder / (name + ".key")));
  return std::optional(std::move(credential));
}

base::Result<std::vector<check::TestCredential>> load_test_credentials(const fs::path& folder,
                                                                       const std::string& environment) {
  if (folder.empty()) return std::vector<check::TestCredential>();
  BASE_TRY(const bool there, base::is_there(folder / environment));
  if (!there) return std::vector<check::TestCredential>();
  return check::load_test_credentials(folder / environment);
}

}  // namespace

base::Result<EhiMaterial> load_ehi_material(const EhiCheckSettings& settings, base::Environment environment) {
  const std::string name(base::name(environment));
  EhiMaterial material;
  BASE_TRY(material.anchors,
           check::load_anchors(settings.anchors.empty() ? fs::path(trust::kSystemRoots) : settings.anchors));
  BASE_TRY(material.own, load_if_there(settings.credentials, "ehi-" + name));
  BASE_TRY(material.next, load_if_there(settings.credentials, "ehi-" + name + "-next"));
  BASE_TRY(material.test_credentials, load_test_credentials(settings.test_credentials, name));
  return material;
}

void log_ehi_material(const EhiCheckSettings& settings, const base::Log& log) {
  for (const base::Environment environment : {base::Environment::uat, base::Environment::production}) {
    const std::string name(base::name(environment));
    const auto material = load_ehi_material(settings, environment);
    if (!material) {
      log.error("ehi_checks.settings", {{"environment", name}, {"error", base::to_string(material.error())}});
      continue;
    }
    log.info("ehi_checks.ready", {{"environment", name},
                                  {"credential", material->own ? "yes" : "none: what needs it is not tried"},
                                  {"next_credential", material->next ? "yes" : "none"},
                                  {"test_credentials", material->test_credentials.size()}});
  }
}

}  // namespace countersign::authority
