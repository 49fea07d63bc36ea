// The tree of RFC 6962: its well-known roots, and for every pair of sizes that proofs verify and altered ones do not.
#include "crypto/merkle.h"

#include <gtest/gtest.h>

namespace countersign::crypto::merkle {
namespace {

/// Keeps every complete node of a tree over given leaves.
class Tree {
 public:
  void add(base::BytesView content) {
    std::uint64_t number = levels_.empty() ? 0 : levels_[0].size();
    Digest256 hash = leaf_hash(content);
    for (std::size_t level = 0;; ++level, number >>= 1) {
      if (levels_.size() == level) levels_.emplace_back();
      levels_[level].push_back(hash);
      if ((number & 1) == 0) return;
      hash = node_hash(levels_[level][number - 1], hash);
    }
  }
  FindNode find() const {
    return [this](NodeAt at) -> base::Result<Digest256> {
      return levels_.at(static_cast<std::size_t>(at.level)).at(at.number);
    };
  }
  Digest256 leaf(std::uint64_t number) const { return levels_[0][number]; }

 private:
  std::vector<std::vector<Digest256>> levels_;
};

/// The leaves and roots that implementations of Certificate Transparency share as test vectors.
constexpr const char* kLeaves[] = {
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
constexpr const char* kRoots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

Tree known_tree() {
  Tree tree;
  for (const char* leaf : kLeaves)
    tree.add(base::from_hex(leaf).value());
  return tree;
}

TEST(Merkle, HasTheRootsThatEverybodyKnows) {
  const Tree tree = known_tree();
  for (std::uint64_t size = 1; size <= 8; ++size)
    EXPECT_EQ(base::to_hex(root(size, tree.find()).value()), kRoots[size - 1]) << size;
  EXPECT_EQ(base::to_hex(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Merkle, ProvesEveryLeafInEveryTree) {
  const Tree tree = known_tree();
  for (std::uint64_t size = 1; size <= 8; ++size)
    for (std::uint64_t number = 0; number < size; ++number) {
      const Digest256 top = root(size, tree.find()).value();
      const auto proof = inclusion_proof(number, size, tree.find()).value();
      const Inclusion claim{tree.leaf(number), number, size, top};
      EXPECT_TRUE(verify_inclusion(claim, proof)) << number << " of " << size;
      Inclusion other = claim;
      other.leaf[0] ^= 1;
      EXPECT_FALSE(verify_inclusion(other, proof));
      other = claim;
      other.root[31] ^= 1;
      EXPECT_FALSE(verify_inclusion(other, proof));
      other = claim;
      other.number = size;
      EXPECT_FALSE(verify_inclusion(other, proof));
      auto longer = proof;
      longer.push_back(top);
      EXPECT_FALSE(verify_inclusion(claim, longer));
      for (std::size_t i = 0; i < proof.size(); ++i) {
        auto altered = proof;
        altered[i][5] ^= 1;
        EXPECT_FALSE(verify_inclusion(claim, altered));
      }
    }
}

TEST(Merkle, ProvesThatEachTreeIsTheBeginningOfTheNext) {
  Tree tree;
  for (std::uint8_t i = 0; i < 40; ++i)
    tree.add(base::Bytes{i});
  for (std::uint64_t to = 1; to <= 40; ++to)
    for (std::uint64_t from = 1; from <= to; ++from) {
      const auto proof = consistency_proof(from, to, tree.find()).value();
      const Consistency claim{from, root(from, tree.find()).value(), to, root(to, tree.find()).value()};
      EXPECT_TRUE(verify_consistency(claim, proof)) << from << " to " << to;
      Consistency other = claim;
      other.from_root[0] ^= 1;
      EXPECT_FALSE(verify_consistency(other, proof)) << from << " to " << to;
      for (std::size_t i = 0; i < proof.size(); ++i) {
        auto altered = proof;
        altered[i][9] ^= 1;
        EXPECT_FALSE(verify_consistency(claim, altered)) << from << " to " << to << " at " << i;
      }
    }
}

TEST(Merkle, ARewrittenPastHasNoProof) {
  Tree before;
  Tree after;
  for (std::uint8_t i = 0; i < 9; ++i) {
    before.add(base::Bytes{i});
    after.add(base::Bytes{i == 3 ? std::uint8_t{77} : i});
  }
  const auto proof = consistency_proof(6, 9, after.find()).value();
  const Digest256 top = root(9, after.find()).value();
  EXPECT_FALSE(verify_consistency({6, root(6, before.find()).value(), 9, top}, proof));
  EXPECT_TRUE(verify_consistency({6, root(6, after.find()).value(), 9, top}, proof));
}

}  // namespace
}  // namespace countersign::crypto::merkle
