// CMP transactions under way (RFC 4210 section 5.1.1): what a client may still ask about, or has still to confirm.
//
// Only what was proved enters, so nobody can fill it without a credential. Kept in memory: after a restart, or when a
// transaction was dropped for others, a client asks anew with the same key and is told the same. Belongs to the
// registry's thread.
#pragma once

#include <map>
#include <string>

#include "trust/purpose.h"
#include "x509/cmp_body.h"

namespace countersign::authority {

/// Beyond these the one that was touched longest ago goes: of the same caller, or of all.
inline constexpr std::size_t kCmpTransactions = 1024;
inline constexpr std::size_t kCmpTransactionsEach = 8;
/// Since the last message.
inline constexpr base::Duration kCmpTransactionLife = std::chrono::hours(1);

/// By whom and how it is called: what others call the same is another one.
struct CmpTransactionName {
  std::string caller;
  std::string id;
  friend auto operator<=>(const CmpTransactionName&, const CmpTransactionName&) = default;
};

struct CmpTransaction {
  crypto::Digest256 first;  ///< of the message that began it
  x509::CmpBody reply;      ///< ip, cp or kup
  std::int64_t request_id;
  trust::Purpose purpose;
  x509::Csr csr;
  enum class Confirmation { wanted, implicit } confirmation;
  base::Instant began;
  base::Bytes nonce = {};  ///< that we sent last: the next message must repeat it
  std::optional<x509::Certificate> certificate = {};
  base::Instant touched = {};
};

class CmpTransactions {
 public:
  /// Null when there is none, or it has ended.
  const CmpTransaction* find(const CmpTransactionName& name, base::Instant now);
  /// In place of what was there.
  void keep(const CmpTransactionName& name, CmpTransaction transaction, base::Instant now);
  void end(const CmpTransactionName& name) { kept_.erase(name); }
  std::size_t size() const { return kept_.size(); }

 private:
  using Kept = std::map<CmpTransactionName, CmpTransaction>;
  void make_room(const CmpTransactionName& name, base::Instant now);
  Kept kept_;
};

}  // namespace countersign::authority
