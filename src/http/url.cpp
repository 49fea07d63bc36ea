#include "http/url.h"

#include <algorithm>

#include "http/text.h"

namespace countersign::http {
namespace {

constexpr std::uint16_t kHttpsPort = 443;
constexpr std::uint16_t kHttpPort = 80;

std::uint16_t own_port(bool secure) { return secure ? kHttpsPort : kHttpPort; }

tl::unexpected<base::Error> invalid(std::string_view reason) {
  return base::fail(base::Kind::invalid, "url.invalid", "not a usable URL: " + std::string(reason));
}

}  // namespace

base::Result<Url> Url::parse(std::string_view text) {
  if (!is_visible_ascii(text)) return invalid("it holds a space, a control character or one that is not ASCII");
  if (text.find('#') != std::string_view::npos) return invalid("it has a fragment");
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return invalid("it must start with https:// or http://");
  Url url;
  url.secure = equals_ignoring_case(text.substr(0, colon), "https");
  if (!url.secure && !equals_ignoring_case(text.substr(0, colon), "http"))
    return invalid("the scheme is neither https nor http");

  text.remove_prefix(colon + 3);
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  std::string authority(text.substr(0, end));
  if (authority.find_first_of("@\\") != std::string::npos) return invalid("user information is not taken");
  const std::size_t port = authority.rfind(':');
  const std::size_t bracket = authority.rfind(']');
  const bool has_port = port != std::string::npos && (bracket == std::string::npos || port > bracket);
  if (!has_port) authority += ":" + std::to_string(own_port(url.secure));
  std::transform(authority.begin(), authority.end(), authority.begin(), to_lower);
  base::Result<net::Endpoint> endpoint = net::Endpoint::parse(authority);
  if (!endpoint) return invalid(endpoint.error().detail);
  if (endpoint->port == 0) return invalid("port 0 cannot be called");
  url.authority = std::move(*endpoint);
  url.target = text.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  return url;
}

std::string Url::host_field() const {
  const std::string with_port = authority.to_string();
  if (authority.port != own_port(secure)) return with_port;
  return with_port.substr(0, with_port.rfind(':'));
}

}  // namespace countersign::http
