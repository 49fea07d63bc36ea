#include "http/h2_client_core.h"

#include <array>

#include "base/check.h"

namespace countersign::http {
namespace {

/// Frames that carry nothing for a request. Requests and DATA, in either direction, earn what they cause.
constexpr double kControlBurst = 1000;
constexpr double kControlsPerSecond = 50;
constexpr double kControlsOfARequest = 8;
constexpr double kControlsOfData = 4;
constexpr int kMaxInterimResponses = 16;
constexpr std::string_view kSilent = "http.silent";

std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

struct DeleteOption {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};
struct DeleteCallbacks {
  void operator()(nghttp2_session_callbacks* callbacks) const { nghttp2_session_callbacks_del(callbacks); }
};

}  // namespace

/// What libnghttp2 calls.
struct H2ClientCore::Callbacks {
  static H2ClientCore& of(void* link) { return static_cast<H2ClientCore&>(*static_cast<H2Link*>(link)); }

  static const nghttp2_session_callbacks* table() {
    static const std::unique_ptr<nghttp2_session_callbacks, DeleteCallbacks> table = [] {
      nghttp2_session_callbacks* made = nullptr;
      BASE_CHECK(nghttp2_session_callbacks_new(&made) == 0);
      nghttp2_session_callbacks_set_on_begin_frame_callback(made, on_begin_frame);
      nghttp2_session_callbacks_set_on_header_callback(made, on_header);
      nghttp2_session_callbacks_set_on_invalid_header_callback(made, on_invalid_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, on_close);
      nghttp2_session_callbacks_set_on_frame_send_callback(made, on_sent);
      nghttp2_session_callbacks_set_send_data_callback(made, send_data);
      return std::unique_ptr<nghttp2_session_callbacks, DeleteCallbacks>(made);
    }();
    return table.get();
  }

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
    H2ClientCore& core = of(user);
    if (head->type == NGHTTP2_DATA) core.control_.earn(kControlsOfData);
    if (head->type == NGHTTP2_DATA || head->type == NGHTTP2_HEADERS) core.pinged_at_.reset();
    if (head->type == NGHTTP2_DATA || head->type == NGHTTP2_RST_STREAM) return 0;
    if (head->type == NGHTTP2_HEADERS) core.header_block_ = head->length;
    if (head->type == NGHTTP2_CONTINUATION) {
      core.header_block_ += head->length;
      if (core.header_block_ > core.limits_.header_block_bytes)
        core.violated(NGHTTP2_ENHANCE_YOUR_CALM,
                      {base::Kind::unavailable, "http.calm", "the server's header block has no end"});
    }
    core.bear(1);
    return core.failure_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    H2ClientCore& core = of(user);
    H2ClientState* state = core.find(frame->hd.stream_id);
    if (state == nullptr) return 0;
    if (state->reading) {
      state->reading->add(text(name, name_size), text(value, value_size));
      return 0;
    }
    state->trailer_bytes += name_size + value_size;
    auto good = check_h2_field(text(name, name_size), text(value, value_size));
    if (good && state->trailer_bytes <= core.limits_.head.trailer_bytes) {
      state->trailers.add(std::string(text(name, name_size)), std::string(text(value, value_size)));
      return 0;
    }
    base::Error too_many{base::Kind::too_large, "http.malformed", "the trailers are too large"};
    core.refuse(*state, good ? std::move(too_many) : std::move(good).error());
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_invalid_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t*, std::size_t,
                               const std::uint8_t*, std::size_t, std::uint8_t, void* user) {
    H2ClientCore& core = of(user);
    H2ClientState* state = core.find(frame->hd.stream_id);
    if (state == nullptr) return 0;
    core.refuse(*state, {base::Kind::invalid, "http.malformed", "a field name or value holds what it must not"});
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    H2ClientCore& core = of(user);
    if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) core.settings_seen_ = true;
    if (frame->hd.type == NGHTTP2_GOAWAY) core.winding_down_ = true;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    H2ClientState* state = core.find(frame->hd.stream_id);
    if (state == nullptr) return 0;
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS && state->reading) core.head_is_whole(*state, ends);
    if (ends) state->remote_ended = true;
    state->readable.raise();
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size,
                     void* user) {
    H2ClientCore& core = of(user);
    H2ClientState* state = core.find(id);
    if (state == nullptr || state->declined) {
      (void)nghttp2_session_consume_connection(core.session_, size);
      return 0;
    }
    state->body.append(text(data, size));
    state->readable.raise();
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    H2ClientCore& core = of(user);
    const auto found = core.streams_.find(id);
    if (found == core.streams_.end()) return 0;
    const std::shared_ptr<H2ClientState> state = std::move(found->second);
    core.streams_.erase(found);
    // By RST_STREAM, or because GOAWAY says that it was not looked at.
    state->unprocessed = code == NGHTTP2_REFUSED_STREAM && state->reading;
    state->close();
    return 0;
  }

  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    H2ClientCore& core = of(user);
    if (frame->hd.type == NGHTTP2_DATA) core.control_.earn(kControlsOfData);
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
      core.fail({base::Kind::unavailable, "http.protocol",
                 "the server broke the rules of HTTP/2 (" +
                     std::string(nghttp2_http2_strerror(frame->goaway.error_code)) + ")"});
    if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) return 0;
    H2ClientState* state = core.find(frame->hd.stream_id);
    if (state == nullptr) return 0;
    state->head_sent = true;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    state->local_ended = true;
    state->taken.raise();
    return 0;
  }
};

