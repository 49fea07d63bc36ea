#include "material.h"

#include <random>

#include "base/check.h"
#include "base/files.h"
#include "feed/copy.h"

namespace countersign::bench {
namespace {

using base::FileMode;

void write_file(const std::filesystem::path& path, std::string_view text) {
  BASE_CHECK(base::write_file(path, text, FileMode::owner_only).has_value());
}

std::string key_of(const testing::Issued& issued) { return std::string(issued.key.to_pem().value().reveal_text()); }

/// Certificates of the partner that nobody will show: fingerprints and one reason.
std::vector<feed::Fact> make_revoked(std::size_t count, const trust::CertificateFact& like) {
  std::mt19937_64 random(7);
  std::vector<feed::Fact> facts;
  facts.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    trust::CertificateFact fact = like;
    for (std::uint8_t& byte : fact.fingerprint)
      byte = static_cast<std::uint8_t>(random());
    fact.revoked_for = "key_compromise";
    facts.emplace_back(std::move(fact));
  }
  return facts;
}

}  // namespace

Material::Material() : pki_(base::SystemClock().now()) {
  const testing::Issued client = pki_.client("acme", "payments").issue();
  const testing::Issued server = pki_.internal_server("gateway", "localhost").issue();
  write("client", client);
  write("server", server);
  write("service", pki_.service("gateway").issue());
  write_file(file("server-and-key.pem"), x509::to_pem(server.chain) + key_of(server));
  write_file(file("partner-root.pem"), pki_.partner_root().certificate.to_pem());
  write_file(file("trust-chain.pem"), pki_.provider_root().certificate.to_pem());
  listed_ = pki_.facts();
}

void Material::write(const std::string& name, const testing::Issued& issued) const {
  write_file(file(name + ".pem"), x509::to_pem(issued.chain));
  write_file(file(name + ".key"), key_of(issued));
}

std::filesystem::path Material::make_gateway_data(const std::string& name, std::size_t revoked) const {
  const std::filesystem::path data = file(name);
  BASE_CHECK(base::make_folder(data).has_value());
  for (const std::string copied : {"server.pem", "server.key", "service.pem", "service.key"})
    std::filesystem::copy_file(file(copied), data / copied);
  feed::Snapshot snapshot;
  snapshot.sequence = 1;
  snapshot.feed = "bench";
  snapshot.facts = make_revoked(revoked, listed_.front());
  snapshot.facts.emplace_back(feed::RootFact{pki_.partner_root().certificate});
  snapshot.facts.emplace_back(feed::RootFact{pki_.provider_root().certificate});
  for (const trust::IssuingCa& ca : pki_.issuing_cas())
    snapshot.facts.emplace_back(ca);
  for (const trust::CertificateFact& fact : listed_)
    snapshot.facts.emplace_back(fact);
  BASE_CHECK(feed::Copy(data / "trust-feed.json").start(snapshot).has_value());
  return data;
}

}  // namespace countersign::bench
