// FileChange: has somebody replaced this file since it was last read, and finished? For files that are watched: looked
// at from time to time, they cost one stat each.
//
// A file that somebody is still writing is left alone until it has stayed the same between two looks. Belongs to one
// thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace countersign::base {

class FileChange {
 public:
  explicit FileChange(std::filesystem::path file) : file_(std::move(file)) {}

  const std::filesystem::path& file() const { return file_; }
  /// One look: true when the file is another one than that of the last note_read(), and as it was at the look before.
  bool has_settled();
  /// The file is about to be read: what is there now counts as known.
  void note_read() { read_ = stamp(); }

 private:
  /// By which a change is noticed; all zero when there is no file.
  struct Stamp {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified = 0, changed = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  Stamp stamp() const;

  std::filesystem::path file_;
  std::optional<Stamp> seen_ = {};
  std::optional<Stamp> read_ = {};
};

}  // namespace countersign::base
