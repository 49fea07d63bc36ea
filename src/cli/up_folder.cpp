#include "cli/up_folder.h"

#include "base/files.h"

namespace countersign::cli {
namespace {

namespace fs = std::filesystem;

tl::unexpected<base::Error> unwritable(const fs::path& path, const std::string& why) {
  return base::fail(base::Kind::unavailable, "file.unwritable", "cannot write '" + path.string() + "': " + why);
}

/// There from before countersign.toml is first written until everything was ready.
fs::path first_run_mark(const fs::path& data) { return data / "run" / "first-run"; }

/// Is there a CA that carries the provider's name?
bool name_is_taken(const fs::path& data) {
  std::error_code ignored;
  for (const char* made : {"keys", "keys.new", "registry.db"})
    if (fs::exists(data / "authority" / made, ignored)) return true;
  return false;
}

/// What the file holds, changed to what is asked for.
UpSettings changed(UpSettings settings, const UpSettings& asked, bool with_provider) {
  const auto take = [](auto& into, const auto& from) {
    if (from) into = from;
  };
  if (with_provider) take(settings.provider, asked.provider);
  take(settings.environment, asked.environment);
  take(settings.upstream, asked.upstream);
  take(settings.api_port, asked.api_port);
  take(settings.internal_port, asked.internal_port);
  take(settings.status_port, asked.status_port);
  take(settings.gateway_port, asked.gateway_port);
  take(settings.gateway_status_port, asked.gateway_status_port);
  take(settings.ehi_port, asked.ehi_port);
  take(settings.ehi_status_port, asked.ehi_status_port);
  return settings;
}

}  // namespace

base::Result<FileLock> lock_data_folder(const fs::path& data) {
  BASE_TRY_VOID(base::make_folder(data));
  auto lock = FileLock::acquire(data / "up.lock");
  if (lock || lock.error().code != "file.locked") return lock;
  return base::fail(base::Kind::conflict, "up.running",
                    "another `countersign up` runs on the data folder '" + data.string() +
                        "': stop it first, or use another --data folder");
}

base::Result<void> rotate_logs(const fs::path& folder) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".log" || entry.file_size(error) <= kLogLimit || error) continue;
    fs::rename(entry.path(), entry.path().string() + ".1", error);
    if (error) return unwritable(entry.path(), error.message());
  }
  return {};
}

base::Result<void> prepare_config(const fs::path& data, const UpSettings& settings) {
  const fs::path file = data / "countersign.toml";
  const fs::path mark = first_run_mark(data);
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    BASE_TRY_VOID(base::write_file(mark, "", base::FileMode::owner_only));
    return base::create_file(file, first_config(settings), base::FileMode::world_readable);
  }
  if (!fs::exists(mark, ignored)) return {};
  BASE_TRY(const std::string text, base::read_file(file));
  const auto written = settings_in(file);
  if (!written || text != first_config(*written)) return {};
  const std::string wanted = first_config(changed(*written, settings, !name_is_taken(data)));
  return text == wanted ? base::Result<void>() : base::write_file(file, wanted, base::FileMode::world_readable);
}

base::Result<void> end_first_run(const fs::path& data) {
  std::error_code error;
  fs::remove(first_run_mark(data), error);
  if (error) return unwritable(first_run_mark(data), error.message());
  return {};
}

}  // namespace countersign::cli
