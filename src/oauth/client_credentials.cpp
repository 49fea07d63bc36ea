#include "oauth/client_credentials.h"

#include <algorithm>

#include "base/check.h"

namespace countersign::oauth {
namespace {

/// RFC 7523 section 2.2.
constexpr std::string_view kAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
constexpr std::size_t kLongestSecret = 512;

/// What stands behind the scheme, case ignored.
std::optional<std::string_view> behind(std::string_view scheme, std::string_view authorization) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; };
  if (authorization.size() <= scheme.size() || authorization[scheme.size()] != ' ') return std::nullopt;
  if (!std::ranges::equal(authorization.substr(0, scheme.size()), scheme, same)) return std::nullopt;
  std::string_view rest = authorization.substr(scheme.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return rest;
}

/// RFC 6749 section 2.3.1: both parts are form-encoded first.
Checked<ClientCredentials> read_basic(std::string_view encoded) {
  const auto bytes = base::from_base64(encoded);
  const std::string_view pair = bytes ? base::as_text(*bytes) : std::string_view();
  const std::size_t colon = pair.find(':');
  if (colon == std::string_view::npos) return refuse(Reason::malformed_request, "the Authorization field is no Basic");
  auto id = decode_form(pair.substr(0, colon));
  auto secret = decode_form(pair.substr(colon + 1));
  if (!id || !secret || secret->size() > kLongestSecret)
    return refuse(Reason::malformed_request, "the Authorization field is no Basic");
  return ClientCredentials{std::move(*id),
                           ShownSecret{Method::client_secret_basic, base::Secret(std::string_view(*secret))}};
}

Checked<ClientCredentials> read_assertion(const Form& form, std::string assertion) {
  if (form.find("client_assertion_type") != kAssertionType)
    return refuse(Reason::malformed_request, "client_assertion_type is not " + std::string(kAssertionType));
  return ClientCredentials{form.find("client_id"), ShownAssertion{std::move(assertion)}};
}

}  // namespace

std::string_view name(Method method) {
  switch (method) {
    case Method::private_key_jwt: return "private_key_jwt";
    case Method::tls_client_auth: return "tls_client_auth";
    case Method::client_secret_basic: return "client_secret_basic";
    case Method::client_secret_post: return "client_secret_post";
  }
  BASE_UNREACHABLE();
}

std::optional<Method> parse_method(std::string_view wanted) {
  for (const Method one :
       {Method::private_key_jwt, Method::tls_client_auth, Method::client_secret_basic, Method::client_secret_post})
    if (name(one) == wanted) return one;
  return std::nullopt;
}

Method ClientCredentials::method() const {
  if (const auto* secret = std::get_if<ShownSecret>(&shown)) return secret->method;
  return std::holds_alternative<ShownAssertion>(shown) ? Method::private_key_jwt : Method::tls_client_auth;
}

Checked<ClientCredentials> read_credentials(const std::string& authorization, const Form& form) {
  auto assertion = form.find("client_assertion");
  const auto secret = form.find("client_secret");
  const int ways = (authorization.empty() ? 0 : 1) + (assertion ? 1 : 0) + (secret ? 1 : 0);
  if (ways > 1) return refuse(Reason::two_client_authentications);
  if (!authorization.empty()) {
    const auto encoded = behind("basic", authorization);
    if (!encoded) return refuse(Reason::no_client_authentication, "the Authorization field is of another scheme");
    auto basic = read_basic(*encoded);
    // RFC 6749 section 2.3.1 has the id in the field alone; the same one in the body does no harm.
    if (basic && form.find("client_id").value_or(*basic->client_id) != *basic->client_id)
      return refuse(Reason::two_client_authentications);
    return basic;
  }
  if (assertion) return read_assertion(form, std::move(*assertion));
  auto id = form.find("client_id");
  if (!id) return refuse(Reason::no_client_authentication);
  if (!secret) return ClientCredentials{std::move(id), ShownNothing{}};
  if (secret->size() > kLongestSecret) return refuse(Reason::malformed_request, "the secret is too long");
  return ClientCredentials{std::move(id),
                           ShownSecret{Method::client_secret_post, base::Secret(std::string_view(*secret))}};
}

std::optional<std::string> bearer_token(std::string_view authorization) {
  const auto token = behind("bearer", authorization);
  if (!token || token->empty() || token->find_first_of(" ,\t") != std::string_view::npos) return std::nullopt;
  return std::string(*token);
}

}  // namespace countersign::oauth
