#include "postgres/sqlstate.h"

#include <algorithm>
#include <array>
#include <utility>

namespace countersign::postgres {

/// https://www.postgresql.org/docs/15/errcodes-appendix.html
Meaning meaning_of(std::string_view state) {
  constexpr std::array<std::pair<std::string_view, Meaning>, 15> kBeginnings = {{
      {"23", Meaning::conflict},        // integrity constraint violation
      {"40", Meaning::busy},            // serialization failure, deadlock
      {"55P03", Meaning::busy},         // lock_timeout
      {"57014", Meaning::busy},         // statement_timeout
      {"XX001", Meaning::corrupt},      // data corrupted
      {"XX002", Meaning::corrupt},      // index corrupted
      {"08", Meaning::unavailable},     // connection exception
      {"57P", Meaning::unavailable},    // shut down, crash, cannot connect now, session ended
      {"53", Meaning::unavailable},     // disk full, out of memory, too many connections
      {"58", Meaning::unavailable},     // I/O error
      {"25P03", Meaning::unavailable},  // idle in transaction for too long: the session was ended
      {"28", Meaning::unavailable},     // not authenticated
      {"3D", Meaning::unavailable},     // no such database
      {"42501", Meaning::unavailable},  // no privilege
      {"  ", Meaning::unavailable},     // SOCI knows none: there is no connection
  }};
  const auto* found = std::ranges::find_if(kBeginnings, [&](const auto& row) { return state.starts_with(row.first); });
  return found == kBeginnings.end() ? Meaning::statement : found->second;
}

}  // namespace countersign::postgres
