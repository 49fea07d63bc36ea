// EhiServers: where the provider calls the servers of an organisation, and what the last check of each found. Errors as
// in store/registry.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

struct EhiServerRow {
  std::string id;  ///< hexadecimal
  std::string organisation;
  std::string environment;
  std::string url;
  std::string created_by;
  base::Instant created_at = {};
  std::optional<base::Instant> removed_at = std::nullopt;
  // The newest check.
  std::optional<std::string> check_state =
      std::nullopt;  ///< waiting | running | ended | failed; absent: never asked for
  std::optional<std::string> check_asked_by = std::nullopt;
  std::optional<base::Instant> check_asked_at = std::nullopt;
  std::optional<base::Instant> check_begun_at = std::nullopt;
  std::optional<base::Instant> check_ended_at = std::nullopt;
  std::optional<std::string> check_error = std::nullopt;    ///< of one that failed: why there is no report of it
  std::optional<std::string> check_verdict = std::nullopt;  ///< pass | fail: of the last check that ended
};

/// Fails also: `store.conflict` when the id is taken, or there is no such organisation.
base::Result<void> insert(Transaction& transaction, const EhiServerRow& row);
base::Result<std::optional<EhiServerRow>> find_ehi_server(Transaction& transaction, const std::string& id);
struct EhiServerFilter {
  std::string organisation;  ///< empty: any
  int limit;
};
/// Those that were not removed, oldest first.
base::Result<std::vector<EhiServerRow>> list_ehi_servers(Transaction& transaction, const EhiServerFilter& filter);
/// Writes what `row` says of its removal and of its check; an unknown id changes nothing.
base::Result<void> update(Transaction& transaction, const EhiServerRow& row);

/// The report of the last check that ended, as it was put; nothing when there is none.
base::Result<std::optional<std::string>> find_ehi_report(Transaction& transaction, const std::string& id);
base::Result<void> put_ehi_report(Transaction& transaction, const std::string& id, const std::string& report);

/// The check that has waited longest, or one that was begun before `given_up` and never ended.
base::Result<std::optional<EhiServerRow>> find_ehi_check_to_run(Transaction& transaction, base::Instant given_up);
/// Checks that wait or run; of one organisation, or with an empty one of all.
base::Result<std::int64_t> count_ehi_checks(Transaction& transaction, const std::string& organisation);

}  // namespace countersign::store
