#include "authority/registry/profile.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace countersign::authority {
namespace {

using base::Environment;
using trust::Purpose;
using x509::KeyUsage;

constexpr std::array kPurposes = {Purpose::transport, Purpose::signing, Purpose::ehi, Purpose::service,
                                  Purpose::server,    Purpose::person,  Purpose::ocsp};

}  // namespace

Profile profile_of(Purpose purpose) {
  switch (purpose) {
    case Purpose::transport:
    case Purpose::ehi:
    case Purpose::service:
    case Purpose::person: return {{KeyUsage::digital_signature}, {std::string(x509::oid::kClientAuth)}, false};
    case Purpose::signing: return {{KeyUsage::digital_signature, KeyUsage::non_repudiation}, {}, false};
    case Purpose::server: return {{KeyUsage::digital_signature}, {std::string(x509::oid::kServerAuth)}, true};
    case Purpose::ocsp:
      return {.key_usage = {KeyUsage::digital_signature},
              .extended_key_usage = {std::string(x509::oid::kOcspSigning)},
              .names_status = false,
              .ocsp_no_check = x509::OcspNoCheck::yes,
              .life = kOcspResponderLife};
  }
  BASE_UNREACHABLE();
}

std::span<const Purpose> all_purposes() { return kPurposes; }

std::vector<Purpose> purposes_of(Environment environment, const base::Slug& organisation) {
  const bool reserved = base::is_reserved_organisation(organisation);
  if (environment == Environment::internal) {
    if (organisation.text() == "service") return {Purpose::service, Purpose::server};
    if (organisation.text() == "operator") return {Purpose::service};
    return reserved ? std::vector<Purpose>() : std::vector<Purpose>{Purpose::person};
  }
  if (organisation.text() == "provider") return {Purpose::ehi, Purpose::signing};
  return reserved ? std::vector<Purpose>() : std::vector<Purpose>{Purpose::transport, Purpose::signing};
}

bool may_have(const base::Identity& identity, Purpose purpose) {
  const std::vector<Purpose> purposes = purposes_of(identity.environment, identity.organisation);
  return std::ranges::find(purposes, purpose) != purposes.end();
}

base::Identity ocsp_identity() {
  auto identity = base::Identity::from_urn("urn:countersign:internal:service:ocsp");
  BASE_CHECK(identity.has_value());
  return std::move(*identity);
}

std::string_view name(Root root) {
  switch (root) {
    case Root::partner: return "partner";
    case Root::provider: return "provider";
  }
  BASE_UNREACHABLE();
}

base::Result<Root> parse_root(std::string_view text) {
  for (const Root root : {Root::partner, Root::provider})
    if (text == name(root)) return root;
  return base::fail(base::Kind::invalid, "root.unknown",
                    "'" + std::string(text.substr(0, 40)) + "' is not a trust chain: use provider or partner");
}

std::vector<IssuingCaPlan> issuing_ca_plans() {
  return {
      {"uat-transport", "UAT Transport Issuing CA", Root::partner, Environment::uat, {Purpose::transport}},
      {"uat-signing", "UAT Signing Issuing CA", Root::partner, Environment::uat, {Purpose::signing}},
      {"production-transport",
       "Production Transport Issuing CA",
       Root::partner,
       Environment::production,
       {Purpose::transport}},
      {"production-signing",
       "Production Signing Issuing CA",
       Root::partner,
       Environment::production,
       {Purpose::signing}},
      {"people", "People Issuing CA", Root::partner, Environment::internal, {Purpose::person}},
      {"internal", "Internal Issuing CA", Root::provider, Environment::internal, {Purpose::service, Purpose::server}},
      {"uat-ehi", "UAT EHI Issuing CA", Root::provider, Environment::uat, {Purpose::ehi}},
      {"production-ehi", "Production EHI Issuing CA", Root::provider, Environment::production, {Purpose::ehi}},
  };
}

}  // namespace countersign::authority
