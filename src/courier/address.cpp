#include "courier/address.h"

#include <algorithm>

#include "http/url.h"

namespace countersign::courier {
namespace {

constexpr std::size_t kLocalPartLimit = 64;
constexpr std::size_t kLabelLimit = 63;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// RFC 5322 section 3.2.3.
bool is_atext(char c) {
  return is_letter_or_digit(c) ||
         (c != '\0' && std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos);
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLabelLimit && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

bool is_atom(std::string_view atom) { return !atom.empty() && std::ranges::all_of(atom, is_atext); }

/// Are the parts between dots, at least one, all of a kind?
template <class IsPart>
bool are_all(std::string_view text, IsPart is_part) {
  for (std::size_t dot = text.find('.'); dot != text.npos; dot = text.find('.')) {
    if (!is_part(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return is_part(text);
}

tl::unexpected<base::Error> invalid(std::string detail) {
  return base::fail(base::Kind::invalid, "address.invalid", std::move(detail));
}

}  // namespace

base::Result<MailAddress> MailAddress::parse(std::string_view text) {
  const std::size_t at = text.rfind('@');
  const bool fits = text.size() <= kMailAddressLimit && at != text.npos && at <= kLocalPartLimit &&
                    are_all(text.substr(0, at), is_atom) && are_all(text.substr(at + 1), is_label);
  // A local part that begins with '-' has been taken for an option by programs behind a mail server.
  if (!fits || text.front() == '-')
    return invalid(
        "an e-mail address is written name@host.example: at most 254 characters, ASCII, without spaces, quotes, "
        "comments "
        "or a name beside it");
  return MailAddress(std::string(text));
}

base::Result<WebhookUrl> WebhookUrl::parse(std::string_view text) {
  if (text.size() > kWebhookUrlLimit) return invalid("a webhook's URL has at most 1024 characters");
  auto url = http::Url::parse(text);
  if (!url) return base::unexpected(std::move(url).error().under("address.invalid", "the webhook's URL is not usable"));
  if (!url->secure) return invalid("a webhook's URL must begin with https://");
  return WebhookUrl(std::string(text));
}

}  // namespace countersign::courier
