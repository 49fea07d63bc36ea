// Outages: tells contacts of partners that their servers are refused or cannot be reached by the provider's calls, and
// that it is over. Writes letters into the outbox of notices.h, which sends them.
//
// Exactly once for each outage and each of the two: the row that says so is written together with the letters and their
// audit record. An outage is over when there was no trouble for a while, so that one that comes and goes is one. What
// is written comes from the registry and a closed list of words: nothing of the provider's inside. Belongs to the
// registry's thread.
#pragma once

#include "authority/ehi/troubles.h"
#include "base/log.h"
#include "crypto/random.h"

namespace countersign::authority {

/// Contacts are told of a server that does not answer after so long; of one that is refused at once.
inline constexpr base::Duration kOutagePatience = std::chrono::minutes(1);
/// An outage is over when there was no trouble for so long.
inline constexpr base::Duration kOutageCalm = std::chrono::minutes(10);
/// Servers that are looked after in one step, which holds the registry for each of them.
inline constexpr std::size_t kOutagesAtOnce = 50;
inline constexpr int kOutagesListed = 1000;
/// So many of a server are told within a day; further ones are kept, and nobody is written to.
inline constexpr int kOutagesToldADay = 10;
/// Where servers of more organisations cannot be reached at once, it is our network rather than theirs.
inline constexpr std::size_t kUnreachableAtOnce = 10;
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
  struct Due {
    store::EhiServerRow server;
    EhiCondition condition;
  };
  base::Result<std::vector<Due>> find_due();
  base::Result<bool> is_due(store::Transaction& rows, const Due& one);
  void hold_back(std::vector<Due>& due) const;
  base::Result<bool> write(const Due& due);
  base::Result<bool> begin(Amendment& amendment, const Due& due);
  base::Result<bool> go_on(Amendment& amendment, const Due& due, store::EhiOutageRow row);
  base::Result<bool> end(Amendment& amendment, const Due& due, store::EhiOutageRow row);
  base::Result<bool> tell(Amendment& amendment, const Due& due, const store::EhiOutageRow& row);

  Parts parts_;
};

}  // namespace countersign::authority
