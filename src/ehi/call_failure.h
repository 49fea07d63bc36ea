// CallFailure: why a call to a partner gave no answer, in the caller's words.
#pragma once

#include <optional>

#include "ehi/endpoint.h"
#include "tls/handshake.h"

namespace countersign::ehi {

/// The error, and where the partner's certificate was refused, its reason.
struct CallFailure {
  /// `ehi.refused`, `ehi.pin_mismatch`, `ehi.no_staple`, `ehi.refused_by_partner`, `ehi.timeout`, `ehi.unreachable`,
  /// `ehi.no_tls`, `ehi.bad_answer`, `ehi.no_certificate`, `ehi.no_signature`
  base::Error error;
  std::optional<trust::Refusal> refusal = {};
  /// May a byte of the request have left, that the partner may have acted upon? If not, it can go elsewhere.
  enum class Sent { nothing, maybe } sent = Sent::nothing;
};

/// Where one call goes, and until when.
struct CallPlan {
  const http::Url* url;        ///< borrowed
  net::Deadline connected_by;  ///< nothing is sent on a connection that comes about later
  net::Deadline answered_by;
};

/// What went wrong on the way to or from `endpoint`.
CallFailure to_failure(base::Error cause, const Endpoint& endpoint, const http::Url& url);
CallFailure to_failure(tls::HandshakeFailure failure, const Endpoint& endpoint, const http::Url& url);
/// The server's chain is good, and it was refused all the same.
CallFailure to_failure(trust::Refusal refusal, const Endpoint& endpoint);
/// Sockets' deadlines are coarse; this one is not: nothing leaves behind it.
CallFailure too_late(const Endpoint& endpoint, const http::Url& url);

/// Did we not call for want of a certificate of our own? Then nothing is known of the partner.
bool is_our_fault(const CallFailure& failure);
/// Was the partner's server refused for what it is, and not for what it did?
bool is_refusal(const CallFailure& failure);

}  // namespace countersign::ehi
