// Cross certificates for tests: what one root says of another.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "testing/ca.h"
#include "testing/seeded_random.h"

namespace countersign::testing {

struct CrossSpec {
  const Ca& of;
  const Ca& by;
  base::Instant now;
  std::optional<int> path_length = 1;
  base::Duration still_valid = std::chrono::hours(24 * 100);
  std::string name = {};  ///< empty: that of the root
};

inline x509::Certificate make_cross(const CrossSpec& wanted) {
  SeededRandom random(3);
  const x509::Name& subject = wanted.of.certificate.subject();
  const x509::CertificateSpec spec{
      .serial = x509::Serial::generate(random).value(),
      .subject = {wanted.name.empty() ? subject.common_name : wanted.name, subject.organisation, {}},
      .not_before = wanted.now - std::chrono::hours(24),
      .not_after = wanted.now + wanted.still_valid,
      .key = wanted.of.key.public_key(),
      .key_usage = {x509::KeyUsage::cert_sign, x509::KeyUsage::crl_sign},
      .extended_key_usage = {},
      .subject_alt_names = {},
      .ca = x509::CertificateSpec::Ca{wanted.path_length},
  };
  return issue(spec, wanted.by);
}

}  // namespace countersign::testing
