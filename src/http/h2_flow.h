// H2Flow: what is on its way of one stream of HTTP/2, in both directions, on whichever side of it we are; bounded by
// the windows of RFC 9113 section 5.2. Private to http.
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "http/message.h"
#include "net/signal.h"

namespace countersign::http {

/// A stream as long as libnghttp2 or somebody of ours knows it.
struct H2Flow {
  H2Flow(net::Loop& loop, std::int32_t stream_id) : id(stream_id), readable(loop), taken(loop) {}
  H2Flow(const H2Flow&) = delete;

  std::int32_t id;

  // What comes in.
  std::string body = {};  ///< not read yet from body_begin on
  std::size_t body_begin = 0;
  Fields trailers = {};  ///< behind the body, checked
  std::size_t trailer_bytes = 0;
  bool remote_ended = false;
  bool declined = false;     ///< nobody reads what comes
  bool handed_over = false;  ///< somebody reads the body, and sees to it that all of it counts as read

  // What goes out.
  std::string held = {};  ///< from held_begin on; then `part`
  std::size_t held_begin = 0;
  std::string_view part = {};
  Fields last = {};          ///< trailers that go out behind it all
  bool finishing = false;    ///< nothing follows what is there
  bool waits = false;        ///< libnghttp2 found nothing to send and is to be told when there is
  bool local_ended = false;  ///< our END_STREAM is on its way

  bool given_up = false;                  ///< by us: nobody waits for anything of it
  bool closed = false;                    ///< no frame of it comes or goes any more
  std::optional<base::Error> fault = {};  ///< why it ended, where more is known than that it did
  net::Signal readable;                   ///< something has come, or the end in whatever way
  net::Signal taken;                      ///< nothing that goes out is left here, or never will be taken
  std::function<void()> gone = {};        ///< called once when the other side gives it up

  std::size_t body_size() const { return body.size() - body_begin; }
  std::size_t out_size() const { return held.size() - held_begin + part.size(); }
  bool is_taken() const { return finishing ? local_ended : out_size() == 0; }

  /// Takes of the body what fits; at least one byte where there is one.
  std::size_t take_body(std::span<std::uint8_t> into) {
    const std::size_t size = std::min(into.size(), body_size());
    std::memcpy(into.data(), body.data() + body_begin, size);
    body_begin += size;
    if (body_size() <= body_begin) {  // what was read never lies around in front of more than it is
      body.erase(0, body_begin);
      body_begin = 0;
    }
    return size;
  }
  /// The next `size` bytes that go out, from what is held and then from what its writer still owns, behind `to`.
  void take_out(std::size_t size, base::Bytes& to) {
    const std::string_view first = std::string_view(held).substr(held_begin).substr(0, size);
    const std::string_view second = part.substr(0, size - first.size());
    for (const base::BytesView piece : {base::as_bytes(first), base::as_bytes(second)})  // as bytes: copied as a whole
      to.insert(to.end(), piece.begin(), piece.end());
    held_begin += first.size();
    part.remove_prefix(second.size());
    if (out_size() > 0) return;
    held.clear();
    held_begin = 0;
    taken.raise();
  }
  bool is_dead() const { return closed || given_up; }
  void close() {
    closed = true;
    readable.raise();
    taken.raise();
  }
};

/// What leaves in one write: a TLS record (RFC 8446 section 5.1).
inline constexpr std::size_t kOneWrite = 16 * 1024;

}  // namespace countersign::http
