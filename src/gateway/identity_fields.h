// IdentityFields: the verified identity as the upstream sees it, and the guard that nobody else can say it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "oauth/access_token.h"
#include "policy/own_fields.h"
#include "tls/verified_peer.h"

namespace countersign::gateway {

using policy::is_decided_here;
using policy::is_hop_by_hop_field;
using policy::is_reserved_field;
using policy::never_travels;

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

/// Of trailers, those that go on: what no head would pass on does not come in behind the body either, and neither does
/// what decides how a message is read or who may read it (RFC 9110 section 6.5.1).
http::Fields end_to_end_trailers(const http::Fields& trailers);

/// Made once a connection, added to each of its requests: Client-Cert and Client-Cert-Chain (the issuing CAs, without
/// the root), X-Countersign-Environment, -Organisation, -Application, X-Forwarded-For, X-Forwarded-Proto. Of a caller
/// without certificate only the last two.
class IdentityFields {
 public:
  IdentityFields(const std::optional<tls::VerifiedPeer>& peer, const std::string& address);
  /// The same for one request that says more.
  IdentityFields with(const http::Fields& more) const;
  /// The same, and what the token of one request says: X-Countersign-Client-Id, -Scope, -Token-Id, and -Claims, which
  /// is what the provider says of the client, as base64url of JSON.
  IdentityFields with(const oauth::BoundToken& token) const;
  /// As lines for http::HeadWriter.
  const std::string& lines() const { return lines_; }
  /// Calls `take` with the name and value of each, as views into lines().
  template <class Take>
  void each(Take take) const {
    for (std::string_view rest = lines_; !rest.empty();) {
      const std::size_t colon = rest.find(": ");
      const std::size_t end = rest.find("\r\n", colon);
      take(rest.substr(0, colon), rest.substr(colon + 2, end - colon - 2));
      rest.remove_prefix(end + 2);
    }
  }

 private:
  std::string lines_;  ///< and nothing else: every idle connection has them
};

}  // namespace countersign::gateway
