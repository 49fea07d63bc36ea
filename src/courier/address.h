// Whom a message may go to, checked. Who holds one of these need not fear what it does in a header or a command.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace countersign::courier {

/// RFC 5321 section 4.5.3.1.
inline constexpr std::size_t kMailAddressLimit = 254;
inline constexpr std::size_t kWebhookUrlLimit = 1024;

/// local-part@domain in ASCII: dot-atoms and host names only, none of the quoted forms.
class MailAddress {
 public:
  /// Fails: `address.invalid`.
  static base::Result<MailAddress> parse(std::string_view text);
  const std::string& text() const { return text_; }
  std::string_view domain() const { return std::string_view(text_).substr(text_.rfind('@') + 1); }
  friend bool operator==(const MailAddress&, const MailAddress&) = default;

 private:
  explicit MailAddress(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// An https URL without user information and fragment.
class WebhookUrl {
 public:
  /// Fails: `address.invalid`.
  static base::Result<WebhookUrl> parse(std::string_view text);
  const std::string& text() const { return text_; }

 private:
  explicit WebhookUrl(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace countersign::courier
