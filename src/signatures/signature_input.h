// SignatureInput: what one signature of a message says of itself, read strictly out of Signature-Input and Signature
// (RFC 9421 sections 2.3 and 4), and the base that it is over (section 2.5). Nothing of it is believed.
#pragma once

#include <optional>
#include <vector>

#include "signatures/component.h"
#include "signatures/reason.h"

namespace countersign::signatures {

/// A message with more signatures than this is refused: each that is tried costs a verification.
inline constexpr std::size_t kSignatures = 4;
/// Covered by one signature at most.
inline constexpr std::size_t kComponents = 64;
inline constexpr std::size_t kNonceLength = 128;

struct SignatureInput {
  std::string label;
  std::vector<Component> components;
  sf::Parameters parameters;  ///< all of them, in order
  base::Bytes signature;      ///< empty where it is still to be made
  std::optional<std::int64_t> created = {};
  std::optional<std::int64_t> expires = {};
  std::optional<std::string> keyid = {};
  std::optional<std::string> alg = {};
  std::optional<std::string> nonce = {};
  std::optional<std::string> tag = {};

  /// Is it there, without parameters?
  bool covers(std::string_view component) const;
  bool covers(const Component& component) const;
  /// ("@method" "@path");created=1618884473;keyid="k": the value of @signature-params.
  std::string to_params() const;
};

/// All of a message. Fails: `missing`, `malformed`.
base::Result<std::vector<SignatureInput>, Refusal> read_signatures(const http::Fields& fields);

/// The bytes that are signed. Fails: `component.missing`, `component.unusable`, also where a value has a line end in
/// it.
base::Result<std::string> signature_base(const MessageView& message, const SignatureInput& input);

}  // namespace countersign::signatures
