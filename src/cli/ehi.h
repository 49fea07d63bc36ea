// `countersign ehi`: how the endpoints of a sender are, and what operators do with its outbox.
#pragma once

#include "cli/command_tree.h"

namespace countersign::cli {

/// Declares the commands under `tree`.
void add_ehi(CommandTree& tree);

}  // namespace countersign::cli
