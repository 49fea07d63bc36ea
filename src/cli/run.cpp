#include "cli/run.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>
#include <optional>

#include <CLI/CLI.hpp>

#include "base/check.h"
#include "cli/command_tree.h"
#include "cli/text.h"

namespace countersign::cli {
namespace {

/// What the caller can do about an error code, where the detail does not say so already.
std::string_view remedy(std::string_view code) {
  static constexpr std::string_view kNewCode = "A new code: `countersign admin enrol ENV/ORG/APP --purpose PURPOSE`.";
  static constexpr std::pair<std::string_view, std::string_view> kRemedies[] = {
      {"code.used", kNewCode},
      {"code.expired", kNewCode},
      {"code.unknown", "Check that --authority names the provider that gave you the code."},
      {"code.other_purpose", kNewCode},
      {"key.weak", "P-256 is what `countersign request` makes by default; --key-type offers others."},
      {"organisation.unknown", "`countersign admin org list` shows those there are; `admin org create ORG` makes one."},
      {"application.unknown",
       "`countersign admin app list` shows those there are; `admin app create ENV/ORG/APP` makes one."},
      {"application.no_server_names", "`countersign admin app server-names ENV/ORG/APP HOST ...` sets them."},
      {"renewal.superseded", "The newest pair is the one to renew with: look for it where the last renewal was run."},
      {"renewal.too_many", "The newest pair in the folder is one of them: use it once, and renew with that."},
      {"renewal.suspended", "Keep what you have: once the provider has resumed it, the same command renews."},
      {"renewal.not_accepted", "The provider can say why: its registry keeps the reason of each revocation."},
      {"key.reused", "Run `countersign renew` again: it makes a new key."},
      {"key.not_allowed", "Run it again with --key-type, as the provider's policy wants it."},
      {"request.refused", "Settle it with the provider; then `countersign renew --new-key` (or a new code) asks anew."},
      {"request.changed", "`countersign admin requests show ID` shows what it is now."},
      {"ca.not_held",
       "`countersign admin ca show CA` shows who lacks it; --without SERIAL --reason TEXT goes on without."},
      {"ca.in_use", "`countersign admin ca retire CA --remaining N` says that you know."},
      {"root.offline", "`countersign ceremony` signs it; `countersign admin ca import CA FILE` brings it."},
      {"organisation.suspended", "The provider suspended all your applications: ask it why."},
      {"application.suspended", "The provider suspended this application: ask it why."},
      {"authority.refused",
       "Check --authority and --trust-chain. If both are right, somebody may stand in between: tell the provider."},
      {"authority.refuses_us", "Another credential: --operator DIR. The authority's log names the reason."},
  };
  for (const auto& [known, text] : kRemedies)
    if (code == known) return text;
  return {};
}

/// The command that the first arguments name.
struct Named {
  const CLI::App* app;
  std::string words;                   ///< "countersign admin org"
  std::optional<std::string> unknown;  ///< what stands where a command of this group should
};

Named named_command(const CommandTree& tree, const std::vector<std::string>& arguments) {
  Named named{&tree.root(), "countersign", std::nullopt};
  for (const std::string& argument : arguments) {
    const auto children = named.app->get_subcommands(nullptr);
    if (children.empty() || argument.starts_with("-")) return named;
    const auto next = std::ranges::find(children, argument, &CLI::App::get_name);
    if (next == children.end()) return {named.app, named.words, argument};
    named = {*next, named.words + " " + argument, std::nullopt};
  }
  return named;
}

base::ExitCode usage_error(const Named& named, const CLI::ParseError& thrown, Context& context) {
  if (named.unknown) {
    context.err << "countersign: '" << printable(*named.unknown) << "' is no command of `" << named.words
                << "`; there are:";
    for (const CLI::App* known : named.app->get_subcommands(nullptr))
      context.err << " " << known->get_name();
    context.err << "\n";
  } else {
    context.err << "countersign: " << printable(thrown.what()) << "\n";
  }
  context.err << "See `" << named.words << " --help`.\n";
  return base::ExitCode::usage;
}

/// Parses into `tree`; an exit code when there is nothing left to run.
std::optional<base::ExitCode> parse(CommandTree& tree, const std::vector<std::string>& arguments, Context& context) {
  try {
    tree.root().parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    const std::string help = tree.root().help();  // of the command that was named
    context.out << help << (help.ends_with('\n') ? "" : "\n");
    return base::ExitCode::ok;
  } catch (const CLI::ParseError& thrown) {
    if (thrown.get_exit_code() != 0) return usage_error(named_command(tree, arguments), thrown, context);
    context.out << thrown.what() << "\n";  // --version
    return base::ExitCode::ok;
  }
}

/// A file named on the command line that is not there or cannot be read is a mistake of the command line.
base::ExitCode exit_code_of(const base::Error& error) {
  for (const base::Error* one = &error; one != nullptr; one = one->cause.get())
    if (one->code == "file.not_found" || one->code == "file.unreadable") return base::ExitCode::usage;
  return base::to_exit_code(error.kind);
}

}  // namespace

void print_error(std::ostream& err, const base::Error& error) {
  err << "countersign: " << error.detail << " (" << error.code << ")\n";
  std::string_view advice = remedy(error.code);
  for (const base::Error* cause = error.cause.get(); cause != nullptr; cause = cause->cause.get()) {
    err << "  because: " << cause->detail << " (" << cause->code << ")\n";
    if (advice.empty()) advice = remedy(cause->code);
  }
  if (!advice.empty()) err << "  " << advice << "\n";
}

base::ExitCode run(const std::vector<std::string>& arguments, Context& context) {
  CommandTree tree;
  declare_commands(tree);
  if (const auto done = parse(tree, arguments, context)) return *done;
  const Action* action = tree.chosen();
  BASE_CHECK(action != nullptr);
  const auto code = (*action)(context);
  context.out.flush();
  if (code) return *code;
  print_error(context.err, code.error());
  return exit_code_of(code.error());
}

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a peer that closes is an error to report, not our end
  const base::SystemClock clock;
  const auto sink = base::stderr_sink();
  const base::Log log({.program = "countersign", .at_least = base::Level::error}, clock, *sink);
  Context context{std::cout, std::cerr, clock, log};
  try {
    return static_cast<int>(run(std::vector<std::string>(argv + 1, argv + argc), context));
  } catch (const std::exception& thrown) {
    std::cerr << "countersign: stopped by an unforeseen error: " << thrown.what() << "\n";
    return static_cast<int>(base::ExitCode::failed);
  }
}

}  // namespace countersign::cli
