// judge: from what was observed to findings, one for each row of the table of checks. Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "check/observations.h"

namespace countersign::check {

/// What one check comes to.
struct Verdict {
  Severity severity;
  std::string evidence;
  std::string how_to =
      {};  ///< of what was not tried: how it can be; of a fault: what to do, better than the check's own
  std::vector<std::string> listed = {};  ///< what the evidence is followed by
};

struct Check {
  std::string_view name;    ///< stable: "protocol.old"
  std::string_view title;   ///< what must hold, as a statement; fault() is its opposite
  std::string_view why;     ///< what comes of it when it does not
  std::string_view remedy;  ///< for any server
  Verdict (*judge)(const Observations& seen, const Check& check);
};

/// All, in the order of reports.
std::span<const Check> checks();

/// What is so where the check fails, or has something to look at; empty for a check that is not in the table.
std::string_view fault(std::string_view check);

/// The lines to write in this kind of server; empty where it is not known or there are none.
std::string_view hint(std::string_view check, ServerKind server);

Report judge(const Observations& seen, std::string url);

}  // namespace countersign::check
