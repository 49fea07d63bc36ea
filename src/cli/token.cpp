// `countersign token`: an access token for the application whose certificates lie in a folder.
#include <array>

#include "base/files.h"
#include "cli/command_tree.h"
#include "cli/renewal.h"
#include "cli/token_call.h"
#include "cli/trust_file.h"
#include "crypto/random.h"
#include "oauth/access_token.h"
#include "oauth/assertion.h"
#include "oauth/form.h"

namespace countersign::cli {
namespace {

struct TokenOptions {
  std::string folder = ".";
  TokenWish wish{.issuer = "https://localhost:8443", .endpoint = "", .scope = "", .resources = {}};
  std::string trust_chain;
  std::string method = "private_key_jwt";
  std::string secret_file;
  bool fresh = false;
  bool json = false;
};

/// RSA keys sign by PS256, which every profile takes.
base::Result<jose::Algorithm> algorithm_for(const crypto::PrivateKey& key) {
  const crypto::KeyType type = key.public_key().type();
  if (type == crypto::KeyType::rsa) return jose::Algorithm::ps256;
  const auto algorithm = jose::algorithm_of(type);
  if (!algorithm) return base::fail(base::Kind::invalid, "jwk.unsupported", "this kind of key signs no assertion");
  return *algorithm;
}

base::Result<std::string> make_proof(const TokenOptions& options, const std::string& client, const Context& context) {
  const RequestFiles files = RenewalFiles::in(options.folder, trust::Purpose::signing).current;
  BASE_TRY(const auto signing, tls::load_credential(files.chain.string(), files.key.string()));
  BASE_TRY(const auto algorithm, algorithm_for(signing.key));
  crypto::SystemRandom random;
  std::array<std::uint8_t, 16> id{};
  BASE_TRY_VOID(random.fill(id));
  const oauth::AssertionOrder order{
      .client = client, .audience = options.wish.issuer, .id = base::to_base64url(id), .issued = context.clock.now()};
  BASE_TRY(const std::string assertion, oauth::make_assertion(order, signing.key, algorithm));
  return "&client_assertion_type=" + oauth::encode_form("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
         "&client_assertion=" + oauth::encode_form(assertion);
}

base::Result<std::string> make_form(const TokenOptions& options, const std::string& client, const Context& context) {
  std::string form = "grant_type=client_credentials&client_id=" + oauth::encode_form(client);
  if (!options.wish.scope.empty()) form += "&scope=" + oauth::encode_form(options.wish.scope);
  for (const std::string& resource : options.wish.resources)
    form += "&resource=" + oauth::encode_form(resource);
  if (options.method == "private_key_jwt") {
    BASE_TRY(const std::string proof, make_proof(options, client, context));
    form += proof;
  }
  if (options.method == "client_secret_post") {
    BASE_TRY(const auto secret, base::read_secret_file(options.secret_file));
    std::string_view text = secret.reveal_text();
    text = text.substr(0, text.find_last_not_of(" \r\n\t") + 1);
    form += "&client_secret=" + oauth::encode_form(text);
  }
  return form;
}

void print(const Token& token, const TokenOptions& options, Context& context) {
  if (!options.json) {
    context.out << token.text.reveal_text() << "\n";
    return;
  }
  const base::json::object answer{{"access_token", token.text.reveal_text()},
                                  {"token_type", "Bearer"},
                                  {"expires", base::to_rfc3339(token.expires)},
                                  {"scope", token.scope}};
  context.out << base::json::serialize(answer) << "\n";
}

/// Whether there is what every token needs.
base::Result<void> check_options(const TokenOptions& options) {
  if (options.method == "client_secret_post" && options.secret_file.empty())
    return base::fail(base::Kind::invalid, "token.secret", "name the file with the client secret: --secret-file");
  std::error_code ignored;
  if (std::filesystem::exists(RequestFiles::in(options.folder, trust::Purpose::transport).chain, ignored)) return {};
  return base::fail(base::Kind::invalid, "token.no_certificate",
                    "there is no transport-chain.pem in '" + options.folder +
                        "': name the folder that `countersign request transport --out` made with --out");
}

base::Result<trust::TrustSet> load_trust(const TokenOptions& options) {
  std::filesystem::path chain = options.trust_chain;
  if (chain.empty()) chain = std::filesystem::path(options.folder) / "trust-chain.pem";
  std::error_code ignored;
  if (!std::filesystem::exists(chain, ignored))
    return base::fail(
        base::Kind::invalid, "trust_chain.missing",
        "there is no trust chain at '" + chain.string() +
            "', so the gateway could not be recognised: name it with --trust-chain FILE, or fetch it with "
            "`countersign trust-chain --out FILE`");
  BASE_TRY(TrustFile trusted, read_trust_file(chain));
  return trust::TrustSet::of_roots(std::move(trusted.roots), std::move(trusted.issuing_cas));
}

/// Which name the server does not know, it does not say.
base::Error explain(base::Error error, const std::string& client) {
  if (error.code == "oauth.client_unknown")
    error.detail = "the provider's authorisation server has no client '" + client + "'";
  return error;
}

base::Result<base::ExitCode> get_token(const TokenOptions& options, Context& context) {
  BASE_TRY_VOID(check_options(options));
  BASE_TRY(const Held held, load_held(options.folder, trust::Purpose::transport));
  const std::filesystem::path file = token_file(options.folder, options.wish, held.current);
  auto token = options.fresh ? std::nullopt : kept_token(file, context.clock.now());
  if (!token) {
    BASE_TRY(auto trust, load_trust(options));
    const std::string client = oauth::client_id_of(held.identity);
    BASE_TRY(std::string form, make_form(options, client, context));
    auto got = call_token_endpoint({options.wish, held.credential, std::move(trust), std::move(form)}, context);
    if (!got) return base::unexpected(explain(std::move(got).error(), client));
    BASE_TRY_VOID(keep_token(file, *got, context.clock.now()));
    token = std::move(*got);
  }
  print(*token, options, context);
  return base::ExitCode::ok;
}

}  // namespace

void add_token(CommandTree& tree) {
  const auto options = std::make_shared<TokenOptions>();
  CLI::App& app =
      tree.command(tree.root(), "token", "Get an access token for your application, or the one that is kept",
                   [options](Context& context) { return get_token(*options, context); });
  app.add_option("--out", options->folder, "The folder with transport.* and signing.*")
      ->type_name(kFolder)
      ->capture_default_str();
  app.add_option("--issuer", options->wish.issuer, "The provider's issuer, where its gateway is")
      ->type_name("URL")
      ->capture_default_str();
  app.add_option("--endpoint", options->wish.endpoint, "The token endpoint, where it is not ISSUER/oauth2/token")
      ->type_name("URL");
  app.add_option("--trust-chain", options->trust_chain,
                 "Whom to believe the gateway by [trust-chain.pem in that folder]")
      ->type_name(kFile);
  app.add_option("--scope", options->wish.scope, "Space-separated [all that the provider allows]")->type_name("SCOPES");
  app.add_option("--resource", options->wish.resources, "What the token is for; repeatable [the client's own]")
      ->type_name("URI");
  add_choice(app, "--method", options->method, {"private_key_jwt", "tls_client_auth", "client_secret_post"},
             "How to prove the client, beside the certificate");
  app.add_option("--secret-file", options->secret_file, "Of client_secret_post")->type_name(kFile);
  app.add_flag("--fresh", options->fresh, "Also where a kept one is good for a while");
  app.add_flag("--json", options->json, "Print it as JSON, with its end and scopes");
  tree.explain(
      app,
      "The token is printed, and kept in token-*.json of the folder, mode 0600, until it is near its end. It is\n"
      "good only on connections made with the Transport Certificate in the folder.");
}

}  // namespace countersign::cli
