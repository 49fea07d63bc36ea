// Waits for a server no longer than one has patience. libpq itself waits for ever for a server that takes what it is
// sent and says nothing: whose process stands still, or is behind a proxy that lost it.
#pragma once

#include "base/time.h"
#include "postgres/reply.h"

namespace countersign::postgres {

/// What came of what PQsendQuery() or one of its kind sent, as PQexec() gives it back: the answer to the last
/// statement, or to the one that failed. `sent` is what that returned. Where the server says nothing for so long the
/// connection is ended, and the reply is that of one that was lost.
Reply await_reply(PGconn* connection, int sent, base::Duration patience);

}  // namespace countersign::postgres
