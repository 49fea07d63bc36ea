#include "gateway/request_body.h"

#include <array>

namespace countersign::gateway {
namespace {

constexpr std::size_t kBuffer = 32 * 1024;
/// The least rate is asked for after this long, so that a short stall harms nobody.
constexpr std::chrono::seconds kGrace{60};
/// A wait that something else ends.
constexpr base::Duration kForEver = std::chrono::hours(24);

}  // namespace

RequestBody::RequestBody(net::Loop& loop, ClientSide& from, UpstreamSide& to, Pace pace, Asks asks)
    : from_(from),
      to_(&to),
      pace_(pace),
      asks_(std::move(asks)),
      started_(loop.turn_time()),
      sent_whole_(!exists()),
      keeps_(exists() && to.is_http2()) {
  if (keeps_) changed_ = std::make_unique<net::Signal>(loop);
}

bool RequestBody::Pace::is_missed(std::chrono::steady_clock::time_point started, std::uint64_t bytes) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started);
  return seconds > kGrace && bytes < least_bytes_per_second * static_cast<std::uint64_t>(seconds.count());
}

/// A cut-off request must not look whole to the upstream.
void RequestBody::give_up(base::Error error) {
  client_failure_ = std::move(error);
  to_->abort();
}

void RequestBody::stop() {
  stopped_ = true;
  if (changed_ != nullptr) changed_->raise();
}

void RequestBody::keep(std::span<const std::uint8_t> part) {
  if (!keeps_) return;
  if (kept_.size() + part.size() > kKept) forget();
  else kept_ += base::as_text(part);
}

void RequestBody::forget() {
  if (!keeps_) return;
  keeps_ = false;
  std::string().swap(kept_);
  changed_->raise();
}

void RequestBody::hold_back() {
  held_back_ = true;
  ++tries_;
  sent_whole_ = false;
}

net::Task<void> RequestBody::send_again(UpstreamSide& to, net::Deadline deadline) {
  to_ = &to;
  base::Result<void> passed;
  if (!kept_.empty()) passed = co_await to.write(base::as_bytes(kept_), deadline);
  if (passed && ended_) passed = co_await to.finish(trailers_, deadline);
  sent_whole_ = passed.has_value() && ended_;
  held_back_ = false;
  changed_->raise();
}

/// What was passed on in the `tries`-th try was not taken: is it passed on in another one?
net::Task<bool> RequestBody::is_sent_again(int tries) {
  while (keeps_ && !stopped_ && (tries_ == tries || held_back_))
    (void)co_await changed_->wait(net::Deadline::after(kForEver));
  co_return tries_ != tries && !held_back_;
}

net::Task<base::Result<void>> RequestBody::pass_on(std::span<const std::uint8_t> part) {
  const net::Deadline deadline = net::Deadline::after(pace_.step_time);
  if (!part.empty()) return to_->write(part, deadline);
  return to_->finish(trailers_, deadline);
}

net::Task<void> RequestBody::carry(std::function<void()> sent) {
  std::array<std::uint8_t, kBuffer> buffer;
  while (!stopped_) {
    const auto count = co_await from_.read_body_some(buffer, net::Deadline::after(pace_.step_time));
    while (held_back_ && !stopped_)
      (void)co_await changed_->wait(net::Deadline::after(kForEver));
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
    ended_ = *count == 0;
    if (ended_) trailers_ = asks_.keeps_trailers(from_.trailers());
    keep(std::span(buffer).first(*count));
    const int tries = tries_;
    const auto passed = co_await pass_on(std::span(buffer).first(*count));
    if (passed && !ended_ && tries == tries_) continue;
    if (tries == tries_) {
      // Where it was not taken, the upstream's answer says why, if it comes within the time for one.
      sent_whole_ = passed.has_value();
      if (!stopped_) sent();
      if (passed) co_return;
    }
    const bool again = co_await is_sent_again(tries);
    if (!again || ended_) co_return;
  }
}

}  // namespace countersign::gateway
