#include "testing/pki.h"
#include "trust/registry_view.h"
#include "trust/trust_set.h"

namespace countersign::testing {

trust::TrustSet Pki::trust_set() const {
  return trust::TrustSet::of_issuers({genuine_.partner_root.certificate, genuine_.provider_root.certificate},
                                     issuing_cas(), 1)
      .value();
}

trust::TrustSet Pki::partner_trust() const {
  return trust::TrustSet::of_issuers({genuine_.partner_root.certificate}, issuing_cas_under(genuine_.partner_root), 1)
      .value();
}

trust::TrustSet Pki::provider_trust() const {
  return trust::TrustSet::of_issuers({genuine_.provider_root.certificate}, issuing_cas_under(genuine_.provider_root), 1)
      .value();
}

trust::TrustSet Pki::web_trust() const {
  return trust::TrustSet::of_roots({genuine_.web_root.certificate}, {}).value();
}

std::unique_ptr<trust::RegistryView> Pki::registry() const {
  auto registry = std::make_unique<trust::RegistryView>();
  registry->replace(facts_, {});
  return registry;
}

}  // namespace countersign::testing
