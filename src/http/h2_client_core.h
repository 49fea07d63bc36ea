// H2ClientCore: a client's end of HTTP/2, and what libnghttp2 has told us so far. H2ClientStream is what a request sees
// of it. Private to http.
#pragma once

#include <memory>
#include <unordered_map>

#include "http/h2_client.h"
#include "http/h2_head.h"
#include "http/h2_limits.h"
#include "http/h2_link.h"
#include "net/alarm.h"

namespace countersign::http {

/// A stream as long as libnghttp2 or an H2ClientStream knows it. Its id is 0 until the head was given to libnghttp2.
struct H2ClientState : H2Flow {
  H2ClientState(net::Loop& loop, const H1Limits& limits) : H2Flow(loop, 0), reading(std::in_place, limits) {}

  std::optional<H2ResponseHead> reading;  ///< until the final head is whole
  std::optional<ResponseHead> head = {};  ///< whole, and not taken yet
  std::optional<std::uint64_t> content_length = {};
  Framing framing = Framing::none;
  int interim = 0;
  bool asked_for_head = false;  ///< the method was HEAD
  bool head_sent = false;
  bool unprocessed = false;  ///< certainly, RFC 9113 section 8.7
};

class H2ClientCore final : public H2Link, public std::enable_shared_from_this<H2ClientCore> {
 public:
  H2ClientCore(net::Loop& loop, H2Client::Options options);

  void receive(base::BytesView data) override;
  net::Deadline read_deadline() const override;
  bool is_late() override;
  bool is_busy() const override { return live_ > 0; }
  void close_streams() override;

  // For H2Client.
  bool has_room() const;
  bool is_ending() const;
  std::shared_ptr<H2ClientState> open();
  void wind_down();
  /// Sends PINGs into silence from now on; `dead` is called when one is not answered, after every stream has failed.
  void watch(std::function<void()> dead);
  void end_watch();
  std::size_t live() const { return live_; }
  std::chrono::steady_clock::time_point heard_at() const { return heard_at_; }

  // For H2ClientStream.
  base::Result<void> submit(const std::shared_ptr<H2ClientState>& state, const H2ClientStream::Head& head,
                            H2ClientStream::Body body);
  void came_alive() { ++live_; }
  void died();

 private:
  struct Callbacks;
  H2ClientState* find(std::int32_t id) const;
  H2Flow* flow(std::int32_t id) const override { return find(id); }
  void head_is_whole(H2ClientState& state, bool ended);
  void refuse(H2ClientState& state, base::Error error);
  void bear(double count);
  void look_for_silence();
  void ping();

  net::Loop& loop_;
  H2ClientLimits limits_;
  std::function<void()> changed_;
  std::unordered_map<std::int32_t, std::shared_ptr<H2ClientState>> streams_;  ///< those that libnghttp2 knows
  std::size_t live_ = 0;

  using Time = std::chrono::steady_clock::time_point;
  const Time started_ = std::chrono::steady_clock::now();
  Time idle_since_ = started_;
  Time heard_at_ = started_;
  net::Alarm watch_;
  std::function<void()> dead_;
  std::optional<Time> pinged_at_ = {};  ///< and it said nothing since but that it lives
  bool pong_due_ = false;
  TokenBucket control_;
  std::size_t header_block_ = 0;  ///< bytes of the last one
  bool settings_seen_ = false;
  bool winding_down_ = false;
  bool ended_ = false;
};

}  // namespace countersign::http
