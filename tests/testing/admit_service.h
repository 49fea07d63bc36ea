// What a server of ours or of the provider says of a service that shows its certificate.
#pragma once

#include "testing/pki.h"
#include "trust/presented.h"
#include "trust/verdict.h"

namespace countersign::testing {

/// By the provider's trust chain and every certificate issued so far.
inline base::Result<trust::AdmittedChain, trust::Refusal> admit_service(const Pki& pki,
                                                                        const trust::Presented& presented) {
  auto chain =
      trust::verify_chain(presented.chain(), {.purposes = {trust::Purpose::service}}, pki.provider_trust(), pki.now());
  if (!chain) return base::unexpected(std::move(chain).error());
  const auto registry = pki.registry();
  return trust::admit(std::move(*chain), *registry);
}

}  // namespace countersign::testing
