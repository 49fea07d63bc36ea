// EhiMaterial: what a check needs of the authority's own files.
#pragma once

#include "authority/ehi/settings.h"
#include "base/identity.h"
#include "base/log.h"
#include "check/target.h"

namespace countersign::authority {

/// Read anew for each check.
struct EhiMaterial {
  std::shared_ptr<const trust::TrustSet> anchors;
  std::optional<tls::Credential> own = {};
  std::optional<tls::Credential> next = {};
  std::vector<check::TestCredential> test_credentials = {};
};

/// What is not there is left out; what cannot be read, or whose being there cannot be told, is an error. Fails: as
/// base::is_there, check::load_anchors, tls::load_credential and check::load_test_credentials.
base::Result<EhiMaterial> load_ehi_material(const EhiCheckSettings& settings, base::Environment environment);
/// Tries it for both environments, and writes down what is there or why it cannot be used.
void log_ehi_material(const EhiCheckSettings& settings, const base::Log& log);

}  // namespace countersign::authority
