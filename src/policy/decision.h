// The decision: rights + request + address -> let through or refused, and by which grant. A pure function: the gateway
// asks it for every request, `policy check` asks it offline, tests ask it against an oracle.
#pragma once

#include "http/message.h"
#include "policy/policy.h"
#include "policy/reason.h"

namespace countersign::policy {

/// Who a route is for.
enum class Access {
  by_grant,     ///< those whom a grant names, and nobody else
  any_partner,  ///< everybody with a certificate that the handshake admitted; never the anonymous
  anyone,       ///< everybody whom a listener lets in, the anonymous too
};
std::string_view name(Access access);

/// Borrowed; host and path as gateway::read_destination gave them, without the query.
struct Request {
  Access access;
  bool api_key;  ///< the route wants one, whatever grants say
  std::string_view host;
  std::string_view method;
  std::string_view path;
  const http::Fields& fields;
};

struct Verdict {
  std::optional<Reason> refusal;  ///< absent: let through
  /// That let it through, or that would have but for its address or key; null when no grant decided.
  const Grant* grant = nullptr;
};

/// Grants, addresses and API keys; limits are the gate's.
Verdict judge(const Rights& rights, const Request& request, const std::optional<net::Address>& from);

}  // namespace countersign::policy
