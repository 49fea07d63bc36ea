// H1Reader: reads HTTP/1.1 messages (RFC 9112) off one stream, strictly: any ambiguity is a refusal.
//
// Heads are bounded, bodies are streamed: memory per connection is one buffer whatever the peer sends. A refused
// message leaves the connection unusable: answer with the status of the error, if any is owed, and close.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "http/message.h"
#include "net/stream.h"

namespace countersign::http {

struct H1Limits {
  std::size_t head_bytes = 32 * 1024;
  std::size_t fields = 100;
  std::size_t target_bytes = 8 * 1024;
  std::size_t chunk_line_bytes = 256;                   ///< a chunk's size with its extensions
  std::size_t trailer_bytes = 8 * 1024;                 ///< all trailers of one message
  base::Duration head_time = std::chrono::seconds(15);  ///< from the first byte of a head to its end
};

/// How the end of a body is known (RFC 9112 section 6.3).
enum class Framing { none, length, chunked, until_close };

class H1Reader {
 public:
  /// Borrows `stream` for its whole life.
  H1Reader(net::Stream& stream, H1Limits limits);
  ~H1Reader();
  H1Reader(H1Reader&&) noexcept;

  /// The next request head, or nothing when the peer closed between messages. The body before it must have been read to
  /// its end. `idle` bounds the wait for its first byte. Fails: `http.malformed`, `http.ambiguous` (both Content-Length
  /// and Transfer-Encoding, differing lengths, obs-fold, bare LF, space before a colon, other codings than chunked,
  /// missing or double Host), `http.head_too_large`, `http.head_timeout`, `http.cut_off`, or the stream's error.
  net::Task<base::Result<std::optional<RequestHead>>> read_request_head(net::Deadline idle);
  /// The next final response head; 1xx other than 101 are skipped, up to sixteen. `request_method` decides about bodies
  /// (HEAD, CONNECT). Fails: as above, and `http.cut_off` too when the peer closed before the first byte.
  net::Task<base::Result<ResponseHead>> read_response_head(std::string request_method, net::Deadline deadline);

  /// Framing of the body behind the head last read, and its length where known.
  Framing framing() const;
  std::optional<std::uint64_t> content_length() const;
  /// At least one decoded byte of the body, or 0 at its end (with it trailers are read). Fails: `http.malformed`,
  /// `http.ambiguous`, `http.cut_off`, or the stream's error.
  net::Task<base::Result<std::size_t>> read_body_some(std::span<std::uint8_t> into, net::Deadline deadline);
  /// Of the body that was read to its end in chunks: each is well-formed, and all of them bounded. They are no fields
  /// of the head, whatever their names; whether they may go on is for others to say (RFC 9110 section 6.5.1).
  const Fields& trailers() const;
  /// What is buffered already of a body that is not in chunks, at most `at_most` bytes; empty when that is nothing.
  /// Taken with it; the view lives until the next read.
  std::string_view take_buffered_body(std::size_t at_most);
  /// Everything that was read off the stream behind the last message: another protocol begins there (RFC 9110 section
  /// 7.8). The reader is not to be used any more.
  std::string take_rest();
  /// Has the body been read to its end, or was there none?
  bool at_end_of_message() const;
  /// Does the peer allow another message on this connection?
  bool keep_alive() const;
  /// Bytes already taken off the stream and not yet given out.
  bool has_buffered() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace countersign::http
