// Whatever is sent as a CMP message: an error or a message, never a crash; what we read, libcrypto reads the same.
#include <algorithm>

#include <openssl/cmp.h>

#include "base/check.h"
#include "crypto/handle.h"
#include "x509/cmp_body.h"

namespace {

using namespace countersign;

/// libcrypto's parser only: its check of the protection is what CVE-2026-63076 crashes.
void compare(base::BytesView der, const x509::CmpMessage& ours) {
  const std::uint8_t* at = der.data();
  const crypto::Handle<OSSL_CMP_MSG, OSSL_CMP_MSG_free> theirs(
      d2i_OSSL_CMP_MSG(nullptr, &at, static_cast<long>(der.size())));
  if (theirs == nullptr) return;  // it looks into what is skipped here: names, free text, bodies
  BASE_CHECK(at == der.data() + der.size());
  BASE_CHECK(OSSL_CMP_MSG_get_bodytype(theirs.get()) == static_cast<int>(ours.body()));
  const OSSL_CMP_PKIHEADER* header = OSSL_CMP_MSG_get0_header(theirs.get());
  const auto same = [](const ASN1_OCTET_STRING* their, base::BytesView our) {
    if (their == nullptr) return our.empty();
    const base::BytesView octets(ASN1_STRING_get0_data(their), static_cast<std::size_t>(ASN1_STRING_length(their)));
    return std::ranges::equal(octets, our);
  };
  BASE_CHECK(same(OSSL_CMP_HDR_get0_transactionID(header), ours.header().transaction_id));
  BASE_CHECK(same(OSSL_CMP_HDR_get0_recipNonce(header), ours.header().recipient_nonce));
}

/// Every body is read as each of them: an error has words, and a proof of possession is never believed by chance.
void read_all(const x509::CmpMessage& message) {
  if (const auto request = x509::read_cert_request(message)) BASE_CHECK(request->id == 0 || request->id == -1);
  else BASE_CHECK(!request.error().code.empty() && !request.error().detail.empty());
  if (const auto revocation = x509::read_revocation(message)) BASE_CHECK(!revocation->certificate.issuer.empty());
  if (const auto confirmation = x509::read_confirmation(message)) BASE_CHECK(confirmation->hash.size() <= 64 * 1024);
  (void)x509::read_poll_request(message);
  (void)x509::asks_for_ca_certificates(message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::BytesView der(data, size);
  const auto message = x509::CmpMessage::parse(der);
  if (!message) {
    BASE_CHECK(message.error().code.starts_with("cmp.") && !message.error().detail.empty());
    return 0;
  }
  BASE_CHECK(message->certificates().size() <= x509::kCmpCertificateLimit);
  if (const auto how = message->mac(); how && *how) {
    BASE_CHECK((*how)->iterations >= x509::kCmpLeastIterations && (*how)->iterations <= x509::kCmpMostIterations);
    BASE_CHECK(!message->has_mac_of(base::Secret(base::Bytes(32, 0x5a)), **how));
  }
  read_all(*message);
  compare(der, *message);
  return 0;
}
