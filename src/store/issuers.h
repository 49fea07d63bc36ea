// Roots and issuing CAs: their certificates and what each may vouch for. The keys are files, encrypted, elsewhere.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

/// Of how many shards the CRL of a new issuing CA consists.
inline constexpr std::int64_t kCrlShards = 64;

struct RootRow {
  std::string name;
  std::string der;  ///< base64
  base::Instant created_at;
};

struct IssuingCaRow {
  std::string name;
  std::string root;
  std::string environment;
  std::vector<std::string> purposes;
  std::string der;  ///< base64
  base::Instant created_at;
  std::int64_t crl_shards = kCrlShards;  ///< for ever: certificates name their shard
};

base::Result<void> insert(Transaction& transaction, const RootRow& row);
base::Result<void> insert(Transaction& transaction, const IssuingCaRow& row);
/// In order of name.
base::Result<std::vector<RootRow>> list_roots(Transaction& transaction);
base::Result<std::vector<IssuingCaRow>> list_issuing_cas(Transaction& transaction);

}  // namespace countersign::store
