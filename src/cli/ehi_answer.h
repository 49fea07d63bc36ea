// What the authority says of partners' servers and of checks, for a terminal: to operators and to people of partners.
#pragma once

#include <string>

#include "base/exit_code.h"
#include "base/json.h"

namespace countersign::cli {

/// A table of the `servers` of an answer.
std::string ehi_servers_text(const base::json::object& answer);
/// One server, with the findings of the last report.
std::string ehi_server_text(const base::json::object& shown);
/// Does its check wait or run?
bool is_check_under_way(const base::json::object& shown);
/// ok where nothing failed, refused where something did, unavailable where there is no report of the newest check.
base::ExitCode exit_code_of_check(const base::json::object& shown);

}  // namespace countersign::cli
