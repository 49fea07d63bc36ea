// Merkle trees as in Certificate Transparency (RFC 6962 section 2.1, RFC 9162 section 2.1): what proves that a leaf is
// in a tree, and that one tree is the beginning of another. Pure functions; who keeps the nodes is not known here.
#pragma once

#include <functional>
#include <vector>

#include "crypto/digest.h"

namespace countersign::crypto::merkle {

/// SHA-256 of a zero octet and `content`.
Digest256 leaf_hash(base::BytesView content);
/// SHA-256 of an octet 01 and both children.
Digest256 node_hash(const Digest256& left, const Digest256& right);
/// The root of a tree without leaves: SHA-256 of nothing.
Digest256 empty_root();

/// The hash over leaves [number * 2^level, (number + 1) * 2^level), all of which are there.
struct NodeAt {
  int level;
  std::uint64_t number;
};
/// Where complete nodes are kept. Fails: as whoever keeps them.
using FindNode = std::function<base::Result<Digest256>(NodeAt)>;

/// The root over the first `size` leaves, `size` > 0.
base::Result<Digest256> root(std::uint64_t size, const FindNode& find);
/// The path of leaf `number` in the tree over the first `size` leaves; number < size. At most 64 hashes.
base::Result<std::vector<Digest256>> inclusion_proof(std::uint64_t number, std::uint64_t size, const FindNode& find);
/// That the tree over `from` leaves is the beginning of that over `to`; 0 < from <= to.
base::Result<std::vector<Digest256>> consistency_proof(std::uint64_t from, std::uint64_t to, const FindNode& find);

struct Inclusion {
  Digest256 leaf;
  std::uint64_t number;
  std::uint64_t size;
  Digest256 root;
};
/// RFC 9162 section 2.1.3.2.
bool verify_inclusion(const Inclusion& claim, const std::vector<Digest256>& proof);

struct Consistency {
  std::uint64_t from;
  Digest256 from_root;
  std::uint64_t to;
  Digest256 to_root;
};
/// RFC 9162 section 2.1.4.2.
bool verify_consistency(const Consistency& claim, const std::vector<Digest256>& proof);

}  // namespace countersign::crypto::merkle
