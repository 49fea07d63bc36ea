// CRLs: of each issuer and shard the number that was used last, and the CRL that was published last. Errors as in
// store/registry.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

struct CrlKey {
  std::string issuer;
  std::int64_t shard;
};

/// A CRL that was meant to be signed, durable before its signature.
struct CrlRow {
  CrlKey key;
  std::int64_t number;
  base::Instant this_update;
  base::Instant next_update;
  std::string tbs_sha256;
  std::int64_t feed_sequence;  ///< every change of the registry up to this one is in it
};

struct PublishedCrlRow {
  CrlKey key;
  std::int64_t number;
  base::Instant this_update;
  base::Instant next_update;
  std::string der;  ///< base64
  std::int64_t feed_sequence;
};

/// The newest of that shard, published or not.
base::Result<std::optional<CrlRow>> find_crl(Transaction& transaction, const CrlKey& key);
/// Makes `row` the newest. False, and nothing is changed, unless number and thisUpdate both rise.
base::Result<bool> record_crl(Transaction& transaction, const CrlRow& row);
/// False, and nothing is changed, unless `number` is that of the newest.
base::Result<bool> publish_crl(Transaction& transaction, const CrlKey& key, std::int64_t number,
                               const std::string& der);
base::Result<std::vector<PublishedCrlRow>> list_published_crls(Transaction& transaction);
/// When a published CRL was made and is over, without the CRL.
struct CrlTimes {
  CrlKey key;
  std::int64_t number;
  base::Instant this_update;
  base::Instant next_update;
};
base::Result<std::vector<CrlTimes>> list_crl_times(Transaction& transaction);
/// Those whose newest was never published: a crash lies between.
base::Result<std::vector<CrlKey>> list_unpublished_crls(Transaction& transaction);

struct RevokedRow {
  std::string serial;
  base::Instant revoked_at;
  std::string revoked_for;
};
struct RevokedFilter {
  CrlKey of;
  base::Instant ends_from;  ///< certificates that ended before are left out
};
/// In order of serial.
base::Result<std::vector<RevokedRow>> list_revoked(Transaction& transaction, const RevokedFilter& filter);

}  // namespace countersign::store
