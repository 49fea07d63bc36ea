#include "cli/verify.h"

#include "base/check.h"
#include "base/files.h"
#include "cli/command_tree.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli/trust_file.h"

namespace countersign::cli {
namespace {

using Verdict = base::Result<trust::VerifiedChain, trust::Refusal>;

base::Result<std::vector<x509::Certificate>> parse_presented(const std::string& text) {
  if (text.find("-----BEGIN ") != std::string::npos) return x509::Certificate::all_from_pem(text);
  BASE_TRY(x509::Certificate single, x509::Certificate::from_der(base::as_bytes(text)));
  return std::vector<x509::Certificate>{std::move(single)};
}

trust::Refusal malformed(const std::string& file, const base::Error& error) {
  return trust::refuse(trust::Reason::malformed, "'" + file + "': " + error.detail);
}

/// Whom certificates for that purpose are issued to. Those for transport, ehi, service and person look alike but for
/// it.
bool is_for(trust::Purpose purpose, const base::Identity& identity) {
  const bool internal = identity.environment == base::Environment::internal;
  const bool reserved = base::is_reserved_organisation(identity.organisation);
  switch (purpose) {
    case trust::Purpose::transport: return !internal && !reserved;
    case trust::Purpose::signing: return !internal;
    case trust::Purpose::ehi: return !internal && reserved;
    case trust::Purpose::service: return internal && reserved;
    case trust::Purpose::person: return internal && !reserved;
    case trust::Purpose::server:
    case trust::Purpose::ocsp: return true;
  }
  BASE_UNREACHABLE();
}

/// By the identity that the leaf carries. Files do not say which issuing CA serves what, as the registry does, so
/// verify_chain() cannot judge it here.
Verdict by_identity(Verdict verdict, const VerifyQuestion& question) {
  if (!verdict) return verdict;
  const auto& identity = verdict->identity();
  const x509::Certificate& leaf = verdict->leaf();
  const std::string urn = identity ? identity->to_urn() : "none";
  if (identity && !is_for(question.purpose, *identity))
    return base::unexpected(
        trust::refuse(trust::Reason::wrong_purpose, leaf, 0,
                      "certificates for " + std::string(trust::name(question.purpose)) + " are not issued to " + urn));
  if (!question.environment || (identity && identity->environment == *question.environment)) return verdict;
  return base::unexpected(trust::refuse(
      trust::Reason::wrong_environment, leaf, 0,
      "this is '" + std::string(base::name(*question.environment)) + "', and the certificate's identity is " + urn));
}

}  // namespace

base::Result<Verdict> verify_files(const VerifyQuestion& question) {
  BASE_TRY(TrustFile trust_file, read_trust_file(question.trust_file));
  BASE_TRY(const std::string leaf_text, base::read_file(question.leaf_file));
  auto presented = parse_presented(leaf_text);
  std::vector<x509::Certificate> intermediates = std::move(trust_file.issuing_cas);
  if (question.intermediates_file) {
    BASE_TRY(const std::string text, base::read_file(*question.intermediates_file));
    auto more = parse_presented(text);
    if (!more) return Verdict(base::unexpected(malformed(*question.intermediates_file, more.error())));
    for (const x509::Certificate& certificate : *more) {
      if (certificate.is_ca()) intermediates.push_back(certificate);
      // One that may not issue is judged as if it had come with the leaf: it spoils the path it is needed for.
      if (!certificate.is_ca() && presented && certificate != presented->front()) presented->push_back(certificate);
    }
  }
  if (!presented) return Verdict(base::unexpected(malformed(question.leaf_file, presented.error())));
  BASE_TRY(const trust::TrustSet trust,
           trust::TrustSet::of_roots(std::move(trust_file.roots), std::move(intermediates)));
  const trust::Policy policy{.purposes = {question.purpose}, .server_name = question.host};
  return by_identity(trust::verify_chain(*presented, policy, trust, question.at), question);
}

namespace {

struct VerifyOptions {
  std::string trust;
  std::string intermediates;
  std::string at;
  std::string purpose;
  std::string name;
  std::string environment;
  std::string leaf;
  bool json = false;
};

base::Result<VerifyQuestion> to_question(const VerifyOptions& options, const Context& context) {
  VerifyQuestion question{.trust_file = options.trust, .leaf_file = options.leaf, .at = context.clock.now()};
  BASE_TRY(question.purpose, trust::parse_purpose(options.purpose));
  if (!options.intermediates.empty()) question.intermediates_file = options.intermediates;
  if (!options.at.empty()) {
    BASE_TRY(question.at, base::parse_rfc3339(options.at));
  }
  if (!options.name.empty()) question.host = options.name;
  if (!options.environment.empty()) {
    BASE_TRY(question.environment, base::parse_environment(options.environment));
  }
  if (question.host && question.purpose != trust::Purpose::server)
    return base::fail(base::Kind::invalid, "verify.options",
                      "--name goes with --purpose server: only servers are called by name");
  return question;
}

/// What a listener asks besides, and files cannot tell.
std::vector<std::string> not_judged(const VerifyOptions& options) {
  std::vector<std::string> left{"revocation", "suspension"};
  if (options.environment.empty()) left.emplace_back("environment");
  return left;
}

void print_accepted(const trust::VerifiedChain& chain, const VerifyOptions& options, Context& context) {
  const x509::Certificate& leaf = chain.leaf();
  const std::string urn = chain.identity() ? chain.identity()->to_urn() : "";
  const std::string fingerprint = base::to_hex(leaf.fingerprint());
  if (options.json) {
    base::json::object answer{{"verdict", "accepted"},
                              {"purpose", std::string(trust::name(chain.purpose()))},
                              {"subject", leaf.subject().text},
                              {"issuer", leaf.issuer().text}};
    if (!urn.empty()) answer["urn"] = urn;
    answer["serial"] = leaf.serial().hex();
    answer["fingerprint"] = fingerprint;
    answer["valid_until"] = base::to_rfc3339(chain.valid_until());
    const auto left = not_judged(options);
    answer["not_judged"] = base::json::array(left.begin(), left.end());
    context.out << base::json::serialize(answer) << "\n";
    return;
  }
  context.out << "accepted\n  subject      " << leaf.subject().text << "\n";
  if (!urn.empty()) context.out << "  identity     " << urn << "\n";
  context.out << "  purpose      " << trust::name(chain.purpose()) << "\n  issuer       " << leaf.issuer().text
              << "\n  serial       " << leaf.serial().hex() << "\n  fingerprint  " << fingerprint << "\n  valid until  "
              << base::to_rfc3339(chain.valid_until()) << "\n  not judged   ";
  std::string_view comma;
  for (const std::string& left : not_judged(options)) {
    context.out << comma << left;
    comma = ", ";
  }
  context.out << "\n";
}

void print_refused(const trust::Refusal& refusal, trust::Party party, const VerifyOptions& options, Context& context) {
  const trust::Explanation& why = trust::explanation(refusal.reason);
  const std::string remedy(why.remedy(party));
  if (options.json) {
    const base::json::object answer{{"verdict", "refused"},
                                    {"reason", std::string(why.name)},
                                    {"meaning", std::string(why.meaning)},
                                    {"detail", printable(refusal.detail)},
                                    {"remedy", remedy},
                                    {"depth", refusal.depth},
                                    {"serial", refusal.serial},
                                    {"subject", refusal.subject},
                                    {"issuer", refusal.issuer},
                                    {"fingerprint", refusal.fingerprint}};
    context.out << base::json::serialize(answer) << "\n";
    return;
  }
  context.out << "refused " << why.name << "\n  meaning  " << why.meaning << "\n  detail   "
              << printable(refusal.detail) << "\n  remedy   " << remedy << "\n";
  if (!refusal.serial.empty())
    context.out << "  subject  " << refusal.subject << "\n  serial   " << refusal.serial << "\n";
}

base::Result<base::ExitCode> verify(const VerifyOptions& options, Context& context) {
  BASE_TRY(const VerifyQuestion question, to_question(options, context));
  auto verdict = verify_files(question);
  if (!verdict) {  // a file that cannot be read is a mistake on the command line, whatever the reason
    report(verdict.error(), context);
    return base::ExitCode::usage;
  }
  if (*verdict) {
    print_accepted(**verdict, options, context);
    return base::ExitCode::ok;
  }
  print_refused(verdict->error(), trust::party_of(question.purpose), options, context);
  return base::ExitCode::refused;
}

}  // namespace

void add_verify(CommandTree& tree) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App& app =
      tree.command(tree.root(), "verify", "Judge a certificate from files alone, by the rules of the handshake",
                   [options](Context& context) { return verify(*options, context); });
  app.add_option("leaf", options->leaf, "The certificate: PEM (leaf first, then what else is presented) or DER")
      ->required()
      ->type_name(kFile);
  app.add_option("--trust", options->trust, "PEM file with the roots to trust; issuing CAs in it are used as well")
      ->required()
      ->type_name(kFile);
  app.add_option("--intermediates", options->intermediates, "File with further certificates that may lead to a root")
      ->type_name(kFile);
  add_choice(app, "--purpose", options->purpose, {"transport", "signing", "server", "ehi", "service", "person"},
             "What the certificate shall be good for")
      ->required();
  app.add_option("--name", options->name, "Host name or address that a server's certificate must carry")
      ->type_name("HOST");
  add_choice(app, "--environment", options->environment, {"uat", "production", "internal"},
             "Which the certificate must be of, as a listener asks; else any");
  app.add_option("--at", options->at, "Judge as if it were then [now]")->type_name("2026-11-23T14:45:00Z");
  app.add_flag("--json", options->json, "Print the verdict as JSON");
  tree.explain(
      app,
      "Prints `accepted` and ends with 0, or prints `refused REASON` and ends with 1; 2: wrong command line or file.\n"
      "What a listener asks besides is not judged here: revocation and suspension, which the registry knows, and,\n"
      "without --environment, whether it opens uat or production. `accepted` lists what was left out.");
}

}  // namespace countersign::cli
