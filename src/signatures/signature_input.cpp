#include "signatures/signature_input.h"

#include <algorithm>

namespace countersign::signatures {
namespace {

tl::unexpected<Refusal> malformed(std::string detail) {
  return base::unexpected(refuse(Reason::malformed, std::move(detail)));
}

/// Fields of more than their limit, or not there at all, or no dictionary.
base::Result<sf::Dictionary, Refusal> read_dictionary(const http::Fields& fields, const std::string& name) {
  const auto text = combined(fields, name);
  if (!text) return malformed("there is no " + name + " beside the other of the two fields");
  auto members = sf::parse_dictionary(*text);
  if (!members) return malformed(name + ": " + members.error().detail);
  return std::move(*members);
}

/// A parameter of the standard that has another type is refused: it would be read as absent otherwise.
template <class T>
bool take(const sf::Parameters& parameters, std::string_view key, std::optional<T>& value) {
  const sf::BareItem* found = sf::find(parameters, key);
  if (found == nullptr) return true;
  const T* typed = std::get_if<T>(found);
  if (typed == nullptr) return false;
  value = *typed;
  return true;
}

bool take_parameters(SignatureInput& input) {
  const sf::Parameters& all = input.parameters;
  return take(all, "created", input.created) && take(all, "expires", input.expires) &&
         take(all, "keyid", input.keyid) && take(all, "alg", input.alg) && take(all, "nonce", input.nonce) &&
         take(all, "tag", input.tag);
}

base::Result<SignatureInput, Refusal> read_input(const std::string& label, const sf::Member& member) {
  const auto* list = std::get_if<sf::InnerList>(&member);
  if (list == nullptr) return malformed("Signature-Input: '" + label + "' is no list of components");
  if (list->items.size() > kComponents) return malformed("'" + label + "' covers more than 64 components");
  SignatureInput input{.label = label, .components = {}, .parameters = list->parameters, .signature = {}};
  for (const sf::Item& item : list->items) {
    auto component = Component::from(item);
    if (!component) return malformed("'" + label + "': " + component.error().detail);
    // RFC 9421 section 2: each identifier once. Which of two values counts is nothing to choose.
    if (input.covers(*component)) return malformed("'" + label + "' covers " + component->text() + " twice");
    input.components.push_back(std::move(*component));
  }
  if (!take_parameters(input)) return malformed("'" + label + "' has a parameter of another type than the standard's");
  return input;
}

}  // namespace

bool SignatureInput::covers(const Component& component) const {
  return std::ranges::find(components, component) != components.end();
}
bool SignatureInput::covers(std::string_view component) const {
  return covers(Component::named(std::string(component)));
}

std::string SignatureInput::to_params() const {
  sf::InnerList list{{}, parameters};
  for (const Component& component : components)
    list.items.push_back(component.identifier());
  return sf::serialise(list);
}

base::Result<std::vector<SignatureInput>, Refusal> read_signatures(const http::Fields& fields) {
  if (fields.count("Signature-Input") == 0 && fields.count("Signature") == 0)
    return base::unexpected(refuse(Reason::missing, "there is no Signature-Input and no Signature"));
  BASE_TRY(const sf::Dictionary inputs, read_dictionary(fields, "Signature-Input"));
  BASE_TRY(const sf::Dictionary signatures, read_dictionary(fields, "Signature"));
  if (inputs.empty() || inputs.size() > kSignatures) return malformed("a message has 1 to 4 signatures");
  if (signatures.size() != inputs.size()) return malformed("Signature and Signature-Input name different signatures");
  std::vector<SignatureInput> all;
  for (const auto& [label, member] : inputs) {
    BASE_TRY(SignatureInput input, read_input(label, member));
    const sf::Member* made = sf::find(signatures, label);
    const auto* item = made == nullptr ? nullptr : std::get_if<sf::Item>(made);
    const auto* bytes = item == nullptr ? nullptr : std::get_if<base::Bytes>(&item->value);
    if (bytes == nullptr) return malformed("Signature has no byte sequence for '" + label + "'");
    input.signature = *bytes;
    all.push_back(std::move(input));
  }
  return all;
}

base::Result<std::string> signature_base(const MessageView& message, const SignatureInput& input) {
  std::string text;
  for (const Component& component : input.components) {
    BASE_TRY(const std::string value, component.value(message));
    // A line end would let one value look like several components (RFC 9421 section 7.5.5 and 2.5).
    if (value.find_first_of("\r\n") != std::string::npos)
      return base::fail(base::Kind::invalid, "component.unusable", component.text() + " has a line end in it");
    text += component.text() + ": " + value + "\n";
  }
  return text + "\"@signature-params\": " + input.to_params();
}

}  // namespace countersign::signatures
