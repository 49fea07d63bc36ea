// H2Run: one run of a connection of HTTP/2: a task that reads, a task that writes, and the end of both. Private to
// http.
#pragma once

#include "http/h2_link.h"
#include "net/loop.h"
#include "net/stream.h"

namespace countersign::http {

class H2Run {
 public:
  /// Borrows `loop`, `stream` and `log`, which outlive run().
  H2Run(net::Loop& loop, net::Stream& stream, std::shared_ptr<H2Link> link, base::Duration write_time,
        const base::Log& log);

  /// Until the connection has ended, in whatever way; the stream is aborted then. Fails: as the link says, or the
  /// stream.
  net::Task<base::Result<void>> run();
  /// Ends every stream now, and the connection: the other end gets GOAWAY and nothing else any more. Where something
  /// stands in front of that which has not left yet, it gets not even GOAWAY, and what stands there is thrown away.
  void cut();
  /// Of the stream, as soon as it is known: before the streams of the connection fail.
  const std::optional<base::Error>& failure() const { return failure_; }

 private:
  net::Task<void> read();
  net::Task<void> read_frames();
  net::Task<void> drop_the_rest();
  net::Task<void> write();
  net::Task<void> write_frames();

  net::Loop& loop_;
  net::Stream& stream_;
  const std::shared_ptr<H2Link> link_;
  const base::Duration write_time_;
  const base::Log& log_;
  net::Signal done_;     ///< one of both has ended, or they are to
  bool ending_ = false;  ///< nothing is read as frames any more
  bool dry_ = false;     ///< the writer ends as soon as there is nothing to write
  bool is_cut_ = false;
  bool writing_ = false;                     ///< frames are in the hands of the stream
  bool written_ = false;                     ///< the last ones were
  std::optional<base::Error> failure_ = {};  ///< of the stream
};

}  // namespace countersign::http
