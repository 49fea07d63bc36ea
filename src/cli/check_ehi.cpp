// `countersign check ehi URL`: is a partner's server fit for the provider's calls?
#include <array>
#include <optional>

#include "base/config.h"
#include "base/files.h"
#include "check/judge.h"
#include "check/observe.h"
#include "check/report.h"
#include "cli/command_tree.h"
#include "cli/text.h"
#include "trust/system_roots.h"

namespace countersign::cli {
namespace {

constexpr std::size_t kBodyLimit = 1024 * 1024;
constexpr std::size_t kKeyBytes = 12;
constexpr std::size_t kMostRequests = 10'000;

struct CheckEhiOptions {
  std::string url;
  std::string cert;
  std::string key;
  std::string next_cert;
  std::string next_key;
  std::string trust_chain;
  std::string anchors;
  std::string test_credentials;
  std::string deadline = "200ms";
  std::string patience = "5s";
  std::size_t requests = 100;
  std::string method = "GET";
  std::string body;
  std::string content_type = "application/json";
  std::string html;
  std::string guides;
  bool json = false;
};

tl::unexpected<base::Error> misused(const char* detail) {
  return base::fail(base::Kind::invalid, "check.options", detail);
}

base::Result<std::vector<x509::Certificate>> read_certificates(const std::string& file) {
  BASE_TRY(const std::string text, base::read_file(file));
  auto certificates = x509::Certificate::all_from_pem(text);
  if (!certificates)
    return base::unexpected(std::move(certificates)
                                .error()
                                .under("check.certificates", "'" + file + "' is not a file of PEM certificates"));
  return certificates;
}

bool is_token(const std::string& word) {
  return !word.empty() && word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
}

base::Result<void> read_request(const CheckEhiOptions& options, check::Target& target) {
  if (!is_token(options.method)) return misused("--method is a word in capitals, such as GET or POST");
  target.request.method = options.method;
  target.request.target = target.url.target;
  target.request.fields.add("User-Agent", "countersign-check/" COUNTERSIGN_VERSION);
  target.request.fields.add("Accept", "*/*");
  if (options.body.empty()) return {};
  if (options.method == "GET" || options.method == "HEAD") return misused("--body goes with --method POST");
  BASE_TRY(target.body, base::read_file(options.body, kBodyLimit));
  target.request.fields.add("Content-Type", printable(options.content_type));
  crypto::SystemRandom random;
  std::array<std::uint8_t, kKeyBytes> key{};
  BASE_TRY_VOID(random.fill(key));
  target.message_key = "check-" + base::to_hex(key);
  return {};
}

base::Result<check::Target> to_target(const CheckEhiOptions& options) {
  check::Target target;
  target.text = options.url;
  BASE_TRY(target.url, http::Url::parse(options.url));
  if (!target.url.secure) return misused("the URL must begin with https://: the provider calls nobody in clear");
  if (options.cert.empty() != options.key.empty()) return misused("--cert and --key go together");
  if (options.next_cert.empty() != options.next_key.empty()) return misused("--next-cert and --next-key go together");
  if (!options.guides.empty() && !http::Url::parse(options.guides)) return misused("--guides is an http or https URL");
  if (options.requests < 1 || options.requests > kMostRequests) return misused("--requests is from 1 to 10000");
  BASE_TRY(target.deadline, base::parse_duration(options.deadline));
  BASE_TRY(target.patience, base::parse_duration(options.patience));
  BASE_TRY(target.anchors, check::load_anchors(options.anchors.empty() ? trust::kSystemRoots : options.anchors));
  target.requests = options.requests;
  if (!options.cert.empty()) {
    BASE_TRY(target.own, tls::load_credential(options.cert, options.key));
  }
  if (!options.next_cert.empty()) {
    BASE_TRY(target.next, tls::load_credential(options.next_cert, options.next_key));
  }
  if (!options.trust_chain.empty()) {
    BASE_TRY(target.trust_chain, read_certificates(options.trust_chain));
  }
  if (!options.test_credentials.empty()) {
    BASE_TRY(target.test_credentials, check::load_test_credentials(options.test_credentials));
  }
  BASE_TRY_VOID(read_request(options, target));
  return target;
}

net::Task<void> look(const check::Target& target, check::Surroundings with, std::optional<check::Observations>& seen) {
  seen = co_await check::observe(target, with);
  with.loop.stop();
}

base::ExitCode exit_code_of(const check::Report& report) {
  if (report.count(check::Severity::fail) == 0) return base::ExitCode::ok;
  const check::Finding& first = report.findings.front();  // reach.connect
  return first.severity == check::Severity::fail ? base::ExitCode::unavailable : base::ExitCode::refused;
}

base::Result<base::ExitCode> check_ehi(const CheckEhiOptions& options, Context& context) {
  BASE_TRY(const check::Target target, to_target(options));
  crypto::SystemRandom random;
  net::Loop loop;
  std::optional<check::Observations> seen;
  const check::Surroundings with{loop, context.clock, random};
  net::spawn(loop, look(target, with, seen), "check ehi", context.log);
  loop.run();
  if (!seen) return base::fail(base::Kind::internal, "check.ended", "the check was given up; this is a bug");
  const check::Report report = check::judge(*seen, target.text);
  if (!options.html.empty()) {
    BASE_TRY_VOID(base::write_file(options.html, check::to_html(report, {.guides = options.guides}),
                                   base::FileMode::world_readable));
    context.err << "Saved " << printable(options.html) << "\n";
  }
  if (options.json) {
    context.out << base::json::serialize(check::to_json(report)) << "\n";
  } else {
    context.out << folded(check::to_text(report), context.columns);
  }
  return exit_code_of(report);
}

void add_inputs(CLI::App& app, CheckEhiOptions& options) {
  app.add_option("url", options.url, "What the provider will call: https://HOST[:PORT]/PATH")
      ->required()
      ->type_name("URL");
  app.add_option("--cert", options.cert, "The provider's EHI certificate, leaf first, then its issuing CA")
      ->type_name(kFile);
  app.add_option("--key", options.key, "Its key")->type_name(kFile);
  app.add_option("--next-cert", options.next_cert,
                 "While a change is announced: one that the provider's next CA has issued, leaf first")
      ->type_name(kFile);
  app.add_option("--next-key", options.next_key, "Its key")->type_name(kFile);
  app.add_option("--trust-chain", options.trust_chain,
                 "The provider's root and issuing CAs, as the partner installs them")
      ->type_name(kFile);
  app.add_option("--anchors", options.anchors, "Roots that the server's certificate may come from [the system's]")
      ->type_name(kFile);
  app.add_option("--test-credentials", options.test_credentials,
                 "Folder with certificates that must be refused: expired.pem and .key, revoked, signing, server, "
                 "other-environment, other-caller")
      ->type_name(kFolder);
}

}  // namespace

void add_check(CommandTree& tree) {
  CLI::App& group = tree.group(tree.root(), "check", "Check from outside what is about to go live");
  auto options = std::make_shared<CheckEhiOptions>();
  CLI::App& app = tree.command(group, "ehi", "Check a partner's server before the provider calls it",
                               [options](Context& context) { return check_ehi(*options, context); });
  add_inputs(app, *options);
  app.add_option("--deadline", options->deadline, "That a decision call has")
      ->type_name("DURATION")
      ->capture_default_str();
  app.add_option("--patience", options->patience, "For each step with a server that does not answer")
      ->type_name("DURATION")
      ->capture_default_str();
  app.add_option("--requests", options->requests, "To measure latency by")->type_name("N")->capture_default_str();
  app.add_option("--method", options->method, "Of the requests that are sent")
      ->type_name("METHOD")
      ->capture_default_str();
  app.add_option("--body", options->body, "File with what is sent with each request")->type_name(kFile);
  app.add_option("--content-type", options->content_type, "Of --body")->type_name("TYPE")->capture_default_str();
  app.add_option("--html", options->html, "Save the report here as a page for the partner as well")->type_name(kFile);
  app.add_option("--guides", options->guides, "Where the partner finds the guides for partners that the page names")
      ->type_name("URL");
  app.add_flag("--json", options->json, "Print the report as JSON");
  tree.explain(app,
               "Ends with 0 when nothing failed, with 1 when something did, with 3 when nobody answers there.\n"
               "What could not be tried is listed as `not tried` with how it can be: it has not passed.\n"
               "The requests are sent some hundred times, by GET unless told otherwise: name a path where that does no "
               "harm.");
}

}  // namespace countersign::cli
