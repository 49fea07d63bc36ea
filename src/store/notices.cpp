#include "store/notices.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "store/bulk.h"
#include "store/sql.h"
#include "store/where.h"

STORE_ROW(EndingRow);
STORE_ROW(NoticeRow);
STORE_ROW(LetterRow);

void soci::type_conversion<countersign::store::EndingRow>::from_base(const soci::values& from, soci::indicator,
                                                                     countersign::store::EndingRow& row) {
  using namespace countersign::store;
  row.serial = text(from, "serial");
  row.key = application_key(from);
  row.purpose = text(from, "purpose");
  row.issued_at = instant(from, "issued_at");
  row.not_after = instant(from, "not_after");
  row.revoked = maybe_instant(from, "revoked_at").has_value();
  row.suspended = flag(from, "application_suspended") || flag(from, "organisation_suspended");
  row.successor_seen = text(from, "successor_seen") == "yes";
  row.newer_there = text(from, "newer_there") == "yes";
}

void soci::type_conversion<countersign::store::EndingRow>::to_base(const countersign::store::EndingRow&, soci::values&,
                                                                   soci::indicator&) {
  BASE_UNREACHABLE();  // it is read only
}

void soci::type_conversion<countersign::store::NoticeRow>::from_base(const soci::values& from, soci::indicator,
                                                                     countersign::store::NoticeRow& row) {
  using namespace countersign::store;
  row = {text(from, "serial"), whole(from, "threshold"), instant(from, "ends_at"), instant(from, "noted_at")};
}

void soci::type_conversion<countersign::store::NoticeRow>::to_base(const countersign::store::NoticeRow& row,
                                                                   soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "serial", row.serial);
  put_whole(to, "threshold", row.threshold);
  put(to, "ends_at", row.ends_at);
  put(to, "noted_at", row.noted_at);
  indicator = soci::i_ok;
}

void soci::type_conversion<countersign::store::LetterRow>::from_base(const soci::values& from, soci::indicator,
                                                                     countersign::store::LetterRow& row) {
  using namespace countersign::store;
  row.id = text(from, "id");
  row.channel = text(from, "channel");
  row.contact = maybe_text(from, "contact");
  row.recipient = text(from, "recipient");
  row.subject = text(from, "subject");
  row.body = text(from, "body");
  row.serial = maybe_text(from, "serial");
  row.state = text(from, "state");
  row.attempts = whole(from, "attempts");
  row.created_at = instant(from, "created_at");
  row.next_attempt_at = instant(from, "next_attempt_at");
  row.decided_at = maybe_instant(from, "decided_at");
  row.last_error = maybe_text(from, "last_error");
  row.ca = maybe_text(from, "ca");
  row.trouble_of = maybe_text(from, "trouble_of");
  row.last_error_code = maybe_text(from, "last_error_code");
}

void soci::type_conversion<countersign::store::LetterRow>::to_base(const countersign::store::LetterRow& row,
                                                                   soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "id", row.id);
  put(to, "channel", row.channel);
  put(to, "contact", row.contact);
  put(to, "recipient", row.recipient);
  put(to, "subject", row.subject);
  put(to, "body", row.body);
  put(to, "serial", row.serial);
  put(to, "state", row.state);
  put_whole(to, "attempts", row.attempts);
  put(to, "created_at", row.created_at);
  put(to, "next_attempt_at", row.next_attempt_at);
  put(to, "decided_at", row.decided_at);
  put(to, "last_error", row.last_error);
  put(to, "last_error_code", row.last_error_code);
  indicator = soci::i_ok;
}

