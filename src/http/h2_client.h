// H2Client: an HTTP/2 connection (RFC 9113), as its client: many requests at once on one stream of bytes.
//
// Memory is bounded by the windows of its streams: that of the connection is large enough for all of them, so that a
// response which nobody reads holds up no other one. Lives on one loop.
#pragma once

#include "http/h2_client_stream.h"
#include "net/loop.h"

namespace countersign::http {

struct H2ClientLimits {
  H1Limits head = {};                                       ///< of a response's head; trailers, too
  std::uint32_t streams = 100;                              ///< at once, or as many as the server allows
  std::uint32_t stream_window = 64 * 1024;                  ///< bytes of a body that wait for their reader
  std::size_t header_block_bytes = 64 * 1024;               ///< of one header block on the wire
  base::Duration settings_time = std::chrono::seconds(10);  ///< from the start to the server's SETTINGS
  base::Duration idle_time = std::chrono::seconds(30);      ///< without a stream
  base::Duration write_time = std::chrono::seconds(60);     ///< for one write to get on
  /// After so long without a byte of the server's it is sent a PING (RFC 9113 section 6.7); zero: never.
  base::Duration ping_after = std::chrono::seconds(15);
  base::Duration ping_time = std::chrono::seconds(10);  ///< for the first byte behind it, or the connection is dead
  /// Between two PINGs while the server says nothing else: more of them some servers take for a flood (gRPC).
  base::Duration ping_pause = std::chrono::minutes(6);
};

class H2Client {
 public:
  struct Options {
    H2ClientLimits limits = {};
    /// Called when there may be room again for another request, or never will be.
    std::function<void()> changed;
  };
  /// Borrows `loop`, `stream` and `log`, which outlive run().
  H2Client(net::Loop& loop, net::Stream& stream, Options options, const base::Log& log);
  ~H2Client();
  H2Client(const H2Client&) = delete;

  /// Until the connection has ended, in whatever way; `stream` is aborted then. Fails: `http.protocol`, `http.calm`,
  /// `http.too_slow` (no SETTINGS), `http.silent` (no answer to a PING), or the stream's error. An idle connection that
  /// is closed is no failure.
  net::Task<base::Result<void>> run();

  /// May another request be begun now? Never again once is_ending().
  bool has_room() const;
  /// Either side has said that there are to be no more requests, or the connection has ended.
  bool is_ending() const;
  /// A request; only where it has_room().
  H2ClientStream open();
  std::size_t live_streams() const;
  /// Why it ends before its time, known before its streams fail: as run() fails. Nothing: there is no reason to be
  /// told.
  std::optional<base::Error> failure() const;
  /// When something was heard of the server last.
  std::chrono::steady_clock::time_point heard_at() const;

  /// Begins no further request; ends when the last one has.
  void wind_down();
  /// Ends every request now, and the connection; as H2Session::cut().
  void cut();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace countersign::http
