// Scopes: a set of scope tokens (RFC 6749 section 3.3), kept in order, so that one set has one text.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::oauth {

inline constexpr std::size_t kScopesLimit = 64;
inline constexpr std::size_t kScopeLength = 128;

class Scopes {
 public:
  Scopes() = default;
  /// Tokens with one space between them. Nothing where one breaks the grammar, or a limit is passed.
  static std::optional<Scopes> parse(std::string_view text);
  static std::optional<Scopes> of(const std::vector<std::string>& tokens);

  bool includes(const Scopes& others) const;
  bool empty() const { return tokens_.empty(); }
  std::string text() const;
  std::vector<std::string> list() const { return {tokens_.begin(), tokens_.end()}; }
  friend bool operator==(const Scopes&, const Scopes&) = default;

 private:
  std::set<std::string, std::less<>> tokens_;
};

/// An absolute URI without a fragment (RFC 8707 section 2), as audiences are written here. A name without a colon
/// ("payments-api") is one, too, where the provider wrote it.
bool is_audience(std::string_view text);

}  // namespace countersign::oauth
