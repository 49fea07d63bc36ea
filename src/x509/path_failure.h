// Inside of x509 only: from what OpenSSL's verifier says to a PathProblem, and what is really wrong where it only says
// that it found no issuer.
#pragma once

#include "x509/native.h"
#include "x509/path.h"

typedef struct x509_store_ctx_st X509_STORE_CTX;

namespace countersign::x509 {

/// One row of the table in path_failure.cpp; codes without a row are `malformed`.
PathProblem to_problem(int verify_error);

/// The certificate of ours that wraps `native`.
Certificate find_certificate(const X509* native, const PathQuery& query, const AnchorSet& anchors);

/// What to tell after X509_verify_cert() refused.
PathFailure explain(X509_STORE_CTX* context, const PathQuery& query, const AnchorSet& anchors);

}  // namespace countersign::x509
