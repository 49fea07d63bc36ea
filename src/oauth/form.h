// Form: the parameters of an application/x-www-form-urlencoded body (RFC 6749 appendix B), each once, but for those
// that may come several times.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "oauth/refusal.h"

namespace countersign::oauth {

/// No endpoint here takes a longer body.
inline constexpr std::size_t kFormLimit = 64 * 1024;
inline constexpr std::size_t kFormParameters = 32;

class Form {
 public:
  /// RFC 6749 section 3.2: a parameter that comes twice is refused (`resource` may, RFC 8707 section 2), one without a
  /// value is as if it were not there. Fails: malformed_request.
  static Checked<Form> parse(std::string_view content_type, std::string_view body);

  std::optional<std::string> find(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;

 private:
  std::vector<http::Field> parameters_;
};

/// One name or value of a form. Nothing on a broken escape.
std::optional<std::string> decode_form(std::string_view text);
std::string encode_form(std::string_view text);

}  // namespace countersign::oauth
