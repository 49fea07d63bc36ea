// Statuses: of each certificate only what a verifier wants to know, and the addresses that certificates name for it.
// Errors as in store/registry.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

struct StatusRow {
  std::string serial;
  std::string issuer;
  base::Instant not_after;
  std::optional<base::Instant> revoked_at;
  std::string revoked_for;  ///< empty unless revoked
  std::optional<std::int64_t> crl_shard;
};

/// Every certificate that ended at `ends_from` or later, one after the other, in no order.
base::Result<void> visit_statuses(Transaction& transaction, base::Instant ends_from,
                                  const std::function<void(const StatusRow&)>& visit);
base::Result<std::optional<StatusRow>> find_status(Transaction& transaction, const std::string& fingerprint);

/// The end of the last certificate of a CA, revoked or not, OCSP responders' left aside; nothing when there is none.
base::Result<std::optional<base::Instant>> find_last_end(Transaction& transaction, const std::string& issuer);

struct ResponderRow {
  std::string serial;
  base::Instant issued_at;
  base::Instant not_after;
};
/// The certificate of an OCSP responder that a CA has issued last; nothing when it has issued none.
base::Result<std::optional<ResponderRow>> find_newest_responder(Transaction& transaction, const std::string& issuer);

/// Ends certificates of one CA: those that have neither ended nor been revoked, OCSP responders' left aside.
struct CaEnding {
  std::string issuer;
  std::string reason;
  base::Instant at;
  int limit;  ///< so many at once
};
/// Returns how many it ended.
base::Result<std::int64_t> end_some_of(Transaction& transaction, const CaEnding& ending);

/// Certificates of before there were CRLs.
struct UnshardedRow {
  std::string serial;
  std::string issuer;
};
base::Result<std::vector<UnshardedRow>> list_unsharded(Transaction& transaction, int limit);
base::Result<void> set_crl_shard(Transaction& transaction, const std::string& serial, std::int64_t shard);

/// Where status is published, as certificates name it: each address with the last moment at which one named it.
struct StatusUrlRow {
  std::string url;
  base::Instant last_used;
};
base::Result<void> note_status_url(Transaction& transaction, const StatusUrlRow& row);
/// The newest first.
base::Result<std::vector<StatusUrlRow>> list_status_urls(Transaction& transaction);

}  // namespace countersign::store
