// `countersign ceremony`: what a root's key signs, on a machine without a network (docs/ceremony.md).
#include <cstdlib>
#include <cstring>

#include "base/files.h"
#include "base/secret_source.h"
#include "ceremony/hold.h"
#include "cli/command_tree.h"

namespace countersign::cli {
namespace {

struct CeremonyOptions {
  std::string file;
  bool check = false;
};

constexpr base::SecretName kPassphrase = {"passphrase", "the passphrase of the roots' keys", "COUNTERSIGN_PASSPHRASE",
                                          "countersign-passphrase"};
constexpr base::SecretName kPin = {"token_pin", "the PIN of the token", "COUNTERSIGN_TOKEN_PIN",
                                   "countersign-token-pin"};

base::Result<base::Secret> find(const base::SecretName& name, const std::filesystem::path& file) {
  base::SecretSources sources;
  if (char* value = std::getenv(name.variable); value != nullptr) {
    sources.environment = value;
    ::explicit_bzero(value, std::strlen(value));
    ::unsetenv(name.variable);
  }
  if (const char* folder = std::getenv("CREDENTIALS_DIRECTORY"); folder != nullptr)
    sources.credentials_directory = folder;
  sources.configured_file = file;
  auto found = base::find_secret(name, sources);
  if (sources.environment) ::explicit_bzero(sources.environment->data(), sources.environment->size());
  BASE_TRY(auto secret, std::move(found));
  if (secret) return std::move(*secret);
  return base::fail(base::Kind::invalid, std::string(name.code) + ".none",
                    std::string(name.words) + " is not there: set $" + name.variable + ", or name a file in [keys]");
}

base::Result<base::Secret> find_secret_of(const ceremony::KeysPlan& keys) {
  return keys.token_module.empty() ? find(kPassphrase, keys.passphrase_file) : find(kPin, keys.token_pin_file);
}

base::Result<base::ExitCode> hold(const CeremonyOptions& options, Context& context) {
  constexpr std::size_t kFileLimit = 256 * 1024;
  BASE_TRY(const std::string text, base::read_file(options.file, kFileLimit));
  BASE_TRY(const ceremony::Plan plan, ceremony::Plan::parse(text, options.file));
  base::Secret secret;
  if (!options.check) {
    BASE_TRY(secret, find_secret_of(plan.keys));
  }
  const ceremony::Act act{.mode = options.check ? ceremony::Mode::check : ceremony::Mode::sign,
                          .text = text,
                          .file = options.file,
                          .programme = "countersign " COUNTERSIGN_VERSION,
                          .clock = context.clock,
                          .secret = secret};
  BASE_TRY(const std::string transcript, ceremony::hold(plan, act));
  context.out << transcript;
  if (!options.check) context.err << "Made in " << plan.out.string() << ", with this transcript.\n";
  return base::ExitCode::ok;
}

}  // namespace

void add_ceremony(CommandTree& tree) {
  const auto options = std::make_shared<CeremonyOptions>();
  CLI::App& app =
      tree.command(tree.root(), "ceremony", "Make roots, certify CAs, make roots' CRLs: offline, by one reviewed file",
                   [options](Context& context) { return hold(*options, context); });
  app.add_option("file", options->file, "What is to be done")->required()->type_name(kFile);
  app.add_flag("--check", options->check, "Only show what would be signed, to the byte; needs no key");
  tree.explain(
      app,
      "Needs no network and no registry. The passphrase of the roots' keys comes from $COUNTERSIGN_PASSPHRASE,\n"
      "systemd's credential countersign-passphrase or the file that [keys] names; a token's PIN from\n"
      "$COUNTERSIGN_TOKEN_PIN, countersign-token-pin or its file. See docs/ceremony.md.");
}

}  // namespace countersign::cli
