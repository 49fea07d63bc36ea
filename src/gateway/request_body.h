// RequestBody: carries a request's body from the client to the upstream, while the response may already come back.
//
// Constant memory. Knows the one fact that decides whether the upstream's connection may serve somebody else
// afterwards: did the upstream get every byte of this request?
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "gateway/client_side.h"
#include "net/stream.h"

namespace countersign::gateway {

class RequestBody {
 public:
  /// A body that arrives slower than this, after the first minute, is given up (`http.too_slow`).
  static constexpr std::uint64_t kLeastBytesPerSecond = 256;

  /// Borrows both; the head of the request has been read from `from` and written to `to`. `step_time` bounds each read
  /// and each write. `came` is told of bytes as they come.
  RequestBody(ClientSide& from, net::Stream& to, base::Duration step_time, std::function<void(std::uint64_t)> came);

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
  base::BytesView frame(std::span<const std::uint8_t> part);
  bool too_slow() const;
  void give_up(base::Error error);

  ClientSide& from_;
  net::Stream& to_;
  base::Duration step_time_;
  std::function<void(std::uint64_t)> came_;
  std::chrono::steady_clock::time_point started_;
  std::uint64_t carried_ = 0;
  std::string out_;
  bool stopped_ = false;
  bool sent_whole_;
  std::optional<base::Error> client_failure_ = {};
};

/// "SIZE\r\n" in hexadecimal (RFC 9112 section 7.1).
std::string chunk_size_line(std::size_t size);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace countersign::gateway
