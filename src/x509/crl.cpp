#include "x509/crl.h"

#include <algorithm>
#include <array>
#include <limits>

#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/openssl_error.h"
#include "x509/extensions.h"
#include "x509/native.h"

namespace countersign::x509 {

using NativeCrl = crypto::Handle<X509_CRL, X509_CRL_free>;

struct Crl::Parsed {
  NativeCrl native;
  Name issuer;
  std::uint64_t number = 0;
  base::Instant this_update;
  base::Instant next_update;
  base::Bytes authority_key_id;
  std::optional<DistributionPoint> point;
  std::vector<RevokedCertificate> revoked;
};

namespace {

struct ReasonName {
  CrlReason reason;
  std::string_view name;
};
constexpr std::array kReasons = {
    ReasonName{CrlReason::unspecified, "unspecified"},
    ReasonName{CrlReason::key_compromise, "key_compromise"},
    ReasonName{CrlReason::ca_compromise, "ca_compromise"},
    ReasonName{CrlReason::affiliation_changed, "affiliation_changed"},
    ReasonName{CrlReason::superseded, "superseded"},
    ReasonName{CrlReason::cessation_of_operation, "cessation_of_operation"},
    ReasonName{CrlReason::certificate_hold, "certificate_hold"},
    ReasonName{CrlReason::privilege_withdrawn, "privilege_withdrawn"},
    ReasonName{CrlReason::aa_compromise, "aa_compromise"},
};

constexpr int kAbsent = -1;
constexpr int kVersion2 = 1;
constexpr std::size_t kSerialOctets = 20;

tl::unexpected<base::Error> malformed(std::string detail) {
  crypto::drop_openssl_errors();
  return base::fail(base::Kind::invalid, "crl.malformed", std::move(detail));
}

/// Every extension that stands there must be one that is read here, once; of an entry as of the CRL.
bool are_known(const STACK_OF(X509_EXTENSION) * extensions, std::initializer_list<int> known) {
  std::vector<int> seen;
  for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i) {
    X509_EXTENSION* one = sk_X509_EXTENSION_value(extensions, i);
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(one));
    const bool is_known = std::ranges::find(known, nid) != known.end();
    if (!is_known && X509_EXTENSION_get_critical(one) == 1) return false;
    if (is_known && std::ranges::find(seen, nid) != seen.end()) return false;
    seen.push_back(nid);
  }
  return true;
}

base::Result<CrlReason> read_reason(const X509_REVOKED* entry) {
  int critical = kAbsent;
  const crypto::Handle<ASN1_ENUMERATED, ASN1_ENUMERATED_free> code(
      static_cast<ASN1_ENUMERATED*>(X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, &critical, nullptr)));
  if (code == nullptr && critical != kAbsent) return malformed("a reason code does not parse");
  if (code == nullptr) return CrlReason::unspecified;
  const long value = ASN1_ENUMERATED_get(code.get());
  const auto found = std::ranges::find_if(
      kReasons, [&](const ReasonName& one) { return long{static_cast<std::uint8_t>(one.reason)} == value; });
  if (found == kReasons.end()) return malformed("a reason code is none that a complete CRL may hold");
  return found->reason;
}

base::Result<RevokedCertificate> read_entry(const X509_REVOKED* entry) {
  if (!are_known(X509_REVOKED_get0_extensions(entry), {NID_crl_reason, NID_invalidity_date}))
    return malformed("an entry has a critical extension that is not known here, or one twice");
  const ASN1_INTEGER* serial = X509_REVOKED_get0_serialNumber(entry);
  const base::Bytes magnitude = to_bytes(serial);
  if (magnitude.empty() || magnitude.size() > kSerialOctets || ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
    return malformed("an entry's serial number is not of 1 to 20 octets");
  const auto at = to_instant(X509_REVOKED_get0_revocationDate(entry));
  if (!at) return malformed("an entry's date cannot be read");
  BASE_TRY(const CrlReason reason, read_reason(entry));
  return RevokedCertificate{Serial::from_magnitude(magnitude), *at, reason};
}

/// Serials of equal length compare as their hexadecimal text does.
bool by_serial(const RevokedCertificate& a, const RevokedCertificate& b) {
  const std::string& left = a.serial.hex();
  const std::string& right = b.serial.hex();
  return left.size() != right.size() ? left.size() < right.size() : left < right;
}

base::Result<std::vector<RevokedCertificate>> read_entries(X509_CRL* crl) {
  const STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(crl);
  std::vector<RevokedCertificate> revoked;
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    BASE_TRY(auto entry, read_entry(sk_X509_REVOKED_value(entries, i)));
    revoked.push_back(std::move(entry));
  }
  std::ranges::sort(revoked, by_serial);
  const auto same = [](const RevokedCertificate& a, const RevokedCertificate& b) { return a.serial == b.serial; };
  if (std::ranges::adjacent_find(revoked, same) != revoked.end()) return malformed("a serial number is there twice");
  return revoked;
}

