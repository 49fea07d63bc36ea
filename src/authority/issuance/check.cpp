#include "authority/issuance/check.h"

#include <algorithm>

#include "authority/issuance/key_policy.h"
#include "authority/issuance/serial_number.h"
#include "authority/issuance/succession.h"
#include "authority/registry/rows.h"
#include "authority/registry/server_names.h"
#include "store/issuers.h"
#include "store/organisations.h"

namespace countersign::authority {
namespace {

using base::Kind;

/// The application of today's registry, in good standing.
base::Result<store::ApplicationRow> find_active(store::Transaction& rows, const base::Identity& identity) {
  BASE_TRY(const auto organisation, store::find_organisation(rows, identity.organisation.text()));
  if (!organisation)
    return base::fail(Kind::not_found, "organisation.unknown",
                      "there is no organisation '" + identity.organisation.text() + "'");
  BASE_TRY(auto application, store::find_application(rows, to_key(identity)));
  if (!application)
    return base::fail(Kind::not_found, "application.unknown", "there is no application " + identity.to_urn());
  if (organisation->suspended)
    return base::fail(Kind::denied, "organisation.suspended",
                      "the organisation '" + organisation->id + "' is suspended: an operator must resume it first");
  if (application->suspended)
    return base::fail(Kind::denied, "application.suspended",
                      identity.to_urn() + " is suspended: an operator must resume it first");
  return std::move(*application);
}

/// DER counts whole seconds (RFC 5280 section 4.1.2.5).
base::Instant to_whole_second(base::Instant at) { return base::Instant::from_unix_seconds(at.unix_seconds()); }

}  // namespace

/// The profile's, where it fixes one, else the policy's.
base::Duration Checker::life_of(const Order& order) const {
  const base::Duration usual = terms_.policy.rules_for(order.identity.environment, order.purpose).life;
  return profile_of(order.purpose).life.value_or(usual);
}

base::Result<x509::CertificateSpec> Checker::write_spec(const Order& order, const IssuingCa& issuer,
                                                        const std::vector<std::string>& server_names) const {
  const base::Instant now = ledger_.now();
  const base::Instant last = issuer.certificate.not_after();
  if (now >= last || now < issuer.certificate.not_before())
    return base::fail(Kind::unavailable, "issuer.expired",
                      "the issuing CA '" + issuer.name +
                          "' is not valid now: it ended or begins at another time than this clock says");
  const Profile profile = profile_of(order.purpose);
  const base::Identity& identity = order.identity;
  BASE_TRY(auto serial, make_serial(random_, now));
  x509::CertificateSpec spec{
      .serial = std::move(serial),
      .subject = {identity.application.text(), identity.organisation.text(),
                  std::string(base::name(identity.environment))},
      .not_before = std::max(to_whole_second(now - kBackdating), issuer.certificate.not_before()),
      .not_after = std::min(to_whole_second(now + life_of(order)), last),
      .key = order.csr.public_key(),
      .key_usage = profile.key_usage,
      .extended_key_usage = profile.extended_key_usage,
      .subject_alt_names = to_subject_alt_names(identity.to_urn(), server_names),
      .ca = std::nullopt,
      .ocsp_no_check = profile.ocsp_no_check,
  };
  if (profile.names_status && !terms_.status_urls.empty()) {
    const std::uint32_t shard = crl_shard_of(spec.serial, issuer.crl_shards);
    spec.crl_distribution_points.urls = {terms_.status_urls.crl(issuer.name, shard)};
    spec.information_access.ocsp = {terms_.status_urls.ocsp()};
    spec.information_access.ca_issuers = {terms_.status_urls.ca(issuer.name)};
  }
  return spec;
}

/// The CA that is to issue it, if the identity may have such a certificate at all.
base::Result<const IssuingCa*> Checker::find_issuer(const Order& order) const {
  const base::Identity& identity = order.identity;
  const bool is_responder = order.purpose == trust::Purpose::ocsp;
  const bool allowed = is_responder ? identity == ocsp_identity() && order.speaks_for != nullptr
                                    : may_have(identity, order.purpose) && order.speaks_for == nullptr;
  if (!allowed)
    return base::fail(Kind::denied, "purpose.not_allowed",
                      identity.to_urn() + " may not have a certificate for " + std::string(trust::name(order.purpose)));
  const IssuingCa* issuer =
      is_responder ? order.speaks_for : hierarchy_.find_issuer(identity.environment, order.purpose);
  if (issuer == nullptr)
    return base::fail(Kind::unavailable, "issuer.none",
                      "no issuing CA issues certificates for " + std::string(trust::name(order.purpose)) +
                          " at present: an operator must activate one");
  return issuer;
}

namespace {

/// Another authority may have retired the issuer since this one looked.
base::Result<void> check_issuer_again(store::Transaction& rows, const Checked& checked) {
  BASE_TRY(const auto text, store::find_issuing_ca_state(rows, checked.issuer().name));
  BASE_TRY(const CaState state, parse_ca_state(text.value_or("")));
  const bool speaks_for_itself = checked.order().speaks_for != nullptr && state != CaState::prepared;
  if (state == CaState::active || state == CaState::superseded || speaks_for_itself) return {};
  return base::fail(Kind::unavailable, "issuer.changed",
                    "the issuing CA '" + checked.issuer().name + "' stopped issuing in this moment: ask again");
}

}  // namespace

base::Result<void> check_again(store::Transaction& rows, const Checked& checked) {
  const Order& order = checked.order();
  BASE_TRY_VOID(check_issuer_again(rows, checked));
  BASE_TRY(const auto application, find_active(rows, order.identity));
  BASE_TRY_VOID(check_key_uses(rows, {order.identity, order.purpose}, order.csr.public_key()));
  BASE_TRY_VOID(check_succession_again(rows, checked));
  const bool carries_names = profile_of(order.purpose).carries_server_names;
  if (!carries_names || application.server_names == checked.server_names()) return {};
  return base::fail(Kind::conflict, "application.changed",
                    "the server names of " + order.identity.to_urn() + " were changed meanwhile: ask again");
}

base::Result<Checked> Checker::check(const Order& order) const {
  const base::Identity& identity = order.identity;
  BASE_TRY(const IssuingCa* issuer, find_issuer(order));
  const IssuanceRules& rules = terms_.policy.rules_for(identity.environment, order.purpose);
  std::vector<std::string> server_names;
  {
    BASE_TRY(auto rows, ledger_.read());
    BASE_TRY(auto application, find_active(rows, identity));
    BASE_TRY_VOID(check_key(rows, hierarchy_, {identity, order.purpose}, order.csr.public_key()));
    BASE_TRY_VOID(check_key_kind(rules, order.csr.public_key()));
    if (profile_of(order.purpose).carries_server_names) server_names = std::move(application.server_names);
  }
  if (profile_of(order.purpose).carries_server_names && server_names.empty())
    return base::fail(Kind::conflict, "application.no_server_names",
                      "a server certificate needs a host name or address, and " + identity.to_urn() +
                          " has none: an operator sets its server names");
  BASE_TRY(auto spec, write_spec(order, *issuer, server_names));
  return Checked(order, *issuer, {std::move(spec), std::move(server_names), life_of(order), terms_.status_urls});
}

}  // namespace countersign::authority
