// Inside of x509 only: extensions read without libcrypto's X509 around them.
#pragma once

#include <optional>
#include <vector>

#include "x509/extensions.h"

namespace countersign::x509 {

struct PlainExtensions {
  ReadExtensions content;
  std::vector<Certificate::Extension> list;
};

/// Those in `list`, the content of the SEQUENCE of them in DER. Nothing where there is one that is not read here, one
/// twice, or one that does not parse or contradicts another.
std::optional<PlainExtensions> read_plain_extensions(base::BytesView list);

}  // namespace countersign::x509
