// CRLs obey the law of issuance (law 1): what is to be said is read out of the registry, linted, recorded under a
// number that was never used - and only that makes a permit to sign. All in one amendment, for several CRLs at once.
//
// A crash behind it leaves a number without a CRL: it is skipped, and the next CRL has a higher one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "authority/registry/hierarchy.h"
#include "authority/registry/ledger.h"
#include "x509/crl.h"

namespace countersign::authority {

/// How long a CRL is good, and after how long it is made anew although nothing changed.
inline constexpr base::Duration kCrlLife = std::chrono::hours(24);
inline constexpr base::Duration kCrlRenewal = kCrlLife / 2;

struct CrlPlace {
  const IssuingCa* ca;
  std::uint32_t shard;
};

struct RecordedCrl;

/// Leave to sign one CRL, once: its number and the digest of its content are on disk. Made only by record_crls();
/// moving it away empties it, spending it ends it.
class CrlPermit {
 public:
  CrlPermit(CrlPermit&& other) noexcept : content_(std::exchange(other.content_, std::nullopt)) {}
  CrlPermit& operator=(CrlPermit&&) = delete;

  struct Content {
    std::string issuer;  ///< name of the issuing CA whose key must sign
    x509::TbsCrl tbs;
  };
  /// What to sign. A permit that was moved away or spent has none: asking for it stops the process.
  Content spend() &&;

 private:
  friend base::Result<std::vector<RecordedCrl>> record_crls(Ledger& ledger, const std::vector<CrlPlace>& places,
                                                            const std::vector<std::string>& bases);
  explicit CrlPermit(Content content) : content_(std::move(content)) {}
  std::optional<Content> content_;
};

struct RecordedCrl {
  CrlPermit permit;
  CrlPlace place;
  std::uint64_t number;
  base::Instant this_update;
  base::Instant next_update;
  x509::TbsCrl tbs;
  std::int64_t feed_sequence;  ///< every change of the registry up to this one is in it
};

/// One CRL for each place. `bases` are the addresses that certificates may name (StatusUrls::base). thisUpdate is now,
/// and at least a second behind the CRL before, whatever the clock says: OpenSSL keeps the older of two with the same
/// second. A certificate is left out once a CRL was made after its end, and half a life after that (RFC 5280 section
/// 3.3). Fails: `crl.lint`, `crl.number` when the number would not rise, and as store; then nothing is recorded.
base::Result<std::vector<RecordedCrl>> record_crls(Ledger& ledger, const std::vector<CrlPlace>& places,
                                                   const std::vector<std::string>& bases);

}  // namespace countersign::authority
