#include "authority/registry/server_names.h"

#include <algorithm>

#include <arpa/inet.h>

namespace countersign::authority {
namespace {

constexpr std::size_t kNameLimit = 253;
constexpr std::size_t kLabelLimit = 63;

/// The address as the system writes it, or "" when `text` is none.
std::string to_canonical_address(const std::string& text) {
  unsigned char address[16];
  char written[INET6_ADDRSTRLEN];
  for (const int family : {AF_INET, AF_INET6})
    if (inet_pton(family, text.c_str(), address) == 1) return inet_ntop(family, address, written, sizeof written);
  return {};
}

bool is_label(std::string_view label) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !label.empty() && label.size() <= kLabelLimit && std::ranges::all_of(label, allowed) && label.front() != '-' &&
         label.back() != '-';
}

bool is_dns_name(std::string_view name) {
  if (name.size() > kNameLimit) return false;
  if (name.starts_with("*.")) {
    name.remove_prefix(2);
    if (name.find('.') == std::string_view::npos) return false;
  }
  for (;;) {
    const std::size_t dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
  }
  // A last label of digits only would be read as an address by some clients.
  return !std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

std::string to_lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

}  // namespace

bool is_ip_address(const std::string& name) { return !to_canonical_address(name).empty(); }

base::Result<std::vector<std::string>> parse_server_names(const std::vector<std::string>& texts) {
  if (texts.size() > kServerNameLimit)
    return base::fail(base::Kind::too_large, "server_name.too_many",
                      "at most " + std::to_string(kServerNameLimit) + " server names are allowed for one application");
  std::vector<std::string> names;
  for (const std::string& text : texts) {
    std::string name = to_canonical_address(text);
    if (name.empty()) name = to_lower(text);
    if (!is_ip_address(name) && !is_dns_name(name))
      return base::fail(base::Kind::invalid, "server_name.invalid",
                        "'" + text.substr(0, 80) +
                            "' is neither a DNS name nor an IP address: write it without scheme, port or path");
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

x509::SubjectAltNames to_subject_alt_names(const std::string& urn, const std::vector<std::string>& names) {
  x509::SubjectAltNames sans;
  sans.uris.push_back(urn);
  for (const std::string& name : names)
    (is_ip_address(name) ? sans.ip_addresses : sans.dns).push_back(name);
  return sans;
}

}  // namespace countersign::authority
