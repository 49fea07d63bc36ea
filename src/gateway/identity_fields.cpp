#include "gateway/identity_fields.h"

#include <algorithm>
#include <array>

namespace countersign::gateway {
namespace {

constexpr std::array<std::string_view, 4> kReserved = {"client-cert", "client-cert-chain", "forwarded", "x-real-ip"};
constexpr std::array<std::string_view, 2> kReservedPrefixes = {"x-countersign-", "x-forwarded-"};
constexpr std::array<std::string_view, 9> kHopByHop = {
    "connection",        "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade"};

std::string folded(std::string_view name) {
  std::string text(name);
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return std::isalnum(c) ? static_cast<char>(std::tolower(c)) : '-'; });
  return text;
}

/// A byte sequence of structured fields (RFC 8941 section 3.3.5).
std::string sf_binary(const base::Bytes& bytes) { return ":" + base::to_base64(bytes) + ":"; }

}  // namespace

bool is_reserved_field(std::string_view name) {
  const std::string text = folded(name);
  return std::ranges::find(kReserved, text) != kReserved.end() ||
         std::ranges::any_of(kReservedPrefixes, [&](std::string_view prefix) { return text.starts_with(prefix); });
}

bool is_hop_by_hop_field(std::string_view name) {
  return std::ranges::find(kHopByHop, folded(name)) != kHopByHop.end();
}

IdentityFields::IdentityFields(const tls::VerifiedPeer& peer, const std::string& address) {
  const auto& path = peer.admitted().chain().path();
  fields_.push_back({"Client-Cert", sf_binary(peer.certificate().der())});
  std::string chain;
  for (std::size_t i = 1; i + 1 < path.size(); ++i)
    chain += (chain.empty() ? "" : ", ") + sf_binary(path[i].der());
  if (!chain.empty()) fields_.push_back({"Client-Cert-Chain", std::move(chain)});
  const base::Identity& identity = peer.identity();
  fields_.push_back({"X-Countersign-Environment", std::string(base::name(identity.environment))});
  fields_.push_back({"X-Countersign-Organisation", identity.organisation.text()});
  fields_.push_back({"X-Countersign-Application", identity.application.text()});
  fields_.push_back({"X-Forwarded-For", address});
  fields_.push_back({"X-Forwarded-Proto", "https"});
}

void IdentityFields::add_to(http::Fields& fields) const {
  for (const http::Field& field : fields_)
    fields.add(field.name, field.value);
}

}  // namespace countersign::gateway
