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
/// Added to one organisation within a day, removed ones included.
inline constexpr std::int64_t kEhiServersADay = 40;
/// Removed ones are remembered for so long.
inline constexpr base::Duration kEhiServersRemembered = std::chrono::hours(24 * 7);
/// Between the end of a check and the next one at the same host and port, whosever: nobody is pestered through us.
inline constexpr base::Duration kEhiCheckPause = std::chrono::seconds(60);
/// On whose word a server is kept. The provider's own certificates are shown on an operator's alone.
enum class EhiWord { of_the_organisation, of_an_operator };

struct NewEhiServer {
  base::Slug organisation;
  base::Environment environment;
  std::string url;
  EhiWord word = EhiWord::of_the_organisation;
};

/// Host and port of a server's URL in one spelling, as store::EhiServerRow::address has them. Fails: `ehi_server.url`.
base::Result<std::string> ehi_address(const std::string& url);

class EhiServers {
 public:
  /// Borrows both.
  EhiServers(Ledger& ledger, crypto::Random& random) : ledger_(ledger), random_(random) {}

  /// Fails: `ehi_server.url` (no https URL of at most kEhiServerUrlLimit bytes), `ehi_server.environment` (neither uat
  /// nor production), `organisation.unknown`, `organisation.reserved`, `ehi_server.exists`, `ehi_server.address`
  /// (another organisation's: whose is not told), `ehi_server.too_many`, as store.
  base::Result<store::EhiServerRow> add(const Actor& actor, const NewEhiServer& server);
  /// All of one organisation, oldest first. Fails: `organisation.unknown`.
  base::Result<std::vector<store::EhiServerRow>> list(const base::Slug& organisation);
  struct Page {
    std::vector<store::EhiServerRow> rows;
    std::optional<store::EhiServerPlace> end;  ///< where it was full: what comes after it is the next page
  };
  /// Of everybody, oldest first.
  base::Result<Page> list_all(const std::optional<store::EhiServerPlace>& after, int limit);
  struct Known {
    store::EhiServerRow row;
    std::optional<std::string> report;  ///< JSON, of the last check that ended
  };
  /// Fails: `ehi_server.unknown`, also for another organisation's.
  base::Result<Known> find(const base::Slug& organisation, const std::string& id);
  /// On an operator's word this server is the organisation's: from now on checks of it show it the provider's
  /// certificates and ask for its path. A server of another URL is another one. Done already is no failure. Fails:
  /// `ehi_server.unknown`.
  base::Result<store::EhiServerRow> confirm(const Actor& actor, const base::Slug& organisation, const std::string& id);
  /// A check that is under way comes to nothing, the report is gone. Fails: `ehi_server.unknown`.
  base::Result<store::EhiServerRow> remove(const Actor& actor, const base::Slug& organisation, const std::string& id);
  /// It waits from now on to be checked (checks.h); one that waits or runs already is left as it is. Fails:
  /// `ehi_server.unknown`, `ehi_check.too_soon` (its host and port are being checked, or were just now), and
  /// `ehi_check.too_many`.
  base::Result<store::EhiServerRow> ask_for_check(const Actor& actor, const base::Slug& organisation,
                                                  const std::string& id);

 private:
  base::Result<void> check_others(store::Transaction& rows, const store::EhiServerRow& row);
  base::Result<void> check_pause(store::Transaction& rows, const store::EhiServerRow& row);
  Ledger& ledger_;
  crypto::Random& random_;
};

}  // namespace countersign::authority
