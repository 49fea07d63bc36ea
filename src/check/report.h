// A Report written out: for a terminal, for a program, for a letter to the partner.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "check/finding.h"

namespace countersign::check {

/// Sections with one line a finding, aligned; remedies on a line below what did not pass; a count at the end. Lines are
/// as long as they are: whoever has a terminal folds them.
std::string to_text(const Report& report);

/// {"url", "at", "server", "verdict": "pass"|"fail", "counts": {...}, "findings": [{"id", "severity", "title",
/// "evidence", "remedy"}]}; docs/check-ehi.md has the shape.
base::json::object to_json(const Report& report);
/// What to_json() wrote, from whoever keeps it; its words made plain(). Findings of a later program are dropped.
/// Fails: `json.*`, `time.invalid`.
base::Result<Report> parse_report(const base::json::object& json);

/// What a letter to the partner needs besides.
struct Letter {
  std::string guides = {};  ///< URL of the folder of partners' guides; empty: the partner has to ask for them
};

/// One page by itself, without script or anything fetched; everything from outside is escaped. What failed stands
/// first. Readable at 390 px and on paper.
std::string to_html(const Report& report, const Letter& letter);

}  // namespace countersign::check
