// Notices: says before a certificate ends, and after it has, that nobody has renewed it. Planning and the outbox; the
// sending itself is notice_desk.h.
//
// Exactly once: one row for each certificate and threshold, written together with its letters and their audit record
// before anything is sent. An attempt is written down before it is made, its outcome after it. A crash between a
// receiver's yes and our record has the same letter sent again, under the same id. Belongs to the registry's thread.
#pragma once

#include "authority/notices/contacts.h"
#include "authority/notices/plan.h"
#include "base/log.h"

namespace countersign::authority {

/// At most so many notices are written at once; the rest follows with the next run.
inline constexpr std::size_t kNoticesAtOnce = 500;
/// Every so often all of the certificates in question are looked at, and not only those whose threshold has just
/// passed: so also those are noticed that were suspended, or had a successor that was revoked.
inline constexpr base::Duration kFullRun = std::chrono::hours(6);
/// What ended longer ago than its last threshold and this is history.
inline constexpr base::Duration kHistory = std::chrono::hours(24 * 7);
/// So long after its start the authority has had time to make anew what grew old while it was down.
inline constexpr base::Duration kTimeToRenew = std::chrono::minutes(10);
/// A letter is given up after so many attempts, about 20 hours after the first.
inline constexpr std::int64_t kMostAttempts = 12;
/// 30 s after the first attempt, twice as long after each next one, at most six hours.
base::Duration back_off(std::int64_t attempts);

enum class Channel { mail, webhook };
std::string_view name(Channel channel);

class Notices {
 public:
  /// Borrowed for its whole life.
  struct Parts {
    Ledger& ledger;
    const Hierarchy& hierarchy;
    crypto::Random& random;
    const base::Log& log;
  };
  struct Rules {
    std::vector<Threshold> thresholds;
    std::vector<courier::MailAddress> operators;
    bool has_mail;  ///< else no letters of that channel are written
  };
  Notices(const Parts& parts, Rules rules) : parts_(parts), rules_(std::move(rules)) {}

  /// Writes what is due now; returns how many notices that are. Each is in the log, too. Fails: as store and audit;
  /// then nothing was written and the next call tries again.
  base::Result<std::size_t> plan();

  /// The letter to send now, its attempt written down. What nobody needs any more is dropped on the way. Fails: as
  /// store and audit; then nothing may be sent.
  base::Result<std::optional<store::LetterRow>> claim(Channel channel);
  /// What came of it. An error of Kind::denied, or that of the last attempt, gives the letter up. Fails: as store and
  /// audit; then the letter is sent again later.
  base::Result<void> settle(store::LetterRow letter, const base::Result<void>& outcome);

  base::Result<std::vector<store::LetterRow>> list(const store::LetterFilter& filter);

 private:
  base::Result<std::vector<Expiring>> collect(store::Transaction& rows, base::Instant now);
  base::Result<std::vector<Notice>> find_due(base::Instant now);
  base::Result<void> write(const std::vector<Notice>& notices, base::Instant now);
  base::Result<void> write_letters(Amendment& amendment, const Notice& notice, base::Instant now);
  base::Result<void> write_digests(Amendment& amendment, const std::vector<Notice>& notices, base::Instant now);
  base::Result<bool> is_wanted(store::Transaction& rows, const store::LetterRow& letter);
  /// Nothing: the letter is not to be sent after all.
  base::Result<std::optional<store::LetterRow>> begin_attempt(store::LetterRow letter);

  Parts parts_;
  Rules rules_;
  std::optional<base::Instant> planned_until_;  ///< everything due by then is written
  base::Instant last_full_;
  std::optional<base::Instant> first_look_;
};

}  // namespace countersign::authority
