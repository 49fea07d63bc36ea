#include "signatures/content_signature.h"

#include <algorithm>
#include <array>

#include "http/text.h"

namespace countersign::signatures {
namespace {

using base::json::object;

/// RFC 7515 section 4.1: each names a key that the sender chose. Ours come from the registry.
constexpr std::array<std::string_view, 5> kBringsAKey = {"jwk", "jku", "x5u", "x5c", "epk"};

tl::unexpected<Refusal> malformed(std::string detail) {
  return base::unexpected(refuse(Reason::malformed, std::move(detail)));
}

const base::json::value* member(const object& header, std::string_view name) {
  return header.if_contains({name.data(), name.size()});
}

std::optional<std::string> text_of(const object& header, std::string_view name) {
  const base::json::value* value = member(header, name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string().data(), value->get_string().size());
}

bool is_b64_alone(const base::json::value& crit) {
  return crit.is_array() && crit.get_array().size() == 1 && crit.get_array().front().is_string() &&
         crit.get_array().front().get_string() == "b64";
}

Refusal bad_signature(const VerificationKey& key, std::string_view how) {
  return refuse(Reason::bad_signature,
                "it was checked as " + std::string(how) + " with the key " + key.thumbprint() + " over the content",
                key.thumbprint());
}

bool is_keyid(std::string_view text) {
  return !text.empty() && text.size() <= 200 && http::is_visible_ascii(text) && text.find(',') == text.npos;
}

}  // namespace

/// RFC 7797 section 6: b64 counts only where crit says that it must be understood.
base::Result<void, Refusal> DetachedJws::check_header(const object& header) {
  const base::json::value* crit = member(header, "crit");
  const base::json::value* encoded = member(header, "b64");
  if (crit != nullptr && !is_b64_alone(*crit)) return malformed("'crit' may hold b64 and nothing else");
  if ((crit != nullptr) != (encoded != nullptr)) return malformed("'b64' and 'crit' go together (RFC 7797)");
  if (encoded != nullptr && !encoded->is_bool()) return malformed("'b64' is true or false");
  for (const std::string_view name : kBringsAKey)
    if (member(header, name) != nullptr)
      return malformed("the header brings a key along ('" + std::string(name) + "'): name it by 'kid'");
  if (!text_of(header, "alg")) return malformed("'alg' is missing");
  if (!text_of(header, "kid")) return malformed("'kid' is missing");
  if (const auto* at = member(header, "iat"); at != nullptr && !at->is_int64()) return malformed("'iat' is no number");
  return {};
}

base::Result<DetachedJws, Refusal> DetachedJws::parse(std::string_view text) {
  if (text.size() > kContentSignatureLimit) return malformed("it has more than 8 KiB");
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) return malformed("it is not HEADER..SIGNATURE, a JWS without its payload");
  const auto header_text = base::from_base64url(text.substr(0, dots));
  auto signature = base::from_base64url(text.substr(dots + 2));
  if (!header_text || !signature) return malformed("a part is not base64url without padding");
  const auto json = base::parse_json(base::as_text(*header_text));
  if (!json || !json->is_object()) return malformed("the header is no JSON object");
  const object& header = json->get_object();
  BASE_TRY_VOID(check_header(header));
  DetachedJws jws;
  jws.alg_ = *text_of(header, "alg");
  jws.keyid_ = *text_of(header, "kid");
  if (jws.alg_ == "none" || jws.alg_.starts_with("HS"))
    return base::unexpected(
        refuse(Reason::wrong_algorithm, "'" + jws.alg_.substr(0, 20) + "' is never taken", jws.keyid_));
  const base::json::value* encoded = member(header, "b64");
  jws.encodes_ = encoded == nullptr || encoded->get_bool();
  if (const auto* at = member(header, "iat")) jws.issued_at_ = at->get_int64();
  jws.protected_ = text.substr(0, dots);
  jws.signature_ = std::move(*signature);
  return jws;
}

