// H2Core: libnghttp2 and what it has told us so far: streams, frames to go out, faults counted. Knows no socket and
// waits for nothing: H2Session reads and writes, H2Stream is what a request sees. Private to http.
//
// None of its functions may be called from within a callback of libnghttp2, except where it says so.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "http/h2_boundaries.h"
#include "http/h2_head.h"
#include "http/h2_limits.h"
#include "http/h2_stream.h"
#include "net/signal.h"

typedef struct nghttp2_session nghttp2_session;

namespace countersign::http {

/// A stream as long as libnghttp2 or an H2Stream knows it.
struct H2StreamState {
  H2StreamState(net::Loop& loop, const H1Limits& limits, std::int32_t stream_id)
      : id(stream_id), reading(std::in_place, limits), readable(loop), taken(loop) {}

  const std::int32_t id;
  std::optional<H2Head> reading;  ///< until the head is whole
  H2Request request = {};
  std::optional<base::Error> refusal = {};
  Framing framing = Framing::none;
  std::size_t trailer_bytes = 0;

  std::string body = {};  ///< of the request, not read yet from body_begin on
  std::size_t body_begin = 0;
  bool remote_ended = false;
  bool declined = false;
  bool handed_over = false;  ///< an H2Stream reads the body, and sees to it that all of it counts as read

  std::string held = {};  ///< of the response, from held_begin on; then `part`
  std::size_t held_begin = 0;
  std::string_view part = {};
  bool finishing = false;    ///< nothing follows what is there
  bool waits = false;        ///< libnghttp2 found nothing to send and is to be told when there is
  bool local_ended = false;  ///< our END_STREAM is on its way
  bool closed = false;       ///< no frame of it comes or goes any more
  net::Signal readable;      ///< the body goes on, or ends in whatever way
  net::Signal taken;         ///< nothing of the response is left here, or never will be taken
  std::function<void()> gone = {};

  std::size_t body_size() const { return body.size() - body_begin; }
  std::size_t out_size() const { return held.size() - held_begin + part.size(); }
};

/// What leaves in one write: a TLS record (RFC 8446 section 5.1).
inline constexpr std::size_t kOneWrite = 16 * 1024;

class H2Core : public std::enable_shared_from_this<H2Core> {
 public:
  struct Owner {
    std::function<void(H2Stream)> serve;
    std::function<void(const base::Error&)> malformed;
  };
  H2Core(net::Loop& loop, const H2Limits& limits, Owner owner);
  ~H2Core();
  H2Core(const H2Core&) = delete;

  // For H2Session.
  /// Takes in what was read and hands over the requests that are complete with it.
  void receive(base::BytesView data);
  /// Adds frames to pending() until there are enough for one write.
  void gather();
  base::Bytes& pending() { return pending_; }
  net::Signal& work() { return work_; }
  /// When the client must have done something at the latest.
  net::Deadline read_deadline() const;
  /// Asked when that has passed: is the connection to end now? Then it has been told so.
  bool is_late();
  /// Nothing will be read any more, nor written when pending() is empty.
  bool is_over() const;
  void wind_down();
  /// GOAWAY with `code` (RFC 9113 section 7), and nothing else any more.
  void terminate(std::uint32_t code);
  /// Every request fails from here on.
  void close_streams();
  bool is_busy() const { return live_ > 0 || !streams_.empty(); }
  std::size_t live() const { return live_; }
  const std::optional<base::Error>& failure() const { return failure_; }
  void fail(base::Error error);

  // For H2Stream.
  void came_alive() { ++live_; }
  void died();
  void consume(const H2StreamState& stream, std::size_t size);
  void submit_head(H2StreamState& stream, int status, std::span<const FieldView> fields, H2Stream::Body body);
  void submit_interim(const H2StreamState& stream, int status);
  /// There is more of the response of `stream`: gathers it, and sees to it that it goes out.
  void output(H2StreamState& stream);
  void reset(const H2StreamState& stream, std::uint32_t code);

 private:
  struct Callbacks;
  enum class Nuisance { reset, control };
  H2StreamState* find(std::int32_t id) const;
  int open_stream(std::int32_t id);
  void head_is_whole(H2StreamState& stream, bool ended);
  void note_malformed(const H2StreamState& stream, base::Error error);
  void note_reset_for_a_fault(std::uint32_t code);
  void note_closed(std::int32_t id);
  bool bear(Nuisance what, double count);
  void calm_down(std::string detail);
  void note_receive_failure(int code);
  void touch_idle();
  void watch_boundaries(base::BytesView data);
  void violated(std::uint32_t code, std::string detail);

  net::Loop& loop_;
  H2Limits limits_;
  Owner owner_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, std::shared_ptr<H2StreamState>> streams_;  ///< those that libnghttp2 knows
  std::vector<std::shared_ptr<H2StreamState>> fresh_;                         ///< complete heads, not handed over yet
  std::size_t live_ = 0;
  base::Bytes pending_;
  net::Signal work_;

  using Time = std::chrono::steady_clock::time_point;
  const Time started_ = std::chrono::steady_clock::now();
  Time idle_since_ = started_;
  std::optional<Time> head_since_;  ///< a header block has begun and not ended
  H2Boundaries boundaries_;
  std::size_t header_block_ = 0;  ///< bytes of the last one
  bool settings_acknowledged_ = false;

  TokenBucket resets_;
  TokenBucket control_;
  bool malformed_told_ = false;
  bool winding_down_ = false;
  bool terminated_ = false;
  std::uint32_t failure_code_ = 0;
  std::optional<base::Error> failure_;
};

}  // namespace countersign::http
