// RequestBody: carries a request's body from the client to the upstream, while the response may already come back.
//
// Constant memory. Knows the one fact that decides whether the upstream's connection may serve somebody else
// afterwards: did the upstream get every byte of this request?
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "gateway/client_side.h"
#include "gateway/upstream_side.h"

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
  /// Borrows both; the head of the request has been read from `from` and written to `to`.
  RequestBody(ClientSide& from, UpstreamSide& to, Pace pace, Asks asks);

  bool exists() const { return from_.framing() != http::Framing::none; }
  /// Carries until the body's end, a failure, or stop(). Calls `sent` once the upstream has all of it, or
  /// takes no more of it.
  net::Task<void> carry(std::function<void()> sent);
  /// The response is complete: nobody wants more.
  void stop() { stopped_ = true; }

  /// The upstream has every byte of the request.
  bool sent_whole() const { return sent_whole_; }
  /// Why the client's side failed: malformed, cut off, late. The upstream has been aborted then.
  const std::optional<base::Error>& client_failure() const { return client_failure_; }

 private:
  net::Task<base::Result<void>> pass_on(std::span<const std::uint8_t> part);
  void give_up(base::Error error);

  ClientSide& from_;
  UpstreamSide& to_;
  Pace pace_;
  Asks asks_;
  std::chrono::steady_clock::time_point started_;
  std::uint64_t carried_ = 0;
  http::Fields trailers_ = {};
  bool stopped_ = false;
  bool sent_whole_;
  std::optional<base::Error> client_failure_ = {};
};

}  // namespace countersign::gateway
