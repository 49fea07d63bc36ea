// LineScanner: looks at the bytes of CRLF lines one by one, so that a bad line end is refused before the rest arrives.
// Private to http.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/result.h"
#include "http/text.h"

namespace countersign::http {

/// RFC 9112 section 2.2: a line ends with CRLF and nothing else; we do not take a lone LF for it.
class LineScanner {
 public:
  enum class Seen { more, line_end, bare_lf, bare_cr, control };

  Seen feed(std::uint8_t byte) {
    const bool after_cr = after_cr_;
    after_cr_ = byte == '\r';
    if (after_cr) return byte == '\n' ? Seen::line_end : Seen::bare_cr;
    if (byte == '\n') return Seen::bare_lf;
    const bool control = (byte < 0x20 && byte != '\t' && byte != '\r') || byte == 0x7f;
    return control ? Seen::control : Seen::more;
  }

  /// How many bytes at the front of `text` feed() would have nothing to say about, seen in one go.
  std::size_t ordinary(std::string_view text) const { return after_cr_ ? 0 : count_field_text(text); }

  /// What is wrong, for the three refusals.
  static base::Error to_error(Seen seen) {
    if (seen == Seen::bare_lf)
      return {base::Kind::invalid, "http.ambiguous", "a line ends with LF alone; CRLF is wanted", nullptr};
    return {base::Kind::invalid, "http.malformed", "a control character in the head or in a chunk line", nullptr};
  }

 private:
  bool after_cr_ = false;
};

}  // namespace countersign::http
