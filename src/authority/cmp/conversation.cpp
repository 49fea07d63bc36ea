#include "authority/cmp/conversation.h"

#include <algorithm>
#include <array>

#include "authority/api/renewal_call.h"
#include "authority/cmp/credential.h"
#include "authority/registry/rows.h"
#include "authority/revocation/revocation.h"

namespace countersign::authority {
namespace {

using base::Kind;
using x509::CmpBody;

struct ReasonRow {
  std::int64_t code;
  std::string_view name;
};
/// Those that a holder may give (RFC 5280 section 5.3.1), and none (RFC 9483 section 4.2); others are the operators'.
constexpr std::array kReasons = {ReasonRow{0, "unspecified"}, ReasonRow{1, "key_compromise"},
                                 ReasonRow{4, "superseded"}, ReasonRow{5, "cessation_of_operation"}};
/// Of a certificate that its holder rejects when it gets it.
constexpr const char* kRejected = "cessation_of_operation";

base::Result<std::string> to_reason(std::int64_t code) {
  const auto found = std::ranges::find(kReasons, code, &ReasonRow::code);
  if (found != kReasons.end()) return std::string(found->name);
  return base::fail(Kind::invalid, "reason.unknown",
                    "for your own certificates give keyCompromise (1), superseded (4), cessationOfOperation (5), or no "
                    "reason (0)");
}

CmpBody reply_to(CmpBody body) {
  if (body == CmpBody::ir) return CmpBody::ip;
  return body == CmpBody::kur ? CmpBody::kup : CmpBody::cp;
}

}  // namespace

base::Result<void> check_cmp_header(const x509::CmpHeader& header, base::Instant now) {
  const auto has_length = [](base::BytesView octets) {
    return octets.size() >= kCmpLeastNonce && octets.size() <= kCmpMostNonce;
  };
  if (header.version != 2 && header.version != 3)
    return base::fail(Kind::invalid, "cmp.version", "the versions 2 (cmp2000) and 3 (cmp2021) are spoken here");
  if (!has_length(header.transaction_id))
    return base::fail(Kind::invalid, "cmp.transaction_id", "transactionID must have 16 to 64 octets");
  if (!has_length(header.sender_nonce))
    return base::fail(Kind::invalid, "cmp.sender_nonce", "senderNonce must have 16 to 64 octets");
  if (!header.message_time) return {};
  const base::Instant at = *header.message_time;
  if (at <= now + kCmpClockSkew && now <= at + kCmpClockSkew) return {};
  return base::fail(Kind::invalid, "cmp.bad_time",
                    "messageTime is more than 10 minutes away from this authority's clock, which says " +
                        base::to_rfc3339(now) + ": set the clock, or make the message anew");
}

CmpConversation::CmpConversation(Authority& authority, const Said& said)
    : authority_(authority),
      said_(said),
      transaction_{said.caller.name(), std::string(base::as_text(said.message.header().transaction_id))} {}

base::Result<CmpAnswer> CmpConversation::answer() {
  switch (said_.message.body()) {
    case CmpBody::ir:
    case CmpBody::cr:
    case CmpBody::p10cr:
    case CmpBody::kur: return enrol();
    case CmpBody::rr: return end_certificate();
    case CmpBody::genm: return tell_cas();
    case CmpBody::cert_conf: return confirm();
    case CmpBody::poll_req: return poll();
    case CmpBody::error:
      authority_.cmp_transactions().end(transaction_);
      return CmpAnswer{.body = x509::confirmation_body()};
    case CmpBody::ip:
    case CmpBody::cp:
    case CmpBody::kup:
    case CmpBody::rp:
    case CmpBody::confirmation:
    case CmpBody::genp:
    case CmpBody::poll_rep: break;
  }
  return base::fail(Kind::invalid, "cmp.unsupported",
                    "ir, cr, p10cr, kur, rr, genm, certConf, pollReq and error are taken here");
}

/// By the path; without a label a key update is for what the certificate is for that signs it, all else for transport.
base::Result<trust::Purpose> CmpConversation::find_purpose() const {
  const bool is_update = said_.message.body() == CmpBody::kur;
  const trust::AdmittedChain* holder = said_.caller.holder();
  if (is_update && holder == nullptr)
    return base::fail(Kind::denied, "cmp.wrong_protection",
                      "a key update is signed by the certificate that it renews, or by the Transport Certificate: a "
                      "credential enrols, with ir, cr or p10cr");
  if (said_.label) return *said_.label;
  return is_update ? holder->chain().purpose() : trust::Purpose::transport;
}

/// RFC 4211 section 6.5: the certificate to be updated must be this application's, and for what is asked for.
base::Result<void> CmpConversation::check_old(const x509::CmpCertRequest& request, trust::Purpose purpose) {
  if (!request.old || said_.message.body() != CmpBody::kur) return {};
  BASE_TRY(auto rows, authority_.ledger().read());
  BASE_TRY(const auto row, store::find_certificate(rows, request.old->serial.hex()));
  const bool is_own =
      row && row->key == to_key(said_.caller.holder()->identity()) && row->purpose == trust::name(purpose);
  if (is_own) {
    BASE_TRY(const auto certificate, to_certificate(row->der));
    if (certificate.issuer().der == request.old->issuer) return {};
  }
  return base::fail(Kind::denied, "cmp.cert_id",
                    "oldCertID names no certificate of your application for " + std::string(trust::name(purpose)) +
                        ": name the one to be renewed (-oldcert), and send a key update of a signing certificate to "
                        "/.well-known/cmp/p/signing");
}

base::Result<Outcome> CmpConversation::order(trust::Purpose purpose, const x509::Csr& csr) {
  if (const auto* credential = said_.caller.credential())
    return enrol_by_credential(authority_, {credential->kid, purpose, csr});
  return renew_held(authority_, *said_.caller.holder(), purpose, csr);
}

base::Result<CmpAnswer> CmpConversation::enrol() {
  BASE_TRY(const trust::Purpose purpose, find_purpose());
  BASE_TRY(const auto request, x509::read_cert_request(said_.message));
  BASE_TRY_VOID(check_old(request, purpose));
  const crypto::Digest256 first = said_.message.digest();
  const CmpTransaction* open = authority_.cmp_transactions().find(transaction_, now());
  if (open != nullptr && open->first != first)
    return base::fail(Kind::conflict, "cmp.transaction_in_use",
                      "this transactionID is that of another request of yours: choose a new one at random");
  BASE_TRY(const auto outcome, order(purpose, request.csr));
  const auto confirmation = said_.message.header().wants_implicit_confirmation ? CmpTransaction::Confirmation::implicit
                                                                               : CmpTransaction::Confirmation::wanted;
  return settle({.first = first,
                 .reply = reply_to(said_.message.body()),
                 .request_id = request.id,
                 .purpose = purpose,
                 .csr = request.csr,
                 .confirmation = confirmation,
                 .began = now()},
                outcome);
}

CmpAnswer CmpConversation::settle(CmpTransaction transaction, const Outcome& outcome) {
  CmpTransactions& transactions = authority_.cmp_transactions();
  transaction.nonce = base::to_bytes(said_.nonce);
  CmpAnswer answer;
  if (const auto* pending = std::get_if<Pending>(&outcome)) {
    const base::Duration wait = std::max(kCmpShortestWait, std::min(now() - transaction.began, pending->retry_after));
    const x509::CmpStatus waiting{
        x509::CmpStatus::Kind::waiting, std::nullopt, {"the request " + pending->request + " waits for an approval"}};
    answer.body =
        said_.message.body() == CmpBody::poll_req
            ? x509::poll_response_body(transaction.request_id, std::chrono::ceil<std::chrono::seconds>(wait).count())
            : x509::cert_response_body({transaction.reply, transaction.request_id, waiting});
    transactions.keep(transaction_, std::move(transaction), now());
    return answer;
  }
  const Issued& issued = std::get<Issued>(outcome);
  answer.body = x509::cert_response_body({transaction.reply, transaction.request_id, {}, &issued.certificate});
  answer.certificates = {issued.issuer->certificate};
  answer.confirms_implicitly = transaction.confirmation == CmpTransaction::Confirmation::implicit;
  transaction.certificate = issued.certificate;
  if (answer.confirms_implicitly) transactions.end(transaction_);
  else transactions.keep(transaction_, std::move(transaction), now());
  return answer;
}

/// RFC 4210 section 5.1.1: what goes on in a transaction answers the message that we sent last.
base::Result<CmpTransaction> CmpConversation::find_transaction() {
  const CmpTransaction* found = authority_.cmp_transactions().find(transaction_, now());
  if (found == nullptr)
    return base::fail(
        Kind::not_found, "cmp.no_transaction",
        "there is no such transaction of yours, or no more: send the request again with the same key, and "
        "you are told the same");
  if (std::ranges::equal(found->nonce, said_.message.header().recipient_nonce)) return *found;
  return base::fail(Kind::denied, "cmp.recipient_nonce", "recipNonce is not the senderNonce of the last answer");
}

base::Result<CmpAnswer> CmpConversation::poll() {
  BASE_TRY(const std::int64_t id, x509::read_poll_request(said_.message));
  BASE_TRY(CmpTransaction transaction, find_transaction());
  if (id != transaction.request_id)
    return base::fail(Kind::invalid, "cmp.request_id", "certReqId is not that of the request");
  auto outcome = order(transaction.purpose, transaction.csr);
  if (outcome) return settle(std::move(transaction), *outcome);
  const bool may_pass = outcome.error().kind == Kind::unavailable || outcome.error().kind == Kind::internal;
  if (!may_pass) authority_.cmp_transactions().end(transaction_);
  return base::unexpected(std::move(outcome).error());
}

/// Nothing depends on a confirmation: what was issued is recorded and valid. One that rejects ends the certificate.
base::Result<CmpAnswer> CmpConversation::confirm() {
  BASE_TRY(const auto confirmation, x509::read_confirmation(said_.message));
  const CmpTransaction* open = authority_.cmp_transactions().find(transaction_, now());
  if (open == nullptr && confirmation.accepts) return confirm_forgotten(confirmation);
  BASE_TRY(const CmpTransaction transaction, find_transaction());
  if (!transaction.certificate)
    return base::fail(Kind::conflict, "cmp.not_issued", "there is no certificate to confirm yet: ask with pollReq");
  const bool is_named = confirmation.hash == x509::cmp_certificate_hash(*transaction.certificate) &&
                        confirmation.id == transaction.request_id;
  if (confirmation.accepts && !is_named)
    return base::fail(Kind::invalid, "cmp.certificate_hash",
                      "certHash or certReqId is not of the certificate that was sent");
  if (!confirmation.accepts) BASE_TRY_VOID(reject_certificate(*transaction.certificate));
  authority_.cmp_transactions().end(transaction_);
  return CmpAnswer{.body = x509::confirmation_body()};
}

/// After a restart: a certificate that we issued is confirmed as well as ever. Its hash is its fingerprint, where it is
/// signed with SHA-256.
base::Result<CmpAnswer> CmpConversation::confirm_forgotten(const x509::CmpConfirmation& confirmation) {
  {
    BASE_TRY(auto rows, authority_.ledger().read());
    BASE_TRY(const auto key, find_application(rows));
    BASE_TRY(const auto row, store::find_certificate_by_fingerprint(rows, base::to_hex(confirmation.hash)));
    if (row && !row->revoked_at && row->key == key) return CmpAnswer{.body = x509::confirmation_body()};
  }
  return base::unexpected(find_transaction().error());
}

base::Result<store::ApplicationKey> CmpConversation::find_application(store::Transaction& rows) const {
  if (const trust::AdmittedChain* holder = said_.caller.holder()) return to_key(holder->identity());
  BASE_TRY(auto credential, store::find_acme_credential(rows, said_.caller.credential()->kid));
  if (!credential) return base::fail(Kind::corrupt, "registry.corrupt", "the credential of the caller is missing");
  return std::move(credential->key);
}

base::Result<void> CmpConversation::reject_certificate(const x509::Certificate& certificate) {
  const trust::AdmittedChain* holder = said_.caller.holder();
  const Actor actor{holder != nullptr ? holder->identity().to_urn() : said_.caller.name()};
  const auto done = revoke(authority_.ledger(), actor, certificate.serial(), kRejected);
  if (done || done.error().code == "certificate.already_revoked") return {};
  return base::unexpected(done.error());
}

/// RFC 9483 section 4.2: by the certificate itself; a Transport Certificate also ends the others of its application.
base::Result<CmpAnswer> CmpConversation::end_certificate() {
  const trust::AdmittedChain* holder = said_.caller.holder();
  if (holder == nullptr)
    return base::fail(Kind::denied, "cmp.wrong_protection",
                      "a revocation is signed by the certificate that it ends, or by the Transport Certificate");
  BASE_TRY(const auto wanted, x509::read_revocation(said_.message));
  BASE_TRY(const std::string reason, to_reason(wanted.reason));
  std::optional<store::CertificateRow> row;
  {
    BASE_TRY(auto rows, authority_.ledger().read());
    BASE_TRY(row, store::find_certificate(rows, wanted.certificate.serial.hex()));
  }
  const trust::VerifiedChain& chain = holder->chain();
  const bool is_itself = row && row->fingerprint == base::to_hex(chain.leaf().fingerprint());
  const bool is_own = row && chain.purpose() == trust::Purpose::transport && row->key == to_key(holder->identity());
  if (!is_itself && !is_own)
    return base::fail(Kind::denied, "certificate.not_yours",
                      "you hold no certificate with this issuer and serial number");
  BASE_TRY(const auto certificate, to_certificate(row->der));
  if (certificate.issuer().der != wanted.certificate.issuer)
    return base::fail(Kind::denied, "cmp.cert_id", "the certificate with this serial number has another issuer");
  if (row->revoked_at && row->revoked_for == reason)
    return base::fail(Kind::conflict, "certificate.already_revoked", "this certificate is revoked already");
  BASE_TRY_VOID(revoke(authority_.ledger(), {holder->identity().to_urn()}, certificate.serial(), reason));
  return CmpAnswer{.body = x509::revocation_response_body({})};
}

/// RFC 9483 section 4.3.1.
base::Result<CmpAnswer> CmpConversation::tell_cas() {
  BASE_TRY(const bool is_known, x509::asks_for_ca_certificates(said_.message));
  if (!is_known)
    return base::fail(Kind::invalid, "cmp.info_type", "a general message asks for caCerts here, and for nothing else");
  const trust::Purpose purpose = said_.label.value_or(trust::Purpose::transport);
  return CmpAnswer{.body = x509::ca_certificates_body(authority_.hierarchy().cas_above(purpose))};
}

}  // namespace countersign::authority
