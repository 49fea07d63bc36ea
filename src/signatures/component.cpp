#include "signatures/component.h"

#include <algorithm>
#include <array>

#include "http/text.h"

namespace countersign::signatures {
namespace {

using base::Kind;

/// What a parameter's value must be: a flag that is there, or a string.
struct KnownParameter {
  std::string_view name;
  bool is_flag;
};
constexpr std::array<KnownParameter, 6> kParameters = {
    {{"sf", true}, {"bs", true}, {"tr", true}, {"req", true}, {"key", false}, {"name", false}}};

tl::unexpected<base::Error> malformed(std::string detail) {
  return base::fail(Kind::invalid, "component.malformed", std::move(detail));
}

bool is_known(const std::string& key, const sf::BareItem& value) {
  const auto known = std::ranges::find(kParameters, key, &KnownParameter::name);
  if (known == kParameters.end()) return false;
  return known->is_flag ? value == sf::BareItem(true) : std::holds_alternative<std::string>(value);
}

/// RFC 9421 section 2.1.1: ;sf needs to know the shape of the field. What is not here is not signed that way.
enum class Shape { dictionary, list, item };
struct KnownField {
  std::string_view name;
  Shape shape;
};
constexpr std::array<KnownField, 16> kStructured = {{{"accept-ch", Shape::list},
                                                     {"accept-signature", Shape::dictionary},
                                                     {"cache-status", Shape::list},
                                                     {"client-cert", Shape::item},
                                                     {"client-cert-chain", Shape::list},
                                                     {"content-digest", Shape::dictionary},
                                                     {"deprecation", Shape::item},
                                                     {"example-dict", Shape::dictionary},  // of the standard's examples
                                                     {"idempotency-key", Shape::item},
                                                     {"priority", Shape::dictionary},
                                                     {"proxy-status", Shape::list},
                                                     {"repr-digest", Shape::dictionary},
                                                     {"signature", Shape::dictionary},
                                                     {"signature-input", Shape::dictionary},
                                                     {"want-content-digest", Shape::dictionary},
                                                     {"want-repr-digest", Shape::dictionary}}};

base::Result<std::string> in_canonical_form(Shape shape, std::string_view text) {
  switch (shape) {
    case Shape::dictionary: {
      BASE_TRY(const auto value, sf::parse_dictionary(text));
      return sf::serialise(value);
    }
    case Shape::list: {
      BASE_TRY(const auto value, sf::parse_list(text));
      return sf::serialise(value);
    }
    case Shape::item: {
      BASE_TRY(const auto value, sf::parse_item(text));
      return sf::serialise(value);
    }
  }
  return malformed("there is no such shape");
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

/// RFC 9421 section 2.2.8: as an application/x-www-form-urlencoded serialiser would encode it, with %20 for a space.
std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "*-._";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const char lower = http::to_lower(c);
    const bool plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || kPlain.find(c) != kPlain.npos;
    if (plain) {
      result += c;
      continue;
    }
    result += '%';
    result += kDigits[byte >> 4U];
    result += kDigits[byte & 15U];
  }
  return result;
}

/// Decoded and encoded again, so that one name and one value have one spelling. Nothing on a broken escape.
std::optional<std::string> encoded_again(std::string_view text) {
  const auto decoded = http::percent_decode(text, http::PlusSign::space);
  if (!decoded) return std::nullopt;
  return percent_encode(*decoded);
}

}  // namespace

base::Result<Component> Component::from(sf::Item identifier) {
  const auto* name = std::get_if<std::string>(&identifier.value);
  if (name == nullptr || name->empty()) return malformed("a component is named by a string");
  const std::string_view bare = name->starts_with('@') ? std::string_view(*name).substr(1) : std::string_view(*name);
  const bool has_capitals = std::ranges::any_of(*name, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!http::is_token(bare) || has_capitals)
    return malformed("'" + name->substr(0, 60) + "' is no name of a component: it is written in lower case");
  for (const auto& [key, value] : identifier.parameters)
    if (!is_known(key, value))
      return malformed("the parameter '" + key.substr(0, 40) + "' of \"" + *name + "\" is not understood");
  Component component(std::move(identifier));
  const bool excluded = component.has("bs") && (component.has("sf") || component.has("key"));
  if (excluded) return malformed("bs excludes sf and key (RFC 9421 section 2.1)");
  const bool of_fields = component.has("sf") || component.has("bs") || component.has("key") || component.has("tr");
  if (component.is_derived() && of_fields) return malformed(component.text() + " has a parameter of fields");
  if (component.has("name") != (component.name() == "@query-param"))
    return malformed("the parameter 'name' goes with \"@query-param\", and it with that");
  return component;
}

