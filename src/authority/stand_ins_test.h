// Stand-ins for parts of the authority: a signer that signs certificates only, an observer that stops at a step.
#pragma once

#include <optional>

#include "authority/issuance/issuance.h"
#include "authority/issuance/signer.h"

namespace countersign::authority {

/// For tests that are about certificates.
class CertificateSigner : public Signer {
 public:
  base::Result<base::Bytes> sign_crl(CrlPermit) override {
    return base::fail(base::Kind::internal, "test.no_crls", "this signer signs certificates only");
  }
};

/// Fails when it sees `stop_at`: what follows that step never happens. The first `let_pass` issuances are left alone.
class StopAt final : public StepObserver {
 public:
  base::Result<void> reached(Step step) override {
    if (step == stop_at && let_pass-- <= 0) return base::fail(base::Kind::internal, "test.crash", "died here");
    return {};
  }
  std::optional<Step> stop_at;
  int let_pass = 0;
};

}  // namespace countersign::authority
