#include "http/h2_callbacks.h"

#include "base/check.h"

namespace countersign::http {
namespace {

std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// What makes libnghttp2 stop at once; `failure_` says why.
constexpr int kStop = NGHTTP2_ERR_CALLBACK_FAILURE;
/// The stream has been reset by us already.
constexpr int kDropStream = NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;

struct DeleteCallbacks {
  void operator()(nghttp2_session_callbacks* callbacks) const { nghttp2_session_callbacks_del(callbacks); }
};

/// Callbacks get what the session was made with: an H2Link, as those of H2Link expect.
H2Core& of(void* link) { return static_cast<H2Core&>(*static_cast<H2Link*>(link)); }

base::Error protocol_error(std::string detail) { return {base::Kind::invalid, "http.protocol", std::move(detail)}; }

/// A SETTINGS frame makes us look at every stream.
constexpr double kCostOfSettings = 10;
/// DATA earns the WINDOW_UPDATEs that it causes.
constexpr double kControlsOfData = 4;
/// A head so many times too large is not even counted to its end.
constexpr std::size_t kFarTooLarge = 4;

}  // namespace

const nghttp2_session_callbacks* H2Core::Callbacks::table() {
  static const std::unique_ptr<nghttp2_session_callbacks, DeleteCallbacks> table = [] {
    nghttp2_session_callbacks* made = nullptr;
    BASE_CHECK(nghttp2_session_callbacks_new(&made) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(made, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
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

/// Each frame is paid for when its head is there, before anything of it is read.
int H2Core::Callbacks::on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
  H2Core& core = of(user);
  switch (head->type) {
    case NGHTTP2_DATA: return 0;  // judged when its padding is known
    case NGHTTP2_HEADERS:
      core.header_block_ = head->length;
      // Of a stream that is closed: libnghttp2 reads it for the sake of HPACK and drops it.
      if (head->stream_id > nghttp2_session_get_last_proc_stream_id(core.session_)) return 0;
      return core.find(head->stream_id) != nullptr || core.bear(Nuisance::control, 1) ? 0 : kStop;
    case NGHTTP2_CONTINUATION:  // CVE-2024-27316, CVE-2024-28182
      core.header_block_ += head->length;
      if (core.header_block_ > core.limits_.header_block_bytes)
        core.calm_down("a header block is larger than " + std::to_string(core.limits_.header_block_bytes) + " bytes");
      return core.bear(Nuisance::control, 1) ? 0 : kStop;
    case NGHTTP2_PRIORITY:  // RFC 9113 section 6.3; libnghttp2 does not look at what it ignores
      if (head->stream_id == 0) core.violated(NGHTTP2_PROTOCOL_ERROR, protocol_error("PRIORITY on stream 0"));
      else if (head->length != 5)
        core.violated(NGHTTP2_FRAME_SIZE_ERROR, protocol_error("PRIORITY that is not of 5 bytes"));
      return core.bear(Nuisance::control, 1) ? 0 : kStop;
    case NGHTTP2_RST_STREAM: return core.bear(Nuisance::reset, 1) ? 0 : kStop;
    case NGHTTP2_SETTINGS: return core.bear(Nuisance::control, kCostOfSettings) ? 0 : kStop;
    default: return core.bear(Nuisance::control, 1) ? 0 : kStop;
  }
}

int H2Core::Callbacks::on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  return of(user).open_stream(frame->hd.stream_id);
}

int H2Core::Callbacks::on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                                 std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                                 void* user) {
  H2Core& core = of(user);
  H2StreamState* stream = core.find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  if (!stream->reading) return take_trailer(core, *stream, text(name, name_size), text(value, value_size));
  stream->reading->add(text(name, name_size), text(value, value_size));
  if (stream->reading->bytes() <= core.limits_.head.head_bytes * kFarTooLarge) return 0;
  core.calm_down("a head is many times larger than the " + std::to_string(core.limits_.head.head_bytes) +
                 " bytes that were announced");
  return kStop;
}

/// Trailers are checked and bounded; whoever serves the request says what becomes of them.
int H2Core::Callbacks::take_trailer(H2Core& core, H2StreamState& stream, std::string_view name,
                                    std::string_view value) {
  stream.trailer_bytes += name.size() + value.size();
  auto good = check_h2_field(name, value);
  if (good && stream.trailer_bytes <= core.limits_.head.trailer_bytes) {
    stream.trailers.add(std::string(name), std::string(value));
    return 0;
  }
  base::Error too_many{base::Kind::too_large, "http.malformed", "the trailers are too large"};
  core.note_malformed(stream, good ? std::move(too_many) : std::move(good).error());
  return kDropStream;
}

/// RFC 9113 section 8.2.1. libnghttp2 would drop the field and take the rest.
int H2Core::Callbacks::on_invalid_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t*, std::size_t,
                                         const std::uint8_t*, std::size_t, std::uint8_t, void* user) {
  H2Core& core = of(user);
  H2StreamState* stream = core.find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  core.note_malformed(*stream, {base::Kind::invalid, "http.malformed", "a field name or value holds what it must not"});
  return kDropStream;
}

int H2Core::Callbacks::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  H2Core& core = of(user);
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
    core.settings_acknowledged_ = true;
  if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) core.name_last_stream();
  const bool padding_only =
      frame->hd.type == NGHTTP2_DATA && frame->data.padlen > 0 && frame->hd.length == frame->data.padlen;
  if (padding_only && !core.bear(Nuisance::control, 1)) return kStop;
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  H2StreamState* stream = core.find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  if (ends) {
    stream->remote_ended = true;
    stream->readable.raise();
  }
  if (stream->reading) core.head_is_whole(*stream, ends);
  return 0;
}

int H2Core::Callbacks::on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                               std::size_t size, void* user) {
  H2Core& core = of(user);
  H2StreamState* stream = core.find(id);
  if (stream == nullptr || stream->declined) {
    (void)nghttp2_session_consume_connection(core.session_, size);
    return 0;
  }
  stream->body.append(text(data, size));
  stream->readable.raise();
  return 0;
}

int H2Core::Callbacks::on_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
  of(user).note_closed(id);
  return 0;
}

int H2Core::Callbacks::on_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  H2Core& core = of(user);
  if (frame->hd.type == NGHTTP2_RST_STREAM) core.note_reset_for_a_fault(frame->rst_stream.error_code);
  if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
    core.fail({base::Kind::invalid, "http.protocol",
               "the client broke the rules of HTTP/2 (" +
                   std::string(nghttp2_http2_strerror(frame->goaway.error_code)) + ")"});
  if (frame->hd.type == NGHTTP2_DATA) core.control_.earn(kControlsOfData);
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool of_response = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
  if (!ends || !of_response) return 0;
  if (H2StreamState* stream = core.find(frame->hd.stream_id); stream != nullptr) {
    stream->local_ended = true;
    stream->taken.raise();
  }
  return 0;
}

}  // namespace countersign::http
