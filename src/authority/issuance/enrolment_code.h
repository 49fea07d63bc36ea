// An enrolment code: `cse_` and 32 random bytes in base64url. Shown once, stored as its digest, good for one
// application.
#pragma once

#include <string>

#include "base/secret.h"
#include "crypto/random.h"

namespace countersign::authority {

class EnrolmentCode {
 public:
  /// Fails: `random.unavailable`.
  static base::Result<EnrolmentCode> generate(crypto::Random& random);
  /// Fails: `code.unknown` on another form: whoever guesses learns no more than with a wrong code.
  static base::Result<EnrolmentCode> parse(std::string_view text);

  const base::Secret& text() const { return text_; }
  /// SHA-256 of the text, hexadecimal: how the registry knows it.
  std::string sha256() const;

 private:
  explicit EnrolmentCode(base::Secret text) : text_(std::move(text)) {}
  base::Secret text_;
};

/// The refusals of a code that more than one place gives.
tl::unexpected<base::Error> code_unknown();
tl::unexpected<base::Error> code_used();
tl::unexpected<base::Error> code_cancelled();

}  // namespace countersign::authority
