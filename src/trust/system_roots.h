// Where the system keeps the public roots: for servers of partners, never for clients (law 4).
#pragma once

namespace countersign::trust {

/// As Debian and its kin have them, in one file.
inline constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";

}  // namespace countersign::trust
