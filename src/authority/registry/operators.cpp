#include "authority/registry/operators.h"

#include <limits>

#include "authority/registry/hierarchy.h"
#include "authority/registry/operator_roles.h"
#include "authority/registry/rows.h"
#include "trust/verdict.h"

namespace countersign::authority {
namespace {

constexpr const char* kOperators = "operator";

base::Result<std::vector<store::CertificateRow>> list_administrators(store::Transaction& rows, base::Instant at) {
  const store::CertificateSelection operators{
      .of = {std::string(base::name(base::Environment::internal)), kOperators, ""}, .spki_sha256 = ""};
  BASE_TRY(auto living, store::list_selected(rows, operators, at, std::numeric_limits<int>::max()));
  std::vector<store::CertificateRow> found;
  for (store::CertificateRow& row : living) {
    BASE_TRY(const auto identity, to_identity(row.key));
    BASE_TRY(const auto roles, roles_of(rows, identity.application));
    if (grants(roles, Right::administrate)) found.push_back(std::move(row));
  }
  return found;
}

base::Result<void> fill(trust::RegistryView& view, store::Transaction& rows,
                        const std::vector<store::CertificateRow>& certificates) {
  for (const store::CertificateRow& row : certificates) {
    BASE_TRY(const auto fact, to_fact(row));
    view.apply(fact);
  }
  BASE_TRY(const auto applications,
           store::list_applications(rows, {std::string(base::name(base::Environment::internal)), kOperators, ""}));
  for (const store::ApplicationRow& row : applications) {
    BASE_TRY(const auto identity, to_identity(row.key));
    view.apply(trust::SuspensionFact{identity.environment, identity.organisation, identity.application, row.suspended});
  }
  return {};
}

}  // namespace

base::Result<std::size_t> count_usable_operators(store::Transaction& rows, base::Instant at) {
  BASE_TRY(const auto hierarchy, Hierarchy::load(rows));
  BASE_TRY(const auto trust, hierarchy.to_trust_set());
  BASE_TRY(const auto certificates, list_administrators(rows, at));
  trust::RegistryView view;
  BASE_TRY_VOID(fill(view, rows, certificates));
  std::size_t usable = 0;
  for (const store::CertificateRow& row : certificates) {
    const IssuingCa* issuer = hierarchy.find_issuing_ca(row.issuer);
    if (issuer == nullptr) continue;
    BASE_TRY(auto leaf, to_certificate(row.der));
    const trust::Policy policy{.purposes = {trust::Purpose::service}};
    auto chain = trust::verify_chain({std::move(leaf), issuer->certificate}, policy, trust, at);
    if (chain && trust::admit(std::move(*chain), view)) ++usable;
  }
  return usable;
}

base::Result<void> keep_an_operator(store::Transaction& rows, const base::Identity& changed, base::Instant at) {
  if (!is_operator(changed)) return {};
  BASE_TRY(const std::size_t left, count_usable_operators(rows, at));
  if (left > 0) return {};
  return base::fail(base::Kind::conflict, "operator.last",
                    "nobody could administrate any more: enrol another operator first, or stop the authority and run "
                    "'countersign-authority --new-operator'");
}

}  // namespace countersign::authority
