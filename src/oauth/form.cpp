#include "oauth/form.h"

#include <algorithm>

namespace countersign::oauth {
namespace {

constexpr std::string_view kMediaType = "application/x-www-form-urlencoded";

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '*';
}

bool is_form(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  const std::string_view bare = type.substr(0, type.find_last_not_of(" \t") + 1);
  return std::ranges::equal(bare, kMediaType, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

}  // namespace

std::optional<std::string> decode_form(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') decoded += ' ';
    else if (text[i] != '%') decoded += text[i];
    else {
      if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return std::nullopt;
      decoded += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    }
  }
  return decoded;
}

std::string encode_form(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ') encoded += '+';
    else if (is_unreserved(c)) encoded += c;
    else encoded += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return encoded;
}

Checked<Form> Form::parse(std::string_view content_type, std::string_view body) {
  if (!is_form(content_type))
    return refuse(Reason::malformed_request, "Content-Type is not " + std::string(kMediaType));
  if (body.size() > kFormLimit) return refuse(Reason::malformed_request, "the body has more than 64 KiB");
  Form form;
  while (!body.empty()) {
    const std::string_view pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(body.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    auto name = decode_form(pair.substr(0, equals));
    auto value = decode_form(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
    if (!name || !value) return refuse(Reason::malformed_request, "an escape in the body is broken");
    if (name->empty() || value->empty()) continue;
    if (*name != "resource" && form.find(*name))
      return refuse(Reason::malformed_request, "'" + name->substr(0, 40) + "' is there twice");
    if (form.parameters_.size() == kFormParameters)
      return refuse(Reason::malformed_request, "there are more than 32 parameters");
    form.parameters_.push_back({std::move(*name), std::move(*value)});
  }
  return form;
}

std::optional<std::string> Form::find(std::string_view name) const {
  for (const http::Field& one : parameters_)
    if (one.name == name) return one.value;
  return std::nullopt;
}

std::vector<std::string> Form::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const http::Field& one : parameters_)
    if (one.name == name) values.push_back(one.value);
  return values;
}

}  // namespace countersign::oauth
