#include "crypto/merkle.h"

#include <bit>

#include "base/check.h"

namespace countersign::crypto::merkle {
namespace {

using Proof = std::vector<Digest256>;

/// The largest power of two below `size`, size > 1: where RFC 6962 splits a tree.
std::uint64_t split_of(std::uint64_t size) { return std::bit_floor(size - 1); }

/// Leaves [begin, begin + size), as the tree's recursion cuts them: a power of two of leaves begins at a multiple of
/// it.
struct Range {
  std::uint64_t begin;
  std::uint64_t size;
};

base::Result<Digest256> hash_of(Range range, const FindNode& find) {
  if (std::has_single_bit(range.size)) {
    const int level = std::countr_zero(range.size);
    return find({level, range.begin >> level});
  }
  const std::uint64_t split = split_of(range.size);
  BASE_TRY(const Digest256 left, hash_of({range.begin, split}, find));
  BASE_TRY(const Digest256 right, hash_of({range.begin + split, range.size - split}, find));
  return node_hash(left, right);
}

base::Result<void> add_path(std::uint64_t number, Range range, const FindNode& find, Proof& proof) {
  if (range.size == 1) return {};
  const std::uint64_t split = split_of(range.size);
  const Range left{range.begin, split};
  const Range right{range.begin + split, range.size - split};
  const bool is_left = number < split;
  BASE_TRY_VOID(add_path(is_left ? number : number - split, is_left ? left : right, find, proof));
  BASE_TRY(const Digest256 sibling, hash_of(is_left ? right : left, find));
  proof.push_back(sibling);
  return {};
}

/// RFC 6962 section 2.1.2, SUBPROOF: `whole` says that the old tree is known to the verifier as it stands.
enum class Known { whole, part };
base::Result<void> add_subproof(std::uint64_t from, Range range, Known known, const FindNode& find, Proof& proof) {
  if (from == range.size) {
    if (known == Known::whole) return {};
    BASE_TRY(const Digest256 own, hash_of(range, find));
    proof.push_back(own);
    return {};
  }
  const std::uint64_t split = split_of(range.size);
  const Range left{range.begin, split};
  const Range right{range.begin + split, range.size - split};
  if (from <= split) {
    BASE_TRY_VOID(add_subproof(from, left, known, find, proof));
    BASE_TRY(const Digest256 sibling, hash_of(right, find));
    proof.push_back(sibling);
    return {};
  }
  BASE_TRY_VOID(add_subproof(from - split, right, Known::part, find, proof));
  BASE_TRY(const Digest256 sibling, hash_of(left, find));
  proof.push_back(sibling);
  return {};
}

}  // namespace

Digest256 leaf_hash(base::BytesView content) {
  constexpr std::uint8_t kLeaf[] = {0x00};
  return sha256({base::BytesView(kLeaf), content});
}

Digest256 node_hash(const Digest256& left, const Digest256& right) {
  constexpr std::uint8_t kNode[] = {0x01};
  return sha256({base::BytesView(kNode), left, right});
}

Digest256 empty_root() { return sha256(base::BytesView()); }

base::Result<Digest256> root(std::uint64_t size, const FindNode& find) {
  BASE_CHECK(size > 0);
  return hash_of({0, size}, find);
}

base::Result<Proof> inclusion_proof(std::uint64_t number, std::uint64_t size, const FindNode& find) {
  BASE_CHECK(number < size);
  Proof proof;
  BASE_TRY_VOID(add_path(number, {0, size}, find, proof));
  return proof;
}

base::Result<Proof> consistency_proof(std::uint64_t from, std::uint64_t to, const FindNode& find) {
  BASE_CHECK(from > 0 && from <= to);
  Proof proof;
  BASE_TRY_VOID(add_subproof(from, {0, to}, Known::whole, find, proof));
  return proof;
}

bool verify_inclusion(const Inclusion& claim, const Proof& proof) {
  if (claim.number >= claim.size) return false;
  std::uint64_t number = claim.number;
  std::uint64_t last = claim.size - 1;
  Digest256 hash = claim.leaf;
  for (const Digest256& sibling : proof) {
    if (last == 0) return false;
    const bool is_right = (number & 1) == 1 || number == last;
    hash = is_right ? node_hash(sibling, hash) : node_hash(hash, sibling);
    while (is_right && (number & 1) == 0 && number != 0) {
      number >>= 1;
      last >>= 1;
    }
    number >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == claim.root;
}

bool verify_consistency(const Consistency& claim, const Proof& proof) {
  if (claim.from == 0 || claim.from > claim.to) return false;
  if (claim.from == claim.to) return proof.empty() && claim.from_root == claim.to_root;
  Proof path = proof;
  if (std::has_single_bit(claim.from)) path.insert(path.begin(), claim.from_root);
  if (path.empty()) return false;
  std::uint64_t from = claim.from - 1;
  std::uint64_t to = claim.to - 1;
  while ((from & 1) == 1) {
    from >>= 1;
    to >>= 1;
  }
  Digest256 old_hash = path.front();
  Digest256 new_hash = path.front();
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (to == 0) return false;
    if ((from & 1) == 1 || from == to) {
      old_hash = node_hash(path[i], old_hash);
      new_hash = node_hash(path[i], new_hash);
      while ((from & 1) == 0 && from != 0) {
        from >>= 1;
        to >>= 1;
      }
    } else {
      new_hash = node_hash(new_hash, path[i]);
    }
    from >>= 1;
    to >>= 1;
  }
  return to == 0 && old_hash == claim.from_root && new_hash == claim.to_root;
}

}  // namespace countersign::crypto::merkle
