// EST (RFC 7030, RFC 8951): enrolment over HTTPS in the words that devices and libraries know. What it asks and gives
// is here; who gets a certificate is decided where every other enrolment is.
//
// An enrolment code is the password of HTTP Basic; a Transport Certificate renews itself and the signing certificate of
// the same application. Full CMC and server-side key generation are not offered: nobody but the partner has its keys.
#pragma once

#include "authority/issuance/issuance.h"
#include "authority/registry/hierarchy.h"
#include "base/secret.h"
#include "http/message.h"

namespace countersign::authority {

inline constexpr std::string_view kEstPrefix = "/.well-known/est/";

/// Is this a call of EST, however it will be answered?
bool is_est(const http::Request& request);

/// The purpose that the label of a path stands for: `transport` or `signing` (RFC 7030 section 3.2.2). Fails:
/// `est.unknown_label`.
base::Result<trust::Purpose> parse_est_label(std::string_view label);

/// The password of HTTP Basic (RFC 7617); the user name does not count. Fails: `est.no_credentials`.
base::Result<base::Secret> basic_password(const http::Request& request);

/// The request of a body in base64, with or without white space (RFC 8951 section 3.1), or in PEM. What
/// Content-Transfer-Encoding says does not count. Fails: `est.content_type`, `csr.malformed`.
base::Result<std::string> read_est_csr(const http::Request& request);

/// 200 with a certs-only PKCS#7 of the certificate alone, or 202 with Retry-After (RFC 7030 section 4.2.3).
base::Result<http::Response> to_est_response(const Outcome& outcome);
/// 200 with the CAs above certificates of this purpose (RFC 7030 section 4.1.3). Never the provider root's: a partner
/// that trusted this bag for incoming calls would take other partners for the provider.
base::Result<http::Response> to_cacerts(const Hierarchy& hierarchy, trust::Purpose purpose);
/// 200: which key is wanted; of a CSR nothing else counts (RFC 7030 section 4.5.2, RFC 9908).
http::Response to_csrattrs();

/// As problem+json with the statuses that EST has of its own: 401 asking for Basic where a code is missing (then
/// without a body) or unknown, 415.
http::Response to_est_problem(const base::Error& error);

}  // namespace countersign::authority
