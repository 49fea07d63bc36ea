#include "authority/enrolment/enrolment.h"

#include <algorithm>

#include "authority/registry/rows.h"
#include "store/codes.h"

namespace countersign::authority {
namespace {

using base::Kind;

/// The audit log names a code by the beginning of its digest: enough to find it, useless to anyone else.
Actor holder_of(const std::string& code_sha256) { return {"enrolment-code:" + code_sha256.substr(0, kShownDigits)}; }

base::Result<std::vector<trust::Purpose>> choose_purposes(const CodeOrder& order) {
  const base::Identity& identity = order.identity;
  if (order.purposes.empty()) return purposes_of(identity.environment, identity.organisation);
  std::vector<trust::Purpose> chosen;
  for (const trust::Purpose purpose : order.purposes) {
    if (!may_have(identity, purpose))
      return base::fail(Kind::invalid, "purpose.not_allowed",
                        identity.to_urn() + " may not have a certificate for " + std::string(trust::name(purpose)));
    if (std::ranges::find(chosen, purpose) == chosen.end()) chosen.push_back(purpose);
  }
  return chosen;
}

base::json::array to_json(const std::vector<trust::Purpose>& purposes) {
  base::json::array array;
  for (const trust::Purpose purpose : purposes)
    array.emplace_back(trust::name(purpose));
  return array;
}

}  // namespace

/// A code as the registry has it, with the redemption asked for.
struct Enrolment::Code {
  std::string sha256;
  base::Identity identity;
  std::string made_by;
  base::Instant expires_at;
  store::RedemptionRow redemption;
};

base::Result<NewCode> Enrolment::create_code(const Actor& actor, const CodeOrder& order) {
  if (order.life < kShortestCodeLife || order.life > kLongestCodeLife)
    return base::fail(Kind::invalid, "code.life", "an enrolment code lives between 1m and 30d");
  BASE_TRY(const auto purposes, choose_purposes(order));
  BASE_TRY(auto code, EnrolmentCode::generate(random_));
  const base::Instant now = ledger_.now();
  const store::EnrolmentCodeRow row{code.sha256(), to_key(order.identity), actor.name, now, now + order.life};
  std::vector<std::string> purpose_names;
  for (const trust::Purpose purpose : purposes)
    purpose_names.emplace_back(trust::name(purpose));

  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(const auto application, store::find_application(amendment.rows(), row.key));
  if (!application)
    return base::fail(Kind::not_found, "application.unknown", "there is no application " + order.identity.to_urn());
  BASE_TRY_VOID(store::insert(amendment.rows(), row, purpose_names));
  const AuditEntry entry{actor,
                         "enrolment_code.created",
                         order.identity.to_urn(),
                         {{"holder", holder_of(row.code_sha256).name}, {"purposes", to_json(purposes)}}};
  BASE_TRY_VOID(amendment.audit(entry));
  BASE_TRY_VOID(amendment.commit());
  return NewCode{std::move(code), purposes, row.expires_at};
}

base::Result<std::vector<KnownCode>> Enrolment::list_codes(const base::Identity& identity) {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(const auto application, store::find_application(rows, to_key(identity)));
  if (!application)
    return base::fail(Kind::not_found, "application.unknown", "there is no application " + identity.to_urn());
  BASE_TRY(auto codes, store::list_enrolment_codes(rows, to_key(identity)));
  std::vector<KnownCode> known;
  for (store::EnrolmentCodeRow& row : codes) {
    BASE_TRY(auto redemptions, store::list_redemptions(rows, row.code_sha256));
    known.push_back({std::move(row), std::move(redemptions)});
  }
  return known;
}

base::Result<KnownCode> Enrolment::cancel_code(const Actor& actor, const base::Identity& identity,
                                               const std::string& digits) {
  BASE_TRY(auto codes, list_codes(identity));
  std::erase_if(codes, [&](const KnownCode& code) { return !code.row.code_sha256.starts_with(digits); });
  if (digits.size() < kLeastDigits || codes.empty())
    return base::fail(Kind::not_found, "enrolment_code.unknown",
                      identity.to_urn() + " has no enrolment code whose digest begins so: give at least " +
                          std::to_string(kLeastDigits) + " of the digits that the list shows");
  if (codes.size() > 1)
    return base::fail(Kind::conflict, "enrolment_code.ambiguous",
                      "the digests of several enrolment codes begin so: give more digits");
  KnownCode code = std::move(codes.front());
  if (code.row.cancelled_at) return code;
  code.row.cancelled_at = ledger_.now();
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY_VOID(store::cancel_enrolment_code(amendment.rows(), code.row.code_sha256, *code.row.cancelled_at));
  BASE_TRY_VOID(amendment.audit(
      {actor, "enrolment_code.cancelled", identity.to_urn(), {{"holder", holder_of(code.row.code_sha256).name}}}));
  BASE_TRY_VOID(amendment.commit());
  return code;
}

base::Result<Enrolment::Code> Enrolment::find_code(const Redemption& redemption) {
  BASE_TRY(const auto code, EnrolmentCode::parse(redemption.code));
  const std::string sha256 = code.sha256();
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(const auto row, store::find_enrolment_code(rows, sha256));
  if (!row) return code_unknown();
  if (row->cancelled_at) return code_cancelled();
  BASE_TRY(auto identity, to_identity(row->key));
  BASE_TRY(const auto redemptions, store::list_redemptions(rows, sha256));
  for (const store::RedemptionRow& candidate : redemptions)
    if (candidate.purpose == trust::name(redemption.purpose))
      return Code{sha256, std::move(identity), row->created_by, row->expires_at, candidate};
  return base::fail(Kind::denied, "code.other_purpose",
                    "this enrolment code is not for " + std::string(trust::name(redemption.purpose)) +
                        ": ask an operator for one that is");
}

base::Result<Issued> Enrolment::find_issued(const std::string& serial) {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(const auto row, store::find_certificate(rows, serial));
  const IssuingCa* issuer = row ? hierarchy_.find_issuing_ca(row->issuer) : nullptr;
  if (issuer == nullptr)
    return base::fail(Kind::corrupt, "registry.corrupt", "the certificate with serial " + serial + " is missing");
  if (row->revoked_at)
    return base::fail(Kind::denied, "certificate.revoked",
                      "the certificate that this enrolment code gave was revoked: ask an operator for a new code");
  BASE_TRY(auto identity, to_identity(row->key));
  BASE_TRY(auto certificate, to_certificate(row->der));
  return Issued{std::move(certificate), std::move(identity), issuer};
}

/// Was this asked in time, and is the request still open? Then the code's end does not matter any more.
base::Result<bool> Enrolment::awaits_approval(const Code& code, const std::string& spki) {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(const auto request, store::find_newest_request(rows, to_key(code.identity), code.redemption.purpose, spki));
  return request && request->requested_by == holder_of(code.sha256).name && ledger_.now() < request->expires_at;
}

base::Result<Outcome> Enrolment::complete(base::Result<Enquiry> enquiry) {
  BASE_TRY(auto found, std::move(enquiry));
  if (auto* outcome = std::get_if<Outcome>(&found)) return std::move(*outcome);
  return issuance_.issue(std::get<Order>(found));
}

base::Result<Outcome> Enrolment::redeem(const Redemption& redemption) { return complete(look_up(redemption)); }
base::Result<Outcome> Enrolment::renew(const RenewalOrder& order) { return complete(look_up(order)); }
base::Result<Outcome> Enrolment::enrol(const DirectOrder& order) { return complete(look_up(order)); }

base::Result<Enquiry> Enrolment::look_up(const Redemption& redemption) {
  BASE_TRY(auto code, find_code(redemption));
  BASE_TRY(auto csr, x509::Csr::parse(redemption.csr));
  const std::string spki = spki_sha256_hex(csr.public_key());
  if (code.redemption.spki_sha256 && *code.redemption.spki_sha256 != spki) return code_used();
  if (code.redemption.serial) {
    BASE_TRY(auto issued, find_issued(*code.redemption.serial));
    return Outcome(std::move(issued));
  }
  if (ledger_.now() >= code.expires_at) {
    BASE_TRY(const bool waits, awaits_approval(code, spki));
    if (!waits)
      return base::fail(
          Kind::denied, "code.expired",
          "this enrolment code ended at " + base::to_rfc3339(code.expires_at) + ": ask an operator for a new one");
  }
  return Order{.identity = std::move(code.identity),
               .purpose = redemption.purpose,
               .csr = std::move(csr),
               .asked_by = holder_of(code.sha256),
               .code_sha256 = code.sha256,
               .sponsor = code.made_by};
}

base::Result<store::CertificateRow> Enrolment::find_held(const RenewalOrder& order, const crypto::PublicKey& key) {
  BASE_TRY(auto rows, ledger_.read());
  return find_held_certificate(rows, order, key);
}

base::Result<std::optional<std::string>> Enrolment::find_replaced(const RenewalOrder& order,
                                                                  const store::CertificateRow& held) {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY_VOID(check_successors(rows, held));
  return order.held == order.wanted ? std::optional(held.serial) : std::nullopt;
}

base::Result<Enquiry> Enrolment::look_up(const RenewalOrder& order) {
  if (!may_renew(order.held, order.wanted))
    return base::fail(Kind::denied, "purpose.not_allowed",
                      "with a certificate for " + std::string(trust::name(order.held)) + ", one for " +
                          std::string(trust::name(order.wanted)) + " cannot be renewed");
  BASE_TRY(const store::CertificateRow held, find_held(order, order.csr.public_key()));
  // A retry is answered as before, even if the new certificate was used meanwhile.
  BASE_TRY(auto known, find_valid(order.identity, order.wanted, order.csr.public_key()));
  if (known) return Outcome(std::move(*known));
  BASE_TRY(auto replaces, find_replaced(order, held));
  return Order{.identity = order.identity,
               .purpose = order.wanted,
               .csr = order.csr,
               .asked_by = Actor{order.identity.to_urn()},
               .replaces = std::move(replaces),
               .origin = Order::Origin::renewal};
}

base::Result<Enquiry> Enrolment::look_up(const DirectOrder& order) {
  BASE_TRY(auto known, find_valid(order.identity, order.purpose, order.csr.public_key()));
  if (known) return Outcome(std::move(*known));
  return Order{.identity = order.identity,
               .purpose = order.purpose,
               .csr = order.csr,
               .asked_by = order.asked_by,
               .eab_kid = order.eab_kid,
               .sponsor = order.sponsor};
}

base::Result<std::optional<Issued>> Enrolment::find_valid(const base::Identity& identity, trust::Purpose purpose,
                                                          const crypto::PublicKey& key) {
  store::CertificateFilter filter;
  const store::ApplicationKey names = to_key(identity);
  filter.of = {names.environment, names.organisation, names.application};
  filter.purpose = trust::name(purpose);
  filter.spki_sha256 = spki_sha256_hex(key);
  filter.status = store::CertificateStatus::valid;
  filter.now = ledger_.now();
  filter.limit = 1;
  std::string serial;
  {
    BASE_TRY(auto rows, ledger_.read());
    BASE_TRY(const auto found, store::list_certificates(rows, filter));
    if (found.empty()) return std::nullopt;
    serial = found.front().serial;
  }
  BASE_TRY(auto issued, find_issued(serial));
  return std::optional(std::move(issued));
}

}  // namespace countersign::authority
