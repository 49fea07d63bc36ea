// EhiTroubles: what senders met when they called partners' servers, and EhiOutages: what of it partners were told.
// Errors as in store/registry.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

/// The newest that one sender said of one endpoint's calls to a server.
struct EhiTroubleRow {
  std::string server;  ///< EhiServerRow::id
  std::string sender;
  std::string endpoint;
  std::string used_for;  ///< decisions, advices, ...
  std::string state;     ///< refused | unreachable
  std::string code;
  std::optional<std::string> reason = std::nullopt;
  std::string detail = {};
  std::int64_t times = 0;
  base::Instant first_at = {};
  base::Instant last_at = {};
  base::Instant heard_at = {};
  std::optional<base::Instant> ended_at = std::nullopt;
};

struct EhiTroubleKey {
  std::string server;
  std::string sender;
  std::string endpoint;
  std::string used_for;
};
base::Result<std::optional<EhiTroubleRow>> find_ehi_trouble(Transaction& transaction, const EhiTroubleKey& key);
/// In the place of what that sender said before. Fails also: `store.conflict` without the server.
base::Result<void> put(Transaction& transaction, const EhiTroubleRow& row);
/// Of some servers, of those of `organisation`, or where both are empty of all; those heard last first.
struct EhiTroubleFilter {
  std::vector<std::string> servers = {};
  std::string organisation = {};
  int limit;
};
base::Result<std::vector<EhiTroubleRow>> list_ehi_troubles(Transaction& transaction, const EhiTroubleFilter& filter);
/// Of one server those heard last, at most `most`; the others go.
base::Result<void> keep_newest_ehi_troubles(Transaction& transaction, const std::string& server, int most);
/// Those that nobody was heard of since.
base::Result<void> forget_ehi_troubles(Transaction& transaction, base::Instant since);

struct EhiOutageRow {
  std::string server;
  base::Instant began_at = {};
  std::string state;  ///< refused | unreachable: the newest
  std::string code;
  std::optional<std::string> reason = std::nullopt;
  std::optional<base::Instant> refused_told_at = std::nullopt;
  std::optional<base::Instant> unreachable_told_at = std::nullopt;
  std::optional<base::Instant> ended_at = std::nullopt;
  std::optional<std::string> ended_by = std::nullopt;  ///< recovered | lapsed
};
/// Fails also: `store.conflict` while another one of that server goes on.
base::Result<void> insert(Transaction& transaction, const EhiOutageRow& row);
base::Result<void> update(Transaction& transaction, const EhiOutageRow& row);
/// Those of `servers` that go on.
base::Result<std::vector<EhiOutageRow>> list_open_ehi_outages(Transaction& transaction,
                                                              const std::vector<std::string>& servers);
/// Servers that have an outage that goes on, or trouble that was heard of since; by their ids, those behind `after`.
struct TroubledFilter {
  std::string after = {};
  base::Instant heard_since;
  int limit;
};
base::Result<std::vector<std::string>> list_troubled_ehi_servers(Transaction& transaction,
                                                                 const TroubledFilter& filter);
/// Of one server those of which somebody was told after `since`.
base::Result<std::int64_t> count_told_ehi_outages(Transaction& transaction, const std::string& server,
                                                  base::Instant since);
/// Of one server, newest first.
base::Result<std::vector<EhiOutageRow>> list_ehi_outages(Transaction& transaction, const std::string& server,
                                                         int limit);
/// Those that ended before.
base::Result<void> forget_ehi_outages(Transaction& transaction, base::Instant before);

}  // namespace countersign::store
