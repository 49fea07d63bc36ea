// Secret: bytes that must not be copied, printed, compared in variable time or left in memory.
#pragma once

#include <string_view>

#include "base/bytes.h"

namespace countersign::base {

/// Owns its bytes, wipes them when it dies, moves but never copies. Has no operator<< on purpose.
class Secret {
 public:
  Secret() = default;
  explicit Secret(Bytes bytes) : bytes_(std::move(bytes)) {}
  explicit Secret(std::string_view text) : bytes_(text.begin(), text.end()) {}
  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  /// The bytes themselves: borrow them for the shortest time, never log them.
  BytesView reveal() const { return bytes_; }
  std::string_view reveal_text() const { return as_text(bytes_); }
  bool empty() const { return bytes_.empty(); }

  /// Constant time for equal lengths.
  bool equals(BytesView other) const;

 private:
  void wipe();
  Bytes bytes_;
};

}  // namespace countersign::base
