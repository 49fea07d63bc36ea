#include "authority/transparency/certificate_log.h"

#include <algorithm>
#include <map>

#include "authority/registry/rows.h"
#include "store/certificates.h"
#include "store/merkle.h"

namespace countersign::authority {
namespace {

namespace merkle = crypto::merkle;

/// Certificates that are taken in by one amendment.
constexpr int kBatch = 1000;

tl::unexpected<base::Error> missing_node() {
  return base::fail(base::Kind::corrupt, "registry.corrupt",
                    "the log of certificates has lost a part of itself; restore a backup");
}

merkle::FindNode finder(store::Transaction& rows) {
  return [&rows](merkle::NodeAt at) -> base::Result<crypto::Digest256> {
    BASE_TRY(const auto row, store::find_merkle_node(rows, at.level, static_cast<std::int64_t>(at.number)));
    if (!row) return missing_node();
    const auto bytes = base::from_hex(row->hash);
    crypto::Digest256 digest{};
    if (!bytes || bytes->size() != digest.size()) return missing_node();
    std::ranges::copy(*bytes, digest.begin());
    return digest;
  };
}

}  // namespace

namespace {

/// Leaves and nodes that are not in the registry yet, and where what comes next finds them.
class Growth {
 public:
  Growth(store::Transaction& rows, std::int64_t size) : rows_(rows), find_(finder(rows)), size_(size) {}

  base::Result<void> add(const LogEntry& entry) {
    leaves_.push_back({size_, entry.serial});
    crypto::Digest256 hash = merkle::leaf_hash(entry.der);
    std::int64_t number = size_++;
    for (int level = 0;; ++level, number >>= 1) {
      nodes_.push_back({level, number, base::to_hex(hash)});
      if ((number & 1) == 0) {
        last_even_[level] = hash;
        return {};
      }
      BASE_TRY(const auto left, find_left(level, number));
      hash = merkle::node_hash(left, hash);
    }
  }
  base::Result<void> write() {
    BASE_TRY_VOID(store::insert(rows_, leaves_));
    return store::insert(rows_, nodes_);
  }

 private:
  /// An odd node comes right after the even one beside it, be that one of ours or of before.
  base::Result<crypto::Digest256> find_left(int level, std::int64_t number) {
    const auto ours = last_even_.find(level);
    if (ours != last_even_.end()) return ours->second;
    return find_({level, static_cast<std::uint64_t>(number - 1)});
  }
  store::Transaction& rows_;
  merkle::FindNode find_;
  std::int64_t size_;
  std::vector<store::MerkleLeafRow> leaves_;
  std::vector<store::MerkleNodeRow> nodes_;
  std::map<int, crypto::Digest256> last_even_;  ///< by level, of those added here
};

}  // namespace

base::Result<void> append_to_log(store::Transaction& rows, const std::vector<LogEntry>& entries) {
  BASE_TRY(const std::int64_t size, store::count_merkle_leaves(rows));
  Growth growth(rows, size);
  for (const LogEntry& entry : entries)
    BASE_TRY_VOID(growth.add(entry));
  return growth.write();
}

base::Result<std::size_t> complete_log(Ledger& ledger) {
  std::size_t taken = 0;
  for (;;) {
    BASE_TRY(auto amendment, ledger.amend());
    BASE_TRY(const auto unlogged, store::list_unlogged_certificates(amendment.rows(), kBatch));
    if (unlogged.empty()) return taken;
    std::vector<x509::Certificate> certificates;
    std::vector<LogEntry> entries;
    for (const store::CertificateRow& row : unlogged) {
      BASE_TRY(auto certificate, to_certificate(row.der));
      entries.push_back({row.serial, certificate.der()});  // which its copies share
      certificates.push_back(std::move(certificate));
    }
    BASE_TRY_VOID(append_to_log(amendment.rows(), entries));
    taken += unlogged.size();
    BASE_TRY_VOID(amendment.audit({the_authority(), "log.completed", "", {{"certificates", unlogged.size()}}}));
    BASE_TRY_VOID(amendment.commit());
  }
}

base::Result<crypto::Digest256> log_root_at(store::Transaction& rows, std::uint64_t size) {
  if (size == 0) return merkle::empty_root();
  return merkle::root(size, finder(rows));
}

base::Result<LogHead> log_head(store::Transaction& rows) {
  BASE_TRY(const std::int64_t size, store::count_merkle_leaves(rows));
  LogHead head;
  head.size = static_cast<std::uint64_t>(size);
  BASE_TRY(head.root, log_root_at(rows, head.size));
  return head;
}

base::Result<LogProof> prove_inclusion(store::Transaction& rows, const std::string& serial) {
  BASE_TRY(const auto leaf, store::find_merkle_leaf(rows, serial));
  if (!leaf)
    return base::fail(base::Kind::not_found, "certificate.unknown",
                      "there is no certificate with the serial number " + serial);
  LogProof proof;
  proof.number = static_cast<std::uint64_t>(leaf->number);
  BASE_TRY(proof.head, log_head(rows));
  BASE_TRY(proof.path, merkle::inclusion_proof(proof.number, proof.head.size, finder(rows)));
  return proof;
}

base::Result<LogProof> prove_consistency(store::Transaction& rows, std::uint64_t from) {
  LogProof proof;
  BASE_TRY(proof.head, log_head(rows));
  if (from == 0 || from > proof.head.size)
    return base::fail(base::Kind::invalid, "log.range",
                      "the log has " + std::to_string(proof.head.size) + " certificates: give a size from 1 to that");
  BASE_TRY(proof.path, merkle::consistency_proof(from, proof.head.size, finder(rows)));
  return proof;
}

}  // namespace countersign::authority