std::string DetachedJws::input(std::string_view content) const {
  return protected_ + "." + (encodes_ ? base::to_base64url(base::as_bytes(content)) : std::string(content));
}

base::Result<VerifiedSignature, Refusal> DetachedJws::verify(const VerificationKey& key, std::string_view content,
                                                             const Freshness& freshness) const {
  const auto scheme = jws_scheme(key.key().type(), alg_);
  if (!scheme)
    return base::unexpected(refuse(
        Reason::wrong_algorithm,
        "'" + alg_.substr(0, 20) + "' is none of a " + std::string(crypto::name(key.key().type())) + " key", keyid_));
  std::optional<base::Instant> created;
  if (issued_at_) {
    constexpr std::int64_t kLatest = 9'000'000'000'000;
    created = base::Instant::from_unix_seconds(std::clamp(*issued_at_, -kLatest, kLatest));
    if (auto stale = refuse_stale(*created, std::nullopt, freshness))
      return base::unexpected(refuse(stale->reason, stale->detail, keyid_));
  }
  if (!signatures::verify(*scheme, key.key(), input(content), signature_))
    return base::unexpected(bad_signature(key, alg_));
  return VerifiedSignature({.kind = Kind::jws, .key = key, .created = created});
}

base::Result<std::string> sign_detached_jws(const crypto::PrivateKey& key, const std::string& keyid,
                                            std::string_view content, base::Instant created) {
  const auto scheme = jws_scheme(key.public_key().type());
  if (!scheme) return base::fail(base::Kind::invalid, "jwk.unsupported", "there is no algorithm for this kind of key");
  const object header{{"alg", jws_name(*scheme)},
                      {"kid", keyid},
                      {"iat", created.unix_seconds()},
                      {"b64", false},
                      {"crit", base::json::array{"b64"}}};
  const std::string encoded = base::to_base64url(base::as_bytes(base::json::serialize(header)));
  BASE_TRY(const base::Bytes signature, sign(*scheme, key, encoded + "." + std::string(content)));
  return encoded + ".." + base::to_base64url(signature);
}

base::Result<HeaderSignature, Refusal> HeaderSignature::parse(std::string_view text) {
  if (text.size() > kContentSignatureLimit) return malformed("it has more than 8 KiB");
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos) return malformed("it is not k=KEY, s=SIGNATURE");
  HeaderSignature signature;
  for (const std::string_view part : {http::trim(text.substr(0, comma)), http::trim(text.substr(comma + 1))}) {
    const std::string_view value = part.substr(std::min<std::size_t>(2, part.size()));
    if (part.starts_with("k=") && signature.keyid_.empty() && is_keyid(value)) {
      signature.keyid_ = value;
      continue;
    }
    auto bytes = base::from_base64(value);
    if (!part.starts_with("s=") || !signature.signature_.empty() || !bytes || bytes->empty())
      return malformed("it is not k=KEY, s=SIGNATURE, each once, the signature in base64 with padding");
    signature.signature_ = std::move(*bytes);
  }
  if (signature.keyid_.empty() || signature.signature_.empty()) return malformed("it wants both k= and s=");
  return signature;
}

base::Result<VerifiedSignature, Refusal> HeaderSignature::verify(const VerificationKey& key,
                                                                 std::string_view content) const {
  if (!key.key().verify(base::as_bytes(content), signature_))
    return base::unexpected(bad_signature(key, "a " + std::string(crypto::name(key.key().type())) + " signature"));
  return VerifiedSignature({.kind = Kind::header, .key = key});
}

base::Result<std::string> sign_header(const crypto::PrivateKey& key, const std::string& keyid,
                                      std::string_view content) {
  if (!is_keyid(keyid))
    return base::fail(base::Kind::invalid, "signature.label", "a key id is of visible ASCII characters, without comma");
  BASE_TRY(const base::Bytes signature, key.sign(base::as_bytes(content)));
  return "k=" + keyid + ", s=" + base::to_base64(signature);
}

}  // namespace countersign::signatures
