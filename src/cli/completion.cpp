#include "cli/completion.h"

#include <functional>

#include "cli/command_tree.h"

namespace countersign::cli {
namespace {

using Visit = std::function<void(const std::string& path, const CLI::App& app)>;

/// Calls `visit` for the command and all below it; `path` is its words without the first, "admin org create".
void walk(const CLI::App& app, const std::string& path, const Visit& visit) {
  visit(path, app);
  for (const CLI::App* child : app.get_subcommands(nullptr))
    walk(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), visit);
}

bool is_positional(const CLI::Option& option) { return option.get_positional(); }

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

/// Longest spelling first: "--help" for "-h,--help".
std::string spelling(const CLI::Option& option) {
  return option.get_lnames().empty() ? "-" + option.get_snames().front() : "--" + option.get_lnames().front();
}

std::string replaced(std::string text, char what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, 1, by);
  return text;
}

/// The choices of "a|b|c" as "a b c"; "" for another kind of value.
std::string choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type.find('|') == std::string::npos ? "" : replaced(type, '|', " ");
}

/// What may stand as a value: words, or a shell's own word for files and folders.
struct ValueKind {
  std::string words;
  bool files = false;
  bool folders = false;
};

ValueKind value_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return {choices_of(option), type == kFile, type == kFolder};
}

std::string bash_reply(const ValueKind& value) {
  if (value.files) return "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$current\"))";
  if (value.folders) return "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$current\"))";
  return "COMPREPLY=($(compgen -W \"" + value.words + "\" -- \"$current\"))";
}

/// Every word that may follow a command: commands below it, options, choices of positionals.
std::string words_after(const CLI::App& app) {
  std::string words;
  const auto add = [&](const std::string& word) { words += (words.empty() ? "" : " ") + word; };
  for (const CLI::App* child : app.get_subcommands(nullptr))
    add(child->get_name());
  for (const CLI::Option* option : app.get_options()) {
    if (!is_positional(*option)) add(spelling(*option));
    if (is_positional(*option) && !choices_of(*option).empty()) add(choices_of(*option));
  }
  return words;
}

/// Paths of all groups and commands, so that the script can tell a command's word from a value.
std::string all_paths(const CLI::App& root, const std::string& separator) {
  std::string paths;
  walk(root, "", [&](const std::string& path, const CLI::App&) {
    if (!path.empty()) paths += (paths.empty() ? "" : separator) + "\"" + path + "\"";
  });
  return paths;
}

bool has_file_positional(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options())
    if (is_positional(*option) && value_of(*option).files) return true;
  return false;
}

std::string bash_script(const CLI::App& root) {
  std::string script =
      "# bash completion for countersign; made by `countersign completion bash`\n"
      "_countersign() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" path=\"\" word next\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    next=\"${path:+$path }$word\"\n"
      "    case \"$next\" in " +
      all_paths(root, "|") +
      ") path=\"$next\" ;; esac\n"
      "  done\n"
      "  COMPREPLY=()\n"
      "  case \"$path:$previous\" in\n";
  walk(root, "", [&](const std::string& path, const CLI::App& app) {
    for (const CLI::Option* option : app.get_options())
      if (!is_positional(*option) && takes_value(*option))
        script += "    \"" + path + ":" + spelling(*option) + "\") " + bash_reply(value_of(*option)) + "; return ;;\n";
  });
  script += "  esac\n  case \"$path\" in\n";
  walk(root, "", [&](const std::string& path, const CLI::App& app) {
    script += "    \"" + path + "\") ";
    if (has_file_positional(app))
      script += "if [[ \"$current\" != -* ]]; then " + bash_reply({.words = "", .files = true}) + "; return; fi; ";
    script += bash_reply({.words = words_after(app)}) + " ;;\n";
  });
  return script + "  esac\n}\ncomplete -F _countersign countersign\n";
}

std::string zsh_quoted(const std::string& text) {
  return "'" + replaced(replaced(text, '\'', "'\\''"), ':', "\\:") + "'";
}

/// "word:description" entries for zsh's _describe.
std::string zsh_entries(const CLI::App& app) {
  std::string entries;
  const auto add = [&](const std::string& word, const std::string& description) {
    const std::string quoted = zsh_quoted(description);
    entries += " '" + word + ":" + quoted.substr(1);
  };
  for (const CLI::App* child : app.get_subcommands(nullptr))
    add(child->get_name(), child->get_description());
  for (const CLI::Option* option : app.get_options()) {
    if (!is_positional(*option)) add(spelling(*option), option->get_description());
    if (!is_positional(*option)) continue;
    std::string words = choices_of(*option);
    while (!words.empty()) {
      const std::size_t end = words.find(' ');
      add(words.substr(0, end), option->get_description());
      words = end == std::string::npos ? "" : words.substr(end + 1);
    }
  }
  return entries;
}

