#include "http/h2_stream.h"

#include <cstring>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "http/h2_core.h"

namespace countersign::http {
namespace {

tl::unexpected<base::Error> cut_off() {
  return base::fail(base::Kind::unavailable, "http.cut_off", "the client took its request back, or went away");
}

tl::unexpected<base::Error> late() {
  return base::fail(base::Kind::timeout, "net.timeout", "the other side was not ready before the deadline");
}

}  // namespace

H2Stream::H2Stream(std::shared_ptr<H2Core> core, std::shared_ptr<H2StreamState> state)
    : core_(std::move(core)), state_(std::move(state)) {
  core_->came_alive();
}

H2Stream::~H2Stream() {
  if (state_ == nullptr) return;
  state_->gone = {};
  if (!state_->local_ended) reset();
  decline_rest();
  core_->died();
}

const std::optional<base::Error>& H2Stream::refusal() const { return state_->refusal; }
const RequestHead& H2Stream::head() const { return state_->request.head; }
Framing H2Stream::framing() const { return state_->framing; }
std::optional<std::uint64_t> H2Stream::content_length() const { return state_->request.content_length; }
bool H2Stream::has_buffered() const { return state_->body_size() > 0; }
bool H2Stream::at_end_of_message() const { return state_->remote_ended && !has_buffered(); }
bool H2Stream::is_gone() const { return state_->closed && !state_->local_ended; }
std::size_t H2Stream::held() const { return state_->held.size() - state_->held_begin; }

net::Task<base::Result<std::size_t>> H2Stream::read_body_some(std::span<std::uint8_t> into, net::Deadline deadline) {
  const std::shared_ptr<H2StreamState> state = state_;
  while (state->body_size() == 0) {
    if (state->remote_ended) co_return std::size_t{0};
    if (state->closed || state->declined) co_return cut_off();
    const bool raised = co_await state->readable.wait(deadline);
    if (!raised) co_return late();
  }
  const std::size_t size = std::min(into.size(), state->body_size());
  std::memcpy(into.data(), state->body.data() + state->body_begin, size);
  state->body_begin += size;
  if (state->body_size() == 0) {
    state->body.clear();
    state->body_begin = 0;
  }
  core_->consume(*state, size);
  co_return size;
}

void H2Stream::decline_rest() {
  if (std::exchange(state_->declined, true)) return;
  if (const std::size_t unread = state_->body_size(); unread > 0) {
    state_->body.clear();
    state_->body_begin = 0;
    core_->consume(*state_, unread);
  }
  state_->readable.raise();
  if (state_->local_ended && !state_->remote_ended) core_->reset(*state_, NGHTTP2_NO_ERROR);
}

void H2Stream::send_interim(int status) { core_->submit_interim(*state_, status); }

void H2Stream::send_head(int status, std::span<const FieldView> fields, Body body) {
  core_->submit_head(*state_, status, fields, body);
  state_->finishing = body == Body::none;
}

void H2Stream::hold(std::string_view part) { state_->held += part; }

bool H2Stream::is_taken() const { return state_->finishing ? state_->local_ended : state_->out_size() == 0; }

/// `part` of the state belongs to whoever waits here: it must not stay behind.
net::Task<base::Result<void>> H2Stream::wait_until_taken(net::Deadline deadline) {
  const std::shared_ptr<H2StreamState> state = state_;
  core_->output(*state);
  while (!is_taken()) {
    if (state->closed) break;
    const bool raised = co_await state->taken.wait(deadline);
    if (!raised) break;
  }
  const bool taken = is_taken();
  state->part = {};
  if (taken) co_return base::Result<void>();
  if (state->closed) co_return cut_off();
  core_->reset(*state, NGHTTP2_CANCEL);
  co_return late();
}

net::Task<base::Result<void>> H2Stream::write(std::string_view part, net::Deadline deadline) {
  state_->part = part;
  return wait_until_taken(deadline);
}

net::Task<base::Result<void>> H2Stream::finish(net::Deadline deadline) {
  state_->finishing = true;
  return wait_until_taken(deadline);
}

void H2Stream::reset() noexcept { core_->reset(*state_, NGHTTP2_INTERNAL_ERROR); }
void H2Stream::end_connection() { core_->wind_down(); }

void H2Stream::when_gone(std::function<void()> then) {
  state_->gone = std::move(then);
  if (is_gone() && state_->gone) std::exchange(state_->gone, {})();
}

}  // namespace countersign::http
