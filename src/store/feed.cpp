#include "store/feed.h"

#include "store/bulk.h"
#include "store/sql.h"

namespace countersign::store {
namespace {

long long read_counter(soci::session& sql) {
  long long value = 0;
  sql << "SELECT value FROM counters WHERE name = 'feed'", soci::into(value);
  if (!sql.got_data()) throw soci::soci_error("the counter of the trust feed is missing");
  return value;
}

}  // namespace

base::Result<std::int64_t> publish_facts(Transaction& transaction, const std::vector<std::string>& facts,
                                         base::Instant at) {
  return run(transaction, "publish a change", [&](soci::session& sql) -> std::int64_t {
    const auto count = static_cast<long long>(facts.size());
    sql << "UPDATE counters SET value = value + :count WHERE name = 'feed'", soci::use(count, "count");
    const long long last = read_counter(sql);
    Bulk bulk("INSERT INTO feed_changes (sequence, published_at, fact)", 3);
    std::int64_t sequence = last - count;
    for (const std::string& fact : facts)
      bulk.add(++sequence).add(at).add(fact);
    bulk.insert(sql);
    return last;
  });
}

base::Result<std::int64_t> last_feed_sequence(Transaction& transaction) {
  return run(transaction, "read the trust feed", [](soci::session& sql) -> std::int64_t { return read_counter(sql); });
}

base::Result<std::optional<std::int64_t>> oldest_feed_sequence(Transaction& transaction) {
  return run(transaction, "read the trust feed", [](soci::session& sql) -> std::optional<std::int64_t> {
    long long oldest = 0;
    soci::indicator indicator = soci::i_ok;
    sql << "SELECT MIN(sequence) FROM feed_changes", soci::into(oldest, indicator);
    if (indicator == soci::i_null) return std::nullopt;
    return oldest;
  });
}

base::Result<std::vector<FeedChangeRow>> list_feed_changes(Transaction& transaction, std::int64_t after, int limit) {
  return run(transaction, "read the trust feed", [&](soci::session& sql) {
    const long long first = after;
    // Thousands of rows: plain columns, not soci::values.
    FeedChangeRow row;
    long long sequence = 0;
    long long published_at = 0;
    soci::statement query = (sql.prepare << "SELECT sequence, published_at, fact FROM feed_changes"
                                            " WHERE sequence > :after ORDER BY sequence LIMIT :limit",
                             soci::use(first, "after"), soci::use(limit, "limit"), soci::into(sequence),
                             soci::into(published_at), soci::into(row.fact));
    query.execute();
    std::vector<FeedChangeRow> rows;
    while (query.fetch()) {
      row.sequence = sequence;
      row.published_at = {published_at};
      rows.push_back(row);
    }
    return rows;
  });
}

base::Result<void> forget_feed_changes(Transaction& transaction, std::int64_t sequence) {
  return run(transaction, "shorten the trust feed", [&](soci::session& sql) {
    const long long last = sequence;
    sql << "DELETE FROM feed_changes WHERE sequence <= :last", soci::use(last, "last");
  });
}

}  // namespace countersign::store
