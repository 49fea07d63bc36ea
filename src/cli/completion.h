// Shell completion, written out from the command tree itself.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace countersign::cli {

enum class Shell { bash, zsh, fish };

/// A script that the shell sources; it completes commands, options, choices, files and folders.
std::string completion_script(const CLI::App& root, Shell shell);

}  // namespace countersign::cli
