#include "store/feed.h"

#include "store/sql.h"

STORE_ROW(FeedChangeRow);

void soci::type_conversion<countersign::store::FeedChangeRow>::from_base(const soci::values& from, soci::indicator,
                                                                         countersign::store::FeedChangeRow& row) {
  using namespace countersign::store;
  row = {whole(from, "sequence"), instant(from, "published_at"), text(from, "fact")};
}

void soci::type_conversion<countersign::store::FeedChangeRow>::to_base(const countersign::store::FeedChangeRow& row,
                                                                       soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put_whole(to, "sequence", row.sequence);
  put(to, "published_at", row.published_at);
  put(to, "fact", row.fact);
  indicator = soci::i_ok;
}

namespace countersign::store {
namespace {

long long read_counter(soci::session& sql) {
  long long value = 0;
  sql << "SELECT value FROM counters WHERE name = 'feed'", soci::into(value);
  if (!sql.got_data()) throw soci::soci_error("the counter of the trust feed is missing");
  return value;
}

}  // namespace

base::Result<std::int64_t> publish_fact(Transaction& transaction, const std::string& fact, base::Instant at) {
  return run(transaction, "publish a change", [&](soci::session& sql) -> std::int64_t {
    sql << "UPDATE counters SET value = value + 1 WHERE name = 'feed'";
    const FeedChangeRow row{read_counter(sql), at, fact};
    sql << "INSERT INTO feed_changes (sequence, published_at, fact) VALUES (:sequence, :published_at, :fact)",
        soci::use(row);
    return row.sequence;
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
    const long long sequence = after;
    return collect<FeedChangeRow>(
        (sql.prepare << "SELECT * FROM feed_changes WHERE sequence > :after ORDER BY sequence LIMIT :limit",
         soci::use(sequence, "after"), soci::use(limit, "limit")));
  });
}

base::Result<void> forget_feed_changes(Transaction& transaction, std::int64_t sequence) {
  return run(transaction, "shorten the trust feed", [&](soci::session& sql) {
    const long long last = sequence;
    sql << "DELETE FROM feed_changes WHERE sequence <= :last", soci::use(last, "last");
  });
}

}  // namespace countersign::store
