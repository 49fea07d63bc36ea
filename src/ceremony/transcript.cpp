#include "ceremony/transcript.h"

#include <array>

#include "base/check.h"

namespace countersign::ceremony {
namespace {

/// "  Serial number     0a3b".
std::string field(std::string_view name, const std::string& value) {
  constexpr std::size_t kColumn = 20;
  std::string line = "  " + std::string(name);
  line.append(line.size() < kColumn ? kColumn - line.size() : 1, ' ');
  return line + value + "\n";
}

std::string name_of(x509::KeyUsage usage) {
  switch (usage) {
    case x509::KeyUsage::digital_signature: return "digitalSignature";
    case x509::KeyUsage::non_repudiation: return "nonRepudiation";
    case x509::KeyUsage::key_encipherment: return "keyEncipherment";
    case x509::KeyUsage::key_agreement: return "keyAgreement";
    case x509::KeyUsage::cert_sign: return "keyCertSign";
    case x509::KeyUsage::crl_sign: return "cRLSign";
  }
  BASE_UNREACHABLE();
}

std::string_view name_of(x509::CrlReason reason) {
  using x509::CrlReason;
  switch (reason) {
    case CrlReason::unspecified: return "unspecified";
    case CrlReason::key_compromise: return "key_compromise";
    case CrlReason::ca_compromise: return "ca_compromise";
    case CrlReason::affiliation_changed: return "affiliation_changed";
    case CrlReason::superseded: return "superseded";
    case CrlReason::cessation_of_operation: return "cessation_of_operation";
    case CrlReason::certificate_hold: return "certificate_hold";
    case CrlReason::privilege_withdrawn: return "privilege_withdrawn";
    case CrlReason::aa_compromise: return "aa_compromise";
  }
  BASE_UNREACHABLE();
}

template <class List>
std::string joined(const List& list) {
  std::string text;
  for (const std::string& one : list)
    text += (text.empty() ? "" : ", ") + one;
  return text.empty() ? "none" : text;
}

std::string usages_of(const x509::Certificate& certificate) {
  std::string text;
  for (const x509::KeyUsage usage : certificate.key_usages().value_or(std::set<x509::KeyUsage>()))
    text += (text.empty() ? "" : ", ") + name_of(usage);
  return text.empty() ? "none" : text;
}

std::string constraints_of(const x509::Certificate& certificate) {
  if (!certificate.is_ca()) return "no CA";
  const auto length = certificate.path_length();
  return length ? "CA, pathLen " + std::to_string(*length) : "CA, without a pathLen";
}

std::string extensions_of(const x509::Certificate& certificate) {
  std::string text;
  for (const auto& extension : certificate.extensions())
    text += (text.empty() ? "" : ", ") + extension.oid + (extension.critical ? " (critical)" : "");
  return text;
}

}  // namespace

std::string describe(const x509::Certificate& certificate) {
  const crypto::PublicKey key = certificate.public_key();
  return field("Serial number", certificate.serial().hex()) + field("Subject", certificate.subject().text) +
         field("Issuer", certificate.issuer().text) + field("Valid from", base::to_rfc3339(certificate.not_before())) +
         field("Valid to", base::to_rfc3339(certificate.not_after())) +
         field("Key", std::string(crypto::name(key.type())) + ", " + std::to_string(key.bits()) + " bits") +
         field("Key, SHA-256", base::to_hex(key.spki_sha256())) + field("Constraints", constraints_of(certificate)) +
         field("Key usage", usages_of(certificate)) +
         field("Subject key id", base::to_hex(certificate.subject_key_id())) +
         field("Issuer key id", base::to_hex(certificate.authority_key_id())) +
         field("CRL at", joined(certificate.crl_distribution_points().urls)) +
         field("Issuer at", joined(certificate.information_access().ca_issuers)) +
         field("Extensions", extensions_of(certificate));
}

std::string describe(const x509::Crl& crl) {
  std::string text = field("Issuer", crl.issuer().text) + field("Number", std::to_string(crl.number())) +
                     field("This update", base::to_rfc3339(crl.this_update())) +
                     field("Next update", base::to_rfc3339(crl.next_update())) +
                     field("Issuer key id", base::to_hex(crl.authority_key_id()));
  if (const auto& point = crl.distribution_point()) text += field("Published at", joined(point->names.urls));
  if (crl.revoked().empty()) text += field("Takes back", "nobody");
  for (const x509::RevokedCertificate& one : crl.revoked())
    text += field("Takes back",
                  one.serial.hex() + ", " + base::to_rfc3339(one.revoked_at) + ", " + std::string(name_of(one.reason)));
  return text;
}

}  // namespace countersign::ceremony
