#include "oauth/claims.h"

#include <array>
#include <cmath>

namespace countersign::oauth {
namespace {

constexpr std::array kTexts = {"iss", "sub", "jti", "client_id", "scope"};
constexpr std::array kDates = {"exp", "nbf", "iat"};
/// The year 9999: beyond it no arithmetic is sure.
constexpr std::int64_t kLatest = 253'402'300'799;
constexpr std::size_t kAudiences = 16;

tl::unexpected<base::Error> malformed(std::string what) {
  return base::fail(base::Kind::invalid, "jwt.malformed", std::move(what));
}

std::optional<std::int64_t> seconds_of(const base::json::value& value) {
  std::int64_t seconds = -1;
  if (value.is_int64()) seconds = value.get_int64();
  else if (value.is_uint64() && value.get_uint64() <= static_cast<std::uint64_t>(kLatest))
    seconds = static_cast<std::int64_t>(value.get_uint64());
  else if (value.is_double() && value.get_double() >= 0 && value.get_double() <= static_cast<double>(kLatest))
    seconds = static_cast<std::int64_t>(std::floor(value.get_double()));
  if (seconds < 0 || seconds > kLatest) return std::nullopt;
  return seconds;
}

std::optional<std::vector<std::string>> audience_of(const base::json::value& value) {
  if (value.is_string()) return std::vector<std::string>{std::string(value.get_string())};
  if (!value.is_array() || value.get_array().size() > kAudiences) return std::nullopt;
  std::vector<std::string> all;
  for (const base::json::value& one : value.get_array()) {
    if (!one.is_string()) return std::nullopt;
    all.emplace_back(one.get_string());
  }
  return all;
}

}  // namespace

base::Result<Claims> Claims::parse(std::string_view payload) {
  auto json = base::parse_json(payload);
  if (!json || !json->is_object()) return malformed("the payload is no JSON object");
  Claims claims;
  claims.all_ = std::move(json->get_object());
  for (const char* name : kTexts)
    if (const auto* value = claims.all_.if_contains(name); value != nullptr && !value->is_string())
      return malformed("'" + std::string(name) + "' is no text");
  for (const char* name : kDates)
    if (const auto* value = claims.all_.if_contains(name); value != nullptr && !seconds_of(*value))
      return malformed("'" + std::string(name) + "' is no date in seconds since 1970");
  if (const auto* value = claims.all_.if_contains("aud")) {
    auto audience = audience_of(*value);
    if (!audience) return malformed("'aud' is neither a text nor a list of at most 16");
    claims.audience_ = std::move(*audience);
  }
  return claims;
}

std::optional<std::string> Claims::text(std::string_view name) const {
  const auto* value = all_.if_contains({name.data(), name.size()});
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::optional<base::Instant> Claims::date(std::string_view name) const {
  const auto* value = all_.if_contains({name.data(), name.size()});
  const auto seconds = value == nullptr ? std::nullopt : seconds_of(*value);
  if (!seconds) return std::nullopt;
  return base::Instant::from_unix_seconds(*seconds);
}

bool brings_a_key(const jose::UnverifiedJws& jws) {
  for (const char* member : {"jwk", "jku", "x5u", "x5c"})
    if (jws.header().contains(member)) return true;
  return false;
}

}  // namespace countersign::oauth
