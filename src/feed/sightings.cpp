#include "feed/sightings.h"

#include <algorithm>
#include <iterator>

namespace countersign::feed {

void Sightings::note(const crypto::Digest256& fingerprint) {
  const std::string_view raw(reinterpret_cast<const char*>(fingerprint.data()), fingerprint.size());
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kRemembered) known_.clear();  // telling twice does no harm
  if (known_.emplace(raw).second && untold_.size() < kRemembered) untold_.push_back(base::to_hex(fingerprint));
}

std::vector<std::string> Sightings::take() {
  const std::lock_guard lock(mutex_);
  const auto end = untold_.begin() + std::min<std::ptrdiff_t>(std::ssize(untold_), kBatch);
  std::vector<std::string> batch(std::move_iterator(untold_.begin()), std::move_iterator(end));
  untold_.erase(untold_.begin(), end);
  return batch;
}

void Sightings::give_back(std::vector<std::string> untold) {
  const std::lock_guard lock(mutex_);
  std::ranges::move(untold, std::back_inserter(untold_));
}

}  // namespace countersign::feed
