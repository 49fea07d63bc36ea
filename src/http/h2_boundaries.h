// Where frames begin and end in the bytes that came (RFC 9113 section 4.1), for what libnghttp2 does not tell: is the
// connection in the middle of a header block, so that its time runs, and how many frames came of which it says nothing?
// Private to http. Judges nothing.
#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"

namespace countersign::http {

class H2Boundaries {
 public:
  void feed(base::BytesView data) {
    while (!data.empty()) {
      const std::size_t size = std::min(data.size(), left_);
      if (in_head_) std::copy_n(data.begin(), size, head_.end() - static_cast<std::ptrdiff_t>(left_));
      data = data.subspan(size);
      left_ -= size;
      while (left_ == 0)
        step();
    }
  }
  /// A header block has begun and not ended.
  bool is_within_header_block() const { return block_open_ || (!in_head_ && is_header_block()); }
  /// Frames of types that RFC 9113 does not know, and DATA of no bytes, since it was asked last.
  std::size_t take_idle_frames() { return std::exchange(idle_frames_, 0); }

 private:
  static constexpr std::size_t kPreface = 24;
  static constexpr std::uint8_t kData = 0;
  static constexpr std::uint8_t kHeaders = 1;
  static constexpr std::uint8_t kContinuation = 9;
  static constexpr std::uint8_t kLastKnown = 9;
  static constexpr std::uint8_t kEndHeaders = 4;

  bool is_header_block() const { return head_[3] == kHeaders || head_[3] == kContinuation; }
  /// A head or a payload is there whole.
  void step() {
    if (in_head_) {
      left_ = static_cast<std::size_t>(head_[0]) << 16 | static_cast<std::size_t>(head_[1]) << 8 | head_[2];
      if (head_[3] > kLastKnown || (head_[3] == kData && left_ == 0)) ++idle_frames_;
    } else {
      if (is_header_block()) block_open_ = (head_[4] & kEndHeaders) == 0;
      left_ = head_.size();
    }
    in_head_ = !in_head_;
  }

  std::array<std::uint8_t, 9> head_{};
  std::size_t left_ = kPreface;  ///< of the head or payload that we are in; the preface is a payload of nothing
  std::size_t idle_frames_ = 0;
  bool in_head_ = false;
  bool block_open_ = false;
};

}  // namespace countersign::http
