// Who somebody is: environment, organisation, application, and the URN that a certificate carries for the three.
//
// An Identity names; it proves nothing. The proof that a peer *is* that identity is tls::VerifiedPeer.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace countersign::base {

/// `internal` is the platform itself (its services and operators); partners live in `uat` and `production`.
enum class Environment { uat, production, internal };

std::string_view name(Environment environment);
/// Fails: `environment.unknown`.
Result<Environment> parse_environment(std::string_view text);

/// The name of an organisation or application: 1-63 of a-z, 0-9 and '-', starting and ending with a letter or digit.
/// So it needs no escaping in a URN, a distinguished name, a path or a header.
class Slug {
 public:
  /// Fails: `slug.invalid`, saying which rule is broken.
  static Result<Slug> parse(std::string_view text);
  const std::string& text() const { return text_; }
  friend auto operator<=>(const Slug&, const Slug&) = default;

 private:
  explicit Slug(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct Identity {
  Environment environment;
  Slug organisation;
  Slug application;

  /// `urn:countersign:<environment>:<organisation>:<application>` (RFC 8141), as in the certificate's URI SAN.
  std::string to_urn() const;
  /// Fails: `urn.invalid` unless to_urn() of the result is `urn` to the letter.
  static Result<Identity> from_urn(std::string_view urn);
  friend auto operator<=>(const Identity&, const Identity&) = default;
};

/// Organisations that only the platform may use: `provider` (its calls to partners), `service`, `operator`.
bool is_reserved_organisation(const Slug& organisation);

}  // namespace countersign::base
