// StatusBook: of each certificate of one issuing CA what a verifier may be told. Immutable; a change is a new book that
// shares all but the pages that changed, so that publishing one costs little whatever its size.
//
// 40 bytes a certificate. Thread-safe, as it never changes.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "x509/crl.h"

namespace countersign::authority {

/// A serial of at most 20 octets (RFC 5280 section 4.1.2.2), at the right.
using SerialOctets = std::array<std::uint8_t, 20>;
/// Nothing when there are none or more.
std::optional<SerialOctets> to_octets(base::BytesView magnitude);

struct CertificateStatus {
  SerialOctets serial;
  x509::CrlReason reason = x509::CrlReason::unspecified;
  bool revoked = false;
  base::Instant revoked_at = {};  ///< 0 unless revoked
  base::Instant not_after = {};
};
static_assert(sizeof(CertificateStatus) == 40, "there may be millions");

class StatusBook {
 public:
  StatusBook();

  /// Nothing for a serial that was never issued.
  std::optional<CertificateStatus> find(const SerialOctets& serial) const;
  std::size_t size() const { return size_; }

  /// With `statuses` in it; where a serial was there before, the new word counts.
  StatusBook with(std::vector<CertificateStatus> statuses) const;
  /// Without those that ended before `at`.
  StatusBook without_ended(base::Instant at) const;

 private:
  using Page = std::vector<CertificateStatus>;  ///< in order of serial
  static constexpr std::size_t kPages = 4096;   ///< by the last bits of the serial, which are random
  static std::size_t page_of(const SerialOctets& serial);
  void put(std::size_t page, std::span<const CertificateStatus> statuses);

  std::vector<std::shared_ptr<const Page>> pages_;  ///< null: empty
  std::size_t size_ = 0;
};

}  // namespace countersign::authority
