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

/// One step of a run looks at no more certificates, or writes no more notices: issuance waits for a step.
inline constexpr std::size_t kNoticesAtOnce = 250;
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

  struct Progress {
    std::size_t written = 0;
    bool is_done = true;  ///< what is due is written; the next step begins another run
  };
  /// One step of a run, which looks at what is due at its beginning, page by page, and writes a notice for it. Each is
  /// in the log, too. Fails: as store and audit; then the next step begins anew, and finds what was not written.
  base::Result<Progress> advance();
  /// Whole: for those whom nobody waits for. How many notices it has written. Fails: as advance().
  base::Result<std::size_t> plan();

  /// The letter to send now, its attempt written down. What nobody needs any more is dropped on the way. Fails: as
  /// store and audit; then nothing may be sent.
  base::Result<std::optional<store::LetterRow>> claim(Channel channel);
  /// What came of it. An error of Kind::denied, or that of the last attempt, gives the letter up. Fails: as store and
  /// audit; then the letter is sent again later.
  base::Result<void> settle(store::LetterRow letter, const base::Result<void>& outcome);

  base::Result<std::vector<store::LetterRow>> list(const store::LetterFilter& filter);

 private:
  struct Run {
    base::Instant now;
    bool is_full;
    std::vector<store::EndingBetween> ranges;  ///< not looked at yet; none overlap
    std::optional<store::EndingPlace> place;   ///< in the first of them
    bool saw_own;                              ///< what is the authority's
    std::vector<Notice> due;                   ///< not written yet
  };
  Run begin_run();
  base::Result<Progress> step();
  base::Result<void> look_at_own();
  base::Result<void> look_at_page();
  base::Result<std::size_t> write_some();
  base::Result<void> write(const std::vector<Notice>& notices, base::Instant now);
  base::Result<void> write_letters(Amendment& amendment, const std::vector<Notice>& notices, base::Instant now);
  base::Result<store::LetterRow> make_letter(const Notice& notice, const store::ContactRow& contact, base::Instant now);
  base::Result<void> write_digests(Amendment& amendment, const std::vector<Notice>& notices, base::Instant now);
  base::Result<bool> is_wanted(store::Transaction& rows, const store::LetterRow& letter);
  /// Nothing: the letter is not to be sent after all.
  base::Result<std::optional<store::LetterRow>> begin_attempt(store::LetterRow letter);

  Parts parts_;
  Rules rules_;
  std::optional<base::Instant> planned_until_;  ///< everything due by then is written
  base::Instant last_full_;
  std::optional<base::Instant> first_look_;
  std::optional<Run> run_;
};

}  // namespace countersign::authority
