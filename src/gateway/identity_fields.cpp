#include "gateway/identity_fields.h"

namespace countersign::gateway {
namespace {

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

IdentityFields::IdentityFields(const std::optional<tls::VerifiedPeer>& peer, const std::string& address) {
  http::Fields fields;
  if (peer) add_identity(*peer, fields);
  fields.add("X-Forwarded-For", address);
  fields.add("X-Forwarded-Proto", "https");
  lines_ = http::to_lines(fields);
}

}  // namespace countersign::gateway
