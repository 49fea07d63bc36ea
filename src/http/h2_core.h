// H2Core: a server's end of HTTP/2, and what libnghttp2 has told us so far: streams, requests, faults counted. H2Stream
// is what a request sees of it. Private to http.
//
// None of its functions may be called from within a callback of libnghttp2, except where it says so.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "http/h2_boundaries.h"
#include "http/h2_head.h"
#include "http/h2_limits.h"
#include "http/h2_link.h"
#include "http/h2_stream.h"
#include "net/alarm.h"

namespace countersign::http {

/// A stream as long as libnghttp2 or an H2Stream knows it.
struct H2StreamState : H2Flow {
  H2StreamState(net::Loop& loop, const H1Limits& limits, std::int32_t stream_id)
      : H2Flow(loop, stream_id), reading(std::in_place, limits) {}

  std::optional<H2Head> reading;  ///< until the head is whole
  H2Request request = {};
  std::optional<base::Error> refusal = {};
  Framing framing = Framing::none;
};

class H2Core final : public H2Link, public std::enable_shared_from_this<H2Core> {
 public:
  struct Owner {
    std::function<void(H2Stream)> serve;
    std::function<void(const base::Error&)> malformed;
  };
  H2Core(net::Loop& loop, const H2Limits& limits, Owner owner);

  // For H2Session.
  /// Hands over the requests that are complete with it.
  void receive(base::BytesView data) override;
  net::Deadline read_deadline() const override;
  bool is_late() override;
  bool is_busy() const override { return live_ > 0 || !streams_.empty(); }
  void close_streams() override;
  void wind_down();
  /// At once, where no goodbye is under way: what is on its way from the client is not served.
  void end_connection();
  std::size_t live() const { return live_; }

  // For H2Stream.
  void came_alive() { ++live_; }
  void died();
  void submit_head(H2StreamState& stream, int status, std::span<const FieldView> fields, H2Stream::Body body);
  void submit_interim(const H2StreamState& stream, int status);

 private:
  struct Callbacks;
  enum class Nuisance { reset, control };
  H2StreamState* find(std::int32_t id) const;
  H2Flow* flow(std::int32_t id) const override { return find(id); }
  int open_stream(std::int32_t id);
  void head_is_whole(H2StreamState& stream, bool ended);
  void note_malformed(const H2StreamState& stream, base::Error error);
  void note_reset_for_a_fault(std::uint32_t code);
  void note_closed(std::int32_t id);
  bool bear(Nuisance what, double count);
  void calm_down(std::string detail);
  void note_receive_failure(int code);
  void touch_idle();
  void name_last_stream();
  void watch_boundaries(base::BytesView data);

  net::Loop& loop_;
  H2Limits limits_;
  Owner owner_;
  std::unordered_map<std::int32_t, std::shared_ptr<H2StreamState>> streams_;  ///< those that libnghttp2 knows
  std::vector<std::shared_ptr<H2StreamState>> fresh_;                         ///< complete heads, not handed over yet
  std::size_t live_ = 0;

  using Time = std::chrono::steady_clock::time_point;
  const Time started_ = std::chrono::steady_clock::now();
  Time idle_since_ = started_;
  std::optional<Time> head_since_;  ///< a header block has begun and not ended
  H2Boundaries boundaries_;
  std::size_t header_block_ = 0;  ///< bytes of the last one
  bool settings_acknowledged_ = false;

  TokenBucket resets_;
  TokenBucket control_;
  net::Alarm quiet_;  ///< set while there is no stream
  bool malformed_told_ = false;
  std::unique_ptr<net::Alarm> farewell_;  ///< once we are winding down: what was on its way by then is here
  bool last_named_ = false;               ///< by the GOAWAY that ends it
};

}  // namespace countersign::http
