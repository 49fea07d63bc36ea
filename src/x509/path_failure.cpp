#include "x509/path_failure.h"

#include <algorithm>
#include <array>

#include <openssl/x509_vfy.h>

#include "x509/extensions.h"

namespace countersign::x509 {
namespace {

struct Row {
  int code;
  PathProblem problem;
};

constexpr std::array kRows = {
    Row{X509_V_ERR_CERT_NOT_YET_VALID, PathProblem::not_yet_valid},
    Row{X509_V_ERR_CERT_HAS_EXPIRED, PathProblem::expired},
    Row{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, PathProblem::issuer_not_found},
    Row{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, PathProblem::issuer_not_found},
    Row{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, PathProblem::issuer_not_found},
    Row{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, PathProblem::issuer_not_found},
    Row{X509_V_ERR_CERT_UNTRUSTED, PathProblem::issuer_not_found},
    Row{X509_V_ERR_CERT_REJECTED, PathProblem::issuer_not_found},
    Row{X509_V_ERR_SUBJECT_ISSUER_MISMATCH, PathProblem::issuer_not_found},
    Row{X509_V_ERR_AKID_SKID_MISMATCH, PathProblem::issuer_not_found},
    Row{X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH, PathProblem::issuer_not_found},
    Row{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, PathProblem::self_signed},
    Row{X509_V_ERR_CERT_SIGNATURE_FAILURE, PathProblem::bad_signature},
    Row{X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, PathProblem::bad_signature},
    Row{X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH, PathProblem::bad_signature},
    Row{X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY, PathProblem::bad_signature},
    Row{X509_V_ERR_INVALID_CA, PathProblem::not_a_ca},
    Row{X509_V_ERR_INVALID_NON_CA, PathProblem::not_a_ca},
    Row{X509_V_ERR_INVALID_PURPOSE, PathProblem::not_a_ca},
    Row{X509_V_ERR_KEYUSAGE_NO_CERTSIGN, PathProblem::not_a_ca},
    Row{X509_V_ERR_CA_CERT_MISSING_KEY_USAGE, PathProblem::not_a_ca},
    Row{X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN, PathProblem::not_a_ca},
    Row{X509_V_ERR_PATH_LENGTH_EXCEEDED, PathProblem::not_a_ca},
    Row{X509_V_ERR_PERMITTED_VIOLATION, PathProblem::name_constraint},
    Row{X509_V_ERR_EXCLUDED_VIOLATION, PathProblem::name_constraint},
    Row{X509_V_ERR_SUBTREE_MINMAX, PathProblem::name_constraint},
    Row{X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, PathProblem::name_constraint},
    Row{X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX, PathProblem::name_constraint},
    Row{X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, PathProblem::name_constraint},
    Row{X509_V_ERR_CERT_CHAIN_TOO_LONG, PathProblem::too_long},
    Row{X509_V_ERR_EE_KEY_TOO_SMALL, PathProblem::weak_key},
    Row{X509_V_ERR_CA_KEY_TOO_SMALL, PathProblem::weak_key},
    Row{X509_V_ERR_EC_KEY_EXPLICIT_PARAMS, PathProblem::weak_key},
    Row{X509_V_ERR_CA_MD_TOO_WEAK, PathProblem::weak_signature},
    Row{X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM, PathProblem::weak_signature},
};

using Chain = std::vector<Certificate>;

PathFailure failure(PathProblem problem, const Chain& chain, std::size_t depth, std::string detail) {
  return {problem, static_cast<int>(depth), chain[depth], std::move(detail)};
}

/// Could `ca` have issued `certificate`? By the name, unless the key identifiers say another key; or by the key alone.
bool claims(const Certificate& certificate, const Certificate& ca) {
  const base::Bytes& wanted = certificate.authority_key_id();
  const base::Bytes& own = ca.subject_key_id();
  if (!wanted.empty() && !own.empty()) return wanted == own;
  return certificate.issuer().der == ca.subject().der;
}

constexpr std::string_view kForged = "its issuer did not sign it: it was changed afterwards, or forged";

enum class Signed { yes, no, nobody_claims };

/// Did one of the CAs at hand that could have issued `certificate` sign it?
Signed signed_by_any(const Certificate& certificate, const PathQuery& query, const AnchorSet& anchors) {
  Signed result = Signed::nobody_claims;
  for (const auto* list : {&anchors.anchors(), &anchors.intermediates(), &query.presented}) {
    for (const Certificate& ca : *list) {
      if (ca == certificate || !claims(certificate, ca)) continue;
      if (certificate.is_signed_by(ca.public_key())) return Signed::yes;
      result = Signed::no;
    }
  }
  return result;
}

/// The lowest certificate whose issuer is known and did not sign it. A weak signature is left to its own reason.
std::optional<std::size_t> find_forgery(const Chain& chain, const PathQuery& query, const AnchorSet& anchors) {
  for (std::size_t i = 0; i + 1 < chain.size(); ++i)
    if (chain[i].has_strong_signature() && !chain[i].is_signed_by(chain[i + 1].public_key())) return i;
  const Certificate& top = chain.back();
  const bool is_anchor = std::ranges::find(anchors.anchors(), top) != anchors.anchors().end();
  const bool forged = !is_anchor && !top.is_self_issued() && signed_by_any(top, query, anchors) == Signed::no;
  return forged ? std::optional(chain.size() - 1) : std::nullopt;
}

/// The path stopped below any anchor: is the issuer unknown, or is the certificate such that no issuer would fit?
PathFailure explain_missing_issuer(const Chain& chain, const PathQuery& query, const AnchorSet& anchors,
                                   std::string detail) {
  const std::size_t depth = chain.size() - 1;
  const Certificate& top = chain[depth];
  if (has_invalid_extensions(top.native()) && signed_by_any(top, query, anchors) == Signed::yes)
    return failure(PathProblem::malformed, chain, depth, "an extension does not parse or contradicts another");
  const auto is_namesake = [&](const Certificate& ca) { return ca.subject().der == top.issuer().der; };
  if (!top.is_self_issued() && (std::ranges::any_of(anchors.anchors(), is_namesake) ||
                                std::ranges::any_of(anchors.intermediates(), is_namesake)))
    detail += "; a CA of that name is known, but with another key";
  return failure(PathProblem::issuer_not_found, chain, depth, std::move(detail));
}

}  // namespace

PathProblem to_problem(int verify_error) {
  const auto* row = std::ranges::find(kRows, verify_error, &Row::code);
  return row == kRows.end() ? PathProblem::malformed : row->problem;
}

Certificate find_certificate(const X509* native, const PathQuery& query, const AnchorSet& anchors) {
  if (query.leaf.native() == native) return query.leaf;
  for (const auto* list : {&anchors.intermediates(), &anchors.anchors(), &query.presented})
    for (const Certificate& certificate : *list)
      if (certificate.native() == native) return certificate;
  return Certificate::from_native(const_cast<X509*>(native));
}

PathFailure explain(X509_STORE_CTX* context, const PathQuery& query, const AnchorSet& anchors) {
  const int code = X509_STORE_CTX_get_error(context);
  std::string detail = X509_verify_cert_error_string(code);
  const STACK_OF(X509)* native_chain = X509_STORE_CTX_get0_chain(context);
  Chain chain;
  for (int i = 0; native_chain != nullptr && i < sk_X509_num(native_chain); ++i)
    chain.push_back(find_certificate(sk_X509_value(native_chain, i), query, anchors));
  if (chain.empty()) chain.push_back(query.leaf);

  if (const auto forged = find_forgery(chain, query, anchors))
    return failure(PathProblem::bad_signature, chain, *forged, std::string(kForged));
  const PathProblem problem = to_problem(code);
  if (problem == PathProblem::issuer_not_found) return explain_missing_issuer(chain, query, anchors, std::move(detail));
  const auto depth = static_cast<std::size_t>(std::max(0, X509_STORE_CTX_get_error_depth(context)));
  return failure(problem, chain, std::min(depth, chain.size() - 1), std::move(detail));
}

}  // namespace countersign::x509
