// How a client proves itself at an endpoint, beside its certificate (RFC 6749 section 2.3, RFC 7521 section 4.2, RFC
// 8705 section 2): what was sent, before anything of it is checked.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/secret.h"
#include "oauth/form.h"

namespace countersign::oauth {

enum class Method { private_key_jwt, tls_client_auth, client_secret_basic, client_secret_post };
/// As RFC 7591 section 2 and RFC 8705 section 2.1.1 name it.
std::string_view name(Method method);
std::optional<Method> parse_method(std::string_view name);

struct ShownAssertion {
  std::string jwt;
};
struct ShownSecret {
  Method method;
  base::Secret secret;
};
/// The certificate of the connection alone.
struct ShownNothing {};

struct ClientCredentials {
  std::optional<std::string> client_id;  ///< absent: the assertion says it
  std::variant<ShownAssertion, ShownSecret, ShownNothing> shown;

  Method method() const;
};

/// Fails: malformed_request, no_client_authentication, two_client_authentications.
Checked<ClientCredentials> read_credentials(const std::string& authorization, const Form& form);

/// The token of `Authorization: Bearer` (RFC 6750 section 2.1); nothing for another scheme or form.
std::optional<std::string> bearer_token(std::string_view authorization);

}  // namespace countersign::oauth
