// Announcements: tells contacts of partners that a CA by which the provider calls their servers is to come, so that
// they install it before it is used. Writes letters into the outbox of notices.h, which sends them.
//
// Exactly once for each CA and contact, and again when the day was moved: the row that says so is written together with
// the letter and its audit record. Who cannot be told now - a contact that does not concern the CA's environment, mail
// without a server - has no row, and is told once that has changed. Belongs to the registry's thread.
#pragma once

#include <map>

#include "authority/notices/contacts.h"
#include "authority/registry/ledger.h"
#include "base/log.h"
#include "crypto/random.h"
#include "store/issuers.h"
#include "store/notices.h"
#include "x509/certificate.h"

namespace countersign::authority {

/// Contacts that are told in one amendment, which holds the registry meanwhile.
inline constexpr int kAnnouncedAtOnce = 200;
/// Once nobody was left to be told of a CA, all contacts are gone through again so much later; at once when one was
/// added here, or the day was moved. Of a contact that another authority has added, that one tells.
inline constexpr base::Duration kAnnounceAgain = std::chrono::minutes(10);

class Announcements {
 public:
  /// Borrowed.
  struct Parts {
    Ledger& ledger;
    const Contacts& contacts;
    crypto::Random& random;
    const base::Log& log;
    bool has_mail;  ///< else no letters of that channel are written
  };
  explicit Announcements(const Parts& parts) : parts_(parts) {}

  /// Writes what is due now, to at most kAnnouncedAtOnce contacts for each CA; returns how many were told. Fails: as
  /// store and audit; then nothing of that CA was written and the next call tries again.
  base::Result<std::size_t> write();

 private:
  /// When nobody was left to be told, and what was known then.
  struct Quiet {
    std::optional<base::Instant> use_from;
    std::uint64_t contacts_added;
    base::Instant since;
  };
  bool is_quiet(const store::IssuingCaRow& ca) const;
  base::Result<std::vector<store::ContactRow>> list_untold(store::Transaction& rows, const store::IssuingCaRow& ca,
                                                           int limit) const;
  base::Result<std::size_t> tell(const store::IssuingCaRow& ca);
  Parts parts_;
  std::map<std::string, Quiet> quiet_;  ///< by CA
};

}  // namespace countersign::authority
