#include "authority/acme/names.h"

#include <algorithm>
#include <optional>

namespace countersign::authority {
namespace {

constexpr const char* kSuffix = ".countersign.internal";

std::string to_lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

tl::unexpected<base::Error> rejected(const AcmeNames& own) {
  std::string names = own.identity.application.text() + ", " + acme_name(own.identity);
  for (const trust::Purpose purpose : own.purposes)
    names += ", " + acme_name(own.identity, purpose);
  return base::fail(base::Kind::denied, "acme.identifier",
                    "this account is for one application, which goes by these identifiers: " + names);
}

trust::Purpose purpose_of_none(std::span<const trust::Purpose> purposes) {
  const bool has_transport = std::ranges::find(purposes, trust::Purpose::transport) != purposes.end();
  return has_transport ? trust::Purpose::transport : purposes.front();
}

}  // namespace

std::string acme_name(const base::Identity& identity) {
  return identity.application.text() + "." + identity.organisation.text() + "." +
         std::string(base::name(identity.environment)) + kSuffix;
}

std::string acme_name(const base::Identity& identity, trust::Purpose purpose) {
  return std::string(trust::name(purpose)) + "." + acme_name(identity);
}

base::Result<trust::Purpose> purpose_of_order(std::span<const std::string> identifiers, const AcmeNames& own) {
  if (identifiers.empty() || identifiers.size() > kIdentifierLimit || own.purposes.empty()) return rejected(own);
  std::optional<trust::Purpose> said;
  for (const std::string& identifier : identifiers) {
    const std::string name = to_lower(identifier);
    if (name == acme_name(own.identity) || name == own.identity.application.text()) continue;
    const auto named = std::ranges::find_if(
        own.purposes, [&](trust::Purpose purpose) { return name == acme_name(own.identity, purpose); });
    if (named == own.purposes.end() || (said && *said != *named)) return rejected(own);
    said = *named;
  }
  return said.value_or(purpose_of_none(own.purposes));
}

}  // namespace countersign::authority
