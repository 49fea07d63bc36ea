// RouteTable: which upstream answers for a host and path. Also what a request must look like to be routed at all.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config.h"
#include "http/message.h"

namespace countersign::gateway {

/// Where a request wants to go, after every ambiguity was refused.
struct Destination {
  std::string host;    ///< lower case, without port and trailing dot
  std::string target;  ///< origin-form: path and query
  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
};

/// Reads Host and target (RFC 9112 section 3.2). Fails: `gateway.bad_target` for a method or form we do not serve
/// (CONNECT, asterisk), an absolute-form that differs from Host, a dot segment, an empty segment ("//"),
/// an encoded slash or NUL, an escape of what needs none (RFC 3986 section 2.3), or a backslash: an upstream could read
/// these as another path than we matched. `gateway.misdirected` (421) when
/// `server_name` (the SNI of the connection, if any) is another host: what was decided for one name never serves
/// another (RFC 9110 section 15.5.20).
base::Result<Destination> read_destination(const http::RequestHead& head, const std::string& server_name);

class RouteTable {
 public:
  explicit RouteTable(std::vector<Route> routes);
  /// The route of the most exact host, then of the longest path; null when there is none, or that one is not served at
  /// `listener`: a less exact one must not lead there all the same. The pointer lasts as long as this. Escapes are read
  /// as what they stand for and ";parameters" do not count.
  const Route* find(std::string_view listener, std::string_view host, std::string_view path) const;
  const std::vector<Route>& routes() const { return routes_; }
  /// What was answered on each, in the Prometheus text format.
  std::string metrics() const;

 private:
  std::vector<Route> routes_;  ///< most exact first
};

}  // namespace countersign::gateway
