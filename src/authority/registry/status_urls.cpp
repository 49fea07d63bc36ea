#include "authority/registry/status_urls.h"

#include "base/check.h"
#include "http/url.h"

namespace countersign::authority {
namespace {

/// Twice in every certificate, once in every CRL.
constexpr std::size_t kUrlLimit = 200;

tl::unexpected<base::Error> invalid(std::string detail) {
  return base::fail(base::Kind::invalid, "status_url.invalid",
                    std::move(detail) + ": write it as http://pki.example.com");
}

}  // namespace

base::Result<StatusUrls> StatusUrls::parse(std::string_view url) {
  while (url.ends_with('/'))
    url.remove_suffix(1);
  if (url.size() > kUrlLimit) return invalid("the address of the status has more than 200 characters");
  const auto parsed = http::Url::parse(url);
  if (!parsed) return invalid(parsed.error().detail);
  if (parsed->secure) return invalid("the status of certificates is published over plain HTTP");
  if (parsed->target.find('?') != std::string::npos) return invalid("the address of the status has a query");
  return StatusUrls(std::string(url));
}

std::string crl_path(std::string_view ca, std::uint32_t shard) {
  return "/crl/" + std::string(ca) + "-" + std::to_string(shard) + ".crl";
}

std::string ca_path(std::string_view ca) { return "/ca/" + std::string(ca) + ".cer"; }

std::string StatusUrls::crl(std::string_view ca, std::uint32_t shard) const { return base_ + crl_path(ca, shard); }
std::string StatusUrls::ca(std::string_view ca) const { return base_ + ca_path(ca); }
std::string StatusUrls::ocsp() const { return base_ + "/ocsp"; }

std::uint32_t crl_shard_of(const x509::Serial& serial, std::uint32_t shards) {
  BASE_CHECK(shards > 0);
  std::uint32_t last = 0;
  for (const std::uint8_t octet : serial.magnitude())
    last = (last << 8) | octet;
  return last % shards;
}

}  // namespace countersign::authority
