#include "signatures/policy.h"

#include <algorithm>

namespace countersign::signatures {
namespace {

constexpr std::string_view kTargetUri = "@target-uri";

bool covers_target(const SignatureInput& input) {
  return input.covers(kTargetUri) || (input.covers("@authority") && input.covers("@path") && input.covers("@query"));
}

}  // namespace

std::vector<Component> components_to_cover(const MessageView& message, Content content, const SignaturePolicy& policy) {
  std::vector<Component> all;
  const auto add = [&](std::string_view name) { all.push_back(Component::named(std::string(name))); };
  if (message.is_response()) {
    add("@status");
  } else {
    add("@method");
    add(kTargetUri);
  }
  if (content == Content::some) add("content-digest");
  for (const Component& component : policy.more)
    if (std::find(all.begin(), all.end(), component) == all.end()) all.push_back(component);
  return all;
}

std::string first_uncovered(const SignatureInput& input, const MessageView& message, Content content,
                            const SignaturePolicy& policy) {
  const Component target = Component::named(std::string(kTargetUri));
  for (const Component& component : components_to_cover(message, content, policy)) {
    if (component == target ? !covers_target(input) : !input.covers(component)) return component.text();
  }
  return {};
}

std::string accept_signature(const MessageView& message, Content content, const SignaturePolicy& policy) {
  sf::InnerList list;
  for (const Component& component : components_to_cover(message, content, policy))
    list.items.push_back(component.identifier());
  list.parameters.emplace_back("created", true);
  list.parameters.emplace_back("keyid", true);
  if (policy.nonce == NonceRule::required) list.parameters.emplace_back("nonce", true);
  if (!policy.tag.empty()) list.parameters.emplace_back("tag", policy.tag);
  return sf::serialise(sf::Dictionary{{"sig", std::move(list)}});
}

}  // namespace countersign::signatures
