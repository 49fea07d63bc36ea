// Component: one covered component of a signature, by its identifier, and its value in a message (RFC 9421 section 2).
#pragma once

#include "signatures/message.h"
#include "signatures/structured_field.h"

namespace countersign::signatures {

class Component {
 public:
  /// A name alone: "@method", "content-type". Lower case.
  static Component named(std::string name) { return Component(sf::Item{std::move(name)}); }
  /// Of Signature-Input. Fails: `component.malformed` where it is no string of lower-case characters, has a parameter
  /// of another kind than the standard's, or two that exclude each other.
  static base::Result<Component> from(sf::Item identifier);
  /// As a person writes it: content-type, or "@query-param";name="Pet". Fails: as from().
  static base::Result<Component> parse(std::string_view text);

  const std::string& name() const { return std::get<std::string>(identifier_.value); }
  const sf::Item& identifier() const { return identifier_; }
  /// As it stands in the signature base: "@query-param";name="Pet"
  std::string text() const { return sf::serialise(identifier_); }
  bool has_parameters() const { return !identifier_.parameters.empty(); }
  bool is_derived() const { return name().starts_with('@'); }

  /// Fails: `component.missing` where the message has no such thing, `component.unusable` where it has no one value: a
  /// query parameter that stands twice, a field that does not parse, a derived component of the other kind of message.
  base::Result<std::string> value(const MessageView& message) const;

  friend bool operator==(const Component&, const Component&) = default;

 private:
  explicit Component(sf::Item identifier) : identifier_(std::move(identifier)) {}
  bool has(std::string_view parameter) const { return sf::find(identifier_.parameters, parameter) != nullptr; }
  base::Result<std::string> derived(const MessageView& message) const;
  base::Result<std::string> of_request(const RequestView& request) const;
  base::Result<std::string> query_parameter(const RequestView& request) const;
  base::Result<std::string> of_field(const http::Fields& fields) const;
  tl::unexpected<base::Error> missing() const;
  tl::unexpected<base::Error> unusable(std::string why) const;

  sf::Item identifier_;
};

}  // namespace countersign::signatures
