#include "authority/notices/notices.h"

#include <algorithm>

#include "authority/notices/text.h"
#include "authority/registry/ca_state.h"
#include "authority/registry/row_id.h"
#include "base/check.h"
#include "store/issuers.h"

namespace countersign::authority {
namespace {

using base::Kind;

constexpr base::Duration kFirstBackOff = std::chrono::seconds(30);
constexpr base::Duration kLongestBackOff = std::chrono::hours(6);
/// A gap longer than this is looked at as a whole.
constexpr base::Duration kLongestGap = std::chrono::hours(1);
/// Another authority, by whose clock a letter was put off, may be so far ahead.
constexpr base::Duration kClockSkew = std::chrono::minutes(1);
/// Letters that are dropped on the way to one to send.
constexpr int kMostDropped = 100;
constexpr std::size_t kErrorLimit = 500;

/// Between which ends lie the certificates whose threshold has passed in (`since`, `now`]?
store::EndingBetween passed(Threshold threshold, base::Instant since, base::Instant now) {
  const base::Duration offset = std::chrono::seconds(threshold);
  return {since - offset, now - offset};
}

base::json::object summary(const store::LetterRow& letter) {
  base::json::object detail{{"channel", letter.channel}, {"attempt", letter.attempts}};
  detail["to"] = letter.contact.value_or("operators");
  if (letter.serial) detail["serial"] = *letter.serial;
  if (letter.ca) detail["ca"] = *letter.ca;
  return detail;
}

const char* action_of(const store::LetterRow& letter) {
  if (letter.state == "sent") return "notice.sent";
  return letter.state == "given_up" ? "notice.given_up" : "notice.failed";
}

/// What passed in all thresholds since then; neighbours may overlap, and are one then.
std::vector<store::EndingBetween> passed(const std::vector<Threshold>& thresholds, base::Instant since,
                                         base::Instant now) {
  std::vector<store::EndingBetween> ranges;
  for (const Threshold threshold : thresholds)
    ranges.push_back(passed(threshold, since, now));
  std::ranges::sort(ranges, {}, [](const store::EndingBetween& range) { return range.after; });
  std::vector<store::EndingBetween> merged;
  for (const store::EndingBetween& range : ranges) {
    if (merged.empty() || merged.back().until < range.after) merged.push_back(range);
    else merged.back().until = std::max(merged.back().until, range.until);
  }
  return merged;
}

base::Result<void> note_down(Amendment& amendment, const std::vector<Notice>& notices, base::Instant now) {
  base::json::array listed;
  std::vector<store::NoticeRow> rows;
  for (const Notice& notice : notices) {
    rows.push_back({notice.about.serial, notice.threshold, notice.about.ends, now});
    listed.emplace_back(base::json::object{{"serial", notice.about.serial}, {"threshold_seconds", notice.threshold}});
  }
  BASE_TRY_VOID(store::insert(amendment.rows(), rows));
  return amendment.audit({the_authority(), "notice.planned", "notices", {{"notices", std::move(listed)}}});
}

Noted by_serial(const std::vector<store::NoticeRow>& rows) {
  Noted noted;
  for (const store::NoticeRow& row : rows)
    noted[row.serial].insert(row.threshold);
  return noted;
}

/// Does what concerns the application go to that contact?
bool is_for(const store::ContactRow& contact, const store::ApplicationKey& key) {
  if (contact.organisation != key.organisation) return false;
  return !contact.application || (contact.application == key.application && contact.environment == key.environment);
}

/// What was delivered is, whoever has begun another attempt since.
base::Result<void> take_attempts(store::Transaction& rows, store::LetterRow& letter) {
  BASE_TRY(const auto found, store::find_letter(rows, letter.id));
  if (found) letter.attempts = found->attempts;
  return {};
}

}  // namespace

std::string_view name(Channel channel) {
  switch (channel) {
    case Channel::mail: return "mail";
    case Channel::webhook: return "webhook";
  }
  BASE_UNREACHABLE();
}

base::Duration back_off(std::int64_t attempts) {
  base::Duration wait = kFirstBackOff;
  for (std::int64_t i = 1; i < attempts && wait < kLongestBackOff; ++i)
    wait *= 2;
  return std::min(wait, kLongestBackOff);
}

Notices::Run Notices::begin_run() {
  const base::Instant now = parts_.ledger.now();
  const bool full = !planned_until_ || now < *planned_until_ || now - *planned_until_ > kLongestGap ||
                    now - last_full_ > kFullRun || now < last_full_;
  if (!full) return {now, full, passed(rules_.thresholds, *planned_until_, now), {}, false, {}};
  const base::Duration first = std::chrono::seconds(rules_.thresholds.front());
  const base::Duration last = std::chrono::seconds(std::max<Threshold>(rules_.thresholds.back(), 0));
  return {now, full, {{now - last - kHistory, now - first}}, {}, false, {}};
}

base::Result<void> Notices::look_at_own() {
  const base::Instant now = run_->now;
  BASE_TRY(auto rows, parts_.ledger.read());
  std::vector<Expiring> endings = endings_of(parts_.hierarchy);
  BASE_TRY(const auto material, list_own_material(rows, parts_.hierarchy, now));
  if (!first_look_) first_look_ = now;
  const bool had_time = now - *first_look_ >= kTimeToRenew;
  for (const OwnMaterial& one : material)
    if (Expiring ending = to_ending(one); ending.thresholds.empty() || had_time) endings.push_back(std::move(ending));
  Noted noted;
  for (const Notice& candidate : plan_notices(endings, {}, rules_.thresholds, now)) {
    BASE_TRY(const auto said, store::list_notices(rows, candidate.about.serial));
    noted.merge(by_serial(said));
  }
  run_->due = plan_notices(endings, noted, rules_.thresholds, now);
  run_->saw_own = true;
  return {};
}

/// Two questions for a page, however many certificates it has.
base::Result<void> Notices::look_at_page() {
  Run& run = *run_;
  BASE_TRY(auto rows, parts_.ledger.read());
  BASE_TRY(const auto page, store::list_ending(rows, run.ranges.front(), run.place, static_cast<int>(kNoticesAtOnce)));
  std::vector<Expiring> endings;
  for (const store::EndingRow& row : page.rows)
    if (row.purpose != trust::name(trust::Purpose::ocsp)) endings.push_back(to_ending(row));
  if (!plan_notices(endings, {}, rules_.thresholds, run.now).empty()) {
    std::vector<std::string> serials;
    for (const Expiring& ending : endings)
      serials.push_back(ending.serial);
    BASE_TRY(const auto said, store::list_notices(rows, serials));
    for (Notice& notice : plan_notices(endings, by_serial(said), rules_.thresholds, run.now))
      run.due.push_back(std::move(notice));
  }
  run.place = page.end;
  if (!page.end) run.ranges.erase(run.ranges.begin());
  return {};
}

base::Result<std::size_t> Notices::write_some() {
  std::vector<Notice>& due = run_->due;
  const std::size_t count = std::min(due.size(), kNoticesAtOnce);
  const auto end = due.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Notice> some(due.begin(), end);
  std::ranges::stable_sort(some, {}, [](const Notice& notice) { return notice.about.ends; });
  BASE_TRY_VOID(write(some, run_->now));
  due.erase(due.begin(), end);
  return count;
}

base::Result<Notices::Progress> Notices::step() {
  Run& run = *run_;
  Progress progress;
  const bool all_seen = run.saw_own && run.ranges.empty();
  if (all_seen || run.due.size() >= kNoticesAtOnce) {
    if (!run.due.empty()) {
      BASE_TRY(progress.written, write_some());
    }
  } else {
    BASE_TRY_VOID(run.saw_own ? look_at_page() : look_at_own());
  }
  progress.is_done = run.saw_own && run.ranges.empty() && run.due.empty();
  return progress;
}

base::Result<Notices::Progress> Notices::advance() {
  if (rules_.thresholds.empty()) return Progress{};
  if (!run_) run_ = begin_run();
  auto progress = step();
  if (progress && progress->is_done) {
    planned_until_ = run_->now;
    if (run_->is_full) last_full_ = run_->now;
  }
  if (!progress || progress->is_done) run_.reset();
  return progress;
}

base::Result<std::size_t> Notices::plan() {
  std::size_t written = 0;
  for (;;) {
    BASE_TRY(const Progress progress, advance());
    written += progress.written;
    if (progress.is_done) return written;
  }
}

base::Result<void> Notices::write(const std::vector<Notice>& notices, base::Instant now) {
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY_VOID(note_down(amendment, notices, now));
  BASE_TRY_VOID(write_letters(amendment, notices, now));
  BASE_TRY_VOID(write_digests(amendment, notices, now));
  BASE_TRY_VOID(amendment.commit());
  for (const Notice& notice : notices)
    parts_.log.warning(is_own_material(notice.about) ? "status.grows_old" : "certificate.ends_soon",
                       {{"subject", notice.about.subject},
                        {"purpose", notice.about.purpose},
                        {"serial", notice.about.serial},
                        {"ends", base::to_rfc3339(notice.about.ends)},
                        {"threshold_seconds", notice.threshold}});
  return {};
}

base::Result<store::LetterRow> Notices::make_letter(const Notice& notice, const store::ContactRow& contact,
                                                    base::Instant now) {
  store::LetterRow letter;
  BASE_TRY(letter.id, make_id(parts_.random));
  letter.contact = contact.id;
  letter.recipient = contact.address;
  letter.serial = notice.about.serial;
  letter.created_at = letter.next_attempt_at = now;
  if (contact.kind == "email") {
    letter.channel = name(Channel::mail);
    LetterText text = to_mail(notice, now);
    letter.subject = std::move(text.subject);
    letter.body = std::move(text.body);
  } else {
    letter.channel = name(Channel::webhook);
    letter.body = to_webhook(notice, letter.id, now);
  }
  return letter;
}

base::Result<void> Notices::write_letters(Amendment& amendment, const std::vector<Notice>& notices, base::Instant now) {
  std::set<std::string> organisations;
  for (const Notice& notice : notices)
    if (notice.about.of) organisations.insert(notice.about.of->organisation);
  BASE_TRY(const auto contacts, store::list_contacts(amendment.rows(), organisations));
  std::map<std::string, std::vector<const store::ContactRow*>> of;
  for (const store::ContactRow& contact : contacts)
    if (contact.kind != "email" || rules_.has_mail) of[contact.organisation].push_back(&contact);
  std::vector<store::LetterRow> letters;
  for (const Notice& notice : notices) {
    if (!notice.about.of) continue;
    for (const store::ContactRow* contact : of[notice.about.of->organisation]) {
      if (!is_for(*contact, *notice.about.of)) continue;
      BASE_TRY(auto letter, make_letter(notice, *contact, now));
      letters.push_back(std::move(letter));
    }
  }
  return store::insert(amendment.rows(), letters);
}

base::Result<void> Notices::write_digests(Amendment& amendment, const std::vector<Notice>& notices, base::Instant now) {
  if (!rules_.has_mail) return {};
  const LetterText text = to_digest(notices, now);
  for (const courier::MailAddress& address : rules_.operators) {
    store::LetterRow letter;
    BASE_TRY(letter.id, make_id(parts_.random));
    letter.channel = name(Channel::mail);
    letter.recipient = address.text();
    letter.subject = text.subject;
    letter.body = text.body;
    letter.created_at = letter.next_attempt_at = now;
    BASE_TRY_VOID(store::insert(amendment.rows(), letter));
  }
  return {};
}

/// A certificate may have been renewed, revoked or suspended since the letter was written; a CA that was to come, be
/// in use or taken back.
base::Result<bool> Notices::is_wanted(store::Transaction& rows, const store::LetterRow& letter) {
  if (letter.ca) {
    BASE_TRY(const auto state, store::find_issuing_ca_state(rows, *letter.ca));
    return state == name(CaState::distributed);
  }
  if (!letter.serial) return true;
  BASE_TRY(const auto row, store::find_ending(rows, *letter.serial));
  return row && to_ending(*row).needed;
}

base::Result<std::optional<store::LetterRow>> Notices::begin_attempt(store::LetterRow letter) {
  const base::Instant now = parts_.ledger.now();
  const std::int64_t found_attempts = letter.attempts;
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY(const bool wanted, is_wanted(amendment.rows(), letter));
  const bool exhausted = letter.attempts >= kMostAttempts;  // a crash took the outcome of the last one
  const char* action = "notice.attempted";
  if (!wanted || exhausted) {
    letter.state = wanted ? "given_up" : "dropped";
    letter.decided_at = now;
    action = wanted ? "notice.given_up" : "notice.dropped";
  } else {
    ++letter.attempts;
    letter.next_attempt_at = now + back_off(letter.attempts);
  }
  BASE_TRY(const bool written, store::update_letter(amendment.rows(), letter, found_attempts));
  if (!written) return std::nullopt;  // somebody else's by now, or its contact is gone
  BASE_TRY_VOID(amendment.audit({the_authority(), action, letter.id, summary(letter)}));
  BASE_TRY_VOID(amendment.commit());
  if (letter.state == "given_up")
    parts_.log.error("notice.given_up", {{"letter", letter.id}, {"to", letter.recipient}});
  if (letter.state != "pending") return std::nullopt;
  return letter;
}

base::Result<std::optional<store::LetterRow>> Notices::claim(Channel channel) {
  for (int i = 0; i < kMostDropped; ++i) {
    std::optional<store::LetterRow> due;
    {
      BASE_TRY(auto rows, parts_.ledger.read());
      BASE_TRY(due, store::find_due_letter(rows, std::string(name(channel)),
                                           {parts_.ledger.now(), parts_.ledger.now() + kLongestBackOff + kClockSkew}));
    }
    if (!due) return std::nullopt;
    BASE_TRY(auto letter, begin_attempt(std::move(*due)));
    if (letter) return letter;
  }
  return std::nullopt;
}

base::Result<void> Notices::settle(store::LetterRow letter, const base::Result<void>& outcome) {
  const base::Instant now = parts_.ledger.now();
  if (outcome) {
    letter.state = "sent";
  } else {
    letter.last_error = base::to_string(outcome.error()).substr(0, kErrorLimit);
    letter.last_error_code = outcome.error().code;
    if (outcome.error().kind == Kind::denied || letter.attempts >= kMostAttempts) letter.state = "given_up";
  }
  if (letter.state != "pending") letter.decided_at = now;
  BASE_TRY(auto amendment, parts_.ledger.amend());
  if (outcome) BASE_TRY_VOID(take_attempts(amendment.rows(), letter));
  BASE_TRY(const bool written, store::update_letter(amendment.rows(), letter, letter.attempts));
  if (!written) return {};  // its contact was removed meanwhile, or a later attempt has begun
  // Many letters to a receiver that hangs must not hold up everybody else's.
  if (!outcome && letter.contact)
    BASE_TRY_VOID(store::postpone_letters(amendment.rows(), *letter.contact, letter.next_attempt_at));
  base::json::object detail = summary(letter);
  if (!outcome) detail["error"] = outcome.error().code;
  BASE_TRY_VOID(amendment.audit({the_authority(), action_of(letter), letter.id, std::move(detail)}));
  BASE_TRY_VOID(amendment.commit());
  const base::Fields fields{{"letter", letter.id},
                            {"channel", letter.channel},
                            {"to", letter.recipient},
                            {"attempt", letter.attempts},
                            {"error", letter.state == "sent" ? "" : letter.last_error.value_or("")}};
  if (letter.state == "sent") parts_.log.info("notice.sent", fields);
  else if (letter.state == "given_up") parts_.log.error("notice.given_up", fields);
  else parts_.log.warning("notice.failed", fields);
  return {};
}

base::Result<std::vector<store::LetterRow>> Notices::list(const store::LetterFilter& filter) {
  BASE_TRY(auto rows, parts_.ledger.read());
  return store::list_letters(rows, filter);
}

}  // namespace countersign::authority
