// EhiServers: where the provider calls an organisation's servers, kept by operators and by the organisation's own
// people, and the asking for a check of one. What the sender calls is its own configuration; these rows are what is
// checked.
//
// Belongs to the registry's thread. Each change is audited.
#pragma once

#include "authority/registry/ledger.h"
#include "base/identity.h"
#include "crypto/random.h"
#include "store/ehi_servers.h"

namespace countersign::authority {

inline constexpr std::size_t kEhiServerLimit = 20;  ///< of one organisation
inline constexpr std::size_t kEhiServerUrlLimit = 1024;
/// Checks that wait or run, of one organisation and of all.
inline constexpr std::int64_t kEhiChecksOfOne = 3;
inline constexpr std::int64_t kEhiChecksOfAll = 100;
/// Between the end of a check and the next one of the same server: nobody is pestered through us.
inline constexpr base::Duration kEhiCheckPause = std::chrono::seconds(60);
/// Servers that are listed at once.
inline constexpr int kEhiServersListed = 1000;

struct NewEhiServer {
  base::Slug organisation;
  base::Environment environment;
  std::string url;
};

class EhiServers {
 public:
  /// Borrows both.
  EhiServers(Ledger& ledger, crypto::Random& random) : ledger_(ledger), random_(random) {}

  /// Fails: `ehi_server.url` (no https URL of at most kEhiServerUrlLimit bytes), `ehi_server.environment` (neither uat
  /// nor production), `organisation.unknown`, `organisation.reserved`, `ehi_server.exists`, `ehi_server.too_many`, as
  /// store.
  base::Result<store::EhiServerRow> add(const Actor& actor, const NewEhiServer& server);
  /// Of one organisation, or of all; oldest first. Fails: `organisation.unknown`.
  base::Result<std::vector<store::EhiServerRow>> list(const std::optional<base::Slug>& organisation);
  struct Known {
    store::EhiServerRow row;
    std::optional<std::string> report;  ///< JSON, of the last check that ended
  };
  /// Fails: `ehi_server.unknown`, also for another organisation's.
  base::Result<Known> find(const base::Slug& organisation, const std::string& id);
  /// A check that is under way comes to nothing. Fails: `ehi_server.unknown`.
  base::Result<store::EhiServerRow> remove(const Actor& actor, const base::Slug& organisation, const std::string& id);
  /// It waits from now on to be checked (checks.h); one that waits or runs already is left as it is. Fails:
  /// `ehi_server.unknown`, `ehi_check.too_soon`, `ehi_check.too_many`.
  base::Result<store::EhiServerRow> ask_for_check(const Actor& actor, const base::Slug& organisation,
                                                  const std::string& id);

 private:
  base::Result<void> check_others(store::Transaction& rows, const store::EhiServerRow& row);
  Ledger& ledger_;
  crypto::Random& random_;
};

}  // namespace countersign::authority
