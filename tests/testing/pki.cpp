#include "testing/pki.h"

#include <arpa/inet.h>

#include "base/check.h"

namespace countersign::testing {
namespace {

using base::Environment;
using trust::Purpose;
using x509::KeyUsage;
using namespace std::chrono_literals;

constexpr auto kDay = std::chrono::hours(24);
constexpr const char* kProvider = "Example Payments";

// Deviations that act on the finished certificate.
constexpr const char* kTampered = "tampered";
constexpr const char* kTamperedContent = "tampered content";
constexpr const char* kWeakSignature = "weak signature";
constexpr const char* kUnknownCritical = "unknown critical extension";
constexpr const char* kNoIssuers = "without issuers";
constexpr const char* kNoRegistry = "without registry";

std::vector<std::string> eku_of(Purpose purpose) {
  switch (purpose) {
    case Purpose::transport:
    case Purpose::ehi:
    case Purpose::service:
    case Purpose::person: return {std::string(x509::oid::kClientAuth)};
    case Purpose::server: return {std::string(x509::oid::kServerAuth)};
    case Purpose::signing: return {};
    case Purpose::ocsp: return {std::string(x509::oid::kOcspSigning)};
  }
  BASE_UNREACHABLE();
}

std::set<KeyUsage> key_usage_of(Purpose purpose) {
  if (purpose == Purpose::signing) return {KeyUsage::digital_signature, KeyUsage::non_repudiation};
  return {KeyUsage::digital_signature};
}

bool is_address(const std::string& host) {
  std::uint8_t octets[16];
  return inet_pton(AF_INET, host.c_str(), octets) == 1 || inet_pton(AF_INET6, host.c_str(), octets) == 1;
}

CaSpec root_spec(const std::string& name, const std::string& organisation, base::Instant now) {
  return {.common_name = name,
          .organisation = organisation,
          .not_before = now - 3 * 365 * kDay,
          .not_after = now + 17 * 365 * kDay};
}

CaSpec issuing_spec(const std::string& name, const std::string& organisation, base::Instant now) {
  return {.common_name = name,
          .organisation = organisation,
          .not_before = now - 2 * 365 * kDay,
          .not_after = now + 8 * 365 * kDay,
          .path_length = 0};
}

}  // namespace

trust::CertificateFact Issued::fact() const {
  BASE_CHECK(identity.has_value());
  return {certificate.fingerprint(), *identity, purpose, certificate.not_after(), std::nullopt};
}

const Ca& Pki::Hierarchy::find(Environment environment, Purpose purpose) const {
  for (const Issuing& one : issuing)
    if (one.environment == environment && one.purposes.contains(purpose)) return one.ca;
  BASE_UNREACHABLE();  // a test asked for a certificate that no issuing CA is there for
}

Pki::Hierarchy Pki::make_hierarchy(base::Instant now) {
  const std::string provider = kProvider;
  const struct {
    const char* name;
    Environment environment;
    std::set<Purpose> purposes;
  } rows[] = {{"UAT Transport", Environment::uat, {Purpose::transport}},
              {"UAT Signing", Environment::uat, {Purpose::signing}},
              {"Production Transport", Environment::production, {Purpose::transport}},
              {"Production Signing", Environment::production, {Purpose::signing}},
              {"People", Environment::internal, {Purpose::person}},
              {"Internal", Environment::internal, {Purpose::service, Purpose::server}},
              {"UAT EHI", Environment::uat, {Purpose::ehi}},
              {"Production EHI", Environment::production, {Purpose::ehi}}};
  Ca partner = make_root(root_spec(provider + " Partner Root CA", provider, now));
  Ca own = make_root(root_spec(provider + " Provider Root CA", provider, now));
  Ca web = make_root(root_spec("Example Web Root", "Example Web Trust", now));
  Ca web_below = make_issuing(issuing_spec("Example Web CA 1", "Example Web Trust", now), web);
  std::vector<Issuing> issuing;
  for (const auto& row : rows) {
    const bool for_partners = row.purposes.contains(Purpose::transport) || row.purposes.contains(Purpose::signing) ||
                              row.purposes.contains(Purpose::person);
    const CaSpec spec = issuing_spec(provider + " " + row.name + " Issuing CA", provider, now);
    issuing.push_back({row.environment, row.purposes, make_issuing(spec, for_partners ? partner : own)});
  }
  return {std::move(partner), std::move(own), std::move(issuing), std::move(web), std::move(web_below)};
}

Pki::Pki(base::Instant now) : clock_(now), genuine_(make_hierarchy(now)), look_alike_(make_hierarchy(now)) {}

const Ca& Pki::issuing_ca(Environment environment, Purpose purpose) const {
  return genuine_.find(environment, purpose);
}

std::vector<trust::IssuingCa> Pki::issuing_cas() const {
  std::vector<trust::IssuingCa> all;
  for (const Issuing& one : genuine_.issuing)
    all.push_back({one.ca.certificate, one.environment, one.purposes});
  return all;
}

std::vector<trust::IssuingCa> Pki::issuing_cas_under(const Ca& root) const {
  std::vector<trust::IssuingCa> found;
  for (trust::IssuingCa& one : issuing_cas())
    if (one.certificate.issuer().der == root.certificate.subject().der) found.push_back(std::move(one));
  return found;
}

Request Pki::request_for(Environment environment, const std::string& organisation, const std::string& application) {
  Request request(*this);
  request.identity_ =
      base::Identity{environment, base::Slug::parse(organisation).value(), base::Slug::parse(application).value()};
  request.not_before_ = now() - 5min;
  request.not_after_ = now() + 350 * kDay;
  return request;
}

Request Pki::client(const std::string& organisation, const std::string& application) {
  return request_for(Environment::production, organisation, application);
}

Request Pki::service(const std::string& application) {
  return request_for(Environment::internal, "service", application).purpose(Purpose::service);
}

Request Pki::operator_(const std::string& application) {
  return request_for(Environment::internal, "operator", application).purpose(Purpose::service);
}

Request Pki::internal_server(const std::string& application, const std::string& host) {
  Request request = request_for(Environment::internal, "service", application).purpose(Purpose::server);
  return is_address(host) ? request.with_addresses({host}) : request.with_dns({host});
}

Request Pki::ehi() { return request_for(Environment::production, "provider", "ehi").purpose(Purpose::ehi); }

Request Pki::server(const std::string& host) {
  Request request = request_for(Environment::internal, "service", "gateway").purpose(Purpose::server);
  request.identity_ = std::nullopt;
  request.subject_ = {host, "", ""};
  return is_address(host) ? request.with_addresses({host}) : request.with_dns({host});
}

Request& Request::environment(Environment environment) {
  BASE_CHECK(identity_.has_value());
  identity_->environment = environment;
  return *this;
}

Request& Request::purpose(Purpose purpose) {
  purpose_ = purpose;
  return *this;
}

Request& Request::valid(base::Instant not_before, base::Instant not_after) {
  not_before_ = not_before;
  not_after_ = not_after;
  return *this;
}

Request& Request::expired() { return valid(pki_->now() - 351 * kDay, pki_->now() - kDay); }
Request& Request::not_yet_valid() { return valid(pki_->now() + kDay, pki_->now() + 350 * kDay); }

Request& Request::self_signed() {
  issuer_ = Issuer::self;
  return *this;
}

Request& Request::other_ca() {
  issuer_ = Issuer::look_alike;
  return *this;
}

Request& Request::forged() {
  issuer_ = Issuer::forged;
  return *this;
}

Request& Request::issued_by(Environment environment, Purpose purpose) {
  issued_by_ = {environment, purpose};
  return *this;
}

Request& Request::key_kind(crypto::PrivateKey::Kind kind) {
  key_kind_ = kind;
  return *this;
}

Request& Request::weak_key() {
  key_kind_ = std::nullopt;
  return *this;
}

Request& Request::with_eku(std::vector<std::string> oids) {
  eku_ = std::move(oids);
  return *this;
}

Request& Request::with_key_usage(std::set<KeyUsage> usages) {
  key_usage_ = std::move(usages);
  return *this;
}

Request& Request::with_dns(std::vector<std::string> names) {
  names_.dns = std::move(names);
  return *this;
}

Request& Request::with_addresses(std::vector<std::string> addresses) {
  names_.ip_addresses = std::move(addresses);
  return *this;
}

Request& Request::with_uris(std::vector<std::string> uris) {
  names_.uris = std::move(uris);
  deviations_.insert("other URIs");
  return *this;
}

Request& Request::with_subject(x509::SubjectName subject) {
  subject_ = std::move(subject);
  return *this;
}

#define TESTING_DEVIATION(function, name) \
  Request& Request::function() {          \
    deviations_.insert(name);             \
    return *this;                         \
  }
TESTING_DEVIATION(tampered, kTampered)
TESTING_DEVIATION(tampered_content, kTamperedContent)
TESTING_DEVIATION(weak_signature, kWeakSignature)
TESTING_DEVIATION(with_unknown_critical_extension, kUnknownCritical)
TESTING_DEVIATION(without_issuers, kNoIssuers)
TESTING_DEVIATION(without_registry, kNoRegistry)
#undef TESTING_DEVIATION

const Ca& Request::issuing_ca() const {
  const Pki::Hierarchy& hierarchy = issuer_ == Issuer::look_alike ? pki_->look_alike_ : pki_->genuine_;
  if (issued_by_) return hierarchy.find(issued_by_->first, issued_by_->second);
  return identity_ ? hierarchy.find(identity_->environment, purpose_) : hierarchy.web_intermediate;
}

x509::CertificateSpec Request::to_spec(const crypto::PublicKey& key) const {
  x509::CertificateSpec spec{.serial = x509::Serial::generate(pki_->random_).value(),
                             .subject = subject_,
                             .not_before = not_before_,
                             .not_after = not_after_,
                             .key = key,
                             .key_usage = key_usage_.value_or(key_usage_of(purpose_)),
                             .extended_key_usage = eku_.value_or(eku_of(purpose_)),
                             .subject_alt_names = names_,
                             .ca = std::nullopt};
  const bool own_subject = subject_.common_name.empty() && subject_.organisation.empty();
  if (identity_ && own_subject)
    spec.subject = {identity_->application.text(), identity_->organisation.text(),
                    std::string(base::name(identity_->environment))};
  if (identity_ && !deviations_.contains("other URIs")) spec.subject_alt_names.uris = {identity_->to_urn()};
  return spec;
}

x509::Certificate Request::sign(const x509::CertificateSpec& spec, const crypto::PrivateKey& own_key,
                                const Ca& ca) const {
  const auto finish = [](const x509::TbsCertificate& tbs, const crypto::PrivateKey& key) {
    return x509::assemble(tbs, key.sign(tbs.der).value()).value();
  };
  if (issuer_ == Issuer::self) return finish(x509::build_self_issued_tbs(spec).value(), own_key);
  const x509::TbsCertificate tbs = x509::build_tbs(spec, ca.certificate, ca.key.public_key()).value();
  return finish(tbs, issuer_ == Issuer::forged ? pki_->look_alike_.partner_root.key : ca.key);
}

Issued Request::issue() {
  crypto::PrivateKey key = key_kind_ ? crypto::PrivateKey::generate(*key_kind_).value() : make_weak_key();
  const Ca& ca = issuing_ca();
  const crypto::PrivateKey& signer = issuer_ == Issuer::self ? key : ca.key;
  x509::Certificate certificate = sign(to_spec(key.public_key()), key, ca);
  if (deviations_.contains(kUnknownCritical)) certificate = forge(certificate, signer, add_unknown_critical_extension);
  if (deviations_.contains(kWeakSignature))
    certificate = forge(
        certificate, signer, [](X509*) {}, "SHA1");
  if (deviations_.contains(kTampered)) certificate = with_changed_signature(certificate);
  if (deviations_.contains(kTamperedContent)) certificate = with_changed_content(certificate);

  std::vector<x509::Certificate> chain = {certificate};
  const bool alone = deviations_.contains(kNoIssuers) || issuer_ == Issuer::self;
  if (!alone) chain.push_back(ca.certificate);
  Issued issued{std::move(certificate), std::move(key), std::move(chain), identity_, purpose_};
  if (identity_ && !deviations_.contains(kNoRegistry)) pki_->facts_.push_back(issued.fact());
  return issued;
}

}  // namespace countersign::testing
