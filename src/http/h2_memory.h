// Where libnghttp2 has its memory from. Private to http.
#pragma once

#include <nghttp2/nghttp2.h>

namespace countersign::http {

/// malloc, but that a large piece takes up room only as far as it is written to: each session has a buffer of 16 KiB
/// for the frame that it writes, and what we have it write is heads of some hundred bytes (bodies go past it, see
/// H2Link::send_data). Thread-safe.
nghttp2_mem* h2_memory();

}  // namespace countersign::http
