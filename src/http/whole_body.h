// WholeBody: a body that is read as a whole, piece by piece and never much further than its limit.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace countersign::http {

class WholeBody {
 public:
  explicit WholeBody(std::size_t limit) : limit_(limit) {}

  /// Where the next piece goes, behind what is there.
  std::span<std::uint8_t> space() {
    text_.resize(size_ + kStep);
    return {reinterpret_cast<std::uint8_t*>(text_.data()) + size_, kStep};
  }
  /// So much of space() was filled.
  void took(std::size_t count) { text_.resize(size_ += count); }
  bool is_too_large() const { return size_ > limit_; }
  std::string take() && { return std::move(text_); }

 private:
  static constexpr std::size_t kStep = 16 * 1024;
  std::size_t limit_;
  std::size_t size_ = 0;  ///< of what has come
  std::string text_;
};

}  // namespace countersign::http
