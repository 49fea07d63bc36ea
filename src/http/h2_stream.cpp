#include "http/h2_stream.h"

#include <nghttp2/nghttp2.h>

#include "http/h2_core.h"

namespace countersign::http {
namespace {

/// A declared body of so many bytes fits into the window that its stream begins with.
constexpr std::uint64_t kLittle = 16 * 1024;

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

const Fields& H2Stream::trailers() const { return state_->trailers; }

net::Task<base::Result<std::size_t>> H2Stream::read_body_some(std::span<std::uint8_t> into, net::Deadline deadline) {
  return H2Link::read_body_some(core_, state_, into, deadline);
}

/// RFC 9113 section 8.1 lets a server reset a request that it has answered. Some clients (curl 7.88) then lose the
/// answer while they still send; so a little is let come and thrown away. It blocks nothing but a stream of that
/// client.
void H2Stream::decline_rest() {
  if (state_->declined) return;
  core_->decline(*state_);
  const bool ends_soon = content_length().value_or(kLittle + 1) <= kLittle;
  if (state_->local_ended && !state_->remote_ended && !ends_soon) core_->reset(*state_, NGHTTP2_NO_ERROR);
}

void H2Stream::send_interim(int status) { core_->submit_interim(*state_, status); }

void H2Stream::send_head(int status, std::span<const FieldView> fields, Body body) {
  core_->submit_head(*state_, status, fields, body);
  state_->finishing = body == Body::none;
}

void H2Stream::hold(std::string_view part) { state_->held += part; }

net::Task<base::Result<void>> H2Stream::write(std::string_view part, net::Deadline deadline) {
  state_->part = part;
  return H2Link::wait_until_taken(core_, state_, deadline);
}

net::Task<base::Result<void>> H2Stream::finish(net::Deadline deadline) {
  state_->finishing = true;
  return H2Link::wait_until_taken(core_, state_, deadline);
}

void H2Stream::end_in(Fields trailers) { state_->last = std::move(trailers); }

void H2Stream::reset() noexcept { core_->reset(*state_, NGHTTP2_INTERNAL_ERROR); }
void H2Stream::end_connection() { core_->end_connection(); }

void H2Stream::when_gone(std::function<void()> then) {
  state_->gone = std::move(then);
  if (is_gone() && state_->gone) std::exchange(state_->gone, {})();
}

}  // namespace countersign::http
