#include "cli/command_tree.h"

#include <CLI/Formatter.hpp>

#include "cli/ehi.h"

namespace countersign::cli {
namespace {

constexpr const char* kSummary =
    "Countersign makes both ends of a connection prove who they are.\n"
    "Start with `countersign up`; every command explains itself with --help.";

constexpr const char* kExitCodes =
    "Exit codes: 0 done; 1 refused (the answer is no); 2 wrong command line or input file; 3 somebody needed is not "
    "there; 4 the credential does not allow it; 5 anything else.";

std::string joined(std::initializer_list<std::string_view> choices) {
  std::string text;
  for (const std::string_view choice : choices)
    text += (text.empty() ? "" : "|") + std::string(choice);
  return text;
}

CLI::Option* limit(CLI::Option* option, std::initializer_list<std::string_view> choices) {
  std::vector<std::string> allowed(choices.begin(), choices.end());
  return option->check(CLI::IsMember(std::move(allowed)).description(""))->type_name(joined(choices));
}

}  // namespace

CommandTree::CommandTree() : root_(kSummary, "countersign") {
  root_.get_formatter()->column_width(34);
  root_.set_version_flag("--version", "countersign " COUNTERSIGN_VERSION, "Print the version and exit");
  root_.set_help_flag("-h,--help", "Print this help and exit");
  root_.footer(kExitCodes);
  root_.require_subcommand(1);
}

CLI::App& CommandTree::add(CLI::App& parent, std::string name, std::string description) {
  CLI::App* app = parent.add_subcommand(std::move(name), std::move(description));
  app->set_version_flag("--version", "countersign " COUNTERSIGN_VERSION, "Print the version and exit");
  return *app;
}

CLI::App& CommandTree::group(CLI::App& parent, std::string name, std::string description) {
  CLI::App& app = add(parent, std::move(name), std::move(description));
  app.require_subcommand(1);
  return app;
}

CLI::App& CommandTree::command(CLI::App& parent, std::string name, std::string description, Action action) {
  CLI::App& app = add(parent, std::move(name), std::move(description));
  actions_.emplace_back(&app, std::move(action));
  return app;
}

void CommandTree::explain(CLI::App& app, const std::string& text) { app.footer(text + "\n\n" + kExitCodes); }

const Action* CommandTree::chosen() const {
  for (const auto& [app, action] : actions_)
    if (app->parsed()) return &action;
  return nullptr;
}

CLI::Option* add_choice(CLI::App& app, const std::string& name, std::string& target,
                        std::initializer_list<std::string_view> choices, const std::string& description) {
  return limit(app.add_option(name, target, description), choices);
}

CLI::Option* add_choice(CLI::App& app, const std::string& name, std::optional<std::string>& target,
                        std::initializer_list<std::string_view> choices, const std::string& description) {
  return limit(app.add_option(name, target, description), choices);
}

CLI::Option* add_choices(CLI::App& app, const std::string& name, std::vector<std::string>& target,
                         std::initializer_list<std::string_view> choices, const std::string& description) {
  return limit(app.add_option(name, target, description)->delimiter(',')->allow_extra_args(false), choices);
}

void declare_commands(CommandTree& tree) {
  add_up(tree);
  add_admin(tree);
  add_request(tree);
  add_renew(tree);
  add_agent(tree);
  add_ehi(tree);
  add_own(tree);
  add_token(tree);
  add_trust_chain(tree);
  add_verify(tree);
  add_check(tree);
  add_sign(tree);
  add_verify_signature(tree);
  add_ceremony(tree);
  add_completion(tree);
}

}  // namespace countersign::cli
