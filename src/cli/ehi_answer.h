// What the authority says of partners' servers and of checks, for a terminal: to operators and to people of partners.
#pragma once

#include "base/exit_code.h"
#include "base/json.h"
#include "cli/admin_answer.h"
#include "cli/api_client.h"

namespace countersign::cli {

/// A table of the `servers` of an answer.
Shown ehi_servers_text(const base::json::object& answer);
/// One server, with the findings of the last report.
Shown ehi_server_text(const base::json::object& shown);
/// What `path` shows once its check has ended, or after `patience`; asked for again as long as it waits or runs.
/// `shown` is what it showed last. Fails: as ApiClient::get.
base::Result<base::json::object> wait_for_check(ApiClient& api, const std::string& path, base::json::object shown,
                                                base::Duration patience);
/// The server with its report; where the check goes on, that it does, and `command` to see the report with.
Shown checked_server_text(const base::json::object& shown, const std::string& command);
/// ok where nothing failed, refused where something did, unavailable where there is no report of the newest check.
base::ExitCode exit_code_of_check(const base::json::object& shown);

}  // namespace countersign::cli
