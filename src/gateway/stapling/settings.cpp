#include "gateway/stapling/settings.h"

#include "http/url.h"

namespace countersign::gateway {
namespace {

constexpr std::size_t kLongestUrl = 1024;

}  // namespace

base::Result<void> read_ocsp(base::ConfigSection& section, OcspSettings& settings) {
  BASE_TRY(settings.stapling, section.flag_or("ocsp_stapling", settings.stapling));
  BASE_TRY(settings.responder, section.text_or("ocsp_responder", settings.responder));
  if (settings.responder.empty()) return {};
  const auto url = http::Url::parse(settings.responder);
  const bool usable =
      url && !url->secure && url->target.find('?') == std::string::npos && settings.responder.size() <= kLongestUrl;
  if (usable) return {};
  return base::fail(base::Kind::invalid, "gateway.config",
                    "'" + section.path_of("ocsp_responder") +
                        "' must be the http:// URL of an OCSP responder, without a query: its answers are signed, and "
                        "are asked for in the clear");
}

}  // namespace countersign::gateway
