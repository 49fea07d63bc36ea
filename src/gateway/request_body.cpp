#include "gateway/request_body.h"

#include <array>

namespace countersign::gateway {
namespace {

constexpr std::size_t kBuffer = 32 * 1024;
/// The least rate is asked for after this long, so that a short stall harms nobody.
constexpr std::chrono::seconds kGrace{60};

}  // namespace

RequestBody::RequestBody(ClientSide& from, UpstreamSide& to, Pace pace, Asks asks)
    : from_(from),
      to_(to),
      pace_(pace),
      asks_(std::move(asks)),
      started_(std::chrono::steady_clock::now()),
      sent_whole_(!exists()) {}

bool RequestBody::Pace::is_missed(std::chrono::steady_clock::time_point started, std::uint64_t bytes) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started);
  return seconds > kGrace && bytes < least_bytes_per_second * static_cast<std::uint64_t>(seconds.count());
}

/// A cut-off request must not look whole to the upstream.
void RequestBody::give_up(base::Error error) {
  client_failure_ = std::move(error);
  to_.abort();
}

net::Task<base::Result<void>> RequestBody::pass_on(std::span<const std::uint8_t> part) {
  const net::Deadline deadline = net::Deadline::after(pace_.step_time);
  if (!part.empty()) return to_.write(part, deadline);
  trailers_ = asks_.keeps_trailers(from_.trailers());
  return to_.finish(trailers_, deadline);
}

net::Task<void> RequestBody::carry(std::function<void()> sent) {
  std::array<std::uint8_t, kBuffer> buffer;
  while (!stopped_) {
    const auto count = co_await from_.read_body_some(buffer, net::Deadline::after(pace_.step_time));
    if (stopped_) co_return;
    if (!count) {
      give_up(count.error());
      co_return;
    }
    carried_ += *count;
    asks_.came(*count);
    if (pace_.is_missed(started_, carried_)) {
      give_up({base::Kind::timeout, "http.too_slow", "the body arrives too slowly"});
      co_return;
    }
    const auto passed = co_await pass_on(std::span(buffer).first(*count));
    if (passed && *count > 0) continue;
    // Where it was not taken, the upstream's answer says why, if it comes within the time for one.
    sent_whole_ = passed.has_value();
    if (!stopped_) sent();
    co_return;
  }
}

}  // namespace countersign::gateway
