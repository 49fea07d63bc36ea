// Address: the database that a URI names, taken apart and checked before anybody connects. What the URI says of
// passwords is never shown. A password need not be in it: libpq's password file (~/.pgpass, `passfile`) and environment
// (PGPASSWORD) work as everywhere.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace countersign::postgres {

struct Address {
  /// What libpq is given (`keyword='value' ...`), with our own limits on waiting added. Never null.
  std::shared_ptr<const base::Secret> connection;
  std::string shown;  ///< for people and logs: user, hosts and database. Never a password
};

/// Whom the other end of a connection to another machine must prove to be.
enum class Peer {
  verified,  ///< sslmode=verify-full, which is also what a URI without sslmode means
  danger_anybody
};

/// Whose database it is, for what is said of it.
struct Use {
  std::string_view what;     ///< "the registry": "WHAT's URI must name a database"
  std::string_view code;     ///< of refusals
  std::string_view danger;   ///< what sets danger_anybody
  std::string_view program;  ///< as the server's list of sessions names it
};

/// `postgresql://[user[:password]@][host][:port]/database[?parameters]`, several hosts too; a database must be named.
/// Fails: the code of `use`, which says what is wrong without repeating the URI.
base::Result<Address> parse_address(const std::string& uri, Peer peer, const Use& use);

}  // namespace countersign::postgres
