// Calls by an enrolment code: POST /v1/enrolments, and EST's simpleenroll.
#pragma once

#include "authority/api/routes.h"
#include "base/secret.h"

namespace countersign::authority {

/// What a caller brings along.
struct RedemptionCall {
  base::Secret code;
  trust::Purpose purpose;
  std::string csr;  ///< PEM or DER
};

/// `tell` says the outcome in the words of the protocol. Borrows the authority.
ToIssue to_redeem(Authority& authority, RedemptionCall call, std::function<Answer(const Outcome&)> tell);

}  // namespace countersign::authority
