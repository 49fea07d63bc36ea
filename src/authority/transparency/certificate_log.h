// The log of certificates: every certificate ever issued is a leaf of one Merkle tree (RFC 9162), in the order of
// issue. What is in it can be proved to anybody who has a checkpoint, and so can be that nothing was taken out or
// changed since. Appended to by publish(), in its amendment.
#pragma once

#include "authority/registry/ledger.h"
#include "crypto/merkle.h"
#include "x509/certificate.h"

namespace countersign::authority {

/// What becomes a leaf.
struct LogEntry {
  std::string serial;
  base::BytesView der;  ///< borrowed
};
/// In their order. Fails: as store.
base::Result<void> append_to_log(store::Transaction& rows, const std::vector<LogEntry>& entries);
/// Takes in what was issued before there was a log. Returns how many. Fails: `registry.corrupt`, and as store.
base::Result<std::size_t> complete_log(Ledger& ledger);

struct LogHead {
  std::uint64_t size = 0;
  crypto::Digest256 root = crypto::merkle::empty_root();
};
/// Fails: `registry.corrupt` when a node is missing, and as store.
base::Result<LogHead> log_head(store::Transaction& rows);
/// The root when there were `size` leaves; size is at most today's. Fails: the same.
base::Result<crypto::Digest256> log_root_at(store::Transaction& rows, std::uint64_t size);

struct LogProof {
  std::uint64_t number = 0;  ///< of the leaf
  LogHead head;              ///< the tree that it is proved for: today's
  std::vector<crypto::Digest256> path;
};
/// That the certificate with this serial is in today's tree. Fails: `certificate.unknown`, `registry.corrupt`, and as
/// store.
base::Result<LogProof> prove_inclusion(store::Transaction& rows, const std::string& serial);
/// That the tree of `from` leaves is the beginning of today's. Fails: `log.range`, `registry.corrupt`, and as store.
base::Result<LogProof> prove_consistency(store::Transaction& rows, std::uint64_t from);

}  // namespace countersign::authority
