// How CMP answers: PKIStatusInfo for every refusal, and the protection that the caller can check: by the MAC of its own
// credential, else by the signature of the certificate that this API shows in TLS.
#pragma once

#include "authority/cmp/caller.h"
#include "http/message.h"
#include "x509/cmp_reply.h"

namespace countersign::authority {

/// What is answered to one message; a refusal where there is one is in `body`, too.
struct CmpAnswer {
  base::Bytes body;
  std::vector<x509::Certificate> certificates = {};  ///< extraCerts, behind those of the signature
  bool confirms_implicitly = false;
  std::optional<base::Error> refusal = {};
};

/// Rejected, with the failInfo that stands for the code, and the error's words; of our own faults only the code.
x509::CmpStatus to_cmp_status(const base::Error& error);
/// Whom and what it answers; null where the message did not parse, or was not proved to be anybody's.
struct CmpAsked {
  const x509::CmpMessage* message = nullptr;
  const CmpCaller* caller = nullptr;
};
/// ip, cp, kup or rp where that was asked for by somebody proved, else an error message.
CmpAnswer refuse(const base::Error& error, const CmpAsked& asked);
/// 200, or what went wrong in writing it. `nonce` is our senderNonce. Fails: as feed::load, `key.signing`,
/// `random.unavailable`.
base::Result<http::Response> to_cmp_response(Authority& authority, const CmpAsked& asked, const CmpAnswer& answer,
                                             base::BytesView nonce);

}  // namespace countersign::authority
