// StatusSite: what the status listener answers to one request. CRLs, CA certificates and OCSP, over plain HTTP: all of
// it is signed, none of it secret, and anybody may ask.
//
// Out of a snapshot, in memory; the registry is never touched. Belongs to one thread.
#pragma once

#include "authority/status/ocsp_answers.h"
#include "http/message.h"

namespace countersign::authority {

/// CRLs and certificates may be kept this long without asking again, although they are good for longer: a revocation
/// makes a new CRL at once.
inline constexpr base::Duration kFileMaxAge = std::chrono::minutes(5);

class StatusSite {
 public:
  explicit StatusSite(const PublishedStatus& status) : status_(status) {}

  /// GET and HEAD of /crl/NAME-SHARD.crl and /ca/NAME.cer, with ETag and If-None-Match; GET of /ocsp/BASE64 and POST of
  /// /ocsp (RFC 6960 appendix A, RFC 5019 section 6: Cache-Control, Expires, ETag). 503 before there is a snapshot.
  http::Response respond(const http::Request& request, base::Instant now);

 private:
  http::Response serve_file(const ServedFile& file, const http::Request& request, base::Instant now) const;
  http::Response serve_ocsp(base::BytesView request, const StatusSnapshot& snapshot, base::Instant now);
  const PublishedStatus& status_;
  OcspAnswers answers_;
};

}  // namespace countersign::authority
