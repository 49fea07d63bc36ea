// Whatever is sent as an OCSP request: an error or CertIDs, never a crash; and what we read, libcrypto reads the same.
#include <algorithm>

#include <openssl/ocsp.h>

#include "base/check.h"
#include "crypto/handle.h"
#include "x509/ocsp_request.h"

namespace {

using namespace countersign;

void compare(base::BytesView der, const x509::OcspRequest& ours) {
  const std::uint8_t* at = der.data();
  const crypto::Handle<OCSP_REQUEST, OCSP_REQUEST_free> theirs(
      d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(der.size())));
  if (theirs == nullptr) return;  // it looks into what is skipped here: names and signatures
  BASE_CHECK(at == der.data() + der.size());
  BASE_CHECK(static_cast<std::size_t>(OCSP_request_onereq_count(theirs.get())) == ours.cert_ids().size());
  for (std::size_t i = 0; i < ours.cert_ids().size(); ++i) {
    ASN1_INTEGER* serial = nullptr;
    OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial,
                      OCSP_onereq_get0_id(OCSP_request_onereq_get0(theirs.get(), static_cast<int>(i))));
    const base::BytesView magnitude = ours.cert_ids()[i].serial;
    if (magnitude.empty()) continue;
    BASE_CHECK(static_cast<std::size_t>(ASN1_STRING_length(serial)) == magnitude.size());
    BASE_CHECK(std::equal(magnitude.begin(), magnitude.end(), ASN1_STRING_get0_data(serial)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::BytesView der(data, size);
  const auto request = x509::OcspRequest::parse(der);
  if (!request) {
    BASE_CHECK(request.error().code == "ocsp.malformed" && !request.error().detail.empty());
    return 0;
  }
  BASE_CHECK(!request->cert_ids().empty() && request->cert_ids().size() <= x509::kOcspCertIdLimit);
  BASE_CHECK(!request->nonce() || request->nonce()->size() <= x509::kOcspNonceLimit + 3);
  for (const x509::CertId& id : request->cert_ids())
    BASE_CHECK(id.serial.size() <= 20 && !id.der.empty() && id.der.size() <= size);
  compare(der, *request);
  return 0;
}