H2ClientCore::H2ClientCore(net::Loop& loop, H2Client::Options options)
    : H2Link(loop),
      loop_(loop),
      limits_(options.limits),
      changed_(std::move(options.changed)),
      watch_(loop, [this] { look_for_silence(); }),
      control_(kControlBurst, kControlsPerSecond) {
  nghttp2_option* made = nullptr;
  BASE_CHECK(nghttp2_option_new(&made) == 0);
  const std::unique_ptr<nghttp2_option, DeleteOption> option(made);
  nghttp2_option_set_no_auto_window_update(made, 1);
  nghttp2_option_set_no_closed_streams(made, 1);
  nghttp2_option_set_max_outbound_ack(made, 100);
  nghttp2_option_set_max_deflate_dynamic_table_size(made, 4096);
  BASE_CHECK(nghttp2_session_client_new3(&session_, Callbacks::table(), static_cast<H2Link*>(this), made,
                                         memory_.table()) == 0);
  memory_.note_made();
  const std::array settings{
      nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                             static_cast<std::uint32_t>(limits_.head.head_bytes)},
  };
  BASE_CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) == 0);
  const auto all = static_cast<std::int32_t>(
      std::min<std::uint64_t>(std::uint64_t{limits_.streams} * limits_.stream_window, std::uint64_t{INT32_MAX}));
  BASE_CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, std::max(all, 65'535)) == 0);
}

void H2ClientCore::receive(base::BytesView data) {
  heard_at_ = std::chrono::steady_clock::now();
  pong_due_ = false;
  const bool had_room = has_room();
  const ssize_t result = nghttp2_session_mem_recv(session_, data.data(), data.size());
  if (result < 0)
    violated(NGHTTP2_PROTOCOL_ERROR,
             {base::Kind::unavailable, "http.protocol",
              std::string("the server does not speak HTTP/2: ") + nghttp2_strerror(static_cast<int>(result))});
  if (failure_) terminate(failure_code_);
  if (winding_down_ && live_ == 0) terminate(NGHTTP2_NO_ERROR);
  raise_if_needed();
  if (had_room != has_room()) changed_();
}

/// Paid for when the frame's head is there. May be called from within a callback.
void H2ClientCore::bear(double count) {
  if (control_.spend(count)) return;
  violated(NGHTTP2_ENHANCE_YOUR_CALM,
           {base::Kind::unavailable, "http.calm", "the server sends too many frames that carry nothing"});
}

