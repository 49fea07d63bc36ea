// Whatever is sent as a certificate: what parses encodes back to the same bytes, and its text is safe to log.
#include <algorithm>

#include "base/check.h"
#include "crypto/strength.h"
#include "x509/certificate.h"

namespace {

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

void inspect(const countersign::x509::Certificate& certificate) {
  using namespace countersign;
  BASE_CHECK(is_printable(certificate.subject().text) && is_printable(certificate.issuer().text));
  BASE_CHECK(is_printable(certificate.serial().hex()) && certificate.serial().hex().size() % 2 == 0);
  BASE_CHECK(certificate.tbs_der().size() < certificate.der().size());
  BASE_CHECK(x509::Certificate::one_from(certificate.to_pem()) == certificate);
  for (const auto& extension : certificate.extensions())
    BASE_CHECK(is_printable(extension.oid));
  for (const std::string& name : certificate.subject_alt_names().dns)
    certificate.matches_host(name);
  for (const std::string& address : certificate.subject_alt_names().ip_addresses)
    BASE_CHECK(certificate.matches_host(address));
  static_cast<void>(certificate.has_strong_signature());
  static_cast<void>(certificate.is_signed_by(certificate.public_key()));
  static_cast<void>(crypto::check_strength(certificate.public_key(), crypto::KeyPolicy::believe));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace countersign;
  const auto der = x509::Certificate::from_der({data, size});
  if (der) {
    BASE_CHECK(std::ranges::equal(der->der(), base::BytesView(data, size)));
    inspect(*der);
  }
  if (const auto all = x509::Certificate::all_from_pem(base::as_text({data, size})))
    for (const auto& certificate : *all)
      inspect(certificate);
  return 0;
}
