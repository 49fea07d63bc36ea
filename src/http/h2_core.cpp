#include "http/h2_core.h"

#include <array>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "http/h2_callbacks.h"

namespace countersign::http {
namespace {

/// Streams reset by the client, or by us for its faults (CVE-2023-44487, CVE-2025-8671).
constexpr double kResetBurst = 200;
constexpr double kResetsPerSecond = 33;
/// Frames that carry nothing for a request: SETTINGS, PING, PRIORITY, WINDOW_UPDATE, empty DATA, CONTINUATION, unknown
/// ones. What a client that reads and asks must send is earned by that.
constexpr double kControlBurst = 1000;
constexpr double kControlsPerSecond = 50;
constexpr double kControlsOfARequest = 8;
/// A connection without a stream for so long is not between two requests, but idle.
constexpr base::Duration kQuietTime = std::chrono::milliseconds(250);

struct DeleteOption {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};

std::unique_ptr<nghttp2_option, DeleteOption> make_option() {
  nghttp2_option* option = nullptr;
  BASE_CHECK(nghttp2_option_new(&option) == 0);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_outbound_ack(option, 100);
  nghttp2_option_set_max_deflate_dynamic_table_size(option, 4096);
  return std::unique_ptr<nghttp2_option, DeleteOption>(option);
}

bool has_passed(std::chrono::steady_clock::time_point since, base::Duration time,
                std::chrono::steady_clock::time_point now) {
  return now >= since + time;
}

std::string status_text(int status) { return std::to_string(std::clamp(status, 100, 599)); }

}  // namespace

H2Core::H2Core(net::Loop& loop, const H2Limits& limits, Owner owner)
    : H2Link(loop),
      loop_(loop),
      limits_(limits),
      owner_(std::move(owner)),
      resets_(kResetBurst, kResetsPerSecond),
      control_(kControlBurst, kControlsPerSecond),
      quiet_(loop, [this] { memory_.rest(); }) {
  const auto option = make_option();
  BASE_CHECK(nghttp2_session_server_new3(&session_, Callbacks::table(), static_cast<H2Link*>(this), option.get(),
                                         memory_.table()) == 0);
  memory_.note_made();
  const std::array settings{
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.streams},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                             static_cast<std::uint32_t>(limits_.head.head_bytes)},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  BASE_CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) == 0);
  BASE_CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                                   static_cast<std::int32_t>(limits_.connection_window)) == 0);
}

// -- what comes in

void H2Core::receive(base::BytesView data) {
  const ssize_t result = nghttp2_session_mem_recv(session_, data.data(), data.size());
  if (result < 0) note_receive_failure(static_cast<int>(result));
  watch_boundaries(data);
  if (failure_) terminate(failure_code_);
  const auto fresh = std::exchange(fresh_, {});
  for (const auto& stream : fresh) {
    if (failure_ || stream->closed) continue;
    stream->handed_over = true;
    owner_.serve(H2Stream(shared_from_this(), stream));
  }
  raise_if_needed();
}

void H2Core::watch_boundaries(base::BytesView data) {
  boundaries_.feed(data);
  if (const std::size_t idle = boundaries_.take_idle_frames(); idle > 0)
    (void)bear(Nuisance::control, static_cast<double>(idle));
  if (!boundaries_.is_within_header_block()) head_since_.reset();
  else if (!head_since_) head_since_ = std::chrono::steady_clock::now();
}

/// libnghttp2 gave up: where it was not by a callback of ours, says why.
void H2Core::note_receive_failure(int code) {
  if (failure_) return;
  if (code == NGHTTP2_ERR_FLOODED) return calm_down("more frames wait for their answer than any client needs");
  fail({base::Kind::invalid, "http.protocol", nghttp2_strerror(code)});
  failure_code_ = code == NGHTTP2_ERR_NOMEM ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_PROTOCOL_ERROR;
}

