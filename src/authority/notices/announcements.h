// Announcements: tells contacts of partners that a CA by which the provider calls their servers is to come, so that
// they install it before it is used. Writes letters into the outbox of notices.h, which sends them.
//
// Exactly once for each CA and organisation: the row that says so is written together with the letters and their audit
// record. An organisation that gets its first contact while the CA is announced is told then. Belongs to the registry's
// thread.
#pragma once

#include "authority/registry/ledger.h"
#include "base/log.h"
#include "crypto/random.h"
#include "store/issuers.h"

namespace countersign::authority {

/// Organisations that are told in one amendment, which holds the registry meanwhile.
inline constexpr int kAnnouncedAtOnce = 50;

class Announcements {
 public:
  /// Borrowed.
  struct Parts {
    Ledger& ledger;
    crypto::Random& random;
    const base::Log& log;
    bool has_mail;  ///< else no letters of that channel are written
  };
  explicit Announcements(const Parts& parts) : parts_(parts) {}

  /// Writes what is due now, of at most kAnnouncedAtOnce organisations for each CA; returns how many were told. Fails:
  /// as store and audit; then nothing of that CA was written and the next call tries again.
  base::Result<std::size_t> write();

 private:
  base::Result<void> write(const store::IssuingCaRow& ca, const std::vector<std::string>& organisations);
  base::Result<void> write_letters(Amendment& amendment, const store::IssuingCaRow& ca,
                                   const std::string& organisation);
  Parts parts_;
};

}  // namespace countersign::authority