base::Result<std::uint64_t> read_number(const X509_CRL* crl) {
  const crypto::Handle<ASN1_INTEGER, ASN1_INTEGER_free> number(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl, NID_crl_number, nullptr, nullptr)));
  std::uint64_t value = 0;
  if (number == nullptr || ASN1_INTEGER_get_uint64(&value, number.get()) != 1)
    return malformed("there is no CRL number of at most 64 bits");
  return value;
}

void free_point(ISSUING_DIST_POINT* point) { ISSUING_DIST_POINT_free(point); }

/// Indirect CRLs and those of some reasons only are none that Countersign reads.
base::Result<std::optional<Crl::DistributionPoint>> read_point(const X509_CRL* crl) {
  int critical = kAbsent;
  const crypto::Handle<ISSUING_DIST_POINT, free_point> point(
      static_cast<ISSUING_DIST_POINT*>(X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, nullptr)));
  if (point == nullptr && critical == kAbsent) return std::optional<Crl::DistributionPoint>();
  const bool readable = point != nullptr && point->onlysomereasons == nullptr && point->indirectCRL <= 0 &&
                        point->onlyattr <= 0 && !(point->onlyuser > 0 && point->onlyCA > 0);
  if (!readable) return malformed("the issuing distribution point is of a kind that is not read here");
  Crl::DistributionPoint read;
  read.scope = point->onlyuser > 0 ? CrlScope::user_certificates
               : point->onlyCA > 0 ? CrlScope::ca_certificates
                                   : CrlScope::all;
  if (point->distpoint != nullptr) read_point_name(point->distpoint, read.names);
  return std::optional(std::move(read));
}

base::Result<void> check_head(const X509_CRL* crl) {
  if (X509_CRL_get_version(crl) != kVersion2) return malformed("the CRL is not of version 2");
  if (!are_known(X509_CRL_get0_extensions(crl),
                 {NID_crl_number, NID_authority_key_identifier, NID_issuing_distribution_point}))
    return malformed("the CRL has a critical extension that is not known here, or one twice");
  return {};
}

}  // namespace

std::optional<CrlReason> parse_crl_reason(std::string_view text) {
  const auto found = std::ranges::find(kReasons, text, &ReasonName::name);
  if (found == kReasons.end()) return std::nullopt;
  return found->reason;
}

base::Result<Crl> Crl::from_der(base::BytesView der) {
  if (der.size() > kCrlLimit) return base::fail(base::Kind::too_large, "crl.too_large", "a CRL has at most 64 MiB");
  const std::uint8_t* at = der.data();
  auto parsed = std::make_shared<Parsed>();
  parsed->native.reset(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  X509_CRL* crl = parsed->native.get();
  if (crl == nullptr) return malformed("this is no CRL");
  if (at != der.data() + der.size()) return malformed("there are bytes behind the CRL");
  BASE_TRY_VOID(check_head(crl));
  const auto this_update = to_instant(X509_CRL_get0_lastUpdate(crl));
  const auto next_update = to_instant(X509_CRL_get0_nextUpdate(crl));
  if (!this_update || !next_update) return malformed("thisUpdate or nextUpdate is missing or cannot be read");
  parsed->this_update = *this_update;
  parsed->next_update = *next_update;
  parsed->issuer = read_name(X509_CRL_get_issuer(crl));
  BASE_TRY(parsed->number, read_number(crl));
  BASE_TRY(parsed->point, read_point(crl));
  const crypto::Handle<AUTHORITY_KEYID, AUTHORITY_KEYID_free> key_id(
      static_cast<AUTHORITY_KEYID*>(X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, nullptr, nullptr)));
  if (key_id != nullptr) parsed->authority_key_id = to_bytes(key_id->keyid);
  BASE_TRY(parsed->revoked, read_entries(crl));
  crypto::drop_openssl_errors();
  return Crl(std::move(parsed));
}

const Name& Crl::issuer() const { return parsed_->issuer; }
std::uint64_t Crl::number() const { return parsed_->number; }
base::Instant Crl::this_update() const { return parsed_->this_update; }
base::Instant Crl::next_update() const { return parsed_->next_update; }
const base::Bytes& Crl::authority_key_id() const { return parsed_->authority_key_id; }
const std::optional<Crl::DistributionPoint>& Crl::distribution_point() const { return parsed_->point; }
const std::vector<RevokedCertificate>& Crl::revoked() const { return parsed_->revoked; }

const RevokedCertificate* Crl::find(const Serial& serial) const {
  const RevokedCertificate wanted{serial, {}, CrlReason::unspecified};
  const auto found = std::ranges::lower_bound(parsed_->revoked, wanted, by_serial);
  const bool there = found != parsed_->revoked.end() && found->serial == serial;
  return there ? &*found : nullptr;
}

bool Crl::is_signed_by(const crypto::PublicKey& issuer_key) const {
  if (issuer_key.native() == nullptr) return false;
  const bool good = X509_CRL_verify(parsed_->native.get(), issuer_key.native()) == 1;
  if (!good) crypto::drop_openssl_errors();
  return good;
}

}  // namespace countersign::x509