H2ClientState* H2ClientCore::find(std::int32_t id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

void H2ClientCore::head_is_whole(H2ClientState& state, bool ended) {
  H2ResponseHead reading = std::move(*state.reading);
  state.reading.reset();
  auto response = std::move(reading).finish();
  if (!response) return refuse(state, std::move(response).error());
  if (response->head.status < 200) {  // RFC 9110 section 15.2
    if (ended || ++state.interim > kMaxInterimResponses)
      return refuse(state, {base::Kind::invalid, "http.malformed", "too many interim responses, or nothing else"});
    state.reading.emplace(limits_.head);
    return;
  }
  state.content_length = response->content_length;
  // RFC 9110 section 6.4.1: no body, also where the end of the stream comes in a frame of its own.
  const int status = response->head.status;
  const bool bodyless = ended || state.asked_for_head || status == 204 || status == 304;
  if (bodyless) state.framing = Framing::none;
  else state.framing = state.content_length ? Framing::length : Framing::chunked;
  state.head = std::move(response->head);
}

void H2ClientCore::refuse(H2ClientState& state, base::Error error) {
  if (!state.fault) state.fault = std::move(error);
  reset(state, NGHTTP2_PROTOCOL_ERROR);
  state.readable.raise();
}

base::Result<void> H2ClientCore::submit(const std::shared_ptr<H2ClientState>& state, const H2ClientStream::Head& head,
                                        H2ClientStream::Body body) {
  std::vector<nghttp2_nv> lines;
  lines.reserve(head.fields.size() + 4);
  for (const auto& [name, value] : {FieldView{":method", head.method}, FieldView{":scheme", head.scheme},
                                    FieldView{":authority", head.authority}, FieldView{":path", head.path}})
    lines.push_back(to_nv(name, value));
  for (const FieldView& field : head.fields)
    lines.push_back(to_nv(field.name, field.value));
  const nghttp2_data_provider source = data_of_flow();
  const bool follows = body == H2ClientStream::Body::follows;
  const std::int32_t id = ended_ ? -1
                                 : nghttp2_submit_request(session_, nullptr, lines.data(), lines.size(),
                                                          follows ? &source : nullptr, nullptr);
  if (id < 0) {
    state->close();
    return base::fail(base::Kind::unavailable, "http.unprocessed", "the connection takes no more requests");
  }
  state->id = id;
  state->asked_for_head = head.method == "HEAD";
  state->finishing = !follows;
  streams_.emplace(id, state);
  control_.earn(kControlsOfARequest);
  const bool silent = std::chrono::steady_clock::now() >= heard_at_ + limits_.ping_after;
  if (silent && dead_ != nullptr && !pong_due_) ping();  // what died while nobody used it is known soon
  work_.raise();
  return {};
}

// -- its end

bool H2ClientCore::is_ending() const { return ended_ || terminated_ || failure_ || winding_down_; }

bool H2ClientCore::has_room() const {
  if (is_ending() || nghttp2_session_check_request_allowed(session_) == 0) return false;
  const std::uint32_t allowed = nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return live_ < std::min(limits_.streams, allowed);
}

std::shared_ptr<H2ClientState> H2ClientCore::open() { return std::make_shared<H2ClientState>(loop_, limits_.head); }

void H2ClientCore::died() {
  --live_;
  if (live_ == 0) idle_since_ = std::chrono::steady_clock::now();
  if (live_ == 0 && winding_down_) terminate(NGHTTP2_NO_ERROR);
  changed_();
}

void H2ClientCore::wind_down() {
  if (std::exchange(winding_down_, true)) return;
  if (live_ == 0) terminate(NGHTTP2_NO_ERROR);
}

void H2ClientCore::close_streams() {
  ended_ = true;
  watch_.cancel();
  for (const auto& [id, state] : std::exchange(streams_, {})) {
    // What never left us, nobody did anything of.
    state->unprocessed = !state->head_sent;
    if (failure_ && failure_->code == kSilent && state->head_sent) state->fault = *failure_;
    state->close();
  }
  changed_();
}

// -- is there still somebody?

void H2ClientCore::watch(std::function<void()> dead) {
  if (limits_.ping_after <= base::Duration::zero()) return;
  dead_ = std::move(dead);
  watch_.set({started_ + limits_.ping_after});
}

void H2ClientCore::end_watch() {
  watch_.cancel();
  dead_ = nullptr;
}

/// RFC 9113 section 6.7. A connection whose other end is gone, or cannot be reached any more, looks like a quiet one.
void H2ClientCore::ping() {
  pinged_at_ = std::chrono::steady_clock::now();
  pong_due_ = true;
  (void)nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  watch_.set({*pinged_at_ + limits_.ping_time});
  work_.raise();
}

/// Any byte is an answer: a server that is busy may well say other things first.
void H2ClientCore::look_for_silence() {
  const Time now = std::chrono::steady_clock::now();
  if (pong_due_) {
    fail({base::Kind::unavailable, std::string(kSilent), "the server has not answered a PING in time: it is gone"});
    return dead_();
  }
  Time due = heard_at_ + limits_.ping_after;
  if (pinged_at_) due = std::max(due, *pinged_at_ + limits_.ping_pause);
  if (now < due) watch_.set({due});
  else ping();
}

net::Deadline H2ClientCore::read_deadline() const {
  // While streams are open, only to look again whether there are still any.
  const Time now = std::chrono::steady_clock::now();
  net::Deadline deadline{is_busy() ? now + limits_.idle_time : idle_since_ + limits_.idle_time};
  if (!settings_seen_) deadline = net::Deadline::earlier(deadline, {started_ + limits_.settings_time});
  return deadline;
}

bool H2ClientCore::is_late() {
  const Time now = std::chrono::steady_clock::now();
  if (!settings_seen_ && now >= started_ + limits_.settings_time) {
    violated(NGHTTP2_SETTINGS_TIMEOUT, {base::Kind::timeout, "http.too_slow", "the server sent no SETTINGS in time"});
    return true;
  }
  if (is_busy() || now < idle_since_ + limits_.idle_time) return false;
  terminate(NGHTTP2_NO_ERROR);
  return true;
}

}  // namespace countersign::http
