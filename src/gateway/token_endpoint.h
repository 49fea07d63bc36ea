// The endpoints of the authorisation server as partners reach them: which paths these are, and how a request to one
// becomes a call to the authority. Who calls is the VerifiedPeer of the connection, and nothing in the request.
#pragma once

#include "gateway/client_side.h"
#include "gateway/token/authority_calls.h"
#include "http/message.h"
#include "tls/verified_peer.h"

namespace countersign::gateway {

/// "/oauth2/" and what lies under it, and the metadata of RFC 8414.
bool is_token_path(std::string_view path);

struct TokenRequest {
  const http::RequestHead& head;
  std::string path;
  const std::optional<tls::VerifiedPeer>& peer;
  std::string address;
  const base::Log& log;
};
/// Reads the body and has the authority answer; what is no call at all is refused here, with one record. Fails: as
/// ClientSide::read_body_some, and `http.cut_off` where the client is gone meanwhile; nobody is to be answered then.
net::Task<base::Result<http::Response>> answer_token_request(AuthorityCalls& calls, TokenRequest request,
                                                             ClientSide& client, net::Deadline deadline);

}  // namespace countersign::gateway
