// API keys: an extra factor beside an application's certificate, never instead of it.
//
// A key is 256 random bits, so its plain SHA-256 digest gives nothing away and can be reckoned at every request (ADR
// 0029). Only digests are kept. A key is looked for among those of the caller's own application alone: to everybody
// else it is a wrong key like any other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "http/message.h"

namespace countersign::policy {

struct NewApiKey {
  base::Secret key;    ///< shown once: "countersign-key-" and 43 characters of base64url
  std::string digest;  ///< for the policy file: 64 hexadecimal digits
};
/// Fails: `random.unavailable`.
base::Result<NewApiKey> make_api_key(crypto::Random& random);

/// A line of `digests` in the policy file. Fails: `policy.digest`.
base::Result<crypto::Digest256> parse_digest(std::string_view text);

enum class KeyCheck { good, missing, refused };
/// Looks into `fields` for the field `name`, in any spelling that somebody behind us could fold into it; two of them
/// are refused. Every digest is compared, each in constant time.
KeyCheck check_api_key(const http::Fields& fields, std::string_view name, const std::vector<crypto::Digest256>& good);

/// Are the two names one when case is ignored and everything but letters and digits is '-' (CGI, WSGI, nginx)?
bool is_spelling_of(std::string_view name, std::string_view other);

}  // namespace countersign::policy
