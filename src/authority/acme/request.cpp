#include "authority/acme/request.h"

#include <algorithm>

#include "authority/registry/own_identities.h"
#include "authority/registry/rows.h"
#include "base/check.h"

namespace countersign::authority {
namespace {

using base::Kind;

constexpr std::string_view kAccountPath = "/acme/account/";

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

/// The name in a Host field, without port and brackets (RFC 9110 section 7.2).
std::string host_name(std::string_view host) {
  if (host.starts_with('[')) return to_lower(host.substr(1, host.find(']') - 1));
  return to_lower(host.substr(0, host.rfind(':')));
}

/// RFC 8555 section 6.2: the type of every body.
base::Result<void> check_type(const http::Request& request) {
  const std::string type = to_lower(request.head.fields.find("Content-Type").value_or(""));
  if (type.substr(0, type.find(';')) == "application/jose+json") return {};
  return base::fail(Kind::invalid, "acme.content_type", "the body must be of 'Content-Type: application/jose+json'");
}

struct Received {
  jose::UnverifiedJws jws;
  std::string origin;
};

/// RFC 8555 sections 6.4 and 6.5. What is checked here counts once the signature is.
base::Result<Received> receive(Authority& authority, const http::Request& request) {
  BASE_TRY_VOID(check_type(request));
  BASE_TRY(auto jws, jose::UnverifiedJws::parse_flattened(request.body));
  BASE_TRY(auto origin, acme_origin(authority, request));
  if (jws.text("url") != origin + request.head.target)
    return base::fail(Kind::denied, "acme.url", "the request was signed for another URL than the one it was sent to");
  BASE_TRY_VOID(authority.acme_nonces().use(jws.text("nonce").value_or("")));
  return Received{std::move(jws), std::move(origin)};
}

base::Result<store::AcmeAccountRow> find_account(Authority& authority, const jose::UnverifiedJws& jws,
                                                 const std::string& origin) {
  const std::string kid = jws.text("kid").value_or("");
  if (jws.header().contains("jwk") || !kid.starts_with(origin + std::string(kAccountPath)))
    return base::fail(Kind::invalid, "acme.no_account", "this needs the URL of your account as 'kid', and no 'jwk'");
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(auto account, store::find_acme_account(rows, kid.substr(origin.size() + kAccountPath.size())));
  if (!account) return base::fail(Kind::invalid, "acme.no_account", "there is no such account: make one first");
  return std::move(*account);
}

}  // namespace

base::Result<std::string> acme_origin(Authority& authority, const http::Request& request) {
  const std::string host(request.head.fields.find("Host").value_or(""));
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto own, store::find_application(rows, to_key(authority_identity())));
  BASE_CHECK(own.has_value());
  if (std::ranges::find(own->server_names, host_name(host)) != own->server_names.end()) return "https://" + host;
  return base::fail(Kind::denied, "acme.host",
                    "the authority does not go by this name: use one of those in its server certificate");
}

std::string account_url(const std::string& origin, const std::string& id) {
  return origin + std::string(kAccountPath) + id;
}

base::Result<AccountRequest> AccountRequest::verify(Authority& authority, const http::Request& request) {
  BASE_TRY(auto received, receive(authority, request));
  BASE_TRY(auto account, find_account(authority, received.jws, received.origin));
  BASE_TRY(const auto json, base::parse_json(account.jwk));
  BASE_TRY(const auto jwk, jose::Jwk::parse(json));
  BASE_TRY(auto jws, received.jws.verify(jwk.key()));
  // Only now: whether an account ended is nobody's business who has not its key.
  if (account.status != "valid")
    return base::fail(Kind::denied, "acme.account_ended", "this account is " + account.status);
  return AccountRequest(std::move(account), std::move(jws), std::move(received.origin));
}

base::Result<KeyRequest> KeyRequest::verify(Authority& authority, const http::Request& request) {
  BASE_TRY(auto received, receive(authority, request));
  BASE_TRY(auto jwk, jwk_in(received.jws.header()));
  BASE_TRY(auto jws, received.jws.verify(jwk.key()));
  return KeyRequest(std::move(jwk), std::move(jws), std::move(received.origin));
}

bool names_its_key(const http::Request& request) {
  const auto jws = jose::UnverifiedJws::parse_flattened(request.body);
  return jws && jws->header().contains("jwk");
}

base::Result<jose::Jwk> jwk_in(const base::json::object& header) {
  const base::json::value* jwk = header.if_contains("jwk");
  if (jwk == nullptr || header.contains("kid"))
    return base::fail(Kind::invalid, "jws.malformed", "this needs the key itself as 'jwk', and no 'kid'");
  return jose::Jwk::parse(*jwk);
}

}  // namespace countersign::authority
