// Inside of x509 only: owners of libcrypto's objects and the small steps between them and bytes.
#pragma once

#include <optional>

#include <openssl/asn1.h>
#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/time.h"
#include "crypto/algorithm.h"
#include "crypto/handle.h"
#include "x509/name.h"

namespace countersign::x509 {

using NativeCertificate = crypto::Handle<X509, X509_free>;
using NativeName = crypto::Handle<X509_NAME, X509_NAME_free>;

/// Frees a stack, not what it points to.
struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
/// Borrowed certificates.
using NativeStack = std::unique_ptr<STACK_OF(X509), FreeStack>;

/// The content octets of a string or integer (of an integer: its magnitude); null is empty.
inline base::Bytes to_bytes(const ASN1_STRING* string) {
  if (string == nullptr || ASN1_STRING_length(string) <= 0) return {};
  const std::uint8_t* data = ASN1_STRING_get0_data(string);
  return {data, data + ASN1_STRING_length(string)};
}

/// The DER encoding of `object` by one of libcrypto's i2d functions; empty when it fails.
template <auto I2d, class T>
base::Bytes to_der(T* object) {
  std::uint8_t* raw = nullptr;
  const int length = I2d(object, &raw);
  const crypto::Handle<std::uint8_t, crypto::free_openssl_bytes> owner(raw);
  return length > 0 ? base::Bytes(raw, raw + length) : base::Bytes{};
}

/// Nothing for a time that is not there or cannot be read.
std::optional<base::Instant> to_instant(const ASN1_TIME* time);

Name read_name(const X509_NAME* name);
/// Organisation, organisational unit, common name, in this order, all UTF8String. Fails: `name.invalid` on a part of
/// more than 64 characters, with control characters, or not UTF-8.
base::Result<NativeName> make_name(const SubjectName& name);

}  // namespace countersign::x509
