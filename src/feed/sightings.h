// Sightings: which certificates were shown in handshakes here. The authority is told of each once, since a certificate
// whose successor is in use must not renew anything more.
//
// Thread-safe. What was not told yet is told again after the next handshake of a later run.
#pragma once

#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "crypto/digest.h"

namespace countersign::feed {

class Sightings {
 public:
  /// At most so many are told in one call, and remembered.
  static constexpr std::size_t kBatch = 1'000;
  static constexpr std::size_t kRemembered = 500'000;

  /// A peer has proved to hold the key of the certificate with this fingerprint.
  void note(const crypto::Digest256& fingerprint);
  /// What was noted for the first time since, at most kBatch, in hexadecimal.
  std::vector<std::string> take();
  /// The authority could not be told.
  void give_back(std::vector<std::string> untold);

 private:
  std::mutex mutex_;
  std::unordered_set<std::string> known_;
  std::vector<std::string> untold_;
};

}  // namespace countersign::feed
