#include "authority/ehi/settings.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;

base::Result<fs::path> read_path(base::ConfigSection& section, std::string_view key, const fs::path& folder) {
  BASE_TRY(const std::string text, section.text_or(key, ""));
  return text.empty() ? fs::path() : fs::absolute(folder / text).lexically_normal();
}

}  // namespace

base::Result<EhiCheckSettings> EhiCheckSettings::read(base::ConfigSection& authority, const fs::path& folder) {
  BASE_TRY(auto section, authority.section("ehi_checks"));
  EhiCheckSettings settings;
  BASE_TRY(settings.anchors, read_path(section, "anchors", folder));
  BASE_TRY(settings.credentials, read_path(section, "credentials", folder));
  BASE_TRY(settings.test_credentials, read_path(section, "test_credentials", folder));
  BASE_TRY(const bool anywhere, section.flag_or("danger_private_servers", false));
  if (anywhere) settings.reach = EhiReach::danger_anywhere;
  return settings;
}

}  // namespace countersign::authority
