// What every server must be that keeps rows for us: it keeps what it has confirmed, and all text as it was.
#pragma once

#include <string>

#include "postgres/reply.h"

namespace countersign::postgres {

/// To be asked once on each connection; the answer is for unfitness().
inline constexpr const char* kFitnessQuestion =
    "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('server_encoding')";

/// What is wrong with the server at the other end of `connection` that answered so, as the end of a sentence about it;
/// empty: nothing.
std::string unfitness(PGconn* connection, const Reply& answer);

}  // namespace countersign::postgres
