// `countersign sign`: the fields that prove who wrote a message.
#include <array>

#include "base/config.h"
#include "cli/command_tree.h"
#include "cli/message_options.h"
#include "cli/request.h"
#include "cli/text.h"
#include "crypto/random.h"
#include "signatures/content_signature.h"
#include "signatures/http_signature.h"
#include "tls/context.h"

namespace countersign::cli {
namespace {

using signatures::Kind;

struct SignOptions {
  MessageOptions message;
  std::string kind = "rfc9421";
  std::string folder = ".";
  std::string certificate;
  std::string key;
  std::vector<std::string> cover;
  std::string tag;
  std::string expires;
  std::string header_name{signatures::kHeaderField};
  std::string digest = "sha-256";
  bool nonce = false;
  bool curl = false;
  bool explain = false;
};

struct SigningPair {
  tls::Credential credential;
  signatures::VerificationKey key;
};

/// By purpose: the pair of a Transport Certificate is refused.
base::Result<SigningPair> load_pair(const SignOptions& options) {
  const RequestFiles files = RequestFiles::in(options.folder, trust::Purpose::signing);
  const std::string certificate = options.certificate.empty() ? files.certificate.string() : options.certificate;
  const std::string key_file = options.key.empty() ? files.key.string() : options.key;
  BASE_TRY(tls::Credential credential, tls::load_credential(certificate, key_file));
  BASE_TRY(auto key, signatures::VerificationKey::of(credential.chain.front()));
  return SigningPair{std::move(credential), std::move(key)};
}

base::Result<std::string> make_nonce() {
  crypto::SystemRandom random;
  std::array<std::uint8_t, 16> bytes{};
  BASE_TRY_VOID(random.fill(bytes));
  return base::to_base64url(bytes);
}

base::Result<std::vector<signatures::Component>> components(const SignOptions& options,
                                                            const signatures::MessageView& message,
                                                            signatures::Content content) {
  signatures::SignaturePolicy policy;
  for (const std::string& text : options.cover) {
    BASE_TRY(auto component, signatures::Component::parse(text));
    policy.more.push_back(std::move(component));
  }
  return components_to_cover(message, content, policy);
}

struct Made {
  std::vector<http::Field> fields;
  std::string signed_bytes;  ///< of rfc9421
};

base::Result<Made> sign_http(const SignOptions& options, DescribedMessage& message, const SigningPair& pair,
                             base::Instant now) {
  Made made;
  const bool has_content = message.content().has_value();
  if (has_content && message.fields().count("Content-Digest") == 0) {
    const auto algorithm =
        options.digest == "sha-512" ? signatures::DigestAlgorithm::sha512 : signatures::DigestAlgorithm::sha256;
    made.fields.push_back({"Content-Digest", signatures::content_digest(algorithm, *message.content())});
    message.fields().add("Content-Digest", made.fields.back().value);
  }
  const signatures::RequestView request = message.request();
  const auto view = signatures::MessageView::of(request);
  const auto content = has_content ? signatures::Content::some : signatures::Content::none;
  BASE_TRY(auto covered, components(options, view, content));
  signatures::Signing signing{.key = pair.credential.key,
                              .keyid = pair.key.thumbprint(),
                              .scheme = *signatures::http_scheme(pair.key.key().type()),
                              .components = std::move(covered),
                              .created = now,
                              .tag = options.tag};
  if (options.nonce) {
    BASE_TRY(signing.nonce, make_nonce());
  }
  if (!options.expires.empty()) {
    BASE_TRY(const base::Duration lifetime, base::parse_duration(options.expires));
    signing.expires = now + lifetime;
  }
  BASE_TRY(auto fields, signatures::sign(view, signing));
  made.fields.push_back({"Signature-Input", std::move(fields.signature_input)});
  made.fields.push_back({"Signature", std::move(fields.signature)});
  made.signed_bytes = std::move(fields.base);
  return made;
}

base::Result<Made> make_fields(const SignOptions& options, DescribedMessage& message, const SigningPair& pair,
                               base::Instant now) {
  if (options.kind == "rfc9421") return sign_http(options, message, pair, now);
  if (!message.content())
    return base::fail(base::Kind::invalid, "sign.no_content",
                      "--kind " + options.kind + " signs the content alone, and there is none: name it with --body");
  const crypto::PrivateKey& key = pair.credential.key;
  if (options.kind == "jws") {
    BASE_TRY(auto jws, signatures::sign_detached_jws(key, pair.key.thumbprint(), *message.content(), now));
    return Made{{{std::string(signatures::kJwsField), std::move(jws)}}, {}};
  }
  BASE_TRY(auto header, signatures::sign_header(key, pair.key.thumbprint(), *message.content()));
  return Made{{{options.header_name, std::move(header)}}, {}};
}

/// With the Transport Certificate and the trust chain of the same folder, where they are.
std::string curl_command(const SignOptions& options, const std::vector<http::Field>& made) {
  std::string text = "curl --request " + shell_word(options.message.method);
  const RequestFiles transport = RequestFiles::in(options.folder, trust::Purpose::transport);
  std::error_code ignored;
  if (std::filesystem::exists(transport.chain, ignored))
    text += " --cert " + shell_word(transport.chain.string()) + " --key " + shell_word(transport.key.string());
  const std::filesystem::path trust_chain = std::filesystem::path(options.folder) / "trust-chain.pem";
  if (std::filesystem::exists(trust_chain, ignored)) text += " --cacert " + shell_word(trust_chain.string());
  for (const std::string& header : options.message.headers)
    text += " --header " + shell_word(header);
  for (const http::Field& field : made)
    text += " --header " + shell_word(field.name + ": " + field.value);
  if (!options.message.body.empty()) text += " --data-binary " + shell_word("@" + options.message.body);
  return text + " " + shell_word(options.message.url);
}

base::Result<base::ExitCode> sign(const SignOptions& options, Context& context) {
  BASE_TRY(auto message, DescribedMessage::of(options.message));
  BASE_TRY(const SigningPair pair, load_pair(options));
  BASE_TRY(const Made made, make_fields(options, message, pair, context.clock.now()));
  if (options.curl) {
    context.out << curl_command(options, made.fields) << "\n";
  } else {
    for (const http::Field& field : made.fields)
      context.out << field.name << ": " << field.value << "\n";
  }
  if (options.explain)
    context.err << "key         " << pair.key.thumbprint() << "\ncertificate " << pair.key.certificate_thumbprint()
                << "\n"
                << (made.signed_bytes.empty() ? "" : "signed:\n" + made.signed_bytes + "\n");
  return base::ExitCode::ok;
}

}  // namespace

void add_sign(CommandTree& tree) {
  auto options = std::make_shared<SignOptions>();
  CLI::App& app = tree.command(tree.root(), "sign", "Sign a message with the key of a Signing Certificate",
                               [options](Context& context) { return sign(*options, context); });
  options->message.add_to(app, "request");
  add_choice(app, "--kind", options->kind, {"rfc9421", "jws", "header"},
             "HTTP message signature; or over the content alone: detached JWS, or k=KEY, s=SIGNATURE [rfc9421]");
  app.add_option("--out", options->folder, "The folder with signing.pem and signing.key [.]")->type_name(kFolder);
  app.add_option("--certificate", options->certificate, "The Signing Certificate [OUT/signing.pem]")->type_name(kFile);
  app.add_option("--key", options->key, "Its key [OUT/signing.key]")->type_name(kFile);
  app.add_option("--cover", options->cover, "Another component, such as content-type; again for each")
      ->type_name("COMPONENT")
      ->allow_extra_args(false);
  app.add_flag("--nonce", options->nonce, "With a nonce, for routes that want one");
  app.add_option("--tag", options->tag, "With this tag")->type_name("TEXT");
  app.add_option("--expires", options->expires, "Good for so long at most, such as 60s")->type_name("DURATION");
  add_choice(app, "--digest", options->digest, {"sha-256", "sha-512"}, "Of Content-Digest [sha-256]");
  app.add_option("--header-name", options->header_name, "The field of --kind header [x-signature]")->type_name("NAME");
  app.add_flag("--curl", options->curl, "Print a curl command instead of the fields");
  app.add_flag("--explain", options->explain, "Say on standard error which key it is and what was signed");
  tree.explain(
      app,
      "Covers @method, @target-uri, content-digest where there is a content, and what --cover names. The key id "
      "is the RFC 7638 thumbprint of the key. See docs/message-signatures.md.");
}

}  // namespace countersign::cli
