#include "cli/run.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>
#include <optional>
#include <sstream>

#include <CLI/CLI.hpp>

#include "base/check.h"
#include "base/json.h"
#include "cli/command_tree.h"
#include "cli/remedy.h"
#include "cli/text.h"

namespace countersign::cli {
namespace {

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
  std::string detail = printable(thrown.what());
  if (named.unknown) {
    detail = "'" + printable(*named.unknown) + "' is no command of `" + named.words + "`; there are:";
    for (const CLI::App* known : named.app->get_subcommands(nullptr))
      detail += " " + known->get_name();
  }
  const std::string advice = "See `" + named.words + " --help`.";
  if (context.json) {
    const base::json::object answer{{"code", "usage"}, {"detail", detail}, {"remedy", advice}};
    context.err << base::json::serialize(answer) << "\n";
  } else {
    context.err << folded("countersign: " + detail + "\n" + advice + "\n", columns_of(context.err));
  }
  return base::ExitCode::usage;
}

/// Parses into `tree`; an exit code when there is nothing left to run.
std::optional<base::ExitCode> parse(CommandTree& tree, const std::vector<std::string>& arguments, Context& context) {
  try {
    tree.root().parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    const std::string help = tree.root().help();  // of the command that was named
    context.out << folded(help, context.columns == 0 ? kHelpColumns : context.columns)
                << (help.ends_with('\n') ? "" : "\n");
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

void print_error(std::ostream& to, const base::Error& error) {
  std::ostringstream err;
  err << "countersign: " << error.detail << " (" << error.code << ")\n";
  for (const base::Error* cause = error.cause.get(); cause != nullptr; cause = cause->cause.get())
    err << "  because: " << cause->detail << " (" << cause->code << ")\n";
  if (const std::string_view advice = remedy(error); !advice.empty()) err << "  " << advice << "\n";
  to << folded(err.str(), columns_of(to));
}

void report(const base::Error& error, Context& context) {
  if (!context.json) return print_error(context.err, error);
  base::json::array causes;
  for (const base::Error* cause = error.cause.get(); cause != nullptr; cause = cause->cause.get())
    causes.push_back(base::json::object{{"code", cause->code}, {"detail", cause->detail}});
  const base::json::object answer{
      {"code", error.code}, {"detail", error.detail}, {"remedy", remedy(error)}, {"causes", std::move(causes)}};
  context.err << base::json::serialize(answer) << "\n";
}

base::ExitCode run(const std::vector<std::string>& arguments, Context& context) {
  CommandTree tree;
  declare_commands(tree);
  context.json = std::ranges::find(arguments, "--json") != arguments.end();
  if (const auto done = parse(tree, arguments, context)) return *done;
  const Action* action = tree.chosen();
  BASE_CHECK(action != nullptr);
  const auto code = (*action)(context);
  context.out.flush();
  if (code) return *code;
  report(code.error(), context);
  return exit_code_of(code.error());
}

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a peer that closes is an error to report, not our end
  const base::SystemClock clock;
  const auto sink = base::stderr_sink();
  const base::Log log({.program = "countersign", .at_least = base::Level::error}, clock, *sink);
  Context context{.out = std::cout, .err = std::cerr, .clock = clock, .log = log, .columns = columns_of(std::cout)};
  try {
    return static_cast<int>(run(std::vector<std::string>(argv + 1, argv + argc), context));
  } catch (const std::exception& thrown) {
    std::cerr << "countersign: stopped by an unforeseen error: " << thrown.what() << "\n";
    return static_cast<int>(base::ExitCode::failed);
  }
}

}  // namespace countersign::cli
