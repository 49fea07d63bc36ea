// What libnghttp2 calls, and what H2Core makes of it. Private to http.
#pragma once

#include <nghttp2/nghttp2.h>

#include "http/h2_core.h"

namespace countersign::http {

struct H2Core::Callbacks {
  /// Made once, never changed.
  static const nghttp2_session_callbacks* table();

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* core);
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* core);
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t flags, void* core);
  static int on_invalid_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                               std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                               std::uint8_t flags, void* core);
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* core);
  static int on_data(nghttp2_session*, std::uint8_t flags, std::int32_t id, const std::uint8_t* data, std::size_t size,
                     void* core);
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* core);
  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* core);

 private:
  static int take_trailer(H2Core& core, H2StreamState& stream, std::string_view name, std::string_view value);
};

}  // namespace countersign::http
