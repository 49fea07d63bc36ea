#include "gateway/request_body.h"

#include <array>
#include <cstdio>

namespace countersign::gateway {
namespace {

constexpr std::size_t kBuffer = 32 * 1024;
/// The least rate is asked for after this long, so that a short stall harms nobody.
constexpr std::chrono::seconds kGrace{60};

}  // namespace

std::string chunk_size_line(std::size_t size) {
  char line[20];
  std::snprintf(line, sizeof line, "%zx\r\n", size);
  return line;
}

RequestBody::RequestBody(ClientSide& from, net::Stream& to, base::Duration step_time,
                         std::function<void(std::uint64_t)> came)
    : from_(from),
      to_(to),
      step_time_(step_time),
      came_(std::move(came)),
      started_(std::chrono::steady_clock::now()),
      sent_whole_(!exists()) {}

/// `part` as it goes to the upstream; lives as long as `part` and until the next call.
base::BytesView RequestBody::frame(std::span<const std::uint8_t> part) {
  if (from_.framing() != http::Framing::chunked) return part;
  out_.clear();
  if (!part.empty()) out_ = chunk_size_line(part.size());
  out_.append(reinterpret_cast<const char*>(part.data()), part.size());
  out_ += part.empty() ? kLastChunk : std::string_view("\r\n");
  return base::as_bytes(out_);
}

bool RequestBody::too_slow() const {
  const auto elapsed = std::chrono::steady_clock::now() - started_;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(elapsed);
  return seconds > kGrace && carried_ < kLeastBytesPerSecond * static_cast<std::uint64_t>(seconds.count());
}

/// A cut-off request must not look whole to the upstream.
void RequestBody::give_up(base::Error error) {
  client_failure_ = std::move(error);
  to_.abort();
}

net::Task<void> RequestBody::carry(std::function<void()> sent) {
  std::array<std::uint8_t, kBuffer> buffer;
  while (!stopped_) {
    const auto count = co_await from_.read_body_some(buffer, net::Deadline::after(step_time_));
    if (stopped_) co_return;
    if (!count) {
      give_up(count.error());
      co_return;
    }
    carried_ += *count;
    came_(*count);
    if (too_slow()) {
      give_up({base::Kind::timeout, "http.too_slow", "the body arrives too slowly"});
      co_return;
    }
    const base::BytesView piece = frame(std::span(buffer).first(*count));
    if (!piece.empty()) {
      const auto written = co_await to_.write_all(piece, net::Deadline::after(step_time_));
      if (!written) {  // the upstream's answer says why, if it comes within the time for one
        if (!stopped_) sent();
        co_return;
      }
    }
    if (*count > 0) continue;
    sent_whole_ = true;
    if (!stopped_) sent();
    co_return;
  }
}

}  // namespace countersign::gateway
