// Outages: tells contacts of partners that their servers are refused or cannot be reached by the provider's calls, and
// that it is over. Writes letters into the outbox of notices.h, which sends them.
//
// Exactly once for each outage and each of the two: the row that says so is written together with the letters and their
// audit record. An outage is over when there was no trouble for a while, so that one that comes and goes is one. What
// is written comes from the registry and a closed list of words: nothing of the provider's inside. One for an
// authority's life, on the registry's thread: it knows since when it has been there to hear senders.
#pragma once

#include "authority/ehi/troubles.h"
#include "base/log.h"
#include "crypto/random.h"

namespace countersign::authority {

/// Contacts are told of a server that does not answer after so long; of one that is refused at once.
inline constexpr base::Duration kOutagePatience = std::chrono::minutes(1);
/// An outage is over when there was no trouble for so long.
inline constexpr base::Duration kOutageCalm = std::chrono::minutes(10);
/// Servers that are looked after in one step, which holds the registry for each of them; those in trouble longest
/// first.
inline constexpr std::size_t kOutagesAtOnce = 50;
/// Servers that one question of a look is about.
inline constexpr int kOutagesOfAPage = 500;
/// After a longer time without a look, senders were not heard either.
inline constexpr base::Duration kOutageGap = std::chrono::minutes(5);
/// So many of a server are told within a day; further ones are kept, and told once it is fewer, if they go on.
inline constexpr int kOutagesToldADay = 10;
/// Where servers of more organisations cannot be reached at once, it is our network rather than theirs. Those that were
/// told longer ago than `kOutageIsKnown` are known to be away, and say nothing of our network.
inline constexpr std::size_t kUnreachableAtOnce = 10;
inline constexpr base::Duration kOutageIsKnown = std::chrono::hours(24);
inline constexpr base::Duration kOutageMemory = std::chrono::hours(24 * 90);

class Outages {
 public:
  /// Borrowed.
  struct Parts {
    Ledger& ledger;
    crypto::Random& random;
    const base::Log& log;
    bool has_mail;  ///< else no letters of that channel are written
  };
  explicit Outages(const Parts& parts) : parts_(parts) {}

  /// Writes what is due now; how many outages began, changed or ended. Fails: as store and audit; then nothing of that
  /// outage was written and the next call tries again.
  base::Result<std::size_t> write();

 private:
  /// How a server is, and what of it was told.
  struct Look {
    store::EhiServerRow server;
    EhiCondition condition;
    std::optional<store::EhiOutageRow> open;
  };
  Hearing hearing() const;
  base::Result<std::vector<Look>> look();
  base::Result<std::vector<Look>> look_at(store::Transaction& rows, const std::vector<std::string>& servers);
  base::Result<std::vector<Look>> find_due(const std::vector<Look>& looks);
  base::Result<bool> is_due(store::Transaction& rows, const Look& one);
  base::Result<bool> may_tell(store::Transaction& rows, const std::string& server);
  bool are_too_many_away(const std::vector<Look>& looks) const;
  void hold_back(std::vector<Look>& due) const;
  base::Result<bool> write(const std::string& server);
  base::Result<bool> begin(Amendment& amendment, const Look& due);
  base::Result<bool> go_on(Amendment& amendment, const Look& due);
  base::Result<bool> end(Amendment& amendment, const Look& due);
  base::Result<bool> tell(Amendment& amendment, const Look& due, const store::EhiOutageRow& row);

  Parts parts_;
  std::optional<base::Instant> looked_at_;
  base::Instant hears_since_;
};

}  // namespace countersign::authority
