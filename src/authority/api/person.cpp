#include "authority/api/person.h"

namespace countersign::authority {

base::Result<Person> Person::from(const std::optional<tls::VerifiedPeer>& peer, store::Transaction& rows) {
  if (!peer)
    return base::fail(base::Kind::denied, "caller.none",
                      "this needs a certificate for 'person' of your organisation: send it in the TLS handshake");
  const base::Identity& identity = peer->identity();
  if (!is_person(identity) || peer->admitted().chain().purpose() != trust::Purpose::person)
    return base::fail(base::Kind::denied, "caller.not_person",
                      "this is for people of partners; your certificate is of " + identity.to_urn());
  BASE_TRY(auto roles, person_roles_of(rows, identity));
  return Person(identity, std::move(roles));
}

base::Result<void> Person::need(PersonRight right) const {
  if (grants(roles_, right)) return {};
  return base::fail(base::Kind::denied, "caller.role",
                    "this takes the role " + std::string(role_that_grants(right)) + ", which '" +
                        identity_.application.text() + "' of '" + identity_.organisation.text() +
                        "' does not have: ask the provider for it");
}

}  // namespace countersign::authority
