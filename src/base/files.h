// Files that must survive a pulled plug, and files that must not be read by others.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"

namespace countersign::base {

/// The umask may narrow these, never widen them.
enum class FileMode : unsigned { owner_only = 0600, world_readable = 0644 };

/// No file that Countersign reads whole is larger, unless the caller names another limit.
inline constexpr std::size_t kFileLimit = 16 * 1024 * 1024;

/// Fails: `file.not_found`, `file.unreadable`, `file.too_large`.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit = kFileLimit);

/// No key or passphrase is larger.
inline constexpr std::size_t kSecretFileLimit = 64 * 1024;

/// Keys and passphrases: nothing of the content is left in memory but the Secret. Fails: as read_file.
Result<Secret> read_secret_file(const std::filesystem::path& path, std::size_t limit = kSecretFileLimit);

/// Writes a temporary file beside `path`, syncs it, renames it over `path` and syncs the folder: after a crash the file
/// is the old one or the new one, never half. Fails: `file.unwritable`; the old file is then untouched.
Result<void> write_file(const std::filesystem::path& path, std::string_view content, FileMode mode);

/// Creates `path` only if nothing is there, with the same durability. Fails: `file.exists`, `file.unwritable`.
Result<void> create_file(const std::filesystem::path& path, std::string_view content, FileMode mode);

/// Adds `content` behind what the file holds and syncs it. A torn last line (a crash while appending) is cut off first,
/// so that lines stay whole. Fails: `file.unwritable`, also when the file does not exist or its end cannot be read; it
/// is then not cut.
Result<void> append_file(const std::filesystem::path& path, std::string_view content);

/// The folder and its parents, mode 0700 for those it makes. Fails: `file.unwritable`.
Result<void> make_folder(const std::filesystem::path& path);

}  // namespace countersign::base
