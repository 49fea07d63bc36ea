// IdentityFields: the verified identity as the upstream sees it, and the guard that nobody else can say it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "oauth/access_token.h"
#include "tls/verified_peer.h"

namespace countersign::gateway {

/// Is this a field that only the gateway may write, in whatever spelling an upstream might fold into one ('_' for '-',
/// any case)? Client-Cert, Client-Cert-Chain (RFC 9440), X-Countersign-*, Forwarded, X-Forwarded-*, X-Real-IP.
bool is_reserved_field(std::string_view name);

/// Is this a field of one hop (RFC 9110 section 7.6.1), to be dropped by an intermediary? Those named by Connection are
/// decided by the caller.
bool is_hop_by_hop_field(std::string_view name);

/// Is this written by us from what was decided, never copied: how a body is framed and for whom the request is?
bool is_decided_here(std::string_view name);

/// Is it one of the three above?
bool never_travels(std::string_view name);

/// Calls `take` with each field that travels end to end: neither hop-by-hop, nor named by Connection, nor reserved for
/// us or decided here.
template <class Take>
void each_end_to_end(const http::Fields& fields, Take take) {
  const bool names_some = fields.find("Connection").has_value();
  for (const http::Field& field : fields) {
    const bool dropped = never_travels(field.name) || (names_some && fields.has_token("Connection", field.name));
    if (!dropped) take(field);
  }
}
/// Those, into a head of HTTP/1.1.
inline void copy_end_to_end(const http::Fields& from, http::HeadWriter& to) {
  each_end_to_end(from, [&](const http::Field& field) { to.add(field.name, field.value); });
}

/// Made once a connection, added to each of its requests: Client-Cert and Client-Cert-Chain (the issuing CAs, without
/// the root), X-Countersign-Environment, -Organisation, -Application, X-Forwarded-For, X-Forwarded-Proto. Of a caller
/// without certificate only the last two.
class IdentityFields {
 public:
  IdentityFields(const std::optional<tls::VerifiedPeer>& peer, const std::string& address);
  /// The same, and what the token of one request says: X-Countersign-Client-Id, -Scope, -Token-Id, and -Claims, which
  /// is what the provider says of the client, as base64url of JSON.
  IdentityFields with(const oauth::BoundToken& token) const;
  /// As lines for http::HeadWriter.
  const std::string& lines() const { return lines_; }

 private:
  std::string lines_;
};

}  // namespace countersign::gateway
