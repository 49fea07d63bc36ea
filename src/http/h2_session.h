// H2Session: an HTTP/2 connection (RFC 9113), as its server: frames off one stream become requests, responses go back
// gathered into as few writes as they fit in.
//
// Strict: what RFC 9113 calls malformed is reset or refused. Bounded: memory, streams, header blocks, and how much of
// a nuisance a client may be (resets, also those it provokes; control frames; CONTINUATION) before it is told
// ENHANCE_YOUR_CALM and closed. Every wait has a deadline. Lives on one loop.
#pragma once

#include <functional>
#include <memory>

#include "http/h2_limits.h"
#include "http/h2_stream.h"
#include "net/loop.h"

namespace countersign::http {

class H2Session {
 public:
  /// Called for each request whose head is complete, on the loop; it starts what serves it and returns at once.
  using Handler = std::function<void(H2Stream)>;
  struct Options {
    H2Limits limits = {};
    Handler serve;
    /// A request was malformed, and its stream reset: called for the first one of the connection only.
    std::function<void(const base::Error&)> malformed;
  };

  /// Borrows `loop`, `stream` and `log`, which outlive run().
  H2Session(net::Loop& loop, net::Stream& stream, Options options, const base::Log& log);
  ~H2Session();
  H2Session(const H2Session&) = delete;

  /// Serves until the connection has ended, in whatever way; `stream` is aborted then. Requests may still be at work:
  /// theirs have failed. Fails: `http.calm` (too much of a nuisance), `http.protocol` (RFC 9113 section 5.4.1),
  /// `http.too_slow` (no preface, no SETTINGS ACK, a header block that does not end), or the stream's error. An idle
  /// connection that is closed, or one that the client closed, is no failure.
  net::Task<base::Result<void>> run();

  /// Takes no further request but what is on its way already; what is open is finished, then the connection ends (two
  /// GOAWAYs, RFC 9113 section 6.8).
  void wind_down();
  /// Ends every request now, and the connection: the client gets GOAWAY, where nothing stands in front of it, and
  /// nothing else any more, not even of what was written and has not left yet.
  void cut();
  /// Requests at work, also those that the client has reset.
  std::size_t live_streams() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace countersign::http
