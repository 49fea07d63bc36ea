// A Report written out: for a terminal, for a program, for a letter to the partner.
#pragma once

#include "base/json.h"
#include "check/finding.h"

namespace countersign::check {

/// Sections with one line a finding, aligned; remedies below what did not pass; a count at the end.
std::string to_text(const Report& report);

/// {"url", "at", "server", "verdict": "pass"|"fail", "counts": {...}, "findings": [{"id", "severity", "title",
/// "evidence", "remedy"}]}; docs/check-ehi.md has the shape.
base::json::object to_json(const Report& report);

/// One page by itself, without script or anything fetched; everything from outside is escaped. Readable at 390 px and
/// on paper.
std::string to_html(const Report& report);

}  // namespace countersign::check
