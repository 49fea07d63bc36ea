// What the written forms of a report have in common. Private to check.
#pragma once

#include "check/finding.h"

namespace countersign::check {

struct Section {
  std::string_view prefix;
  std::string_view title;
};

inline constexpr Section kSections[] = {{"reach.", "Reaching it"},
                                        {"protocol.", "Protocol"},
                                        {"cipher.", "Ciphers"},
                                        {"certificate.", "Its certificate"},
                                        {"client.", "Asking for the provider's certificate"},
                                        {"refuse.", "Refusing everybody else"},
                                        {"behaviour.", "Behaviour"}};

/// As people read it: "FAIL", "not tried".
std::string label(Severity severity);
/// In the report's order; borrowed from it.
std::vector<const Finding*> findings_in(const Report& report, const Section& section);
/// "1 failed, 2 to look at, 30 passed, 7 not tried"
std::string summary(const Report& report);

}  // namespace countersign::check
