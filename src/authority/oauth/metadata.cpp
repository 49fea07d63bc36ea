#include "authority/oauth/metadata.h"

#include <algorithm>
#include <array>

#include "authority/oauth/registration.h"

namespace countersign::authority {
namespace {

using oauth::Reason;
using oauth::refuse;

/// Ours to say (RFC 7591 section 3.2.1, RFC 7592 section 3).
constexpr std::array kOurs = {"client_id",
                              "client_secret",
                              "client_id_issued_at",
                              "client_secret_expires_at",
                              "registration_access_token",
                              "registration_client_uri"};
constexpr std::array kTexts = {"client_name", "client_uri", "logo_uri",         "tos_uri",           "policy_uri",
                               "software_id", "scope",      "software_version", "software_statement"};

tl::unexpected<oauth::Refusal> refused(std::string_view member, std::string_view why) {
  return refuse(Reason::metadata_refused, std::string(member) + ": " + std::string(why));
}

bool is_text(const base::json::value* value) { return value != nullptr && value->is_string(); }

/// A list of texts, all of them among `allowed`.
bool holds_only(const base::json::value& value, std::initializer_list<std::string_view> allowed) {
  if (!value.is_array()) return false;
  return std::ranges::all_of(value.get_array(), [&](const base::json::value& one) {
    return one.is_string() && std::ranges::find(allowed, std::string_view(one.get_string())) != allowed.end();
  });
}

oauth::Checked<void> check_members(const base::json::object& sent) {
  if (base::json::serialize(sent).size() > kMetadataLimit) return refused("metadata", "more than 16 KiB");
  for (const char* name : {"jwks", "jwks_uri"})
    if (sent.contains(name)) return refused(name, "keys are those of the application's Signing Certificates");
  for (const char* name : kTexts)
    if (sent.contains(name) && !is_text(sent.if_contains(name))) return refused(name, "is no text");
  if (const auto* types = sent.if_contains("grant_types"); types && !holds_only(*types, {"client_credentials"}))
    return refused("grant_types", "only client_credentials");
  if (const auto* types = sent.if_contains("response_types"); types && !holds_only(*types, {}))
    return refused("response_types", "none is supported");
  const auto* uris = sent.if_contains("redirect_uris");
  if (uris != nullptr && !holds_only(*uris, {})) return refused("redirect_uris", "nobody is redirected");
  return {};
}

}  // namespace

oauth::Checked<ClientMetadata> read_metadata(const base::json::object& sent, const ClientRules& rules,
                                             const OauthSettings& settings) {
  if (auto good = check_members(sent); !good) return base::unexpected(std::move(good).error());
  ClientMetadata metadata{sent, rules.methods.front(), rules.scopes};
  for (const char* name : kOurs)
    metadata.kept.erase(name);
  if (const auto* wanted = sent.if_contains("token_endpoint_auth_method")) {
    const auto method = is_text(wanted) ? oauth::parse_method(std::string_view(wanted->get_string())) : std::nullopt;
    const std::vector<oauth::Method> offered = settings.methods();
    const bool allowed = method && std::ranges::find(rules.methods, *method) != rules.methods.end() &&
                         std::ranges::find(offered, *method) != offered.end();
    if (!allowed) return refused("token_endpoint_auth_method", "is none that the provider allows this client");
    metadata.method = *method;
  }
  if (const auto* wanted = sent.if_contains("scope")) {
    auto scopes = oauth::Scopes::parse(std::string_view(wanted->get_string()));
    if (!scopes || !rules.scopes.includes(*scopes)) return refused("scope", "more than the provider allows");
    metadata.scopes = std::move(*scopes);
  }
  return metadata;
}

}  // namespace countersign::authority
