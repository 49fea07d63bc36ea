// Copy: the last known state of the trust feed on disk, so that a data plane starts while the authority is down.
//
// One JSON object a line: a snapshot, then each change since. A change is appended and synced before it counts as
// saved, so a revocation survives a pulled plug; a torn last line is what was being written and is dropped. Mode 0600.
#pragma once

#include <filesystem>
#include <optional>

#include "feed/facts.h"

namespace countersign::feed {

class Copy {
 public:
  explicit Copy(std::filesystem::path path) : path_(std::move(path)) {}

  struct Content {
    Snapshot snapshot;
    Changes changes;  ///< following the snapshot without a hole
  };
  /// Nothing when there is no file. Fails: `feed.malformed` (also on a hole), `file.unreadable`, `file.too_large`.
  base::Result<std::optional<Content>> load() const;

  /// Replaces the file by `snapshot`, atomically. Fails: `file.unwritable`.
  base::Result<void> start(const Snapshot& snapshot) const;
  /// Adds changes behind what is there. After a failure the file may lack them: start() it anew before the next append,
  /// or it has a hole. Fails: `file.unwritable`.
  base::Result<void> append(const Changes& changes) const;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace countersign::feed
