// The data folder of `countersign up`: one owner at a time, logs that do not grow for ever, and the configuration of a
// first run.
#pragma once

#include <filesystem>
#include <string>

#include "cli/file_lock.h"
#include "cli/up_config.h"

namespace countersign::cli {

/// One `countersign up` a data folder. Makes the folder where it is missing. Fails: `up.running`, `file.unwritable`.
base::Result<FileLock> lock_data_folder(const std::filesystem::path& data);

/// A log that is larger at the start of `up` is moved to NAME.log.1, over the one moved there before.
inline constexpr std::uintmax_t kLogLimit = 16 * 1024 * 1024;
/// Fails: `file.unwritable`.
base::Result<void> rotate_logs(const std::filesystem::path& folder);

/// Writes DATA/countersign.toml where there is none. The one of a first run in which not everything became ready is
/// written again when `settings` ask for something else, provided nobody edited it; the provider's name stays once
/// there are CA keys that carry it. Fails: as base::write_file.
base::Result<void> prepare_config(const std::filesystem::path& data, const UpSettings& settings);
/// From now on countersign.toml rules. Fails: `file.unwritable`.
base::Result<void> end_first_run(const std::filesystem::path& data);

}  // namespace countersign::cli
