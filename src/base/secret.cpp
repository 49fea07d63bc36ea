#include "base/secret.h"

#include <cstring>

namespace countersign::base {

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    bytes_ = std::move(other.bytes_);
    other.bytes_.clear();
  }
  return *this;
}

Secret::~Secret() { wipe(); }

void Secret::wipe() {
  if (!bytes_.empty()) explicit_bzero(bytes_.data(), bytes_.size());
  bytes_.clear();
}

bool Secret::equals(BytesView other) const {
  if (bytes_.size() != other.size()) return false;
  volatile std::uint8_t difference = 0;
  for (std::size_t i = 0; i < other.size(); ++i)
    difference = static_cast<std::uint8_t>(difference | (bytes_[i] ^ other[i]));
  return difference == 0;
}

}  // namespace countersign::base
