// Whatever is given as a CRL: an error or one whose entries are sound, never a crash.
#include "base/check.h"
#include "x509/crl.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace countersign;
  const auto crl = x509::Crl::from_der({data, size});
  if (!crl) {
    BASE_CHECK(!crl.error().code.empty() && !crl.error().detail.empty());
    return 0;
  }
  for (const x509::RevokedCertificate& one : crl->revoked()) {
    BASE_CHECK(one.serial.magnitude().size() <= 20);
    const x509::RevokedCertificate* found = crl->find(one.serial);
    BASE_CHECK(found != nullptr && found->reason == one.reason);
  }
  return 0;
}
