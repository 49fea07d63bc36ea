// A call of a partner's to the authorisation server as the gateway passes it on to the authority, and the answer that
// comes back: messages of the internal API.
//
// Who calls stands beside the request, from the VerifiedPeer of the gateway's connection; only a gateway that the
// authority has authenticated itself may say it. Nothing of the request's fields says who calls.
#pragma once

#include <optional>
#include <string>

#include "base/identity.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "http/message.h"

namespace countersign::oauth {

/// The path at the authority's internal listener.
inline constexpr std::string_view kRelayPath = "/v1/oauth";

/// The certificate that the caller proved to hold the key of.
struct RelayedPeer {
  crypto::Digest256 fingerprint;
  base::Identity identity;
};

struct RelayedCall {
  std::string method;
  std::string path;           ///< "/oauth2/token"; without a query
  std::string authorization;  ///< of the fields, as the partner wrote them; empty: none
  std::string content_type;
  std::string body;
  std::string address;  ///< where the call came from, for records
  std::optional<RelayedPeer> peer;
};

base::json::object to_json(const RelayedCall& call);
/// Fails: `relay.malformed`.
base::Result<RelayedCall> relayed_call(const base::json::value& json);

/// {"status","fields":{...},"body"}
base::json::object to_json(const http::Response& response);
/// Fails: `relay.malformed`.
base::Result<http::Response> relayed_answer(std::string_view json);

}  // namespace countersign::oauth