namespace countersign::store {
namespace {

// Newer ones are looked for among those of the application, newest first: not among all of its organisation that end
// later, which may be most of the registry. So their end is written such that no index serves it.
constexpr const char* kEnding =
    "SELECT c.serial, c.environment, c.organisation, c.application, c.purpose, c.issued_at, c.not_after, c.revoked_at,"
    " a.suspended AS application_suspended, o.suspended AS organisation_suspended,"
    " CASE WHEN EXISTS (SELECT 1 FROM certificates s WHERE s.replaces = c.serial AND s.revoked_at IS NULL"
    "  AND s.first_seen_at IS NOT NULL) THEN 'yes' ELSE 'no' END AS successor_seen,"
    " CASE WHEN EXISTS (SELECT 1 FROM certificates s WHERE s.environment = c.environment"
    "  AND s.organisation = c.organisation AND s.application = c.application AND s.purpose = c.purpose"
    "  AND s.revoked_at IS NULL AND (s.not_after + 0) > c.not_after) THEN 'yes' ELSE 'no' END AS newer_there FROM ";
constexpr const char* kOwners =
    " JOIN applications a ON a.environment = c.environment"
    "  AND a.organisation = c.organisation AND a.application = c.application"
    " JOIN organisations o ON o.id = c.organisation";

/// The page is cut out before anything is asked about its rows: else PostgreSQL plans for all that end in that time,
/// and goes through the whole table for them, page after page.
std::string page_of_ending(const char* beginning, int limit) {
  return std::string(kEnding) +
         "(SELECT serial, environment, organisation, application, purpose, issued_at, not_after, revoked_at"
         " FROM certificates WHERE " +
         beginning + " ORDER BY not_after, serial DESC LIMIT " + std::to_string(limit) + ") c" + kOwners +
         " ORDER BY c.not_after, c.serial DESC";
}

}  // namespace

base::Result<EndingPage> list_ending(Transaction& transaction, const EndingBetween& between,
                                     const std::optional<EndingPlace>& place, int limit) {
  return run(transaction, "list certificates that end", [&](soci::session& sql) {
    EndingPage page;
    // What is left of the instant where the page before has ended is asked for by itself: a condition over both would
    // have an index go through all of that instant that was read already, page after page.
    if (place) {
      const long long at = place->at.micros;
      page.rows = collect<EndingRow>((sql.prepare << page_of_ending("not_after = :at AND serial < :serial", limit),
                                      soci::use(at, "at"), soci::use(place->serial, "serial")));
    }
    if (const int more = limit - static_cast<int>(page.rows.size()); more > 0) {
      const long long from = place ? place->at.micros : between.after.micros;
      const long long until = between.until.micros;
      auto later = collect<EndingRow>((sql.prepare << page_of_ending("not_after > :from AND not_after <= :until", more),
                                       soci::use(from, "from"), soci::use(until, "until")));
      std::ranges::move(later, std::back_inserter(page.rows));
    }
    if (std::cmp_equal(page.rows.size(), limit)) page.end = {page.rows.back().not_after, page.rows.back().serial};
    return page;
  });
}

base::Result<std::optional<EndingRow>> find_ending(Transaction& transaction, const std::string& serial) {
  return run(transaction, "find a certificate that ends", [&](soci::session& sql) {
    return first<EndingRow>((sql.prepare << kEnding << "certificates c" << kOwners << " WHERE c.serial = :serial",
                             soci::use(serial, "serial")));
  });
}

base::Result<void> insert(Transaction& transaction, const NoticeRow& row) {
  return insert(transaction, std::vector{row});
}

base::Result<void> insert(Transaction& transaction, const std::vector<NoticeRow>& rows) {
  return run(transaction, "store a notice", [&](soci::session& sql) {
    Bulk bulk("INSERT INTO notices (serial, threshold, ends_at, noted_at)", 4);
    for (const NoticeRow& row : rows)
      bulk.add(row.serial).add(row.threshold).add(row.ends_at).add(row.noted_at);
    bulk.insert(sql);
  });
}

base::Result<std::vector<NoticeRow>> list_notices(Transaction& transaction, const std::string& serial) {
  return run(transaction, "list notices", [&](soci::session& sql) {
    return collect<NoticeRow>((sql.prepare << "SELECT * FROM notices WHERE serial = :serial ORDER BY threshold",
                               soci::use(serial, "serial")));
  });
}

base::Result<std::vector<NoticeRow>> list_notices(Transaction& transaction, const std::vector<std::string>& serials) {
  if (serials.empty()) return std::vector<NoticeRow>();
  return run(transaction, "list notices", [&](soci::session& sql) {
    Where where;
    std::string held;
    for (const std::string& serial : serials)
      held += (held.empty() ? "" : ", ") + where.hold(serial);
    where.add("serial IN (" + held + ")");
    soci::details::prepare_temp_type query = sql.prepare << "SELECT * FROM notices" + where.text();
    where.bind(query);
    return collect<NoticeRow>(query);
  });
}

base::Result<void> insert(Transaction& transaction, const LetterRow& row) {
  return insert(transaction, std::vector{row});
}

base::Result<void> insert(Transaction& transaction, const std::vector<LetterRow>& rows) {
  return run(transaction, "store a letter", [&](soci::session& sql) {
    Bulk bulk(
        "INSERT INTO letters (id, channel, contact, recipient, subject, body, serial, state, attempts, created_at,"
        " next_attempt_at, decided_at, last_error, ca, trouble_of, last_error_code)",
        16);
    for (const LetterRow& row : rows)
      bulk.add(row.id)
          .add(row.channel)
          .add(row.contact)
          .add(row.recipient)
          .add(row.subject)
          .add(row.body)
          .add(row.serial)
          .add(row.state)
          .add(row.attempts)
          .add(row.created_at)
          .add(row.next_attempt_at)
          .add(row.decided_at)
          .add(row.last_error)
          .add(row.ca)
          .add(row.trouble_of)
          .add(row.last_error_code);
    bulk.insert(sql);
  });
}

base::Result<std::optional<LetterRow>> find_letter(Transaction& transaction, const std::string& id) {
  return run(transaction, "find a letter", [&](soci::session& sql) {
    return first<LetterRow>((sql.prepare << "SELECT * FROM letters WHERE id = :id", soci::use(id, "id")));
  });
}

base::Result<std::optional<LetterRow>> find_due_letter(Transaction& transaction, const std::string& channel,
                                                       const LetterDue& due) {
  return run(transaction, "find a letter to send", [&](soci::session& sql) {
    const long long micros = due.now.micros;
    const long long horizon = due.horizon.micros;
    return first<LetterRow>((sql.prepare << "SELECT * FROM letters WHERE state = 'pending' AND channel = :channel"
                                            " AND (next_attempt_at <= :now OR next_attempt_at > :horizon)"
                                            " ORDER BY next_attempt_at, created_at, id LIMIT 1",
                             soci::use(channel, "channel"), soci::use(micros, "now"), soci::use(horizon, "horizon")));
  });
}

base::Result<bool> update_letter(Transaction& transaction, const LetterRow& row, std::int64_t attempts) {
  return run(transaction, "note what became of a letter", [&](soci::session& sql) {
    const long long before = attempts;
    soci::statement change =
        (sql.prepare << "UPDATE letters SET state = :state, attempts = :attempts, next_attempt_at = :next_attempt_at,"
                        " decided_at = :decided_at, last_error = :last_error, last_error_code = :last_error_code"
                        " WHERE id = :id AND state = 'pending' AND attempts = :before",
         soci::use(row), soci::use(before, "before"));
    change.execute(true);
    return change.get_affected_rows() == 1;
  });
}

base::Result<void> drop_letters(Transaction& transaction, const std::string& contact, base::Instant at) {
  return run(transaction, "drop letters", [&](soci::session& sql) {
    const long long micros = at.micros;
    sql << "UPDATE letters SET state = 'dropped', decided_at = :at WHERE contact = :contact AND state = 'pending'",
        soci::use(micros, "at"), soci::use(contact, "contact");
  });
}

base::Result<void> drop_announcing_letters(Transaction& transaction, const std::string& ca, base::Instant at) {
  return run(transaction, "drop letters", [&](soci::session& sql) {
    const long long micros = at.micros;
    sql << "UPDATE letters SET state = 'dropped', decided_at = :at WHERE state = 'pending' AND ca = :ca",
        soci::use(micros, "at"), soci::use(ca, "ca");
  });
}

base::Result<void> drop_trouble_letters(Transaction& transaction, const std::string& server, base::Instant at) {
  return run(transaction, "drop letters", [&](soci::session& sql) {
    const long long micros = at.micros;
    sql << "UPDATE letters SET state = 'dropped', decided_at = :at WHERE state = 'pending' AND trouble_of = :server",
        soci::use(micros, "at"), soci::use(server, "server");
  });
}

base::Result<void> postpone_letters(Transaction& transaction, const std::string& contact, base::Instant until) {
  return run(transaction, "postpone letters", [&](soci::session& sql) {
    const long long micros = until.micros;
    sql << "UPDATE letters SET next_attempt_at = :until WHERE contact = :contact AND state = 'pending'"
           " AND next_attempt_at < :until",
        soci::use(micros, "until"), soci::use(contact, "contact");
  });
}

base::Result<std::vector<LetterRow>> list_letters(Transaction& transaction, const LetterFilter& filter) {
  return run(transaction, "list letters", [&](soci::session& sql) {
    Where where;
    where.add_if("state = ", filter.state);
    if (!filter.organisation.empty())
      where.add("contact IN (SELECT id FROM contacts WHERE organisation = " + where.hold(filter.organisation) + ")");
    soci::details::prepare_temp_type query = sql.prepare << "SELECT * FROM letters" + where.text() +
                                                                " ORDER BY created_at DESC, id LIMIT " +
                                                                std::to_string(filter.limit);
    where.bind(query);
    return collect<LetterRow>(query);
  });
}

}  // namespace countersign::store
