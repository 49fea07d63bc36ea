// What the commands of `countersign admin` share: paths and queries to ask with, and tables of what is answered.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "base/identity.h"
#include "cli/authority_options.h"
#include "cli/text.h"

namespace countersign::cli {

/// Prints `text` as wide as the terminal is, or with --json the answer as it came.
base::Result<base::ExitCode> answer_with(const base::json::object& answer, const AuthorityOptions& options,
                                         Context& context, const Shown& text);
/// "/v1/applications/ENV/ORG/APP"
std::string application_path(const base::Identity& identity);
/// "?a=b&c=d" of the filters that are set; "" when none is.
std::string query_of(std::initializer_list<std::pair<std::string_view, std::string>> filters);
/// A table with one row an object of the list `name` in `answer`; "none" where it is empty.
Shown table_of(const base::json::object& answer, std::string_view name, const Row& header,
               Row (*to_row)(const base::json::object&));
/// The list `refusals` of an answer as a table, and below it what each reason in it means and how to mend it.
Shown table_of_refusals(const base::json::object& answer);
/// Whose an object's `urn` says it is, as commands name it: production/acme/payments; the URN of whom they do not.
std::string owner_of(const base::json::object& object);
/// "revoked (key_compromise)"
std::string status_of(const base::json::object& certificate);
/// The whole number `name` of an answer, as text; "" when it is not there.
std::string number(const base::json::object& object, std::string_view name);

}  // namespace countersign::cli
