// RequestBody: carries a request's body from the client to the upstream, while the response may already come back.
//
// Constant memory. Knows the one fact that decides whether the upstream's connection may serve somebody else
// afterwards: did the upstream get every byte of this request? What it has read it keeps for a while, where an upstream
// of HTTP/2 may say that it has done nothing of it (RFC 9113 section 8.7): then all of it can be sent to another one.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gateway/client_side.h"
#include "gateway/upstream_side.h"
#include "net/signal.h"

namespace countersign::gateway {

class RequestBody {
 public:
  struct Pace {
    base::Duration step_time;  ///< for each read and each write
    /// A body that arrives slower than this, after the first minute, is given up (`http.too_slow`).
    std::uint64_t least_bytes_per_second = 256;
    /// Of a body that began at `started` and of which so many bytes have come.
    bool is_missed(std::chrono::steady_clock::time_point started, std::uint64_t bytes) const;
  };

  struct Asks {
    std::function<void(std::uint64_t)> came;                          ///< told of bytes as they come
    std::function<http::Fields(const http::Fields&)> keeps_trailers;  ///< those that go on
  };
  /// How much of a body is kept until the upstream answers: what the first window of a stream lets out before the
  /// upstream has said anything (RFC 9113 section 6.9.2). A larger body is not sent again.
  static constexpr std::size_t kKept = 64 * 1024;

  /// Borrows all; the head of the request has been read from `from` and written to `to`.
  RequestBody(net::Loop& loop, ClientSide& from, UpstreamSide& to, Pace pace, Asks asks);

  bool exists() const { return from_.framing() != http::Framing::none; }
  /// Carries until the body's end, a failure, or stop(). Calls `sent` once the upstream has all of it, or
  /// takes no more of it.
  net::Task<void> carry(std::function<void()> sent);
  /// The response is complete: nobody wants more.
  void stop();

  /// Is everything there that was carried so far?
  bool may_send_again() const { return keeps_ && !client_failure_; }
  /// Where it may be: `to` is not touched from now on, until it is sent again, or stopped.
  void hold_back();
  /// What was carried so far goes to `to`, borrowed as the first one, whose head is written; what comes follows. Where
  /// it is not taken, the answer says why.
  net::Task<void> send_again(UpstreamSide& to, net::Deadline deadline);
  /// The upstream answers: nothing is kept any more.
  void forget();

  /// The upstream has every byte of the request.
  bool sent_whole() const { return sent_whole_; }
  /// Why the client's side failed: malformed, cut off, late. The upstream has been aborted then.
  const std::optional<base::Error>& client_failure() const { return client_failure_; }

 private:
  net::Task<base::Result<void>> pass_on(std::span<const std::uint8_t> part);
  net::Task<bool> is_sent_again(int tries);
  void keep(std::span<const std::uint8_t> part);
  void give_up(base::Error error);

  ClientSide& from_;
  UpstreamSide* to_;
  Pace pace_;
  Asks asks_;
  std::chrono::steady_clock::time_point started_;
  std::uint64_t carried_ = 0;
  http::Fields trailers_ = {};
  bool stopped_ = false;
  bool ended_ = false;  ///< the client's end was read
  bool sent_whole_;
  bool keeps_;
  std::string kept_ = {};
  int tries_ = 0;                              ///< how often it was held back
  bool held_back_ = false;                     ///< now
  std::unique_ptr<net::Signal> changed_ = {};  ///< where it keeps something: held_back_, stopped_ or keeps_ did
  std::optional<base::Error> client_failure_ = {};
};

}  // namespace countersign::gateway
