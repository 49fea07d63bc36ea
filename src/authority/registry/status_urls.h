// StatusUrls: where the status of certificates is published, as they name it themselves; and in which shard of its
// issuer's CRL a certificate is listed, which its serial alone decides.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "x509/serial.h"

namespace countersign::authority {

/// An issuing CA has no more CRLs than this.
inline constexpr std::int64_t kCrlShardLimit = 4096;

class StatusUrls {
 public:
  /// None: certificates name no place.
  StatusUrls() = default;
  /// "http://pki.example.com", a path behind it allowed. Plain HTTP, since what is served is signed, and a verifier
  /// that had to verify a TLS server first would go round in circles (RFC 5280 section 8). Fails: `status_url.invalid`.
  static base::Result<StatusUrls> parse(std::string_view url);

  bool empty() const { return base_.empty(); }
  /// Without a slash at its end.
  const std::string& base() const { return base_; }
  std::string crl(std::string_view ca, std::uint32_t shard) const;
  std::string ca(std::string_view ca) const;
  std::string ocsp() const;

 private:
  explicit StatusUrls(std::string base) : base_(std::move(base)) {}
  std::string base_;
};

/// The paths of the same below any base: "/crl/NAME-SHARD.crl", "/ca/NAME.cer".
std::string crl_path(std::string_view ca, std::uint32_t shard);
std::string ca_path(std::string_view ca);

/// The last 32 bits of the serial, which are random, modulo the number of shards.
std::uint32_t crl_shard_of(const x509::Serial& serial, std::uint32_t shards);

}  // namespace countersign::authority
