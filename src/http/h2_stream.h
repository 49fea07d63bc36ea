// H2Stream: one request of an HTTP/2 connection (RFC 9113): its head, its body as it comes, and the response to it.
//
// Made by H2Session alone; lives on its loop and may outlive the connection: then everything fails with
// `http.cut_off`. While it lives it counts against the streams of its connection, even when the client has reset it:
// work that was begun is not forgotten. Dropped before the response is complete, the stream is reset.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "http/h1_reader.h"

namespace countersign::http {

struct H2StreamState;
class H2Core;

/// A field of a response, borrowed. Its name in any case: it goes out in lower case.
struct FieldView {
  std::string_view name;
  std::string_view value;
};

class H2Stream {
 public:
  H2Stream(std::shared_ptr<H2Core> core, std::shared_ptr<H2StreamState> state);
  H2Stream(H2Stream&&) noexcept = default;
  ~H2Stream();

  /// When set, the request is not to be served but answered by its status: its head was too large.
  const std::optional<base::Error>& refusal() const;
  const RequestHead& head() const;
  /// none, length, or chunked for a body of unknown length.
  Framing framing() const;
  std::optional<std::uint64_t> content_length() const;

  /// At least one byte of the body, or 0 at its end. What is read is what the client may send on. Fails:
  /// `http.cut_off` (reset, or the connection has ended), `net.timeout`.
  net::Task<base::Result<std::size_t>> read_body_some(std::span<std::uint8_t> into, net::Deadline deadline);
  bool has_buffered() const;
  /// Has the body been read to its end?
  bool at_end_of_message() const;
  /// Fields behind the body, once it was read to its end. Each is well-formed; whether it may go on is for others to
  /// say.
  const Fields& trailers() const;
  /// Nobody reads the rest: tells the client to stop sending it (RFC 9113 section 8.1), once the response is complete.
  void decline_rest();

  /// An interim response (100).
  void send_interim(int status);
  enum class Body { none, follows };
  /// The head of the response; goes out with what is written next. Once.
  void send_head(int status, std::span<const FieldView> fields, Body body);
  /// A part of the body that goes out with what is written next. Copied.
  void hold(std::string_view part);
  std::size_t held() const;
  /// Returns when `part` and what was held before has been taken over to be sent: at the pace of the client. Fails:
  /// `http.cut_off`, `net.timeout`; the stream has been reset then.
  net::Task<base::Result<void>> write(std::string_view part, net::Deadline deadline);
  /// Trailers that go out behind the body; before finish().
  void end_in(Fields trailers);
  /// The same, and the response is complete. Fails: as write.
  net::Task<base::Result<void>> finish(net::Deadline deadline);
  /// Resets the stream: the client must not take what it has for the whole.
  void reset() noexcept;
  /// The connection takes no further request, and where it is not told goodbye already those on their way neither;
  /// those that are open go on.
  void end_connection();

  bool is_gone() const;
  /// Calls `then`, once, when the client has reset the stream or the connection ends.
  void when_gone(std::function<void()> then);

 private:
  std::shared_ptr<H2Core> core_;
  std::shared_ptr<H2StreamState> state_;
};

}  // namespace countersign::http
