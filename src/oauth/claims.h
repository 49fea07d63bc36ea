// Claims: the payload of a JWT whose signature was checked (RFC 7519 section 4), read so that a claim of a wrong type
// is no claim but a mistake.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "jose/jws.h"

namespace countersign::oauth {

class Claims {
 public:
  /// Fails: `jwt.malformed`.
  static base::Result<Claims> of(const jose::VerifiedJws& jws) { return parse(jws.payload()); }
  /// Fails: `jwt.malformed`.
  static base::Result<Claims> parse(std::string_view payload);

  /// Nothing where the claim is absent.
  std::optional<std::string> text(std::string_view name) const;
  /// NumericDate (RFC 7519 section 2), to whole seconds.
  std::optional<base::Instant> date(std::string_view name) const;
  /// `aud`, one or several (section 4.1.3).
  const std::vector<std::string>& audience() const { return audience_; }
  const base::json::object& all() const { return all_; }

 private:
  base::json::object all_;
  std::vector<std::string> audience_;
};

/// Does the header bring a key, or say where one could be fetched (RFC 7515 sections 4.1.2 to 4.1.6)? Ours come from
/// the registry alone.
bool brings_a_key(const jose::UnverifiedJws& jws);

}  // namespace countersign::oauth
