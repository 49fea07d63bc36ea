#include "authority/ehi/settings.h"

#include "base/config_path.h"
#include "net/configured_networks.h"

namespace countersign::authority {

base::Result<std::optional<EhiCheckSettings>> EhiCheckSettings::read(base::ConfigSection& authority,
                                                                     const std::filesystem::path& folder) {
  if (!authority.has("ehi_checks")) return std::optional<EhiCheckSettings>();
  BASE_TRY(auto section, authority.section("ehi_checks"));
  EhiCheckSettings settings;
  BASE_TRY(settings.anchors, base::read_path(section, "anchors", folder));
  BASE_TRY(settings.credentials, base::read_path(section, "credentials", folder));
  BASE_TRY(settings.test_credentials, base::read_path(section, "test_credentials", folder));
  BASE_TRY(settings.addresses.deny, net::read_networks(section, "deny"));
  BASE_TRY(const bool anywhere, section.flag_or("danger_private_servers", false));
  if (anywhere) settings.addresses.reach = courier::Reach::anywhere;
  return std::optional(std::move(settings));
}

}  // namespace countersign::authority
