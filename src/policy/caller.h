// Caller: who asks, and the names by which a policy may speak of him.
//
// Names are texts: "production/acme/shop" is an application, "production/acme/*" each application of acme,
// "production/*/*" each of the environment; "production/acme" is an organisation as a whole, "production/*" each
// organisation. "anonymous" is everybody who showed no certificate, and nobody else.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/identity.h"
#include "tls/verified_peer.h"

namespace countersign::policy {

inline constexpr std::string_view kAnonymous = "anonymous";

class Caller {
 public:
  static Caller of(const tls::VerifiedPeer& peer) { return Caller(peer.identity()); }
  /// Somebody without a certificate, where a listener lets such people in.
  static Caller anonymous() { return Caller(std::nullopt); }
  /// Nobody has proved it: for explanations and tests.
  static Caller supposed(base::Identity identity) { return Caller(std::move(identity)); }

  const std::optional<base::Identity>& identity() const { return identity_; }
  /// "production/acme/shop", or "anonymous".
  std::string application() const { return names_for_applications()[0]; }
  /// "production/acme"; empty when anonymous.
  std::string organisation() const { return names_for_organisations()[0]; }
  /// Most exact first; empty texts are no names.
  std::array<std::string, 3> names_for_applications() const;
  std::array<std::string, 2> names_for_organisations() const;

 private:
  explicit Caller(std::optional<base::Identity> identity) : identity_(std::move(identity)) {}
  std::optional<base::Identity> identity_;
};

/// Reads a name of applications, or "anonymous". Fails: `policy.whom`.
base::Result<std::string> parse_applications(std::string_view text);
/// The same, or a name of organisations. Fails: `policy.whom`.
base::Result<std::string> parse_partners(std::string_view text);
/// "ENVIRONMENT/ORGANISATION/APPLICATION", the URN of one, or "anonymous". Fails: `policy.whom`, `urn.invalid`.
base::Result<Caller> parse_caller(std::string_view text);

}  // namespace countersign::policy
