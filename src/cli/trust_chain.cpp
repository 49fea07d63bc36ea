// `countersign trust-chain`: what a partner installs to recognise this provider.
#include "base/files.h"
#include "cli/authority_options.h"
#include "cli/command_tree.h"
#include "cli/first_contact.h"
#include "cli/password_file.h"
#include "cli/text.h"
#include "crypto/pem.h"
#include "x509/certs_only.h"
#include "x509/pkcs12.h"

namespace countersign::cli {
namespace {

struct TrustChainOptions {
  AuthorityOptions authority;
  std::string of = "provider";
  std::string fingerprint;
  std::string out;
  std::string format = "pem";
  std::string password_file;
};

using Chain = std::vector<x509::Certificate>;

base::Result<void> check_options(const TrustChainOptions& options) {
  const auto misused = [](const char* detail) {
    return base::fail(base::Kind::invalid, "trust_chain.options", detail);
  };
  if (options.format != "pem" && options.out.empty()) return misused("--format goes with --out FILE");
  if ((options.format == "p12") == options.password_file.empty())
    return misused("--format p12 and --password-file go together");
  return {};
}

/// The chain as it is saved.
base::Result<std::string> encode(const Chain& chain, const TrustChainOptions& options) {
  if (options.format == "p7b") {
    BASE_TRY(const base::Bytes der, x509::to_certs_only(chain));
    return crypto::to_pem("PKCS7", der);
  }
  if (options.format == "p12") {
    BASE_TRY(const base::Secret password, read_password(options.password_file));
    BASE_TRY(const base::Bytes der, x509::to_truststore(chain, password));
    return std::string(base::as_text(der));
  }
  return x509::to_pem(chain);
}

base::Result<ApiClient> open(const TrustChainOptions& options, const Context& context) {
  if (options.fingerprint.empty()) return open_api(options.authority, context);
  BASE_TRY(const crypto::Digest256 root, parse_fingerprint(options.fingerprint));
  BASE_TRY(const net::Endpoint authority, options.authority.address());
  return open_api_by_fingerprint(authority, root, context);
}

/// CAs that are in the chain and do not issue yet; none at an authority that announces nothing yet.
base::Result<base::json::array> announced_by(ApiClient& api, const TrustChainOptions& options) {
  const auto answer = api.get("/v1/trust-chain/announcements?of=" + options.of);
  if (!answer && answer.error().code == "api.no_such_path") return base::json::array();
  if (!answer) return base::unexpected(answer.error());
  const base::json::value* list = answer->if_contains("announcements");
  return list != nullptr && list->is_array() ? list->get_array() : base::json::array();
}

std::string to_text(const base::json::array& announced) {
  std::string text;
  for (const base::json::value& one : announced) {
    if (!one.is_object()) continue;
    const base::json::object& ca = one.get_object();
    const std::string day = member(ca, "use_from");
    text += "  " + member(ca, "subject") + "\n  SHA-256 " + member(ca, "fingerprint") + "\n  announced " +
            member(ca, "announced") + ", not used before " + (day.empty() ? "a day that is not fixed yet" : day) + "\n";
  }
  return text.empty() ? text : "Of these are to come, and are to be installed beside those of today\n" + text;
}

base::Result<base::ExitCode> trust_chain(const TrustChainOptions& options, Context& context) {
  BASE_TRY_VOID(check_options(options));
  BASE_TRY(ApiClient api, open(options, context));
  BASE_TRY(const std::string pem, api.get_text("/v1/trust-chain?of=" + options.of));
  BASE_TRY(const std::vector<x509::Certificate> chain, x509::Certificate::all_from_pem(pem));
  BASE_TRY(base::json::array announced, announced_by(api, options));
  if (!options.out.empty()) {
    BASE_TRY(const std::string encoded, encode(chain, options));
    BASE_TRY_VOID(base::write_file(options.out, encoded, base::FileMode::world_readable));
  }
  if (options.authority.json) {
    base::json::array list;
    for (const x509::Certificate& certificate : chain)
      list.push_back(base::json::object{{"subject", certificate.subject().text},
                                        {"not_after", base::to_rfc3339(certificate.not_after())},
                                        {"fingerprint", base::to_hex(certificate.fingerprint())},
                                        {"certificate", certificate.to_pem()}});
    context.out << base::json::serialize(base::json::object{
                       {"of", options.of}, {"certificates", std::move(list)}, {"announcements", std::move(announced)}})
                << "\n";
  } else if (options.out.empty()) {
    context.out << x509::to_pem(chain);
  } else {
    context.out << "Saved " << options.out << " with " << chain.size() << " certificates; its root is\n  "
                << chain.front().subject().text << "\n  SHA-256 " << base::to_hex(chain.front().fingerprint())
                << (options.fingerprint.empty()
                        ? "\nCompare that fingerprint by another way, such as the telephone.\n"
                        : "\nThe authority proved itself under the root with the fingerprint given.\n")
                << "Below it\n";
    for (std::size_t i = 1; i < chain.size(); ++i)
      context.out << "  " << chain[i].subject().text << "\n  SHA-256 " << base::to_hex(chain[i].fingerprint()) << "\n";
    context.out << to_text(announced);
  }
  return base::ExitCode::ok;
}

}  // namespace

void add_trust_chain(CommandTree& tree) {
  auto options = std::make_shared<TrustChainOptions>();
  CLI::App& app = tree.command(tree.root(), "trust-chain", "Print or save the root and issuing CAs to trust",
                               [options](Context& context) { return trust_chain(*options, context); });
  add_choice(app, "--of", options->of, {"provider", "partner"},
             "provider: vouches for the provider's servers and calls; partner: for partners' certificates")
      ->capture_default_str();
  app.add_option("--out", options->out, "Save it here instead of printing it")->type_name(kFile);
  add_choice(app, "--format", options->format, {"pem", "p7b", "p12"},
             "Of --out: p7b is PKCS#7 (Windows, Java), p12 a truststore (Java and others)")
      ->capture_default_str();
  app.add_option("--password-file", options->password_file, "File with the password of --format p12")->type_name(kFile);
  app.add_option("--fingerprint", options->fingerprint,
                 "SHA-256 of the provider's root, as the provider told you: for the first time, without a trust chain")
      ->type_name("SHA256");
  add_authority_options(app, options->authority);
}

}  // namespace countersign::cli