H2StreamState* H2Core::find(std::int32_t id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

int H2Core::open_stream(std::int32_t id) {
  if (live_ + fresh_.size() >= limits_.streams) {
    // Those that were reset are still worked on: a client cannot have more than its share by resetting.
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  quiet_.cancel();
  streams_.emplace(id, std::make_shared<H2StreamState>(loop_, limits_.head, id));
  return 0;
}

void H2Core::head_is_whole(H2StreamState& stream, bool ended) {
  H2Head reading = std::move(*stream.reading);
  stream.reading.reset();
  auto request = std::move(reading).finish();
  if (!request && request.error().code != "http.head_too_large")
    return note_malformed(stream, std::move(request).error());
  if (!request) stream.refusal = std::move(request).error();
  else stream.request = std::move(*request);
  if (ended) stream.framing = Framing::none;
  else if (stream.request.content_length) stream.framing = Framing::length;
  else stream.framing = Framing::chunked;
  control_.earn(kControlsOfARequest);
  fresh_.push_back(streams_.at(stream.id));
}

/// RFC 9113 section 8.1.1: a stream error. Counted when the frame leaves.
void H2Core::note_malformed(const H2StreamState& stream, base::Error error) {
  reset(stream, NGHTTP2_PROTOCOL_ERROR);
  if (!std::exchange(malformed_told_, true)) owner_.malformed(error);
}

void H2Core::note_reset_for_a_fault(std::uint32_t code) {
  if (code == NGHTTP2_NO_ERROR || code == NGHTTP2_INTERNAL_ERROR || code == NGHTTP2_CANCEL) return;
  (void)bear(Nuisance::reset, 1);
  if (code == NGHTTP2_REFUSED_STREAM || std::exchange(malformed_told_, true)) return;
  owner_.malformed({base::Kind::invalid, "http.malformed",
                    "a request broke the rules of HTTP/2 (" + std::string(nghttp2_http2_strerror(code)) + ")"});
}

void H2Core::note_closed(std::int32_t id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  const std::shared_ptr<H2StreamState> stream = std::move(found->second);
  streams_.erase(found);
  stream->close();
  // Nobody will read what came of a request that was never served: without this the connection's window would shrink
  // with each of them.
  if (!stream->handed_over) (void)nghttp2_session_consume_connection(session_, stream->body_size());
  if (const auto gone = std::exchange(stream->gone, {}); gone && !stream->local_ended) gone();
  touch_idle();
}

/// True when it can be borne; else the connection ends, and the callback that asks fails.
bool H2Core::bear(Nuisance what, double count) {
  if (failure_) return false;
  if ((what == Nuisance::reset ? resets_ : control_).spend(count)) return true;
  calm_down(what == Nuisance::reset ? "too many streams were reset, by the client or for its faults"
                                    : "too many frames that carry nothing for a request");
  return false;
}

void H2Core::calm_down(std::string detail) {
  violated(NGHTTP2_ENHANCE_YOUR_CALM, {base::Kind::denied, "http.calm", std::move(detail)});
}

// -- what goes out

void H2Core::submit_head(H2StreamState& stream, int status, std::span<const FieldView> fields, H2Stream::Body body) {
  if (stream.closed) return;
  const std::string text = status_text(status);
  std::vector<nghttp2_nv> lines;
  lines.reserve(fields.size() + 1);
  lines.push_back(to_nv(":status", text));
  for (const FieldView& field : fields)
    lines.push_back(to_nv(field.name, field.value));
  const nghttp2_data_provider source = data_of_flow();
  const bool follows = body == H2Stream::Body::follows;
  const int result =
      nghttp2_submit_response(session_, stream.id, lines.data(), lines.size(), follows ? &source : nullptr);
  if (result != 0) reset(stream, NGHTTP2_INTERNAL_ERROR);
}

void H2Core::submit_interim(const H2StreamState& stream, int status) {
  if (stream.closed) return;
  const std::string text = status_text(status);
  const nghttp2_nv line = to_nv(":status", text);
  (void)nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr, &line, 1, nullptr);
  gather();
  work_.raise();
}

// -- its end

/// RFC 9113 section 6.8: first that there is to be nothing new. Requests that cross this on their way are still served;
/// after a round trip, or some time, none can be on its way any more, and the client is told which was the last.
void H2Core::wind_down() {
  if (terminated_ || farewell_ != nullptr) return;
  farewell_ = std::make_unique<net::Alarm>(loop_, [this] { name_last_stream(); });
  farewell_->set(net::Deadline::after(limits_.farewell_time));
  (void)nghttp2_submit_shutdown_notice(session_);
  (void)nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  work_.raise();
}

void H2Core::end_connection() {
  if (terminated_ || farewell_ != nullptr) return;
  farewell_ = std::make_unique<net::Alarm>(loop_, [] {});
  name_last_stream();
}

/// May be called from within a callback.
void H2Core::name_last_stream() {
  if (terminated_ || farewell_ == nullptr || std::exchange(last_named_, true)) return;
  farewell_->cancel();
  const std::int32_t last = nghttp2_session_get_last_proc_stream_id(session_);
  (void)nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
  work_.raise();
}

void H2Core::close_streams() {
  if (farewell_ != nullptr) farewell_->cancel();
  const auto streams = std::exchange(streams_, {});
  for (const auto& [id, stream] : streams) {
    stream->close();
    if (const auto gone = std::exchange(stream->gone, {})) gone();
  }
}

void H2Core::died() {
  --live_;
  touch_idle();
}

void H2Core::touch_idle() {
  if (is_busy()) return;
  idle_since_ = loop_.turn_time();
  quiet_.set({idle_since_ + kQuietTime});
}

net::Deadline H2Core::read_deadline() const {
  // While streams are open, only to look again whether there are still any.
  const bool ends_otherwise = is_busy() || farewell_ != nullptr;
  net::Deadline deadline{ends_otherwise ? loop_.turn_time() + limits_.idle_time : idle_since_ + limits_.idle_time};
  if (!settings_acknowledged_) deadline = net::Deadline::earlier(deadline, {started_ + limits_.settings_time});
  if (head_since_) deadline = net::Deadline::earlier(deadline, {*head_since_ + limits_.head.head_time});
  return deadline;
}

bool H2Core::is_late() {
  const Time now = std::chrono::steady_clock::now();
  const bool head_late = head_since_ && has_passed(*head_since_, limits_.head.head_time, now);
  if (!settings_acknowledged_ && has_passed(started_, limits_.settings_time, now)) {
    fail({base::Kind::timeout, "http.too_slow", "no preface, or no acknowledgement of our SETTINGS, in time"});
    failure_code_ = NGHTTP2_SETTINGS_TIMEOUT;
  } else if (head_late) {
    fail({base::Kind::timeout, "http.too_slow", "a header block did not end in time"});
    failure_code_ = NGHTTP2_ENHANCE_YOUR_CALM;
  } else if (!is_busy() && has_passed(idle_since_, limits_.idle_time, now)) {
    wind_down();
  }
  return failure_.has_value();
}

}  // namespace countersign::http
