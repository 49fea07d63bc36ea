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
  std::string address;  ///< HOST:PORT of it, in one spelling
  std::string created_by;
  base::Instant created_at = {};
  std::optional<std::string> confirmed_by = std::nullopt;  ///< the operator who vouches that it is the organisation's
  std::optional<base::Instant> confirmed_at = std::nullopt;
  std::optional<base::Instant> removed_at = std::nullopt;
  // The newest check.
  std::optional<std::string> check_state =
      std::nullopt;  ///< waiting | running | ended | failed; absent: never asked for
  std::optional<std::string> check_asked_by = std::nullopt;
  std::optional<base::Instant> check_asked_at = std::nullopt;
  std::optional<base::Instant> check_begun_at = std::nullopt;
  std::optional<base::Instant> check_ended_at = std::nullopt;
  std::optional<std::string> check_error = std::nullopt;       ///< of one that failed: why there is no report of it
  std::optional<std::string> check_verdict = std::nullopt;     ///< pass | fail: of the last check that ended
  std::optional<std::int64_t> check_not_tried = std::nullopt;  ///< how much of that it did not try
};

/// Fails also: `store.conflict` when the id is taken, or there is no such organisation.
base::Result<void> insert(Transaction& transaction, const EhiServerRow& row);
base::Result<std::optional<EhiServerRow>> find_ehi_server(Transaction& transaction, const std::string& id);
/// A place in the list: behind the row of this age and id.
struct EhiServerPlace {
  base::Instant at;
  std::string id;
};
struct EhiServerFilter {
  std::string organisation;  ///< empty: any
  std::optional<EhiServerPlace> after = std::nullopt;
  int limit;
};
/// Those that were not removed, oldest first.
base::Result<std::vector<EhiServerRow>> list_ehi_servers(Transaction& transaction, const EhiServerFilter& filter);
/// Writes what `row` says of its confirmation, its removal and its check; an unknown id changes nothing.
base::Result<void> update(Transaction& transaction, const EhiServerRow& row);
/// How many were added to the organisation since, removed ones included.
base::Result<std::int64_t> count_ehi_servers_added(Transaction& transaction, const std::string& organisation,
                                                   base::Instant since);
/// Those with these ids, removed ones included.
base::Result<std::vector<EhiServerRow>> list_ehi_servers_of(Transaction& transaction,
                                                            const std::vector<std::string>& ids);
/// Has another organisation than the row's a server at its address?
base::Result<bool> has_another_organisation(Transaction& transaction, const EhiServerRow& row);
/// Those that were removed before, with all that was kept of them.
base::Result<void> forget_ehi_servers(Transaction& transaction, base::Instant before);

/// The report of the last check that ended, as it was put; nothing when there is none.
base::Result<std::optional<std::string>> find_ehi_report(Transaction& transaction, const std::string& id);
base::Result<void> put_ehi_report(Transaction& transaction, const std::string& id, const std::string& report);
base::Result<void> drop_ehi_report(Transaction& transaction, const std::string& id);

/// When a check that runs can be believed to: begun after `given_up` and before `not_yet`, whatever clocks did since.
struct EhiCheckTimes {
  base::Instant given_up;
  base::Instant not_yet;
};
/// The check that has waited longest, or one that is said to run and cannot be believed to.
base::Result<std::optional<EhiServerRow>> find_ehi_check_to_run(Transaction& transaction, const EhiCheckTimes& times);
/// Checks that wait or run; of one organisation, or with an empty one of all.
base::Result<std::int64_t> count_ehi_checks(Transaction& transaction, const std::string& organisation);
/// Of all servers at an address, whosever and removed ones included.
struct EhiAddressUse {
  bool under_way = false;                                ///< a check of it waits, or runs
  std::optional<base::Instant> ended_at = std::nullopt;  ///< the newest end of one that is not after `now`
};
struct EhiAddressAt {
  std::string address;
  EhiCheckTimes times;
  base::Instant now;
};
base::Result<EhiAddressUse> find_ehi_address_use(Transaction& transaction, const EhiAddressAt& at);

}  // namespace countersign::store
