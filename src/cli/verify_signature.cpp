// `countersign verify-signature`: is a message signed with a key, and if not, where does it differ?
#include <sstream>

#include "base/config.h"
#include "base/files.h"
#include "cli/command_tree.h"
#include "cli/message_options.h"
#include "cli/run.h"
#include "cli/text.h"
#include "jose/jwk_set.h"
#include "signatures/content_signature.h"
#include "signatures/http_signature.h"

namespace countersign::cli {
namespace {

using signatures::Content;
using signatures::MessageView;
using signatures::Reason;
using signatures::Refusal;
using signatures::VerificationKey;

struct VerifySignatureOptions {
  MessageOptions message;
  std::string kind = "rfc9421";
  std::string certificate;
  std::string jwks;
  int status = 0;  ///< of a response; 0: it is a request
  std::vector<std::string> response_headers;
  std::string response_body;
  std::vector<std::string> cover;
  std::string tag;
  std::string at;
  std::string max_age = "5m";
  std::string header_name{signatures::kHeaderField};
  std::string signed_base;
  bool explain = false;
};

base::Result<std::vector<VerificationKey>> load_keys(const VerifySignatureOptions& options) {
  if (options.certificate.empty() == options.jwks.empty())
    return base::fail(base::Kind::invalid, "verify.options", "name --certificate or --jwks");
  std::vector<VerificationKey> keys;
  if (!options.certificate.empty()) {
    BASE_TRY(const std::string text, base::read_file(options.certificate));
    BASE_TRY(const auto certificates, x509::Certificate::all_from_pem(text));
    BASE_TRY(auto key, VerificationKey::of(certificates.front()));
    keys.push_back(std::move(key));
    return keys;
  }
  BASE_TRY(const std::string text, base::read_file(options.jwks));
  BASE_TRY(const auto json, base::parse_json(text));
  BASE_TRY(const auto set, jose::JwkSet::parse(json));
  for (const jose::Jwk& jwk : set.keys())
    keys.push_back(VerificationKey::of(jwk));
  if (keys.empty())
    return base::fail(base::Kind::invalid, "jwk.unsupported", "no key in '" + options.jwks + "' signs messages here");
  return keys;
}

signatures::FindKey finder(const std::vector<VerificationKey>& keys) {
  return [&keys](std::string_view keyid) -> base::Result<VerificationKey, Refusal> {
    for (const VerificationKey& key : keys)
      if (key.is_named(keyid)) return key;
    return base::unexpected(signatures::refuse(Reason::unknown_key,
                                               "it names '" + std::string(keyid.substr(0, 100)) +
                                                   "', and what was given is " + keys.front().thumbprint() +
                                                   (keys.size() > 1 ? " and others" : ""),
                                               keyid));
  };
}

/// All that one check needs, alive for as long as it takes.
struct Question {
  DescribedMessage request;
  http::Fields response_fields = {};
  std::optional<std::string> response_content = {};
  std::vector<VerificationKey> keys;
  signatures::SignaturePolicy policy = {};
  signatures::Freshness freshness;
};

base::Result<Question> read_question(const VerifySignatureOptions& options, const Context& context) {
  BASE_TRY(auto request, DescribedMessage::of(options.message));
  BASE_TRY(auto keys, load_keys(options));
  Question question{.request = std::move(request), .keys = std::move(keys), .freshness = {.now = context.clock.now()}};
  BASE_TRY(question.freshness.max_age, base::parse_duration(options.max_age));
  if (!options.at.empty()) {
    BASE_TRY(question.freshness.now, base::parse_rfc3339(options.at));
  }
  for (const std::string& text : options.response_headers) {
    BASE_TRY(auto field, read_header(text));
    question.response_fields.add(std::move(field.name), std::move(field.value));
  }
  if (!options.response_body.empty()) {
    BASE_TRY(question.response_content, read_content(options.response_body));
  }
  for (const std::string& text : options.cover) {
    BASE_TRY(auto component, signatures::Component::parse(text));
    question.policy.more.push_back(std::move(component));
  }
  question.policy.tag = options.tag;
  return question;
}

using Verdict = base::Result<signatures::VerifiedSignature, Refusal>;

Verdict check_content_only(const std::string& kind, const Question& question, std::string_view text,
                           std::string_view content) {
  const auto find = finder(question.keys);
  if (kind == "jws") {
    BASE_TRY(const auto jws, signatures::DetachedJws::parse(text));
    BASE_TRY(const auto key, find(jws.keyid()));
    return jws.verify(key, content, question.freshness);
  }
  BASE_TRY(const auto header, signatures::HeaderSignature::parse(text));
  BASE_TRY(const auto key, find(header.keyid()));
  return header.verify(key, content);
}

Verdict check(const VerifySignatureOptions& options, const Question& question, const MessageView& message) {
  const auto& content = message.is_response() ? question.response_content : question.request.content();
  if (options.kind != "rfc9421") {
    const std::string field = options.kind == "jws" ? std::string(signatures::kJwsField) : options.header_name;
    const auto text = message.fields->find(field);
    if (!text) return base::unexpected(signatures::refuse(Reason::missing, "there is no " + field));
    return check_content_only(options.kind, question, *text, content.value_or(""));
  }
  const auto find = finder(question.keys);
  const Content kind = content ? Content::some : Content::none;
  BASE_TRY(auto head, signatures::check_head({message, kind, question.policy, question.freshness, find}));
  head.add(base::as_bytes(content.value_or("")));
  return std::move(head).finish();
}

/// The first line in which two signature bases differ, as both have it; empty where they do not.
std::string first_difference(const std::string& theirs, const std::string& ours) {
  std::istringstream left(theirs);
  std::istringstream right(ours);
  std::string a;
  std::string b;
  for (int line = 1;; ++line) {
    const bool more_left = static_cast<bool>(std::getline(left, a));
    const bool more_right = static_cast<bool>(std::getline(right, b));
    if (!more_left && !more_right) return {};
    if (more_left && a.ends_with('\r')) a.pop_back();
    if (more_left && more_right && a == b) continue;
    return "line " + std::to_string(line) + " differs\n  signed    " + (more_left ? printable(a) : "(nothing)") +
           "\n  computed  " + (more_right ? printable(b) : "(nothing)") + "\n";
  }
}

/// What was computed of each signature, and where it differs from what the signer says it signed.
base::Result<void> explain(const VerifySignatureOptions& options, const MessageView& message, std::ostream& out) {
  const auto inputs = signatures::read_signatures(*message.fields);
  if (!inputs) return {};
  for (const signatures::SignatureInput& input : *inputs) {
    const auto text = signatures::signature_base(message, input);
    if (!text) {
      out << "signature base of '" << input.label << "': " << printable(text.error().detail) << "\n";
      continue;
    }
    if (options.explain) out << "signature base of '" << input.label << "':\n" << *text << "\n";
    if (options.signed_base.empty()) continue;
    BASE_TRY(const std::string theirs, base::read_file(options.signed_base));
    const std::string difference = first_difference(theirs, *text);
    out << (difference.empty() ? "both signature bases are the same: it was made with another key or algorithm\n"
                               : difference);
  }
  return {};
}

void print(const Verdict& verdict, std::ostream& out) {
  if (!verdict) {
    const signatures::Explanation& why = signatures::explanation(verdict.error().reason);
    out << "refused " << why.code << "\n  meaning  " << why.meaning << "\n  detail   "
        << printable(verdict.error().detail) << "\n  remedy   " << why.remedy << "\n";
    return;
  }
  out << "verified\n  kind     " << signatures::name(verdict->kind()) << "\n  key      " << verdict->key().thumbprint()
      << "\n";
  if (verdict->created()) out << "  made     " << base::to_rfc3339(*verdict->created()) << "\n";
  std::string covers;
  for (const signatures::Component& component : verdict->covered())
    covers += (covers.empty() ? "" : " ") + component.text();
  out << "  covers   " << (covers.empty() ? "content" : covers) << "\n";
}

base::Result<base::ExitCode> verify_signature(const VerifySignatureOptions& options, Context& context) {
  BASE_TRY(const Question question, read_question(options, context));
  const signatures::RequestView request = question.request.request();
  const MessageView message = options.status == 0 ? MessageView::of(request)
                                                  : MessageView::of(options.status, question.response_fields, &request);
  const Verdict verdict = check(options, question, message);
  print(verdict, context.out);
  if (options.kind == "rfc9421") BASE_TRY_VOID(explain(options, message, context.out));
  return verdict ? base::ExitCode::ok : base::ExitCode::refused;
}

}  // namespace

void add_verify_signature(CommandTree& tree) {
  auto options = std::make_shared<VerifySignatureOptions>();
  CLI::App& app =
      tree.command(tree.root(), "verify-signature", "Check the signature of a message, and say where it differs",
                   [options](Context& context) { return verify_signature(*options, context); });
  options->message.add_to(app, "request, also of the one that a response answers");
  add_choice(app, "--kind", options->kind, {"rfc9421", "jws", "header"}, "As of `countersign sign` [rfc9421]");
  app.add_option("--certificate", options->certificate, "The Signing Certificate, PEM")->type_name(kFile);
  app.add_option("--jwks", options->jwks, "Or a JWK Set with its key")->type_name(kFile);
  app.add_option("--status", options->status, "The message is a response with this status")->type_name("NUMBER");
  app.add_option("--response-header", options->response_headers, "A field of the response; again for each")
      ->type_name("FIELD")
      ->allow_extra_args(false);
  app.add_option("--response-body", options->response_body, "A file with the response's content")->type_name(kFile);
  app.add_option("--cover", options->cover, "A component that must be covered besides; again for each")
      ->type_name("COMPONENT")
      ->allow_extra_args(false);
  app.add_option("--tag", options->tag, "Only a signature with this tag")->type_name("TEXT");
  app.add_option("--at", options->at, "Judge as if it were then [now]")->type_name("2026-11-23T14:45:00Z");
  app.add_option("--max-age", options->max_age, "How old it may be [5m]")->type_name("DURATION");
  app.add_option("--header-name", options->header_name, "The field of --kind header [x-signature]")->type_name("NAME");
  app.add_flag("--explain", options->explain, "Also print the signature base that was computed");
  app.add_option("--signed-base", options->signed_base,
                 "The signature base that the signer computed: the first line that differs is shown")
      ->type_name(kFile);
  tree.explain(
      app,
      "Prints `verified` and ends with 0, or prints `refused REASON` and ends with 1; 2: wrong command line or "
      "file.\nWhether the certificate is to be believed is another question: `countersign verify --purpose "
      "signing`.");
}

}  // namespace countersign::cli
