#include "store/merkle.h"

#include "store/bulk.h"
#include "store/sql.h"

STORE_ROW(MerkleLeafRow);
STORE_ROW(MerkleNodeRow);

void soci::type_conversion<countersign::store::MerkleLeafRow>::from_base(const soci::values& from, soci::indicator,
                                                                         countersign::store::MerkleLeafRow& row) {
  using namespace countersign::store;
  row = {whole(from, "number"), text(from, "serial")};
}

void soci::type_conversion<countersign::store::MerkleLeafRow>::to_base(const countersign::store::MerkleLeafRow& row,
                                                                       soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put_whole(to, "number", row.number);
  put(to, "serial", row.serial);
  indicator = soci::i_ok;
}

void soci::type_conversion<countersign::store::MerkleNodeRow>::from_base(const soci::values& from, soci::indicator,
                                                                         countersign::store::MerkleNodeRow& row) {
  using namespace countersign::store;
  row = {whole(from, "level"), whole(from, "number"), text(from, "hash")};
}

void soci::type_conversion<countersign::store::MerkleNodeRow>::to_base(const countersign::store::MerkleNodeRow& row,
                                                                       soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put_whole(to, "level", row.level);
  put_whole(to, "number", row.number);
  put(to, "hash", row.hash);
  indicator = soci::i_ok;
}

namespace countersign::store {

base::Result<void> insert(Transaction& transaction, const std::vector<MerkleLeafRow>& rows) {
  return run(transaction, "append to the log of certificates", [&](soci::session& sql) {
    Bulk bulk("INSERT INTO merkle_leaves (number, serial)", 2);
    for (const MerkleLeafRow& row : rows)
      bulk.add(row.number).add(row.serial);
    bulk.insert(sql);
  });
}

base::Result<void> insert(Transaction& transaction, const std::vector<MerkleNodeRow>& rows) {
  return run(transaction, "append to the log of certificates", [&](soci::session& sql) {
    Bulk bulk("INSERT INTO merkle_nodes (level, number, hash)", 3);
    for (const MerkleNodeRow& row : rows)
      bulk.add(row.level).add(row.number).add(row.hash);
    bulk.insert(sql);
  });
}

base::Result<std::int64_t> count_merkle_leaves(Transaction& transaction) {
  return run(transaction, "measure the log of certificates", [](soci::session& sql) -> std::int64_t {
    long long size = 0;
    sql << "SELECT COALESCE(MAX(number) + 1, 0) FROM merkle_leaves", soci::into(size);
    return size;
  });
}

base::Result<std::optional<MerkleLeafRow>> find_merkle_leaf(Transaction& transaction, const std::string& serial) {
  return run(transaction, "find a certificate in the log", [&](soci::session& sql) {
    return first<MerkleLeafRow>(
        (sql.prepare << "SELECT * FROM merkle_leaves WHERE serial = :serial", soci::use(serial, "serial")));
  });
}

base::Result<std::optional<MerkleNodeRow>> find_merkle_node(Transaction& transaction, std::int64_t level,
                                                            std::int64_t number) {
  return run(transaction, "read the log of certificates", [&](soci::session& sql) {
    const long long at_level = level;
    const long long at_number = number;
    return first<MerkleNodeRow>((sql.prepare << "SELECT * FROM merkle_nodes WHERE level = :level AND number = :number",
                                 soci::use(at_level, "level"), soci::use(at_number, "number")));
  });
}

}  // namespace countersign::store
