// UpstreamCall: one request's way to its upstream: a seat, an address, a connection, another address where that is
// allowed, and what becomes of the connection. It knows what may be sent again; the exchange knows what was sent.
//
// What was never sent, because no connection came about, may go to another address whatever it is. What was sent may be
// sent again only where the method is idempotent, no body is involved and the client has seen nothing yet
// (RFC 9110 section 9.2.2): the exchange says so. Each retry is paid for out of the budget, except the one for a kept
// connection that turned out dead.
#pragma once

#include "gateway/upstream/upstream.h"

namespace countersign::gateway {

class UpstreamCall {
 public:
  /// `client` is told in a PROXY header where the upstream wants one.
  UpstreamCall(std::shared_ptr<Upstream> upstream, ClientAddresses client);
  ~UpstreamCall();  ///< a connection that was not given back is closed
  UpstreamCall(const UpstreamCall&) = delete;

  /// Comes to a connection, kept or new; after a failure to another one. Fails: `gateway.upstream_overloaded`,
  /// `gateway.upstream_down` (both Kind::unavailable, nobody was asked), and why the last address could not be reached.
  net::Task<base::Result<void>> connect();
  /// Comes to a kept connection at once, where that is all there is to do for the first try; else connect().
  bool connect_now();
  /// Nobody is left to answer, for good: connect() fails at once with `gateway.given_up`, wherever it waits, and
  /// connects to nobody any more; and abort().
  void give_up() noexcept;
  /// What connect() came to: one of both, until give_back().
  UpstreamConnection* connection() { return connection_.get(); }
  http::H2ClientStream* stream() { return stream_ ? &*stream_ : nullptr; }
  bool is_over_tls() const { return upstream_->settings().tls.has_value(); }
  /// Whoever waits for the connection is told that it is broken. Safe at any time.
  void abort() noexcept;
  bool has_connection() const { return connection_ != nullptr || stream_; }

  /// The connection failed with the request on it, and all of it may be sent again: is there another try? If so,
  /// connect() makes it.
  bool may_send_again(const base::Error& failure);
  /// The head of the response has come.
  void answered(int status);
  /// The address took a connection on which there will be no answer to wait for.
  void connected() { slot_->address->health.note_success(); }
  /// Why the request failed with `error` on its connection: where that was cut because the certificate is not believed
  /// any more, `gateway.upstream_untrusted`.
  base::Error explain(base::Error error) const;
  /// The request will not be answered.
  void failed(const base::Error& error);
  /// Nothing of this request is left on the connection, in either direction.
  void give_back();

  /// For each step of a body.
  net::Deadline step() const { return until(times().body); }
  /// For the head of the response, once the request is sent whole.
  net::Deadline response() const { return until(times().response); }
  net::Deadline until(base::Duration time) const {
    return net::Deadline::earlier(upstream_->loop().deadline_in(time), end_);
  }
  net::Deadline by(std::chrono::steady_clock::time_point at) const { return net::Deadline::earlier({at}, end_); }
  const UpstreamTimes& times() const { return upstream_->settings().times; }
  UpstreamState::Counts& counts() { return upstream_->state().counts; }
  const std::string& name() const { return upstream_->settings().name; }
  /// Of the last try; empty before the first.
  std::string address() const;

 private:
  net::Task<base::Result<void>> obtain(net::Deadline deadline);
  net::Task<base::Result<void>> await_attempt(std::shared_ptr<Upstream::Attempt> attempt, net::Deadline deadline);
  UpstreamPeer* peer() const;
  bool begin();
  void note_connected();
  bool take_kept();
  void begin_stream(std::shared_ptr<SharedConnection> shared);
  void leave_connection();
  bool is_reused() const;
  tl::unexpected<base::Error> overloaded(std::string what);
  void leave_slot();
  void blame(const base::Error& why);
  bool pay_for_retry();

  std::shared_ptr<Upstream> upstream_;
  ClientAddresses client_;
  net::Deadline end_;
  net::Signal woken_;  ///< there is room, a connection was made or could not be, or the call was given up
  bool given_up_ = false;
  Breaker::Seat seat_ = {};
  std::shared_ptr<Upstream::Slot> slot_ = {};
  std::unique_ptr<UpstreamConnection> connection_ = {};
  std::shared_ptr<SharedConnection> shared_ = {};
  std::optional<http::H2ClientStream> stream_ = {};  ///< on shared_
  std::optional<trust::Refusal> cut_for_ = {};       ///< why the connection before was cut
  std::vector<const Upstream::Slot*> tried_ = {};
  std::vector<std::shared_ptr<Upstream::Slot>> kept_alive_ = {};  ///< those in tried_
  std::size_t retries_ = 0;
  bool begun_ = false;
  bool only_new_ = false;  ///< a kept connection was dead: the next one is new
  bool revived_ = false;   ///< that was so once
  std::chrono::steady_clock::time_point sent_ = {};
};

}  // namespace countersign::gateway
