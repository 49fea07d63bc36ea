#include "gateway/upstream/call.h"

namespace countersign::gateway {
namespace {

/// An attempt ends by its own deadline. Whoever took one over does not wait for it much longer than by the own one.
constexpr base::Duration kUnwindTime = std::chrono::seconds(1);

tl::unexpected<base::Error> given_up() {
  return base::fail(base::Kind::unavailable, kGivenUp, "its client was gone while it waited");
}

/// A connection that is found dead is one failure of its address, however many requests were on it: it counts itself.
bool is_counted_already(const base::Error& error) { return error.code == "http.silent"; }

bool is_gateway_error(int status) { return status == 502 || status == 503 || status == 504; }

net::Deadline end_after(base::Duration time) {
  if (time > base::Duration::zero()) return net::Deadline::after(time);
  return {std::chrono::steady_clock::time_point::max()};
}

}  // namespace

UpstreamCall::UpstreamCall(std::shared_ptr<Upstream> upstream, ClientAddresses client)
    : upstream_(std::move(upstream)),
      client_(std::move(client)),
      end_(end_after(times().request)),
      woken_(upstream_->loop()) {}

UpstreamCall::~UpstreamCall() { leave_slot(); }

std::string UpstreamCall::address() const { return slot_ == nullptr ? "" : slot_->address->endpoint.to_string(); }

void UpstreamCall::abort() noexcept {
  if (connection_ != nullptr) connection_->stream->abort();
  if (stream_) stream_->reset();
}

void UpstreamCall::give_up() noexcept {
  given_up_ = true;
  abort();
  woken_.raise();
}

UpstreamPeer* UpstreamCall::peer() const {
  if (connection_ != nullptr) return &connection_->peer;
  return shared_ == nullptr ? nullptr : &shared_->peer();
}

void UpstreamCall::leave_connection() {
  if (UpstreamPeer* const left = peer()) cut_for_ = left->refusal();
  connection_.reset();
  stream_.reset();
  shared_.reset();
}

void UpstreamCall::leave_slot() {
  leave_connection();
  if (slot_ != nullptr) --slot_->active;
  slot_.reset();
}

/// Refused before anybody was asked. A flood of these is told ever more rarely.
tl::unexpected<base::Error> UpstreamCall::overloaded(std::string what) {
  const std::uint64_t count = upstream_->state().counts.overloaded.fetch_add(1, std::memory_order_relaxed) + 1;
  if ((count & (count - 1)) == 0)
    upstream_->log().warning("upstream.overloaded", {{"upstream", name()},
                                                     {"refused", count},
                                                     {"requests", upstream_->breaker().requests()},
                                                     {"connections", upstream_->breaker().connections()},
                                                     {"detail", what}});
  return base::fail(base::Kind::unavailable, "gateway.upstream_overloaded",
                    "the service behind the gateway has as much to do as it may have: try again in a moment");
}

/// False when there are too many.
bool UpstreamCall::begin() {
  if (begun_) return true;
  seat_ = upstream_->breaker().take_request();
  if (!seat_) return false;
  begun_ = true;
  upstream_->state().counts.requests.fetch_add(1, std::memory_order_relaxed);
  upstream_->budget().note_request();
  return true;
}

void UpstreamCall::note_connected() {
  slot_->address->requests.fetch_add(1, std::memory_order_relaxed);
  sent_ = std::chrono::steady_clock::now();
}

bool UpstreamCall::connect_now() {
  if (given_up_ || begun_ || !begin()) return false;
  slot_ = upstream_->choose(tried_);
  if (slot_ == nullptr) return false;
  ++slot_->active;
  if (upstream_->breaker().pending() > 0 || !take_kept()) return false;
  note_connected();
  return true;
}

void UpstreamCall::begin_stream(std::shared_ptr<SharedConnection> shared) {
  shared_ = std::move(shared);
  stream_.emplace(shared_->open());
  if (shared_->has_room()) upstream_->breaker().offer();  // whoever waits may have room, too
}

/// A kept connection to slot_, or a place on one that is shared.
bool UpstreamCall::take_kept() {
  if (auto shared = upstream_->find_shared(*slot_)) begin_stream(std::move(shared));
  else if (!only_new_) connection_ = upstream_->take_idle(*slot_);
  return has_connection();
}

/// Did it carry a request before, so that it may have died while nobody looked?
bool UpstreamCall::is_reused() const {
  if (connection_ != nullptr) return connection_->reused;
  return shared_ != nullptr && shared_->is_reused() && shared_->is_ending();
}

/// A connection to slot_, which may become another one while waiting.
net::Task<base::Result<void>> UpstreamCall::obtain(net::Deadline deadline) {
  for (bool waited = false;; waited = true) {
    if (given_up_) co_return given_up();
    // Whoever waits goes first, and so does whoever was woken and has not looked yet.
    const bool in_turn = waited || upstream_->breaker().pending() == 0;
    if (in_turn && take_kept()) co_return base::Result<void>();
    if (in_turn) {
      auto attempt = upstream_->attempt(slot_, {client_, deadline, woken_});
      if (attempt != nullptr) {
        auto made = co_await await_attempt(std::move(attempt), deadline);
        if (!made || has_connection()) co_return made;
        if (deadline.passed()) co_return overloaded("all connections are busy");
        continue;  // whoever is in the line came later
      }
    }
    const bool room = co_await upstream_->wait_for_room(woken_, deadline);
    if (given_up_ && room) upstream_->breaker().offer();  // it is the next one's
    if (given_up_) continue;
    if (!room) co_return overloaded("all connections are busy");
    if (auto another = upstream_->choose(tried_); another != nullptr && another != slot_) {
      leave_slot();
      slot_ = std::move(another);
      ++slot_->active;
    }
  }
}

/// Success without a connection: others have filled it already, and it is well.
net::Task<base::Result<void>> UpstreamCall::await_attempt(std::shared_ptr<Upstream::Attempt> attempt,
                                                          net::Deadline deadline) {
  const net::Deadline latest{deadline.at + kUnwindTime};
  bool waits = true;
  // Once in any case: what failed before anybody could wait has raised the signal, and the next wait is not for that.
  do
    waits = co_await woken_.wait(latest);
  while (waits && !attempt->outcome && !given_up_);
  if (given_up_ || !attempt->outcome) {
    upstream_->leave_attempt(attempt);
    if (given_up_) co_return given_up();
    co_return base::fail(base::Kind::timeout, "net.timeout", "no connection came about in time");
  }
  base::Result<Upstream::Made>& made = *attempt->outcome;
  if (!made) co_return base::unexpected(std::move(made).error());
  connection_ = std::move(made->own);
  if (made->shared == nullptr) co_return base::Result<void>();
  SharedConnection& shared = *made->shared;
  if (shared.has_room()) {
    begin_stream(std::move(made->shared));
    co_return base::Result<void>();
  }
  if (const auto& refusal = shared.peer().refusal()) {
    base::Error cause{base::Kind::unavailable, "net.reset", "it was cut before the request was on it"};
    co_return base::unexpected(upstream_untrusted(std::move(cause), *refusal, name()));
  }
  if (!shared.is_ending() && shared.live_streams() > 0) co_return base::Result<void>();
  // Not tried again here: it would be so for as long as connecting may take.
  co_return base::fail(base::Kind::unavailable, "gateway.upstream_protocol",
                       "the upstream does not speak HTTP/2, or takes no requests on it");
}

net::Task<base::Result<void>> UpstreamCall::connect() {
  cut_for_.reset();
  if (!begin()) co_return overloaded("too many requests are under way");
  base::Error last{base::Kind::unavailable, "gateway.upstream_down",
                   "the service behind the gateway is down by its health checks"};
  for (;;) {
    if (slot_ == nullptr) {
      slot_ = upstream_->choose(tried_);
      if (slot_ == nullptr) co_return base::unexpected(std::move(last));
      ++slot_->active;
    }
    const net::Deadline deadline = until(times().connect);
    auto obtained = co_await obtain(deadline);
    if (obtained) {
      note_connected();
      co_return obtained;
    }
    if (obtained.error().code == kGivenUp) co_return obtained;
    if (obtained.error().code == "gateway.upstream_overloaded") {
      upstream_->breaker().offer();  // whoever waits behind us may have more luck
      co_return obtained;
    }
    last = std::move(obtained).error();
    blame(last);
    if (end_.passed() || !pay_for_retry()) co_return base::unexpected(std::move(last));
    upstream_->log().info("upstream.retried", {{"upstream", name()}, {"error", base::to_string(last)}});
  }
}

/// This address failed: it is not asked again for this request.
void UpstreamCall::blame(const base::Error& why) {
  if (!is_counted_already(why)) upstream_->note_failure(*slot_, why.code);
  tried_.push_back(slot_.get());
  kept_alive_.push_back(slot_);
  leave_slot();
}

bool UpstreamCall::pay_for_retry() {
  if (retries_ >= upstream_->settings().retries || upstream_->choose(tried_) == nullptr) return false;
  if (!upstream_->budget().spend(std::chrono::steady_clock::now())) return false;
  ++retries_;
  upstream_->state().counts.retries.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool UpstreamCall::may_send_again(const base::Error& failure) {
  // A late answer is still on its way: asking again would only double the load.
  if (!has_connection() || failure.kind == base::Kind::timeout) return false;
  if ((is_reused() || failure.code == "http.unprocessed") && !revived_) {
    // The upstream closed it while nobody used it; that is no fault, and the same address may well be asked again.
    revived_ = only_new_ = true;
    leave_connection();
    return true;
  }
  blame(failure);
  if (!pay_for_retry()) return false;
  upstream_->log().info("upstream.retried", {{"upstream", name()}, {"error", base::to_string(failure)}});
  return true;
}

void UpstreamCall::answered(int status) {
  upstream_->state().counts.time.observe(
      std::chrono::duration_cast<base::Duration>(std::chrono::steady_clock::now() - sent_));
  if (is_gateway_error(status)) upstream_->note_failure(*slot_, "status " + std::to_string(status));
  else slot_->address->health.note_success();
}

base::Error UpstreamCall::explain(base::Error error) const {
  const UpstreamPeer* const on = peer();
  const std::optional<trust::Refusal>& why = on != nullptr ? on->refusal() : cut_for_;
  return why ? upstream_untrusted(std::move(error), *why, name()) : error;
}

void UpstreamCall::failed(const base::Error& error) {
  upstream_->state().counts.failed.fetch_add(1, std::memory_order_relaxed);
  const bool late = error.kind == base::Kind::timeout;
  // Not a word since we asked: others need not wait for it to be found dead.
  if (late && shared_ != nullptr && shared_->heard_at() < sent_) shared_->wind_down();
  if (is_counted_already(error)) return;
  if (slot_ != nullptr && has_connection() && (late || !is_reused())) upstream_->note_failure(*slot_, error.code);
}

void UpstreamCall::give_back() {
  if (connection_ != nullptr) upstream_->give_back(*slot_, std::move(connection_));
  leave_connection();
}

}  // namespace countersign::gateway
