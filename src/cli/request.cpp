#include "cli/request.h"

#include <iostream>

#include "base/config.h"
#include "base/files.h"
#include "cli/application_ref.h"
#include "cli/authority_options.h"
#include "cli/command_tree.h"
#include "cli/password_file.h"
#include "cli/pending.h"
#include "cli/text.h"
#include "x509/pkcs12.h"

namespace countersign::cli {

namespace fs = std::filesystem;

RequestFiles RequestFiles::in(const fs::path& folder, trust::Purpose purpose) {
  const std::string stem(trust::name(purpose));
  return {folder / (stem + ".key"), folder / (stem + ".pem"), folder / (stem + "-chain.pem")};
}

base::Result<void> check_may_save(const RequestFiles& files, const crypto::PublicKey& key) {
  for (const fs::path& file : {files.certificate, files.chain}) {
    auto text = base::read_file(file);
    if (!text && text.error().kind == base::Kind::not_found) continue;
    BASE_TRY_VOID(text);
    const auto old = x509::Certificate::all_from_pem(*text);
    if (old && old->front().public_key().spki_sha256() == key.spki_sha256()) continue;
    return base::fail(base::Kind::conflict, "request.other_key",
                      "'" + file.string() + "' is there and " + (old ? "belongs to another key" : "is no certificate") +
                          ": it is not overwritten; choose another folder with --out, or move it away");
  }
  return {};
}

base::Result<void> save(const RequestFiles& files, const Issued& issued) {
  BASE_TRY_VOID(base::write_file(files.chain, issued.chain_pem(), base::FileMode::world_readable));
  return base::write_file(files.certificate, issued.certificate.to_pem(), base::FileMode::world_readable);
}

namespace {

struct RequestOptions {
  AuthorityOptions authority;
  std::string purpose;
  std::string code;
  std::string out = ".";
  std::string key;
  std::string csr;
  std::string key_type = "p256";
  std::string application;
  std::string p12;
  std::string p12_password_file;
  std::string wait = "0s";  ///< for approval
};

/// All that is needed before the code is spent.
struct Prepared {
  RequestFiles files;
  std::optional<crypto::PrivateKey> private_key;  ///< absent with --csr
  bool key_made = false;
  base::Secret p12_password;
  Enrolment enrolment;
};

base::Result<void> check_combination(const RequestOptions& options) {
  const auto refuse = [](std::string detail) {
    return base::fail(base::Kind::invalid, "request.options", std::move(detail));
  };
  if (!options.csr.empty() && !options.key.empty()) return refuse("--csr brings its own key: leave --key out");
  if (!options.csr.empty() && !options.p12.empty())
    return refuse("--p12 holds the key too, which is not here with --csr: make it with openssl");
  if (options.p12.empty() != options.p12_password_file.empty())
    return refuse("--p12 and --p12-password-file go together");
  return {};
}

base::Result<Prepared> with_csr(const RequestOptions& options, trust::Purpose purpose) {
  BASE_TRY(std::string text, base::read_file(options.csr, x509::kCsrLimit));
  auto csr = x509::Csr::parse(text);
  if (!csr)
    return base::unexpected(std::move(csr).error().under("csr.unusable", "'" + options.csr + "' is no good CSR"));
  return Prepared{.files = RequestFiles::in(options.out, purpose),
                  .private_key = std::nullopt,
                  .p12_password = {},
                  .enrolment = {"", purpose, std::move(text), csr->public_key()}};
}

base::Result<Prepared> with_own_key(const RequestOptions& options, trust::Purpose purpose) {
  RequestFiles files = RequestFiles::in(options.out, purpose);
  if (!options.key.empty()) files.key = options.key;
  BASE_TRY(const auto kind, crypto::PrivateKey::parse_kind(options.key_type));
  BASE_TRY(KeyFile key, open_or_make_key(files.key, kind));
  BASE_TRY(std::string csr, x509::Csr::make_pem(key.key, {"countersign request " + options.purpose, {}, {}}));
  crypto::PublicKey public_key = key.key.public_key();
  Prepared prepared{.files = std::move(files),
                    .private_key = std::move(key.key),
                    .key_made = key.made,
                    .p12_password = {},
                    .enrolment = {"", purpose, std::move(csr), std::move(public_key)}};
  if (!options.p12.empty()) {
    BASE_TRY(prepared.p12_password, read_password(options.p12_password_file));
  }
  return prepared;
}

base::Result<Prepared> prepare(const RequestOptions& options) {
  BASE_TRY_VOID(check_combination(options));
  BASE_TRY(const trust::Purpose purpose, trust::parse_purpose(options.purpose));
  BASE_TRY_VOID(base::make_folder(options.out));
  BASE_TRY(Prepared prepared, options.csr.empty() ? with_own_key(options, purpose) : with_csr(options, purpose));
  if (!options.application.empty()) {
    BASE_TRY(prepared.enrolment.expected, parse_application(options.application));
  }
  BASE_TRY_VOID(check_may_save(prepared.files, prepared.enrolment.key));
  return prepared;
}

base::Result<void> save_p12(const RequestOptions& options, const Prepared& prepared, const Issued& issued) {
  if (options.p12.empty()) return {};
  const x509::Pkcs12 content{*prepared.private_key, issued.certificate, issued.issuing_cas,
                             to_ref(issued.identity) + " " + options.purpose};
  BASE_TRY(const base::Bytes der, x509::to_pkcs12(content, prepared.p12_password));
  return base::write_file(options.p12, base::as_text(der), base::FileMode::owner_only);
}

std::string_view article(trust::Purpose purpose) {
  return purpose == trust::Purpose::ehi || purpose == trust::Purpose::ocsp ? "an " : "a ";
}

std::string title(trust::Purpose purpose) {
  switch (purpose) {
    case trust::Purpose::transport: return "Transport Certificate";
    case trust::Purpose::signing: return "Signing Certificate";
    case trust::Purpose::ehi: return "EHI certificate, the provider's Transport Certificate towards partners,";
    case trust::Purpose::service: return "service certificate";
    case trust::Purpose::server: return "server certificate";
    case trust::Purpose::person: return "personal certificate";
    case trust::Purpose::ocsp: return "OCSP responder's certificate";
  }
  return {};
}

/// The gateway's address as a URL: of the `countersign up` on this machine, or a place to fill in.
std::string gateway_url(const RequestOptions& options) {
  auto text = base::read_file(fs::path(options.authority.data) / kRunningFile);
  if (!text) return "https://GATEWAY:8443/";
  const auto value = base::parse_json(*text);
  const std::string gateway = value && value->is_object() ? member(value->get_object(), "gateway") : "";
  return "https://" + (gateway.empty() ? "GATEWAY:8443" : gateway) + "/";
}

void print_summary(const RequestOptions& options, const Prepared& prepared, const Issued& issued, Context& context) {
  const x509::Certificate& leaf = issued.certificate;
  const std::string key = options.csr.empty() ? prepared.files.key.string() : "KEY-OF-THE-CSR";
  context.out << "The authority issued " << article(prepared.enrolment.purpose) << title(prepared.enrolment.purpose)
              << " to " << to_ref(issued.identity) << ".\n\n";
  if (options.csr.empty())
    context.out << "  key          " << prepared.files.key.string()
                << (prepared.key_made ? " (made here; it never leaves this machine)\n"
                                      : " (it was there, and is used again)\n");
  context.out << "  certificate  " << prepared.files.certificate.string() << "\n  with chain   "
              << prepared.files.chain.string() << "\n";
  if (!options.p12.empty())
    context.out << "  PKCS#12      " << options.p12 << " (key, certificate and chain under your password)\n";
  context.out << "  serial       " << leaf.serial().hex() << "\n  valid until  " << base::to_rfc3339(leaf.not_after())
              << "\n";
  if (prepared.enrolment.purpose == trust::Purpose::person)
    context.out << "\nTry it:\n  countersign own show --person " << shell_word(options.out) << " --authority "
                << options.authority.address().value_or(net::Endpoint{"HOST", 0}).to_string() << " --trust-chain "
                << shell_word(options.authority.trust_chain_file().string()) << "\n";
  if (prepared.enrolment.purpose == trust::Purpose::transport)
    context.out << "\nTry it:\n  curl --cacert " << shell_word(options.authority.trust_chain_file().string())
                << " --cert " << shell_word(prepared.files.chain.string()) << " --key " << shell_word(key) << " "
                << shell_word(gateway_url(options)) << "\n";
}

void print_json(const RequestOptions& options, const Prepared& prepared, const Issued& issued, Context& context) {
  base::json::object files;
  if (options.csr.empty()) files["key"] = prepared.files.key.string();
  files["certificate"] = prepared.files.certificate.string();
  files["chain"] = prepared.files.chain.string();
  if (!options.p12.empty()) files["p12"] = options.p12;
  base::json::object answer;
  answer["purpose"] = options.purpose;
  answer["urn"] = issued.identity.to_urn();
  answer["serial"] = issued.certificate.serial().hex();
  answer["not_before"] = base::to_rfc3339(issued.certificate.not_before());
  answer["not_after"] = base::to_rfc3339(issued.certificate.not_after());
  answer["files"] = std::move(files);
  context.out << base::json::serialize(answer) << "\n";
}

/// The code itself, or the first line of standard input for "-".
base::Result<std::string> read_code(const std::string& given) {
  if (given != "-") return given;
  std::string line;
  std::getline(std::cin, line);
  if (line.ends_with('\r')) line.pop_back();
  if (!line.empty()) return line;
  return base::fail(base::Kind::invalid, "code.missing",
                    "--code - takes the code from standard input, where there is none");
}

base::Result<base::ExitCode> request(const RequestOptions& options, Context& context) {
  BASE_TRY(const base::Duration wait, base::parse_duration(options.wait));
  BASE_TRY(ApiClient api, open_api(options.authority, context));
  BASE_TRY(Prepared prepared, prepare(options));
  BASE_TRY(prepared.enrolment.code, read_code(options.code));
  const auto ask = [&] { return enrol(api, prepared.enrolment, context); };
  BASE_TRY(const Outcome outcome, ask_until_decided(ask, {.for_at_most = wait, .pause = real_pause()}, context));
  if (const auto* pending = std::get_if<Pending>(&outcome))
    return print_pending(*pending, {options.purpose, "the same command", options.authority.json}, context);
  const Issued& issued = std::get<Issued>(outcome);
  BASE_TRY_VOID(save(prepared.files, issued));
  BASE_TRY_VOID(save_p12(options, prepared, issued));
  options.authority.json ? print_json(options, prepared, issued, context)
                         : print_summary(options, prepared, issued, context);
  return base::ExitCode::ok;
}

}  // namespace

void add_request(CommandTree& tree) {
  auto options = std::make_shared<RequestOptions>();
  CLI::App& app =
      tree.command(tree.root(), "request", "Make a key here and have its certificate issued, with an enrolment code",
                   [options](Context& context) { return request(*options, context); });
  add_choice(app, "purpose", options->purpose, {"transport", "signing", "service", "server", "ehi", "person"},
             "What the certificate is for")
      ->required();
  app.add_option("--code", options->code,
                 "The one-time enrolment code that the provider gave you; '-': from standard input")
      ->required()
      ->type_name("CODE");
  app.add_option("--out", options->out, "Where to save PURPOSE.key, PURPOSE.pem and PURPOSE-chain.pem")
      ->type_name(kFolder)
      ->capture_default_str();
  app.add_option("--key", options->key, "The key's file: used when it is there, made when not [OUT/PURPOSE.key]")
      ->type_name(kFile);
  add_choice(app, "--key-type", options->key_type, {"p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096"},
             "Of a key made here")
      ->capture_default_str();
  app.add_option("--csr", options->csr, "Use this CSR (PEM or DER, as openssl req makes it); the key stays where it is")
      ->type_name(kFile);
  app.add_option("--application", options->application, "Accept a certificate for this application only")
      ->type_name("ENV/ORG/APP");
  app.add_option("--p12", options->p12, "Also save key, certificate and chain as PKCS#12, for Windows and Java")
      ->type_name(kFile);
  app.add_option("--p12-password-file", options->p12_password_file, "A file whose first line is the PKCS#12 password")
      ->type_name(kFile);
  app.add_option("--wait", options->wait, "Where people must approve first: wait for them so long, such as 30m")
      ->type_name("DURATION")
      ->capture_default_str();
  add_authority_options(app, options->authority);
  tree.explain(
      app,
      "After any interruption, run the same command again: the key is used again, and the same certificate comes "
      "back.\n"
      "Exit code 3 also says that people must approve first: the same command asks again.\n"
      "The private key is never sent: only a CSR is.");
}

}  // namespace countersign::cli
