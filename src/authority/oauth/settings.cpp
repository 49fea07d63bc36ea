#include "authority/oauth/settings.h"

#include "authority/registry/token_facts.h"
#include "http/url.h"

namespace countersign::authority {
namespace {

constexpr base::Duration kShortestTokenLife = std::chrono::seconds(30);
constexpr base::Duration kShortestKeyLife = std::chrono::hours(4);
constexpr base::Duration kLongestKeyLife = std::chrono::hours(24 * 400);

tl::unexpected<base::Error> wrong(std::string detail) {
  return base::fail(base::Kind::invalid, "config.value", std::move(detail));
}

/// RFC 8414 section 2: https, no query, no fragment. No path either: the gateway serves hosts.
bool is_issuer(const std::string& text) {
  const auto url = http::Url::parse(text);
  return url && url->secure && url->target == "/" && !text.ends_with('/');
}

std::string host_in_url(const std::string& name) {
  return name.find(':') == std::string::npos ? name : "[" + name + "]";
}

}  // namespace

base::Result<OauthSettings> OauthSettings::read(base::ConfigSection& authority,
                                                const std::vector<std::string>& server_names) {
  OauthSettings settings;
  settings.issuer = "https://" + host_in_url(server_names.empty() ? "localhost" : server_names.front()) + ":8443";
  if (!authority.has("oauth")) return settings;
  BASE_TRY(auto section, authority.section("oauth"));
  BASE_TRY(settings.issuer, section.text_or("issuer", settings.issuer));
  if (!is_issuer(settings.issuer))
    return wrong("'" + section.path_of("issuer") +
                 "' must be https://HOST or https://HOST:PORT, nothing behind it: the gateway as partners reach it");
  BASE_TRY(settings.token_life, section.duration_or("token_life", settings.token_life));
  if (settings.token_life < kShortestTokenLife || settings.token_life > kLongestTokenLife)
    return wrong("'" + section.path_of("token_life") + "' must be from 30s to 1h");
  BASE_TRY(settings.key_life, section.duration_or("key_life", settings.key_life));
  if (settings.key_life < kShortestKeyLife || settings.key_life > kLongestKeyLife)
    return wrong("'" + section.path_of("key_life") + "' must be from 4h to 400d");
  BASE_TRY(const std::string profile, section.text_or("profile", "general"));
  if (profile != "general" && profile != "fapi2")
    return wrong("'" + section.path_of("profile") + "' must be \"general\" or \"fapi2\"");
  if (profile == "fapi2") settings.profile = Profile::fapi2;
  return settings;
}

std::vector<jose::Algorithm> OauthSettings::algorithms() const {
  using jose::Algorithm;
  // FAPI 2.0 section 5.4.1: PS256, ES256 or EdDSA.
  if (profile == Profile::fapi2) return {Algorithm::ps256, Algorithm::es256, Algorithm::eddsa};
  return {Algorithm::ps256, Algorithm::es256, Algorithm::eddsa, Algorithm::es384, Algorithm::rs256};
}

std::vector<oauth::Method> OauthSettings::methods() const {
  using oauth::Method;
  // FAPI 2.0 section 5.3.2.1: mutual TLS or private_key_jwt.
  if (profile == Profile::fapi2) return {Method::private_key_jwt, Method::tls_client_auth};
  return {Method::private_key_jwt, Method::tls_client_auth, Method::client_secret_basic, Method::client_secret_post};
}

}  // namespace countersign::authority
