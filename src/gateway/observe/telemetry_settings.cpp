#include "gateway/observe/telemetry_settings.h"

#include "http/plain_server.h"
#include "http/url.h"

namespace countersign::gateway {
namespace {

constexpr std::size_t kLongestName = 255;

tl::unexpected<base::Error> wrong(std::string detail) {
  return base::fail(base::Kind::invalid, "gateway.config", std::move(detail));
}

base::Result<void> check_endpoint(base::ConfigSection& section, TelemetrySettings& settings) {
  BASE_TRY(const bool plain_allowed, section.flag_or("danger_plain", false));
  const auto url = http::Url::parse(settings.endpoint);
  if (!url) return wrong("'" + section.path_of("endpoint") + "': " + url.error().detail);
  settings.danger_plain = !url->secure && !http::is_loopback(url->authority);
  if (settings.danger_plain && !plain_allowed)
    return wrong("'" + section.path_of("endpoint") + "' is reached over plain HTTP, and '" +
                 url->authority.to_string() +
                 "' is not this machine: write https://, or accept with danger_plain = true that partners' names and "
                 "requests cross the network in the clear");
  return {};
}

base::Result<void> read_files(base::ConfigSection& section, const std::filesystem::path& folder,
                              TelemetrySettings& settings) {
  BASE_TRY(const std::string ca_file, section.text_or("ca_file", ""));
  BASE_TRY(const std::string certificate, section.text_or("certificate", ""));
  BASE_TRY(const std::string key, section.text_or("key", ""));
  if (certificate.empty() != key.empty())
    return wrong("'" + section.path_of("certificate") + "' and '" + section.path_of("key") +
                 "' belong together: name both, or neither");
  const auto placed = [&](const std::string& name) { return name.empty() ? std::filesystem::path() : folder / name; };
  settings.ca_file = placed(ca_file);
  settings.certificate = placed(certificate);
  settings.key = placed(key);
  for (const std::filesystem::path& file : {settings.ca_file, settings.certificate, settings.key}) {
    std::error_code error;
    if (!file.empty() && !std::filesystem::is_regular_file(file, error))
      return wrong("'" + section.path_of("endpoint") + "' needs the file '" + file.string() + "', which is not there");
  }
  return {};
}

}  // namespace

base::Result<std::optional<TelemetrySettings>> read_telemetry(base::ConfigSection& gateway,
                                                              const std::filesystem::path& folder) {
  if (!gateway.has("telemetry")) return std::optional<TelemetrySettings>();
  BASE_TRY(auto section, gateway.section("telemetry"));
  TelemetrySettings settings;
  BASE_TRY(settings.endpoint, section.text("endpoint"));
  BASE_TRY_VOID(check_endpoint(section, settings));
  BASE_TRY_VOID(read_files(section, folder, settings));
  BASE_TRY(settings.service_name, section.text_or("service_name", settings.service_name));
  if (settings.service_name.empty() || settings.service_name.size() > kLongestName)
    return wrong("'" + section.path_of("service_name") + "' must have 1 to 255 bytes");
  BASE_TRY(const std::string sampling, section.text_or("sampling", "parent"));
  if (sampling != "parent" && sampling != "ratio")
    return wrong("'" + section.path_of("sampling") +
                 "' must be \"parent\" (what a caller flags is exported) or \"ratio\" (of that, too, only so much as "
                 "trace_sample_percent says)");
  if (sampling == "ratio") settings.sampling = TelemetrySettings::Sampling::ratio;
  return std::optional(std::move(settings));
}

}  // namespace countersign::gateway
