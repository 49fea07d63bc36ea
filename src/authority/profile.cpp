#include "authority/profile.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace countersign::authority {
namespace {

using base::Environment;
using trust::Purpose;
using x509::KeyUsage;

constexpr std::array kPurposes = {Purpose::transport, Purpose::signing, Purpose::ehi, Purpose::service,
                                  Purpose::server};

}  // namespace

Profile profile_of(Purpose purpose) {
  switch (purpose) {
    case Purpose::transport:
    case Purpose::ehi:
    case Purpose::service: return {{KeyUsage::digital_signature}, {std::string(x509::oid::kClientAuth)}, false};
    case Purpose::signing: return {{KeyUsage::digital_signature, KeyUsage::non_repudiation}, {}, false};
    case Purpose::server: return {{KeyUsage::digital_signature}, {std::string(x509::oid::kServerAuth)}, true};
  }
  BASE_UNREACHABLE();
}

std::span<const Purpose> all_purposes() { return kPurposes; }

std::vector<Purpose> purposes_of(Environment environment, const base::Slug& organisation) {
  const bool reserved = base::is_reserved_organisation(organisation);
  if (environment == Environment::internal) {
    if (organisation.text() == "service") return {Purpose::service, Purpose::server};
    if (organisation.text() == "operator") return {Purpose::service};
    return {};
  }
  if (organisation.text() == "provider") return {Purpose::ehi};
  return reserved ? std::vector<Purpose>() : std::vector<Purpose>{Purpose::transport, Purpose::signing};
}

bool may_have(const base::Identity& identity, Purpose purpose) {
  const std::vector<Purpose> purposes = purposes_of(identity.environment, identity.organisation);
  return std::ranges::find(purposes, purpose) != purposes.end();
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
      {"internal", "Internal Issuing CA", Root::provider, Environment::internal, {Purpose::service, Purpose::server}},
      {"uat-ehi", "UAT EHI Issuing CA", Root::provider, Environment::uat, {Purpose::ehi}},
      {"production-ehi", "Production EHI Issuing CA", Root::provider, Environment::production, {Purpose::ehi}},
  };
}

}  // namespace countersign::authority
