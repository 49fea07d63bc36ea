#include "ehi/message_signer.h"

#include <array>

#include "signatures/content_signature.h"
#include "signatures/http_signature.h"

namespace countersign::ehi {
namespace {

/// Covered where they are there: which message it is, which attempt, and what kind of content.
constexpr std::array<std::string_view, 10> kCovered = {"content-type",
                                                       "soapaction",
                                                       "idempotency-key",
                                                       "x-countersign-attempt",
                                                       "x-countersign-decided-by",
                                                       "x-countersign-outcome",
                                                       "x-countersign-rule",
                                                       "x-countersign-reason",
                                                       "x-countersign-refusal",
                                                       "x-countersign-decided-at"};

tl::unexpected<base::Error> unsigned_(base::Error cause) {
  return base::unexpected(
      std::move(cause).under("ehi.no_signature", "the request cannot be signed, so nothing was sent"));
}

}  // namespace

base::Result<void> MessageSigner::use_credential(base::Environment environment,
                                                 std::shared_ptr<const tls::Credential> own) {
  BASE_TRY(auto key, signatures::VerificationKey::of(own->chain.front()));
  own_.insert_or_assign(environment, Own{std::move(own), std::move(key)});
  why_none_.erase(environment);
  return {};
}

void MessageSigner::stop_using_credential(base::Environment environment, std::string why) {
  own_.erase(environment);
  why_none_[environment] = std::move(why);
}

const MessageSigner::Own* MessageSigner::find(base::Environment environment) const {
  const auto own = own_.find(environment);
  const bool usable = own != own_.end() && own->second.credential->chain.front().not_after() >= clock_.now();
  return usable ? &own->second : nullptr;
}

bool MessageSigner::may_sign(const Endpoint& endpoint) const {
  return !endpoint.sign || find(endpoint.environment) != nullptr;
}

base::Result<void> MessageSigner::sign(const Endpoint& endpoint, const http::Url& url, http::Request& request) const {
  if (!endpoint.sign) return {};
  const Own* own = find(endpoint.environment);
  const auto why = why_none_.find(endpoint.environment);
  if (own == nullptr)
    return base::fail(base::Kind::unavailable, "ehi.no_signature",
                      "there is no Signing Certificate of the provider's for '" +
                          std::string(base::name(endpoint.environment)) + "' that is valid, so nothing was sent" +
                          (why == why_none_.end() ? "" : ": " + why->second));
  const Own& with = *own;
  const std::string& keyid = with.key.thumbprint();
  if (*endpoint.sign == SignRule::rfc9421) {
    if (auto made = sign_http(with, url, request); !made) return unsigned_(std::move(made).error());
    return {};
  }
  const bool jws = *endpoint.sign == SignRule::detached_jws;
  auto made = jws ? signatures::sign_detached_jws(with.credential->key, keyid, request.body, clock_.now())
                  : signatures::sign_header(with.credential->key, keyid, request.body);
  if (!made) return unsigned_(std::move(made).error());
  request.head.fields.set(std::string(jws ? signatures::kJwsField : signatures::kHeaderField), std::move(*made));
  return {};
}

base::Result<void> MessageSigner::sign_http(const Own& own, const http::Url& url, http::Request& request) const {
  http::Fields& fields = request.head.fields;
  for (const char* ours : {"Signature-Input", "Signature"})
    fields.remove(ours);
  fields.set("Content-Digest", signatures::content_digest(signatures::DigestAlgorithm::sha256, request.body));
  const std::string authority = url.host_field();
  const signatures::RequestView view{request.head.method, "https", authority, request.head.target, fields};
  const auto message = signatures::MessageView::of(view);
  signatures::SignaturePolicy policy;
  for (const std::string_view name : kCovered)
    if (fields.find(name)) policy.more.push_back(signatures::Component::named(std::string(name)));
  const signatures::Signing signing{.key = own.credential->key,
                                    .keyid = own.key.thumbprint(),
                                    .scheme = *signatures::http_scheme(own.key.key().type()),
                                    .components = components_to_cover(message, signatures::Content::some, policy),
                                    .created = clock_.now(),
                                    .expires = clock_.now() + kSignatureLife,
                                    .tag = std::string(kSignatureTag)};
  BASE_TRY(auto made, signatures::sign(message, signing));
  fields.add("Signature-Input", std::move(made.signature_input));
  fields.add("Signature", std::move(made.signature));
  return {};
}

}  // namespace countersign::ehi
