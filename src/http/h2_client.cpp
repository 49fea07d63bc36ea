#include "http/h2_client.h"

#include "base/check.h"
#include "http/h2_client_core.h"
#include "http/h2_run.h"

namespace countersign::http {

H2ClientStream::H2ClientStream(std::shared_ptr<H2ClientCore> core, std::shared_ptr<H2ClientState> state)
    : core_(std::move(core)), state_(std::move(state)) {
  core_->came_alive();
}

H2ClientStream::~H2ClientStream() {
  if (state_ == nullptr) return;
  if (!state_->local_ended || !state_->remote_ended) reset();
  core_->decline(*state_);
  core_->died();
}

/// Of a stream that is closed, or whose server broke the rules.
base::Error H2ClientStream::failure() const {
  if (!state_->fault && state_->unprocessed)
    return {base::Kind::unavailable, "http.unprocessed", "the server did not take the request"};
  return why_ended(*state_);
}

base::Result<void> H2ClientStream::send_head(const Head& head, Body body) { return core_->submit(state_, head, body); }

net::Task<base::Result<void>> H2ClientStream::write(std::string_view part, net::Deadline deadline) {
  state_->part = part;
  return H2Link::wait_until_taken(core_, state_, deadline);
}

net::Task<base::Result<void>> H2ClientStream::finish(Fields trailers, net::Deadline deadline) {
  state_->last = std::move(trailers);
  state_->finishing = true;
  return H2Link::wait_until_taken(core_, state_, deadline);
}

net::Task<base::Result<ResponseHead>> H2ClientStream::read_head(net::Deadline deadline) {
  const std::shared_ptr<H2ClientState> state = state_;
  while (!state->head) {
    if (state->is_dead() || state->fault) co_return base::unexpected(failure());
    const bool raised = co_await state->readable.wait(deadline);
    if (!raised)
      co_return base::fail(base::Kind::timeout, "net.timeout", "the head of the response did not come in time");
  }
  co_return std::move(*state->head);
}

Framing H2ClientStream::framing() const { return state_->framing; }
std::optional<std::uint64_t> H2ClientStream::content_length() const { return state_->content_length; }
bool H2ClientStream::at_end_of_message() const { return state_->remote_ended && state_->body_size() == 0; }
const Fields& H2ClientStream::trailers() const { return state_->trailers; }

net::Task<base::Result<std::size_t>> H2ClientStream::read_body_some(std::span<std::uint8_t> into,
                                                                    net::Deadline deadline) {
  return H2Link::read_body_some(core_, state_, into, deadline);
}

std::string H2ClientStream::take_buffered_body(std::size_t at_most) {
  std::string taken(std::min(at_most, state_->body_size()), '\0');
  if (taken.empty()) return taken;
  state_->take_body(std::span(reinterpret_cast<std::uint8_t*>(taken.data()), taken.size()));
  core_->consume(*state_, taken.size());
  return taken;
}

void H2ClientStream::reset() noexcept {
  if (state_->closed || state_->id == 0) return;
  core_->reset(*state_, NGHTTP2_CANCEL);
  state_->given_up = true;
  core_->decline(*state_);
  state_->taken.raise();
}

struct H2Client::Parts {
  std::shared_ptr<H2ClientCore> core;
  H2Run run;
};

H2Client::H2Client(net::Loop& loop, net::Stream& stream, Options options, const base::Log& log) {
  const base::Duration write_time = options.limits.write_time;
  auto core = std::make_shared<H2ClientCore>(loop, std::move(options));
  parts_.reset(new Parts{core, H2Run(loop, stream, core, write_time, log)});
  core->watch([run = &parts_->run] { run->cut(); });
}

H2Client::~H2Client() { parts_->core->end_watch(); }

net::Task<base::Result<void>> H2Client::run() { return parts_->run.run(); }
bool H2Client::has_room() const { return parts_->core->has_room(); }
bool H2Client::is_ending() const { return parts_->core->is_ending(); }

H2ClientStream H2Client::open() {
  BASE_CHECK(has_room());
  return {parts_->core, parts_->core->open()};
}

std::optional<base::Error> H2Client::failure() const {
  return parts_->core->failure() ? parts_->core->failure() : parts_->run.failure();
}

std::size_t H2Client::live_streams() const { return parts_->core->live(); }
std::chrono::steady_clock::time_point H2Client::heard_at() const { return parts_->core->heard_at(); }
void H2Client::wind_down() { parts_->core->wind_down(); }
void H2Client::cut() { parts_->run.cut(); }

}  // namespace countersign::http
