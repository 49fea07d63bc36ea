#include "store/crls.h"

#include "store/sql.h"

STORE_ROW(CrlRow);
STORE_ROW(PublishedCrlRow);
STORE_ROW(CrlKey);

void soci::type_conversion<countersign::store::CrlRow>::from_base(const soci::values& from, soci::indicator,
                                                                  countersign::store::CrlRow& row) {
  using namespace countersign::store;
  row = {{text(from, "issuer"), whole(from, "shard")},
         whole(from, "number"),
         instant(from, "this_update"),
         instant(from, "next_update"),
         text(from, "tbs_sha256"),
         whole(from, "feed_sequence")};
}

void soci::type_conversion<countersign::store::CrlRow>::to_base(const countersign::store::CrlRow& row, soci::values& to,
                                                                soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "issuer", row.key.issuer);
  put_whole(to, "shard", row.key.shard);
  put_whole(to, "number", row.number);
  put(to, "this_update", row.this_update);
  put(to, "next_update", row.next_update);
  put(to, "tbs_sha256", row.tbs_sha256);
  put_whole(to, "feed_sequence", row.feed_sequence);
  indicator = soci::i_ok;
}

void soci::type_conversion<countersign::store::PublishedCrlRow>::from_base(const soci::values& from, soci::indicator,
                                                                           countersign::store::PublishedCrlRow& row) {
  using namespace countersign::store;
  row = {{text(from, "issuer"), whole(from, "shard")},
         whole(from, "published_number"),
         instant(from, "published_this_update"),
         instant(from, "published_next_update"),
         text(from, "der"),
         whole(from, "feed_sequence")};
}

void soci::type_conversion<countersign::store::PublishedCrlRow>::to_base(const countersign::store::PublishedCrlRow&,
                                                                         soci::values&, soci::indicator&) {
  BASE_UNREACHABLE();  // only ever read
}

void soci::type_conversion<countersign::store::CrlKey>::from_base(const soci::values& from, soci::indicator,
                                                                  countersign::store::CrlKey& row) {
  using namespace countersign::store;
  row = {text(from, "issuer"), whole(from, "shard")};
}

void soci::type_conversion<countersign::store::CrlKey>::to_base(const countersign::store::CrlKey&, soci::values&,
                                                                soci::indicator&) {
  BASE_UNREACHABLE();  // only ever read
}

namespace countersign::store {

base::Result<std::optional<CrlRow>> find_crl(Transaction& transaction, const CrlKey& key) {
  return run(transaction, "find a CRL", [&](soci::session& sql) {
    const long long shard = key.shard;
    return first<CrlRow>(
        (sql.prepare << "SELECT issuer, shard, number, this_update, next_update, tbs_sha256, feed_sequence FROM crls"
                        " WHERE issuer = :issuer AND shard = :shard",
         soci::use(key.issuer, "issuer"), soci::use(shard, "shard")));
  });
}

base::Result<bool> record_crl(Transaction& transaction, const CrlRow& row) {
  return run(transaction, "record a CRL", [&](soci::session& sql) {
    soci::statement insert =
        (sql.prepare << "INSERT INTO crls (issuer, shard, number, this_update, next_update, tbs_sha256, feed_sequence)"
                        " VALUES (:issuer, :shard, :number, :this_update, :next_update, :tbs_sha256, :feed_sequence)"
                        " ON CONFLICT (issuer, shard) DO UPDATE SET number = excluded.number,"
                        " this_update = excluded.this_update, next_update = excluded.next_update,"
                        " tbs_sha256 = excluded.tbs_sha256, feed_sequence = excluded.feed_sequence"
                        " WHERE excluded.number > crls.number AND excluded.this_update > crls.this_update",
         soci::use(row));
    insert.execute(true);
    return insert.get_affected_rows() == 1;
  });
}

base::Result<bool> publish_crl(Transaction& transaction, const CrlKey& key, std::int64_t number,
                               const std::string& der) {
  return run(transaction, "publish a CRL", [&](soci::session& sql) {
    const long long shard = key.shard;
    const long long wanted = number;
    soci::statement update =
        (sql.prepare << "UPDATE crls SET published_number = number, published_this_update = this_update,"
                        " published_next_update = next_update, der = :der"
                        " WHERE issuer = :issuer AND shard = :shard AND number = :number",
         soci::use(der, "der"), soci::use(key.issuer, "issuer"), soci::use(shard, "shard"),
         soci::use(wanted, "number"));
    update.execute(true);
    return update.get_affected_rows() == 1;
  });
}

base::Result<std::vector<PublishedCrlRow>> list_published_crls(Transaction& transaction) {
  return run(transaction, "list CRLs", [](soci::session& sql) {
    return collect<PublishedCrlRow>(
        sql.prepare << "SELECT issuer, shard, published_number, published_this_update, published_next_update, der,"
                       " feed_sequence"
                       " FROM crls WHERE published_number IS NOT NULL ORDER BY issuer, shard");
  });
}

base::Result<std::vector<CrlTimes>> list_crl_times(Transaction& transaction) {
  return run(transaction, "list the times of CRLs", [](soci::session& sql) {
    CrlTimes row;
    long long shard = 0;
    long long number = 0;
    long long this_update = 0;
    long long next_update = 0;
    // Each look at the notices asks this: plain columns, not soci::values.
    soci::statement select =
        (sql.prepare << "SELECT issuer, shard, published_number, published_this_update, published_next_update FROM crls"
                        " WHERE published_number IS NOT NULL ORDER BY issuer, shard",
         soci::into(row.key.issuer), soci::into(shard), soci::into(number), soci::into(this_update),
         soci::into(next_update));
    select.execute();
    std::vector<CrlTimes> rows;
    while (select.fetch()) {
      row.key.shard = shard;
      row.number = number;
      row.this_update = {this_update};
      row.next_update = {next_update};
      rows.push_back(row);
    }
    return rows;
  });
}

base::Result<std::vector<CrlKey>> list_unpublished_crls(Transaction& transaction) {
  return run(transaction, "list unpublished CRLs", [](soci::session& sql) {
    return collect<CrlKey>(sql.prepare << "SELECT issuer, shard FROM crls"
                                          " WHERE published_number IS NULL OR published_number < number"
                                          " ORDER BY issuer, shard");
  });
}

base::Result<std::vector<RevokedRow>> list_revoked(Transaction& transaction, const RevokedFilter& filter) {
  return run(transaction, "list revoked certificates", [&](soci::session& sql) {
    const long long shard = filter.of.shard;
    const long long ends_from = filter.ends_from.micros;
    RevokedRow row;
    long long revoked_at = 0;
    // Thousands of rows: plain columns, not soci::values.
    soci::statement select =
        (sql.prepare << "SELECT serial, revoked_at, revoked_for FROM certificates WHERE issuer = :issuer"
                        " AND crl_shard = :shard AND revoked_at IS NOT NULL AND not_after >= :ends_from"
                        " ORDER BY serial",
         soci::use(filter.of.issuer, "issuer"), soci::use(shard, "shard"), soci::use(ends_from, "ends_from"),
         soci::into(row.serial), soci::into(revoked_at), soci::into(row.revoked_for));
    select.execute();
    std::vector<RevokedRow> rows;
    while (select.fetch()) {
      row.revoked_at = {revoked_at};
      rows.push_back(row);
    }
    return rows;
  });
}

}  // namespace countersign::store
