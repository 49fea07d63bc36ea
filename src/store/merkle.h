// The Merkle log of certificates: its leaves by number, and every complete node above them. Errors as in
// store/registry.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/registry.h"

namespace countersign::store {

struct MerkleLeafRow {
  std::int64_t number = 0;  ///< 0, 1, 2 ... without gaps
  std::string serial;
};
struct MerkleNodeRow {
  std::int64_t level = 0;  ///< 0: a leaf
  std::int64_t number = 0;
  std::string hash;  ///< hexadecimal
};

/// Fails also: `store.conflict` when a number is taken, or a certificate is a leaf already or unknown.
base::Result<void> insert(Transaction& transaction, const std::vector<MerkleLeafRow>& rows);
base::Result<void> insert(Transaction& transaction, const std::vector<MerkleNodeRow>& rows);
/// How many leaves there are.
base::Result<std::int64_t> count_merkle_leaves(Transaction& transaction);
base::Result<std::optional<MerkleLeafRow>> find_merkle_leaf(Transaction& transaction, const std::string& serial);
base::Result<std::optional<MerkleNodeRow>> find_merkle_node(Transaction& transaction, std::int64_t level,
                                                            std::int64_t number);
}  // namespace countersign::store
