#include "oauth/scopes.h"

#include <algorithm>

namespace countersign::oauth {
namespace {

/// scope-token: %x21 / %x23-5B / %x5D-7E.
bool is_scope_token(std::string_view text) {
  const auto good = [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; };
  return !text.empty() && text.size() <= kScopeLength && std::ranges::all_of(text, good);
}

}  // namespace

std::optional<Scopes> Scopes::of(const std::vector<std::string>& tokens) {
  Scopes scopes;
  for (const std::string& token : tokens) {
    if (!is_scope_token(token)) return std::nullopt;
    scopes.tokens_.insert(token);
  }
  if (scopes.tokens_.size() > kScopesLimit) return std::nullopt;
  return scopes;
}

std::optional<Scopes> Scopes::parse(std::string_view text) {
  std::vector<std::string> tokens;
  while (!text.empty()) {
    const std::string_view token = text.substr(0, text.find(' '));
    if (token.empty() || tokens.size() > 2 * kScopesLimit) return std::nullopt;
    tokens.emplace_back(token);
    text.remove_prefix(token.size());
    if (text == " ") return std::nullopt;
    if (!text.empty()) text.remove_prefix(1);
  }
  return of(tokens);
}

bool Scopes::includes(const Scopes& others) const { return std::ranges::includes(tokens_, others.tokens_); }

std::string Scopes::text() const {
  std::string text;
  for (const std::string& token : tokens_)
    text += (text.empty() ? "" : " ") + token;
  return text;
}

bool is_audience(std::string_view text) {
  constexpr std::size_t kLongest = 512;
  const auto good = [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '#'; };
  return !text.empty() && text.size() <= kLongest && std::ranges::all_of(text, good);
}

}  // namespace countersign::oauth
