// A small HTTP/1.1 server for APIs: whole requests in, whole responses out, one connection at a time.
#pragma once

#include <functional>

#include "base/log.h"
#include "http/h1_reader.h"
#include "net/stream.h"

namespace countersign::http {

using Handler = std::function<net::Task<Response>(Request)>;

struct ServerOptions {
  H1Limits limits;
  std::size_t body_bytes = 1024 * 1024;  ///< more is answered 413
  base::Duration idle_time = std::chrono::seconds(60);
  base::Duration body_time = std::chrono::seconds(30);
  base::Duration write_time = std::chrono::seconds(30);
  std::function<void(bool)> on_busy = nullptr;  ///< told true when a request was read, false when its answer is out
  std::function<bool()> draining = nullptr;     ///< true: answer with Connection: close
  /// True: the stream was aborted by us, also while the handler ran: it ends without a byte more and without lingering.
  std::function<bool()> is_cut = nullptr;
};

/// Serves `stream` until either side closes. Malformed input gets one problem+json answer (400, 408, 413, 431) and a
/// close. HEAD answers without a body; Expect: 100-continue is honoured; Date, Content-Length, Connection are written
/// here. An exception of `handler` is answered with 500, ends the connection and is thrown on, for net::spawn to log.
/// Borrows all three until it completes.
net::Task<void> serve(net::Stream& stream, const Handler& handler, const ServerOptions& options);

}  // namespace countersign::http
