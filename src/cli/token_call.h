// One call to the provider's token endpoint, over mutual TLS with a held Transport Certificate; and the tokens that
// were got, kept in files that nobody else can read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "cli/api_connection.h"
#include "cli/context.h"
#include "http/url.h"

namespace countersign::cli {

/// What a token is wanted for; two wishes that differ have tokens of their own.
struct TokenWish {
  std::string issuer;                  ///< https://HOST[:PORT]
  std::string endpoint;                ///< empty: ISSUER/oauth2/token
  std::string scope;                   ///< empty: all that the client may have
  std::vector<std::string> resources;  ///< empty: the client's own
};

struct Token {
  base::Secret text;
  base::Instant expires;
  std::string scope;
};

/// A POST of a form to the endpoint. The server must have a certificate under `trust` for the host in the URL. Fails:
/// `token.endpoint`, `token.answer`, as ApiConnection with kGatewayDoor; what the server refused keeps its code
/// (`oauth.*`).
struct TokenCall {
  const TokenWish& wish;
  const tls::Credential& transport;
  trust::TrustSet trust;
  std::string form;
};
base::Result<Token> call_token_endpoint(TokenCall call, const Context& context);

/// The file in which the token of such a wish is kept: FOLDER/token-DIGEST.json, bound to the certificate, too.
std::filesystem::path token_file(const std::filesystem::path& folder, const TokenWish& wish,
                                 const x509::Certificate& transport);
/// Nothing where there is none, or it ends within a minute or the last quarter of its life. Damage counts as none.
std::optional<Token> kept_token(const std::filesystem::path& file, base::Instant now);
/// With mode 0600. Fails: `file.unwritable`.
base::Result<void> keep_token(const std::filesystem::path& file, const Token& token, base::Instant now);

}  // namespace countersign::cli
