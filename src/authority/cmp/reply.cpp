#include "authority/cmp/reply.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace countersign::authority {
namespace {

using base::Kind;
using x509::CmpBody;
using x509::CmpFailure;

struct Row {
  std::string_view code;  ///< ours, or the beginning of it with a dot at its end
  CmpFailure failure;
};

/// The first that fits. Whatever is not here goes by its kind.
constexpr std::array kRows = {
    Row{"cmp.mac_algorithm", CmpFailure::bad_alg},
    Row{"cmp.bad_mac", CmpFailure::bad_message_check},
    Row{"cmp.bad_signature", CmpFailure::bad_message_check},
    Row{"cmp.unprotected", CmpFailure::bad_message_check},
    Row{"cmp.wrong_protection", CmpFailure::wrong_integrity},
    Row{"cmp.bad_time", CmpFailure::bad_time},
    Row{"cmp.cert_id", CmpFailure::bad_cert_id},
    Row{"cmp.certificate_hash", CmpFailure::bad_cert_id},
    Row{"cmp.malformed", CmpFailure::bad_data_format},
    Row{"cmp.too_large", CmpFailure::bad_data_format},
    Row{"cmp.transaction_id", CmpFailure::bad_data_format},
    Row{"cmp.sender_nonce", CmpFailure::bad_sender_nonce},
    Row{"cmp.recipient_nonce", CmpFailure::bad_recipient_nonce},
    Row{"cmp.transaction_in_use", CmpFailure::transaction_id_in_use},
    Row{"cmp.version", CmpFailure::unsupported_version},
    Row{"cmp.no_certificate", CmpFailure::signer_not_trusted},
    Row{"cmp.signer_refused", CmpFailure::signer_not_trusted},
    Row{"cmp.signer_revoked", CmpFailure::cert_revoked},
    Row{"certificate.already_revoked", CmpFailure::cert_revoked},
    Row{"certificate.revoked", CmpFailure::cert_revoked},
    Row{"certificate.unknown", CmpFailure::bad_cert_id},
    Row{"csr.bad_proof", CmpFailure::bad_pop},
    Row{"csr.", CmpFailure::bad_cert_template},
    Row{"key.", CmpFailure::bad_cert_template},
};

CmpFailure failure_of(const base::Error& error) {
  const auto fits = [&](const Row& row) {
    return row.code.ends_with('.') ? error.code.starts_with(row.code) : error.code == row.code;
  };
  const auto found = std::ranges::find_if(kRows, fits);
  if (found != kRows.end()) return found->failure;
  switch (error.kind) {
    case Kind::denied: return CmpFailure::not_authorized;
    case Kind::invalid:
    case Kind::not_found:
    case Kind::conflict:
    case Kind::too_large: return CmpFailure::bad_request;
    case Kind::timeout:
    case Kind::unavailable: return CmpFailure::system_unavail;
    case Kind::corrupt:
    case Kind::internal: return CmpFailure::system_failure;
  }
  BASE_UNREACHABLE();
}

std::optional<CmpBody> reply_to(CmpBody body) {
  if (body == CmpBody::ir) return CmpBody::ip;
  if (body == CmpBody::cr || body == CmpBody::p10cr) return CmpBody::cp;
  if (body == CmpBody::kur) return CmpBody::kup;
  return std::nullopt;
}

}  // namespace

x509::CmpStatus to_cmp_status(const base::Error& error) {
  const bool is_ours = error.kind == Kind::internal || error.kind == Kind::corrupt;
  const std::string detail = is_ours ? "the authority failed, and its log says why" : error.detail;
  return {x509::CmpStatus::Kind::rejection, failure_of(error), {detail + " (" + error.code + ")"}};
}

CmpAnswer refuse(const base::Error& error, const CmpAsked& asked) {
  const x509::CmpStatus status = to_cmp_status(error);
  const x509::CmpMessage* message = asked.message;
  const bool is_proved = message != nullptr && asked.caller != nullptr;
  if (is_proved && message->body() == CmpBody::rr)
    return {.body = x509::revocation_response_body(status), .refusal = error};
  const auto reply = is_proved ? reply_to(message->body()) : std::nullopt;
  if (!reply) return {.body = x509::error_body(status), .refusal = error};
  const std::int64_t id = message->body() == CmpBody::p10cr ? -1 : 0;
  return {.body = x509::cert_response_body({*reply, id, status}), .refusal = error};
}

base::Result<http::Response> to_cmp_response(Authority& authority, const CmpAsked& asked, const CmpAnswer& answer,
                                             base::BytesView nonce) {
  // Read anew for each: it is replaced while we run, and few answers are signed.
  BASE_TRY(const tls::Credential own, feed::load(server_files(authority.folder())));
  const x509::CmpHeader none;
  const x509::CmpHeader& header = asked.message != nullptr ? asked.message->header() : none;
  constexpr std::uint64_t kVersion2021 = 3;  // RFC 9480 section 2.20
  x509::CmpReply reply{.version = header.version == kVersion2021 ? kVersion2021 : 2,
                       .sender = own.chain.front(),
                       .recipient = header.sender,
                       .at = authority.clock().now(),
                       .transaction_id = header.transaction_id,
                       .sender_nonce = nonce,
                       .recipient_nonce = header.sender_nonce,
                       .confirms_implicitly = answer.confirms_implicitly,
                       .body = answer.body,
                       .certificates = {}};
  http::Response response;
  response.fields.add("Content-Type", "application/pkixcmp");
  response.fields.add("Cache-Control", "no-store");
  const CmpCaller::Credential* credential = asked.caller != nullptr ? asked.caller->credential() : nullptr;
  if (credential != nullptr) {
    crypto::PasswordMac how = credential->how;
    how.salt.assign(16, 0);
    BASE_TRY_VOID(authority.random().fill(how.salt));
    reply.certificates = answer.certificates;
    const base::Bytes der = x509::protect_by_mac(reply, {credential->secret, how, base::as_bytes(credential->kid)});
    response.body = base::as_text(der);
    return response;
  }
  reply.certificates = own.chain;
  reply.certificates.insert(reply.certificates.end(), answer.certificates.begin(), answer.certificates.end());
  BASE_TRY(const base::Bytes der, x509::protect_by_signature(reply, own.key));
  response.body = base::as_text(der);
  return response;
}

}  // namespace countersign::authority
