#include "gateway/identity_fields.h"

#include <algorithm>
#include <array>

#include "policy/api_key.h"

namespace countersign::gateway {
namespace {

/// What means something only before the body: credentials, what the body is, what may be done with the message.
constexpr std::array<std::string_view, 14> kOfTheHead = {
    "authorization", "cookie",        "set-cookie", "www-authenticate", "content-type", "content-encoding",
    "content-range", "cache-control", "age",        "expires",          "location",     "vary",
    "range",         "max-forwards"};

/// A byte sequence of structured fields (RFC 8941 section 3.3.5).
std::string sf_binary(const base::Bytes& bytes) { return ":" + base::to_base64(bytes) + ":"; }

void add_identity(const tls::VerifiedPeer& peer, http::Fields& fields) {
  const auto& path = peer.admitted().chain().path();
  fields.add("Client-Cert", sf_binary(peer.certificate().der()));
  std::string chain;
  for (std::size_t i = 1; i + 1 < path.size(); ++i)
    chain += (chain.empty() ? "" : ", ") + sf_binary(path[i].der());
  if (!chain.empty()) fields.add("Client-Cert-Chain", std::move(chain));
  const base::Identity& identity = peer.identity();
  fields.add("X-Countersign-Environment", std::string(base::name(identity.environment)));
  fields.add("X-Countersign-Organisation", identity.organisation.text());
  fields.add("X-Countersign-Application", identity.application.text());
}

}  // namespace

http::Fields end_to_end_trailers(const http::Fields& trailers) {
  http::Fields kept;
  for (const http::Field& field : trailers) {
    const auto is_it = [&](std::string_view name) { return policy::is_spelling_of(field.name, name); };
    if (!never_travels(field.name) && !std::ranges::any_of(kOfTheHead, is_it)) kept.add(field.name, field.value);
  }
  return kept;
}

IdentityFields::IdentityFields(const std::optional<tls::VerifiedPeer>& peer, const std::string& address) {
  http::Fields fields;
  if (peer) add_identity(*peer, fields);
  fields.add("X-Forwarded-For", address);
  fields.add("X-Forwarded-Proto", "https");
  lines_ = http::to_lines(fields);
  lines_.shrink_to_fit();
}

IdentityFields IdentityFields::with(const http::Fields& more) const {
  IdentityFields made = *this;
  made.lines_ += http::to_lines(more);
  return made;
}

IdentityFields IdentityFields::with(const oauth::BoundToken& token) const {
  const oauth::Grant& grant = token.grant();
  http::Fields fields;
  fields.add("X-Countersign-Client-Id", grant.client);
  fields.add("X-Countersign-Scope", grant.scopes.text());
  fields.add("X-Countersign-Token-Id", grant.id);
  if (!grant.claims.empty())
    fields.add("X-Countersign-Claims", base::to_base64url(base::as_bytes(base::json::serialize(grant.claims))));
  return with(fields);
}

}  // namespace countersign::gateway
