#include "x509/path.h"

#include <ctime>

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "crypto/openssl_error.h"
#include "x509/extensions.h"
#include "x509/native.h"
#include "x509/path_failure.h"

namespace countersign::x509 {

struct AnchorSet::Store {
  crypto::Handle<X509_STORE, X509_STORE_free> native;
};

namespace {

using Context = crypto::Handle<X509_STORE_CTX, X509_STORE_CTX_free>;

/// OpenSSL's security level 2: 112 bits, which is RSA of 2048 bits and SHA-224 (NIST SP 800-57 part 1).
constexpr int kAuthLevel = 2;
/// What X509_check_ca() says of basicConstraints CA:TRUE, and of a self-signed certificate of version 1.
constexpr int kCa = 1;
constexpr int kRootOfVersion1 = 3;

bool may_be_anchor(const Certificate& certificate) {
  const int kind = X509_check_ca(certificate.native());
  return kind == kCa || kind == kRootOfVersion1;
}

tl::unexpected<base::Error> not_ca(const Certificate& certificate) {
  return base::fail(base::Kind::invalid, "anchors.not_ca",
                    "'" + certificate.subject().text + "' (serial " + certificate.serial().hex() +
                        ") may not issue certificates and cannot be trusted as a CA");
}

/// Rules of RFC 5280 for the content of certificates that give nobody anything when broken by a CA we chose to believe.
bool is_matter_of_form(int error) {
  switch (error) {
    case X509_V_ERR_INVALID_CA:  // at the anchor this can only be a root of version 1: see may_be_anchor()
    case X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA:
    case X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN:
    case X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA:
    case X509_V_ERR_EMPTY_SUBJECT_ALT_NAME:
    case X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL:
    case X509_V_ERR_CA_BCONS_NOT_CRITICAL:
    case X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL:
    case X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL:
    case X509_V_ERR_CA_CERT_MISSING_KEY_USAGE:
    case X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3:
    case X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY: return true;
    default: return false;
  }
}

/// OpenSSL takes notAfter for the first second of invalidity; by RFC 5280 section 4.1.2.5 it is the last one of
/// validity.
bool is_last_second(X509_STORE_CTX* context) {
  const X509* certificate = X509_STORE_CTX_get_current_cert(context);
  const std::time_t at = X509_VERIFY_PARAM_get_time(X509_STORE_CTX_get0_param(context));
  return certificate != nullptr && ASN1_TIME_cmp_time_t(X509_get0_notAfter(certificate), at) == 0;
}

/// Called for each fault that OpenSSL finds; 1 means: go on.
int on_fault(int ok, X509_STORE_CTX* context) {
  if (ok == 1) return 1;
  const int error = X509_STORE_CTX_get_error(context);
  const bool at_anchor = X509_STORE_CTX_get_error_depth(context) + 1 == sk_X509_num(X509_STORE_CTX_get0_chain(context));
  const bool no_key_id =
      error == X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER || error == X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER;
  const bool still_valid = error == X509_V_ERR_CERT_HAS_EXPIRED && is_last_second(context);
  if (!no_key_id && !still_valid && !(at_anchor && is_matter_of_form(error))) return 0;
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

/// Ours first: what a peer presents never hides an issuer that we know.
NativeStack gather(const PathQuery& query, const AnchorSet& anchors) {
  NativeStack stack(sk_X509_new_null());
  BASE_CHECK(stack != nullptr);
  for (const auto* list : {&anchors.intermediates(), &query.presented})
    for (const Certificate& certificate : *list)
      BASE_CHECK(sk_X509_push(stack.get(), certificate.native()) > 0);
  return stack;
}

void set_rules(X509_STORE_CTX* context, const PathQuery& query) {
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_time(rules, query.at.unix_seconds());
  X509_VERIFY_PARAM_set_depth(rules, query.max_depth);
  X509_VERIFY_PARAM_set_auth_level(rules, kAuthLevel);
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_X509_STRICT | X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_CTX_set_verify_cb(context, on_fault);
}

}  // namespace

base::Result<AnchorSet> AnchorSet::make(std::vector<Certificate> anchors, std::vector<Certificate> intermediates) {
  if (anchors.empty()) return base::fail(base::Kind::invalid, "anchors.empty", "there is no certificate to trust");
  auto store = std::make_shared<Store>();
  store->native.reset(X509_STORE_new());
  BASE_CHECK(store->native != nullptr);
  for (const Certificate& anchor : anchors) {
    if (!may_be_anchor(anchor)) return not_ca(anchor);
    BASE_CHECK(X509_STORE_add_cert(store->native.get(), anchor.native()) == 1);
  }
  for (const Certificate& intermediate : intermediates)
    if (X509_check_ca(intermediate.native()) != kCa) return not_ca(intermediate);
  crypto::drop_openssl_errors();
  return AnchorSet(std::move(anchors), std::move(intermediates), std::move(store));
}

base::Result<std::vector<Certificate>, PathFailure> build_path(const PathQuery& query, const AnchorSet& anchors) {
  const NativeStack known = gather(query, anchors);
  const Context context(X509_STORE_CTX_new());
  BASE_CHECK(context != nullptr &&
             X509_STORE_CTX_init(context.get(), anchors.store().native.get(), query.leaf.native(), known.get()) == 1);
  set_rules(context.get(), query);
  const bool good = X509_verify_cert(context.get()) == 1;
  crypto::drop_openssl_errors();
  if (!good) {
    PathFailure failure = explain(context.get(), query, anchors);
    crypto::drop_openssl_errors();
    return base::unexpected(std::move(failure));
  }
  std::vector<Certificate> path;
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 0; i < sk_X509_num(chain); ++i)
    path.push_back(find_certificate(sk_X509_value(chain, i), query, anchors));
  for (std::size_t depth = 0; depth < path.size(); ++depth)
    if (has_invalid_extensions(path[depth].native()))
      return base::unexpected(PathFailure{PathProblem::malformed, static_cast<int>(depth), path[depth],
                                          "an extension does not parse or contradicts another"});
  return path;
}

}  // namespace countersign::x509
