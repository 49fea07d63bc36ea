// An OCSP responder, asked about one certificate over plain HTTP (RFC 6960 appendix A, RFC 5019 section 5).
//
// Where it is was said by an operator or by a certificate of ours: the address is not judged (see webhook.h). What it
// answers is signed, and is for the caller to verify.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "courier/stop.h"

namespace countersign::courier {

struct ResponderCall {
  std::string url;           ///< http
  base::BytesView question;  ///< an OCSPRequest
  base::Duration time;       ///< in all, connecting included
};

/// What it answered to a GET, which caches on the way may answer, too; to a POST where the request is too long for
/// one, or the address has a query.
/// At most 64 KiB; no redirect is followed. Blocks. Fails: `transfer.*`, `responder.status` on another answer than 200.
base::Result<base::Bytes> ask_responder(const ResponderCall& call, const Stop& stop);

}  // namespace countersign::courier