std::string zsh_reply(const ValueKind& value) {
  if (value.files) return "_files";
  if (value.folders) return "_files -/";
  return value.words.empty() ? "_message value" : "compadd -- " + value.words;
}

std::string zsh_script(const CLI::App& root) {
  std::string script =
      "#compdef countersign\n# zsh completion for countersign; made by `countersign completion zsh`\n"
      "_countersign() {\n"
      "  local where='' word next previous=\"${words[CURRENT-1]}\"\n  local -a entries\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    next=\"${where:+$where }$word\"\n"
      "    case \"$next\" in " +
      all_paths(root, "|") +
      ") where=\"$next\" ;; esac\n"
      "  done\n"
      "  case \"$where:$previous\" in\n";
  walk(root, "", [&](const std::string& path, const CLI::App& app) {
    for (const CLI::Option* option : app.get_options())
      if (!is_positional(*option) && takes_value(*option))
        script += "    \"" + path + ":" + spelling(*option) + "\") " + zsh_reply(value_of(*option)) + "; return ;;\n";
  });
  script += "  esac\n  case \"$where\" in\n";
  walk(root, "", [&](const std::string& path, const CLI::App& app) {
    script += "    \"" + path + "\") entries=(" + zsh_entries(app) + ")";
    script += has_file_positional(app) ? "; _files ;;\n" : " ;;\n";
  });
  return script +
         "  esac\n  _describe countersign entries\n}\n"
         "if [[ \"${funcstack[1]}\" == _countersign ]]; then _countersign; else compdef _countersign countersign; fi\n";
}

std::string fish_quoted(const std::string& text) {
  return "'" + replaced(replaced(text, '\\', "\\\\"), '\'', "\\'") + "'";
}

std::string fish_option(const std::string& guard, const CLI::Option& option) {
  std::string line = "complete -c countersign -n " + guard;
  for (const std::string& name : option.get_snames())
    line += " -s " + name;
  for (const std::string& name : option.get_lnames())
    line += " -l " + name;
  const ValueKind value = value_of(option);
  if (takes_value(option))
    line += value.files ? " -rF" : value.folders ? " -xa '(__fish_complete_directories)'" : " -x";
  if (!value.words.empty()) line += "a " + fish_quoted(value.words);
  return line + " -d " + fish_quoted(option.get_description()) + "\n";
}

std::string fish_script(const CLI::App& root) {
  std::string script =
      "# fish completion for countersign; made by `countersign completion fish`\n"
      "function __countersign_at\n"
      "  set -l path ''\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    set -l next (string trim -- \"$path $word\")\n"
      "    contains -- \"$next\" " +
      all_paths(root, " ") +
      "; and set path $next\n"
      "  end\n"
      "  test \"$path\" = \"$argv[1]\"\n"
      "end\n"
      "complete -c countersign -f\n";
  walk(root, "", [&](const std::string& path, const CLI::App& app) {
    const std::string guard = "'__countersign_at \"" + path + "\"'";
    for (const CLI::App* child : app.get_subcommands(nullptr))
      script += "complete -c countersign -n " + guard + " -a " + child->get_name() + " -d " +
                fish_quoted(child->get_description()) + "\n";
    for (const CLI::Option* option : app.get_options()) {
      if (!is_positional(*option)) {
        script += fish_option(guard, *option);
      } else if (value_of(*option).files) {
        script += "complete -c countersign -n " + guard + " -F\n";
      } else if (!choices_of(*option).empty()) {
        script += "complete -c countersign -n " + guard + " -a " + fish_quoted(choices_of(*option)) + "\n";
      }
    }
  });
  return script;
}

}  // namespace

std::string completion_script(const CLI::App& root, Shell shell) {
  switch (shell) {
    case Shell::bash: return bash_script(root);
    case Shell::zsh: return zsh_script(root);
    case Shell::fish: return fish_script(root);
  }
  return {};
}

void add_completion(CommandTree& tree) {
  CLI::App& group = tree.group(tree.root(), "completion", "Print a completion script for your shell");
  static constexpr std::pair<const char*, Shell> kShells[] = {
      {"bash", Shell::bash}, {"zsh", Shell::zsh}, {"fish", Shell::fish}};
  for (const auto& [name, shell] : kShells) {
    const auto action = [&tree, spoken = shell](Context& context) -> base::Result<base::ExitCode> {
      context.out << completion_script(tree.root(), spoken);
      return base::ExitCode::ok;
    };
    tree.command(group, name, std::string("For ") + name, action);
  }
  tree.explain(group,
               "bash: countersign completion bash > ~/.local/share/bash-completion/completions/countersign\n"
               "zsh:  countersign completion zsh > \"${fpath[1]}/_countersign\"\n"
               "fish: countersign completion fish > ~/.config/fish/completions/countersign.fish");
}

}  // namespace countersign::cli