base::Result<Component> Component::parse(std::string_view text) {
  const std::string identifier = text.starts_with('"') ? std::string(text) : "\"" + std::string(text) + "\"";
  auto item = sf::parse_item(identifier);
  if (!item) return malformed("'" + std::string(text.substr(0, 60)) + "' is no component: " + item.error().detail);
  return from(std::move(*item));
}

tl::unexpected<base::Error> Component::missing() const {
  return base::fail(Kind::invalid, "component.missing", "the message has no " + text());
}

tl::unexpected<base::Error> Component::unusable(std::string why) const {
  return base::fail(Kind::invalid, "component.unusable", text() + " has no value here: " + std::move(why));
}

base::Result<std::string> Component::value(const MessageView& message) const {
  if (has("req")) {
    if (!message.is_response()) return unusable("'req' is for responses");
    if (message.request == nullptr) return unusable("the request that is answered is not known");
    BASE_TRY(auto of_it, from(identifier_));
    std::erase_if(of_it.identifier_.parameters, [](const auto& one) { return one.first == "req"; });
    auto found = of_it.value(MessageView::of(*message.request));
    if (!found) found.error().detail += " (of the request)";
    return found;
  }
  if (is_derived()) return derived(message);
  if (!has("tr")) return of_field(*message.fields);
  if (message.trailers == nullptr) return unusable("trailers are not kept");
  return of_field(*message.trailers);
}

base::Result<std::string> Component::derived(const MessageView& message) const {
  if (name() == "@status") {
    if (!message.is_response()) return unusable("a request has no status");
    return std::to_string(*message.status);
  }
  if (message.is_response() || message.request == nullptr) return unusable("it is one of requests; add ;req");
  return of_request(*message.request);
}

base::Result<std::string> Component::of_request(const RequestView& request) const {
  const std::string_view target = request.target;
  if (name() == "@method") return std::string(request.method);
  if (name() == "@scheme") return std::string(request.scheme);
  if (name() == "@authority") return normal_authority(request.scheme, request.authority);
  if (name() == "@request-target") return std::string(target);
  if (name() == "@target-uri")
    return std::string(request.scheme) + "://" + normal_authority(request.scheme, request.authority) +
           std::string(target);
  if (name() == "@path") return std::string(path_of(target).empty() ? "/" : path_of(target));
  if (name() == "@query") {
    const std::size_t mark = target.find('?');
    return mark == std::string_view::npos ? std::string("?") : std::string(target.substr(mark));
  }
  if (name() == "@query-param") return query_parameter(request);
  return unusable("there is no such derived component");
}

/// RFC 9421 section 2.2.8: one that stands several times has no one value, and is not signed by its name.
base::Result<std::string> Component::query_parameter(const RequestView& request) const {
  const std::size_t mark = request.target.find('?');
  std::string_view rest = mark == std::string_view::npos ? std::string_view() : request.target.substr(mark + 1);
  const std::string& wanted = std::get<std::string>(*sf::find(identifier_.parameters, "name"));
  std::optional<std::string> found;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto key = encoded_again(pair.substr(0, equals));
    if (!key) return unusable("the query has a broken escape");
    if (pair.empty() || *key != wanted) continue;
    if (found) return unusable("it stands in the query more than once: cover @query instead");
    found = encoded_again(pair.substr(std::min(equals + 1, pair.size())));
    if (!found) return unusable("the query has a broken escape");
  }
  if (!found) return missing();
  return std::move(*found);
}

base::Result<std::string> Component::of_field(const http::Fields& fields) const {
  if (has("bs")) {
    std::string all;
    for (const http::Field& field : fields)
      if (http::equals_ignoring_case(field.name, name()))
        all += (all.empty() ? ":" : ", :") + base::to_base64(base::as_bytes(http::trim(field.value))) + ":";
    if (all.empty()) return missing();
    return all;
  }
  auto text = combined(fields, name());
  if (!text) return missing();
  if (const sf::BareItem* key = sf::find(identifier_.parameters, "key")) {
    const auto members = sf::parse_dictionary(*text);
    if (!members) return unusable("it is no dictionary: " + members.error().detail);
    const sf::Member* member = sf::find(*members, std::get<std::string>(*key));
    if (member == nullptr) return missing();
    return sf::serialise(*member);
  }
  if (!has("sf")) return std::move(*text);
  const auto known = std::ranges::find(kStructured, name(), &KnownField::name);
  if (known == kStructured.end()) return unusable("it is not known as a structured field; cover it without ;sf");
  auto canonical = in_canonical_form(known->shape, *text);
  if (!canonical) return unusable("it does not parse: " + canonical.error().detail);
  return canonical;
}

}  // namespace countersign::signatures
