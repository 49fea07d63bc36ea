#include "gateway/identity_fields.h"

#include <algorithm>
#include <array>
#include <span>

namespace countersign::gateway {
namespace {

constexpr std::array<std::string_view, 4> kReserved = {"client-cert", "client-cert-chain", "forwarded", "x-real-ip"};
constexpr std::array<std::string_view, 2> kReservedPrefixes = {"x-countersign-", "x-forwarded-"};
constexpr std::array<std::string_view, 9> kHopByHop = {
    "connection",        "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade"};

constexpr std::array<std::string_view, 5> kDecidedHere = {"host", "content-length", "expect", "traceparent",
                                                          "tracestate"};

/// A name in lower case, with '-' for what is neither letter nor digit; of a long one only the beginning, which is
/// longer than any name or prefix here.
class Folded {
 public:
  explicit Folded(std::string_view name) : size_(std::min(name.size(), text_.size())) {
    for (std::size_t i = 0; i < size_; ++i)
      text_[i] = fold(name[i]);
  }
  std::string_view text() const { return {text_.data(), size_}; }
  bool is_among(std::span<const std::string_view> names) const {
    return std::ranges::find(names, text()) != names.end();
  }
  bool is_reserved() const {
    const auto begins_name = [this](std::string_view prefix) { return text().starts_with(prefix); };
    return is_among(kReserved) || std::ranges::any_of(kReservedPrefixes, begins_name);
  }

 private:
  static char fold(char c) {
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
  }
  std::array<char, 32> text_;
  std::size_t size_;
};

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

bool is_reserved_field(std::string_view name) { return Folded(name).is_reserved(); }
bool is_hop_by_hop_field(std::string_view name) { return Folded(name).is_among(kHopByHop); }
bool is_decided_here(std::string_view name) { return Folded(name).is_among(kDecidedHere); }

bool never_travels(std::string_view name) {
  const Folded folded(name);
  return folded.is_among(kHopByHop) || folded.is_reserved() || folded.is_among(kDecidedHere);
}

IdentityFields::IdentityFields(const std::optional<tls::VerifiedPeer>& peer, const std::string& address) {
  http::Fields fields;
  if (peer) add_identity(*peer, fields);
  fields.add("X-Forwarded-For", address);
  fields.add("X-Forwarded-Proto", "https");
  lines_ = http::to_lines(fields);
}

IdentityFields IdentityFields::with(const oauth::BoundToken& token) const {
  const oauth::Grant& grant = token.grant();
  http::Fields fields;
  fields.add("X-Countersign-Client-Id", grant.client);
  fields.add("X-Countersign-Scope", grant.scopes.text());
  fields.add("X-Countersign-Token-Id", grant.id);
  if (!grant.claims.empty())
    fields.add("X-Countersign-Claims", base::to_base64url(base::as_bytes(base::json::serialize(grant.claims))));
  IdentityFields more = *this;
  more.lines_ += http::to_lines(fields);
  return more;
}

}  // namespace countersign::gateway
