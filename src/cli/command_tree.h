// CommandTree: every command of `countersign`, declared once. Parsing, --help and shell completion all come from it, so
// none of them can go stale.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>

#include "cli/context.h"

namespace countersign::cli {

class CommandTree {
 public:
  CommandTree();
  CommandTree(const CommandTree&) = delete;
  CommandTree& operator=(const CommandTree&) = delete;

  CLI::App& root() { return root_; }
  const CLI::App& root() const { return root_; }
  /// A command that only holds others: one of them must follow.
  CLI::App& group(CLI::App& parent, std::string name, std::string description);
  /// A command that does something.
  CLI::App& command(CLI::App& parent, std::string name, std::string description, Action action);
  /// More to say in its --help, above the exit codes.
  void explain(CLI::App& app, const std::string& text);
  /// The action of the command that was parsed; null before parsing.
  const Action* chosen() const;

 private:
  CLI::App& add(CLI::App& parent, std::string name, std::string description);
  CLI::App root_;
  std::vector<std::pair<const CLI::App*, Action>> actions_;
};

/// An option or positional whose value is one of `choices`; they show in --help and complete in the shell.
CLI::Option* add_choice(CLI::App& app, const std::string& name, std::string& target,
                        std::initializer_list<std::string_view> choices, const std::string& description);
CLI::Option* add_choice(CLI::App& app, const std::string& name, std::optional<std::string>& target,
                        std::initializer_list<std::string_view> choices, const std::string& description);
CLI::Option* add_choices(CLI::App& app, const std::string& name, std::vector<std::string>& target,
                         std::initializer_list<std::string_view> choices, const std::string& description);

/// The kind of value, as --help names it; completion offers files for FILE and folders for DIR.
inline constexpr const char* kFile = "FILE";
inline constexpr const char* kFolder = "DIR";

/// The whole tree: every command of every file of this module.
void declare_commands(CommandTree& tree);

// One a file: each declares its commands under `tree`.
void add_up(CommandTree& tree);
void add_admin(CommandTree& tree);
void add_requests(CommandTree& tree, CLI::App& admin);
void add_codes(CommandTree& tree, CLI::App& admin);
void add_eab(CommandTree& tree, CLI::App& admin);
void add_log(CommandTree& tree, CLI::App& admin);
void add_revoke_many(CommandTree& tree, CLI::App& admin);
void add_ca(CommandTree& tree, CLI::App& admin);
void add_contacts(CommandTree& tree, CLI::App& admin);
void add_clients(CommandTree& tree, CLI::App& admin);
void add_ehi_servers(CommandTree& tree, CLI::App& admin);
void add_operators(CommandTree& tree, CLI::App& admin);
void add_people(CommandTree& tree, CLI::App& admin);
void add_refusals(CommandTree& tree, CLI::App& admin);
void add_roots(CommandTree& tree, CLI::App& admin);
void add_request(CommandTree& tree);
void add_renew(CommandTree& tree);
void add_agent(CommandTree& tree);
void add_own(CommandTree& tree);
void add_token(CommandTree& tree);
void add_trust_chain(CommandTree& tree);
void add_ceremony(CommandTree& tree);
void add_verify(CommandTree& tree);
void add_check(CommandTree& tree);
void add_sign(CommandTree& tree);
void add_verify_signature(CommandTree& tree);
void add_completion(CommandTree& tree);

}  // namespace countersign::cli
