// The command `countersign`: parses, runs one command, and ends with an exit code of base/exit_code.h.
#pragma once

#include <span>
#include <string>

#include "cli/context.h"

namespace countersign::cli {

/// What main() calls: the real clock, standard output and standard error. Never throws.
int run(int argc, char** argv);

/// The same with everything handed in; `arguments` are without the program's name.
base::ExitCode run(const std::vector<std::string>& arguments, Context& context);

/// "countersign: DETAIL (CODE)", causes, and the remedy where we know one.
void print_error(std::ostream& err, const base::Error& error);
/// The same on context.err; with --json {"code","detail","remedy","causes"}, in one line.
void report(const base::Error& error, Context& context);

}  // namespace countersign::cli
