// Inside of x509 only: a name of ours as DER, without libcrypto's X509_NAME.
#pragma once

#include "base/bytes.h"
#include "x509/name.h"

namespace countersign::x509 {

/// Organisation, organisational unit, common name, in this order, all UTF8String, as make_name() has them. Fails:
/// `name.invalid` on a part of more than 64 characters, with control characters, or not UTF-8.
base::Result<base::Bytes> to_name_der(const SubjectName& name);

}  // namespace countersign::x509
