// ClientSide: the client's side of one exchange, whatever version of HTTP it speaks: the body of its request in, the
// response out.
//
// The head of the request was read before, and is judged by Visit. One exchange at a time uses it, on its connection's
// loop; reading the body and writing the response may go on at once.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/h1_reader.h"
#include "net/stream.h"
#include "net/task.h"

namespace countersign::gateway {

/// What the head of a response says, before the client's version of HTTP puts it in its own words.
struct ResponseStart {
  /// Of its fields, only those that travel end to end (identity_fields.h) go out; framing and length are told by the
  /// two below.
  const http::ResponseHead& head;
  http::Framing framing;                ///< of the body that will be written
  std::optional<std::uint64_t> length;  ///< told as Content-Length, also where no body follows (RFC 9110 section 8.6)
  bool close_after = false;             ///< we want no further request on this connection
  bool rest_unread = false;             ///< nobody will read what is left of the request
};

class ClientSide {
 public:
  virtual ~ClientSide() = default;

  /// How the request's body ends: none, after `content_length()` bytes, or where it ends (`chunked`).
  virtual http::Framing framing() const = 0;
  virtual std::optional<std::uint64_t> content_length() const = 0;
  /// At least one byte of the body, or 0 at its end. Fails as http::H1Reader::read_body_some.
  virtual net::Task<base::Result<std::size_t>> read_body_some(std::span<std::uint8_t> into, net::Deadline deadline) = 0;
  /// Behind the body that was read to its end; well-formed, and no more.
  virtual const http::Fields& trailers() const = 0;
  /// Has the request been read to its end?
  virtual bool request_ended() const = 0;
  /// Tells a client that waits for it to send the body (RFC 9110 section 10.1.1). Before hold_head() only.
  virtual net::Task<base::Result<void>> invite_body(net::Deadline deadline) = 0;
  /// Nobody reads the rest of the body: the response is complete, or there will be none.
  virtual void decline_rest() = 0;

  /// With every response from now on goes this Strict-Transport-Security (RFC 6797), in the place of what an upstream
  /// says; empty: as that says. Borrowed.
  void promise_strict_transport(std::string_view value) { strict_transport_ = value; }
  std::string_view strict_transport() const { return strict_transport_; }

  /// The head, held back until the next write(), so that both leave together. Once.
  virtual void hold_head(const ResponseStart& start) = 0;
  /// Would another head take the place of one that is held?
  virtual bool may_replace_head() const = 0;
  /// A small part of the body, held back too. Copied.
  virtual void hold(std::string_view part) = 0;
  /// How much is held back.
  virtual std::size_t held() const = 0;
  /// Writes what is held, and then `part` of the body, which is borrowed until then. Fails: as net::Stream.
  virtual net::Task<base::Result<void>> write(std::string_view part, net::Deadline deadline) = 0;
  /// Can the client be told trailers? Where it cannot, they are dropped.
  virtual bool wants_trailers() const = 0;
  /// Trailers of the response, for finish().
  virtual void end_in(http::Fields trailers) = 0;
  /// The response is complete: writes what is held and its end.
  virtual net::Task<base::Result<void>> finish(net::Deadline deadline) = 0;
  /// Half a response must not look whole.
  virtual void abort() noexcept = 0;

  /// The connection below, for another protocol behind a 101 (RFC 9110 section 7.8).
  struct Switched {
    net::Stream* stream;
    std::string early;  ///< what the client has sent of it already
  };
  /// May the connection be handed over to another protocol at all?
  virtual bool may_switch() const { return false; }
  /// Hands it over, instead of hold_head(); only where it may_switch(). HTTP is over on it.
  virtual Switched switch_protocol() { return {nullptr, {}}; }

  /// Is it HTTP/2, where a request and its response may be streams without end?
  virtual bool is_http2() const = 0;
  /// Nobody is left to answer: the client took its request back.
  virtual bool is_gone() const = 0;
  /// Calls `then` when that happens, so that nobody behind us works in vain. Replaces what was set before.
  virtual void when_gone(std::function<void()> then) = 0;
  /// May the connection carry another request behind this one, as far as its head and the response's framing say?
  virtual bool may_keep() const = 0;

 private:
  std::string_view strict_transport_ = {};
};

/// Calls `then`, which must not throw, once nobody is left to answer, at once where that is so already; for as long as
/// it lives. Borrows `client`.
class WhenGone {
 public:
  WhenGone(ClientSide& client, std::function<void()> then) : client_(client) {
    if (client.is_gone()) then();
    else client.when_gone(std::move(then));
  }
  ~WhenGone() { client_.when_gone({}); }
  WhenGone(const WhenGone&) = delete;

 private:
  ClientSide& client_;
};

}  // namespace countersign::gateway
