#include "postgres/await.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <poll.h>
#include <sys/socket.h>

namespace countersign::postgres {
namespace {

using std::chrono::steady_clock;

/// True: something came, or the connection has ended.
bool has_input(int socket, steady_clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now()).count();
    pollfd look{.fd = socket, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&look, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

/// A connection that was shut down is one that libpq reads the end of.
void await_input(PGconn* connection, steady_clock::time_point until) {
  while (PQisBusy(connection) == 1) {
    if (!has_input(PQsocket(connection), until)) (void)::shutdown(PQsocket(connection), SHUT_RDWR);
    if (PQconsumeInput(connection) == 0) return;
  }
}

}  // namespace

Reply await_reply(PGconn* connection, int sent, base::Duration patience) {
  PGresult* last = nullptr;
  const auto until = steady_clock::now() + patience;
  while (sent == 1) {
    await_input(connection, until);
    PGresult* const next = PQgetResult(connection);
    if (next == nullptr) break;
    PQclear(last);
    last = next;
  }
  return {connection, last};
}

}  // namespace countersign::postgres
