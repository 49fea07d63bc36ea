// SharedConnection: a connection of HTTP/2 to an upstream, and the requests of one worker that share it.
//
// It keeps itself alive until it has ended; whoever holds it may outlive that. Belongs to its loop's thread.
#pragma once

#include "gateway/upstream/breaker.h"
#include "gateway/upstream/peer.h"
#include "gateway/upstream/state.h"
#include "http/h2_client.h"

namespace countersign::gateway {

class SharedConnection : public std::enable_shared_from_this<SharedConnection> {
 public:
  struct Options {
    net::Loop& loop;
    const base::Log& log;
    std::unique_ptr<net::Stream> stream;
    UpstreamPeer::Known peer;
    Breaker::Seat seat;
    std::shared_ptr<UpstreamState> state;
    std::weak_ptr<Breaker> waits;  ///< who waits there is told of room
    std::function<void()> died;    ///< called once where the other end was gone, and said nothing
  };
  /// Begins to run. Borrows loop and log.
  static std::shared_ptr<SharedConnection> begin(Options options);
  ~SharedConnection();
  SharedConnection(const SharedConnection&) = delete;

  bool has_room() const { return client_.has_room(); }
  bool is_ending() const { return client_.is_ending(); }
  bool has_ended() const { return ended_; }
  std::size_t live_streams() const { return client_.live_streams(); }
  /// Only where it has_room().
  http::H2ClientStream open();
  /// Has it served a request before the last one?
  bool is_reused() const { return opened_ > 1; }
  std::chrono::steady_clock::time_point heard_at() const { return client_.heard_at(); }
  UpstreamPeer& peer() { return peer_; }

  /// Takes no more requests; ends when the last one has.
  void wind_down() { client_.wind_down(); }

 private:
  explicit SharedConnection(Options options);
  static net::Task<void> run(std::shared_ptr<SharedConnection> self);

  const base::Log& log_;
  std::unique_ptr<net::Stream> stream_;
  std::shared_ptr<UpstreamState> state_;
  Breaker::Seat seat_;
  std::function<void()> died_;
  http::H2Client client_;
  UpstreamPeer peer_;
  std::uint64_t opened_ = 0;
  bool ended_ = false;
};

}  // namespace countersign::gateway
