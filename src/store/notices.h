// Notices: which certificates end soon, what was said about which, and the letters that say it: an outbox. Errors as in
// store/registry.h.
#pragma once

#include <string>
#include <vector>

#include "store/applications.h"

namespace countersign::store {

/// What decides whether the end of a certificate is worth a notice.
struct EndingRow {
  std::string serial;
  ApplicationKey key;
  std::string purpose;
  base::Instant issued_at;
  base::Instant not_after;
  bool revoked = false;
  bool suspended = false;       ///< its application or organisation
  bool successor_seen = false;  ///< one that renewed it is in use, and not revoked
  bool newer_there = false;     ///< one for the same application and purpose ends later, and is not revoked
};
/// Those that end after `after` and not after `until`.
struct EndingBetween {
  base::Instant after;
  base::Instant until;
};
/// Where a page ended.
struct EndingPlace {
  base::Instant at;
  std::string serial;
};
struct EndingPage {
  std::vector<EndingRow> rows;
  std::optional<EndingPlace> end = std::nullopt;  ///< nothing: it was the last
};
/// At most `limit` of them, in order of their end; those after `place`, where one is given.
base::Result<EndingPage> list_ending(Transaction& transaction, const EndingBetween& between,
                                     const std::optional<EndingPlace>& place, int limit);
base::Result<std::optional<EndingRow>> find_ending(Transaction& transaction, const std::string& serial);

/// That a threshold of a certificate passed was noticed, told to somebody or not. Once for each.
struct NoticeRow {
  std::string serial;          ///< of a certificate, or of a CA's own
  std::int64_t threshold = 0;  ///< seconds from the end; negative: before it
  base::Instant ends_at;
  base::Instant noted_at;
};
/// Fails also: `store.conflict` when that was noted before.
base::Result<void> insert(Transaction& transaction, const NoticeRow& row);
base::Result<void> insert(Transaction& transaction, const std::vector<NoticeRow>& rows);
base::Result<std::vector<NoticeRow>> list_notices(Transaction& transaction, const std::string& serial);
/// Of all of these, by one question: what else ends at the same time is not looked at.
base::Result<std::vector<NoticeRow>> list_notices(Transaction& transaction, const std::vector<std::string>& serials);

struct LetterRow {
  std::string id;       ///< hexadecimal; receivers see it, and can tell a repetition by it
  std::string channel;  ///< mail | webhook
  std::optional<std::string> contact = std::nullopt;  ///< absent: to operators
  std::string recipient;
  std::string subject;
  std::string body;
  std::optional<std::string> serial = std::nullopt;  ///< of the certificate it is about; absent: about several
  std::string state = "pending";                     ///< pending | sent | given_up | dropped
  std::int64_t attempts = 0;                         ///< begun
  base::Instant created_at = {};
  base::Instant next_attempt_at = {};
  std::optional<base::Instant> decided_at = std::nullopt;  ///< when it was no longer pending
  std::optional<std::string> last_error = std::nullopt;
  std::optional<std::string> ca = std::nullopt;               ///< that it announces
  std::optional<std::string> trouble_of = std::nullopt;       ///< EhiServerRow::id of the server whose trouble it tells
  std::optional<std::string> last_error_code = std::nullopt;  ///< of `last_error`; none from before migration 18
};
/// Fails also: `store.conflict` when the id is taken.
base::Result<void> insert(Transaction& transaction, const LetterRow& row);
base::Result<void> insert(Transaction& transaction, const std::vector<LetterRow>& rows);
base::Result<std::optional<LetterRow>> find_letter(Transaction& transaction, const std::string& id);
/// When a pending letter is to be sent: its next attempt is not after `now`, or after `horizon`, which nobody sets for
/// it but a clock that was wrong.
struct LetterDue {
  base::Instant now;
  base::Instant horizon;
};
/// The one that has waited longest; of those that wait as long, as all of a contact do after one has failed, the
/// oldest.
base::Result<std::optional<LetterRow>> find_due_letter(Transaction& transaction, const std::string& channel,
                                                       const LetterDue& due);
/// Writes state, attempts, times and error of `row`, while the letter is pending and had `attempts` of them: nobody has
/// begun another since it was read. False when it is not so.
base::Result<bool> update_letter(Transaction& transaction, const LetterRow& row, std::int64_t attempts);
/// Every pending letter to a contact becomes `dropped`.
base::Result<void> drop_letters(Transaction& transaction, const std::string& contact, base::Instant at);
/// Every pending letter that announces `ca`, likewise.
base::Result<void> drop_announcing_letters(Transaction& transaction, const std::string& ca, base::Instant at);
/// Every pending letter that tells of trouble of `server`, likewise.
base::Result<void> drop_trouble_letters(Transaction& transaction, const std::string& server, base::Instant at);
/// No pending letter to a contact is due before `until`.
base::Result<void> postpone_letters(Transaction& transaction, const std::string& contact, base::Instant until);
struct LetterFilter {
  std::string state;              ///< empty: any
  std::string organisation = {};  ///< to contacts of it, removed ones included; empty: to anybody
  int limit = 100;
};
/// Newest first.
base::Result<std::vector<LetterRow>> list_letters(Transaction& transaction, const LetterFilter& filter);

}  // namespace countersign::store
