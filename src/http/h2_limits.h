// What one connection of HTTP/2 may hold and ask of us, with names; and the buckets that its nuisances are paid from.
#pragma once

#include <algorithm>
#include <chrono>

#include "http/h1_reader.h"

namespace countersign::http {

struct H2Limits {
  H1Limits head = {};                                       ///< of a request's head; trailers, too
  std::uint32_t streams = 100;                              ///< at once, those reset included while they are worked on
  std::uint32_t stream_window = 128 * 1024;                 ///< bytes of a body that wait for their reader
  std::uint32_t connection_window = 512 * 1024;             ///< the same of all bodies of a connection
  std::size_t header_block_bytes = 64 * 1024;               ///< of one header block on the wire, its CONTINUATIONs too
  base::Duration settings_time = std::chrono::seconds(10);  ///< from the start to the client's preface and SETTINGS ACK
  base::Duration idle_time = std::chrono::seconds(75);      ///< without a stream
  base::Duration write_time = std::chrono::seconds(60);     ///< for one write to get on
  base::Duration farewell_time = std::chrono::seconds(1);   ///< for the round trip between the two GOAWAYs of a goodbye
};

/// So many at once, so many a second in the long run.
class TokenBucket {
 public:
  using Time = std::chrono::steady_clock::time_point;
  TokenBucket(double burst, double per_second) : tokens_(burst), burst_(burst), per_second_(per_second) {}

  /// False when there was not one left. The clock is read only then.
  bool spend(double count = 1) {
    if (tokens_ < count) fill(std::chrono::steady_clock::now());
    tokens_ -= count;
    return tokens_ >= 0;
  }
  void earn(double count) { tokens_ = std::min(burst_, tokens_ + count); }

 private:
  void fill(Time now) {
    earn(std::chrono::duration<double>(now - filled_).count() * per_second_);
    filled_ = now;
  }

  double tokens_;
  double burst_;
  double per_second_;
  Time filled_ = std::chrono::steady_clock::now();
};

}  // namespace countersign::http
