// UpstreamConnection: a connection to an upstream that carries one request at a time, and what was read of it.
#pragma once

#include <memory>
#include <string>

#include "gateway/upstream/breaker.h"
#include "gateway/upstream/peer.h"
#include "gateway/upstream/state.h"
#include "http/h1_reader.h"
#include "net/stream.h"

namespace countersign::gateway {

struct UpstreamConnection {
  UpstreamConnection(std::unique_ptr<net::Stream> made, UpstreamPeer::Known known, Breaker::Seat s,
                     std::shared_ptr<UpstreamState> of)
      : stream(std::move(made)),
        reader(*stream, {}),
        seat(std::move(s)),
        state(std::move(of)),
        peer(std::move(known), [this] { stream->cut(); }) {
    state->counts.connections.fetch_add(1, std::memory_order_relaxed);
  }
  ~UpstreamConnection() { state->counts.connections.fetch_sub(1, std::memory_order_relaxed); }
  UpstreamConnection(const UpstreamConnection&) = delete;

  std::unique_ptr<net::Stream> stream;
  http::H1Reader reader;
  Breaker::Seat seat;
  std::shared_ptr<UpstreamState> state;
  UpstreamPeer peer;
  bool is_known_silent() const { return !reader.has_buffered() && stream->is_known_silent(); }
  bool is_silent() const { return !reader.has_buffered() && !stream->has_unexpected_input(); }

  bool reused = false;    ///< it has served a request before
  std::string head = {};  ///< of the last request on it; its memory serves the next one
};

}  // namespace countersign::gateway
