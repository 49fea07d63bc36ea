// H2ClientStream: one request that we make on a connection of HTTP/2 (RFC 9113): its head and body out, the response
// in.
//
// Made by H2Client alone; lives on its loop and may outlive the connection: then everything fails. While it lives it
// counts against the streams of its connection. Dropped before both sides have ended, the stream is reset.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "http/h1_reader.h"
#include "http/h2_stream.h"

namespace countersign::http {

struct H2ClientState;
class H2ClientCore;

class H2ClientStream {
 public:
  H2ClientStream(std::shared_ptr<H2ClientCore> core, std::shared_ptr<H2ClientState> state);
  H2ClientStream(H2ClientStream&&) noexcept = default;
  ~H2ClientStream();

  /// All borrowed. Fields of one hop have no place in HTTP/2, but for `te: trailers`; pseudo-headers come first by
  /// themselves.
  struct Head {
    std::string_view method;
    std::string_view scheme;
    std::string_view authority;
    std::string_view path;
    std::span<const FieldView> fields;
  };
  using Body = H2Stream::Body;
  /// Once. Goes out soon, by itself. Fails: `http.unprocessed` where the connection takes no more requests.
  base::Result<void> send_head(const Head& head, Body body);
  /// Returns when `part` has been taken over to be sent: at the pace of the server. Fails: `http.cut_off`,
  /// `net.timeout`; the stream has been reset then.
  net::Task<base::Result<void>> write(std::string_view part, net::Deadline deadline);
  /// The request is complete, with `trailers` behind it. Fails: as write.
  net::Task<base::Result<void>> finish(Fields trailers, net::Deadline deadline);

  /// The final head; 1xx are skipped, up to sixteen. Fails: `http.unprocessed` (RFC 9113 section 8.7: it is certain
  /// that the server did nothing of it), `http.cut_off`, `http.silent`, `http.malformed`, `http.head_too_large`,
  /// `net.timeout`.
  net::Task<base::Result<ResponseHead>> read_head(net::Deadline deadline);
  /// Of the body behind that head: none, length, or chunked for a length that nobody told.
  Framing framing() const;
  std::optional<std::uint64_t> content_length() const;
  /// At least one byte, or 0 at the end. What is read is what the server may send on. Fails: `http.cut_off`,
  /// `net.timeout`.
  net::Task<base::Result<std::size_t>> read_body_some(std::span<std::uint8_t> into, net::Deadline deadline);
  /// What is there already, at most `at_most` bytes. Taken with it; copied.
  std::string take_buffered_body(std::size_t at_most);
  bool at_end_of_message() const;
  /// Behind the body, once it was read to its end; well-formed.
  const Fields& trailers() const;

  /// CANCEL: whoever waits fails with `http.cut_off`. Safe at any time.
  void reset() noexcept;

 private:
  base::Error failure() const;
  std::shared_ptr<H2ClientCore> core_;
  std::shared_ptr<H2ClientState> state_;
};

}  // namespace countersign::http
