#include "fill.h"

#include <chrono>

#include "authority/issuance/serial_number.h"
#include "authority/registry/rows.h"
#include "authority/transparency/certificate_log.h"
#include "base/check.h"
#include "store/certificates.h"
#include "store/issuances.h"

namespace countersign::bench {
namespace {

using namespace authority;

constexpr std::size_t kAtOnce = 10'000;
constexpr base::Duration kDay = std::chrono::hours(24);

Actor filler() { return {"urn:countersign:internal:operator:admin"}; }

std::string hex_of(crypto::Random& random, std::size_t bytes) {
  base::Bytes octets(bytes);
  BASE_CHECK(random.fill(octets).has_value());
  return base::to_hex(octets);
}

/// A certificate of the usual size; every row has a copy of it, under a serial and fingerprint of its own.
std::string sample_der(Authority& authority) {
  auto rows = authority.ledger().read().value();
  store::CertificateFilter filter;
  filter.purpose = "service";
  filter.limit = 1;
  filter.now = authority.clock().now();
  return store::list_certificates(rows, filter).value().front().der;
}

store::CertificateRow make_row(std::size_t number, const Filling& filling, base::Instant now, crypto::Random& random) {
  const auto organisation = number % static_cast<std::size_t>(filling.organisations);
  const auto application = number / static_cast<std::size_t>(filling.organisations) % (2 * kFilledApplications);
  store::CertificateRow row;
  row.fingerprint = hex_of(random, 32);
  row.spki_sha256 = hex_of(random, 32);
  row.key = {application % 2 == 0 ? "production" : "uat", "fill" + std::to_string(organisation),
             "app" + std::to_string(application / 2)};
  row.purpose = number % 3 == 0 ? "signing" : "transport";
  row.issuer = row.key.environment + "-" + row.purpose;
  const auto life = kDay * 350;
  const auto step = kDay * 437 / static_cast<std::int64_t>(filling.certificates);
  const auto age = step * static_cast<std::int64_t>(filling.certificates - number);
  row.issued_at = now - age;
  row.serial = make_serial(random, row.issued_at).value().hex();
  row.not_before = row.issued_at;
  row.not_after = row.issued_at + life;
  if (number % 30 == 7) row.revoked_at = row.issued_at + kDay, row.revoked_for = "superseded";
  row.crl_shard = crl_shard_of(x509::Serial::parse(row.serial).value(), 64);
  return row;
}

store::IssuanceRow intent_of(const store::CertificateRow& row, const std::string& instance) {
  store::IssuanceRow intent;
  intent.serial = row.serial;
  intent.key = row.key;
  intent.purpose = row.purpose;
  intent.names = R"({"cn":"app0","o":"fill0","ou":"production","urn":"urn:countersign:production:fill0:app0"})";
  intent.spki_sha256 = row.spki_sha256;
  intent.tbs_sha256 = row.fingerprint;
  intent.issuer = row.issuer;
  intent.requested_by = "enrolment-code:0123456789abcdef";
  intent.state = "issued";
  intent.recorded_at = row.issued_at;
  intent.finished_at = row.issued_at;
  intent.instance = instance;
  return intent;
}

void add_applications(Authority& authority, const Filling& filling) {
  for (int i = 0; i < filling.organisations; ++i) {
    const auto organisation = base::Slug::parse("fill" + std::to_string(i)).value();
    BASE_CHECK(authority.directory().create_organisation(filler(), organisation, "Filled").has_value());
    for (int j = 0; j < 2 * kFilledApplications; ++j) {
      const auto identity =
          base::Identity::from_urn("urn:countersign:" + std::string(j % 2 == 0 ? "production" : "uat") + ":" +
                                   organisation.text() + ":app" + std::to_string(j / 2));
      BASE_CHECK(authority.directory().create_application(filler(), {*identity, "", {}}).has_value());
    }
  }
}

void add_certificates(Authority& authority, std::vector<store::CertificateRow> rows) {
  Ledger& ledger = authority.ledger();
  auto amendment = ledger.amend().value();
  std::vector<store::IssuanceRow> intents;
  std::vector<LogEntry> entries;
  for (const store::CertificateRow& row : rows) {
    intents.push_back(intent_of(row, ledger.instance()));
    entries.push_back({row.serial, base::as_bytes(row.fingerprint)});
    const std::string urn =
        "urn:countersign:" + row.key.environment + ":" + row.key.organisation + ":" + row.key.application;
    for (const char* action : {"issuance.recorded", "certificate.issued"})
      BASE_CHECK(amendment
                     .audit({{intents.back().requested_by},
                             action,
                             urn,
                             {{"serial", row.serial}, {"purpose", row.purpose}, {"fingerprint", row.fingerprint}}})
                     .has_value());
    amendment.publish(to_fact(row).value());
  }
  BASE_CHECK(store::insert(amendment.rows(), intents).has_value());
  BASE_CHECK(store::insert(amendment.rows(), rows).has_value());
  BASE_CHECK(append_to_log(amendment.rows(), entries).has_value());
  BASE_CHECK(amendment.commit().has_value());
}

}  // namespace

double fill(Authority& authority, const Filling& filling) {
  const auto began = std::chrono::steady_clock::now();
  add_applications(authority, filling);
  const std::string der = sample_der(authority);
  const base::Instant now = authority.clock().now();
  std::vector<store::CertificateRow> rows;
  for (std::size_t i = 0; i < filling.certificates; ++i) {
    rows.push_back(make_row(i, filling, now, authority.random()));
    rows.back().der = der;
    if (rows.size() == kAtOnce || i + 1 == filling.certificates) add_certificates(authority, std::exchange(rows, {}));
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace countersign::bench
