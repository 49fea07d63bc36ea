// Assertion: the JWT by which a client proves itself beside its certificate (RFC 7523 section 3): signed with the key
// of a Signing Certificate of the application whose Transport Certificate the connection has.
//
// Whose keys to look at follows from the certificate, so nothing of an assertion is read before its signature holds.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "crypto/private_key.h"
#include "jose/jwk.h"
#include "oauth/refusal.h"

namespace countersign::oauth {

/// No assertion is good for longer, and clocks may differ so much (FAPI 2.0 section 5.3.2.1 says 60 s at the most).
inline constexpr base::Duration kLongestAssertion = std::chrono::minutes(5);
inline constexpr base::Duration kClockSkew = std::chrono::seconds(60);
inline constexpr std::size_t kAssertionLimit = 8 * 1024;
inline constexpr std::size_t kIdLength = 256;

/// A public key of the application's, as the registry knows it.
struct ClientKey {
  enum class Use { signing, transport };
  jose::Jwk key;
  std::string x5t_s256;  ///< of its certificate, base64url
  Use use;
};

struct AssertionRules {
  std::string client;                  ///< iss and sub must be this
  std::vector<std::string> audiences;  ///< aud must be one of these
  std::vector<jose::Algorithm> algorithms = {jose::Algorithm::ps256, jose::Algorithm::es256, jose::Algorithm::eddsa,
                                             jose::Algorithm::es384, jose::Algorithm::rs256};
  /// Whether aud may also be a list; FAPI 2.0 section 5.3.2.1 takes a text alone.
  enum class AudienceForm { any, text } audience_form = AudienceForm::any;
};

/// An assertion that holds, but for whether it was used before.
class VerifiedAssertion {
 public:
  const std::string& id() const { return id_; }
  /// From then on it would be refused anyway, whatever the clocks say.
  base::Instant forgettable() const { return expires_ + kClockSkew; }
  const std::string& kid() const { return kid_; }

 private:
  friend Checked<VerifiedAssertion> verify_assertion(std::string_view, const std::vector<ClientKey>&,
                                                     const AssertionRules&, base::Instant);
  VerifiedAssertion(std::string id, base::Instant expires, std::string kid)
      : id_(std::move(id)), expires_(expires), kid_(std::move(kid)) {}
  std::string id_;
  base::Instant expires_;
  std::string kid_;  ///< thumbprint of the key that made it
};

/// Fails: the reasons assertion_*, but assertion_replayed.
Checked<VerifiedAssertion> verify_assertion(std::string_view text, const std::vector<ClientKey>& keys,
                                            const AssertionRules& rules, base::Instant now);

/// What a client makes of it. `algorithm` must be one of the key's. Fails: `jws.algorithm`, `key.signing`.
struct AssertionOrder {
  std::string client;
  std::string audience;
  std::string id;
  base::Instant issued;
  base::Duration life = std::chrono::minutes(1);
};
base::Result<std::string> make_assertion(const AssertionOrder& order, const crypto::PrivateKey& key,
                                         jose::Algorithm algorithm);

}  // namespace countersign::oauth
