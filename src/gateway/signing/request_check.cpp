#include "gateway/signing/request_check.h"

#include "http/problem.h"

namespace countersign::gateway {
namespace {

using signatures::Content;
using signatures::Kind;
using signatures::MessageView;
using signatures::Reason;
using signatures::Refusal;
using signatures::refuse;

constexpr int kRetryAfterSeconds = 1;

base::Kind kind_of(int status) {
  if (status == 413) return base::Kind::too_large;
  if (status == 503) return base::Kind::unavailable;
  return status == 400 ? base::Kind::invalid : base::Kind::denied;
}

}  // namespace

http::Fields SignedRequest::to_fields() const {
  http::Fields fields;
  fields.add("X-Countersign-Signer", signer_.identity().to_urn());
  fields.add("X-Countersign-Signer-Key", signature_.key().thumbprint());
  fields.add("X-Countersign-Signature-Kind", std::string(signatures::name(signature_.kind())));
  std::string covers;
  for (const signatures::Component& component : signature_.covered())
    covers += (covers.empty() ? "" : " ") + component.text();
  fields.add("X-Countersign-Signature-Covers", covers.empty() ? "content" : covers);
  if (signature_.created()) fields.add("X-Countersign-Signed-At", base::to_rfc3339(*signature_.created()));
  return fields;
}

signatures::Freshness RequestCheck::freshness() const {
  return {.now = signing_->now(), .max_age = question_.settings.max_age};
}

base::Result<RequestCheck, Refusal> RequestCheck::of_head(const RequestQuestion& question, MessageSigning& signing) {
  RequestCheck check(question, signing);
  BASE_TRY_VOID(check.begin());
  return check;
}

base::Result<signatures::VerificationKey, Refusal> RequestCheck::find_key(std::string_view keyid) {
  BASE_TRY(Signer signer, signing_->keys().find(question_.caller, question_.settings.signer, keyid));
  signer_ = std::move(signer);
  return signer_->key;
}

/// Where there are fields of RFC 9421 they must hold: a weaker kind beside them mends nothing.
base::Result<void, Refusal> RequestCheck::begin() {
  const http::Fields& fields = question_.request.fields;
  const RouteSignatures& settings = question_.settings;
  const bool of_http = fields.count("Signature-Input") > 0 || fields.count("Signature") > 0;
  if (!of_http && settings.takes(Kind::jws) && fields.count(signatures::kJwsField) > 0)
    return begin_content_only(signatures::kJwsField);
  if (!of_http && settings.takes(Kind::header) && fields.count(settings.header) > 0)
    return begin_content_only(settings.header);
  const signatures::FindKey find = [this](std::string_view keyid) { return find_key(keyid); };
  const MessageView message = MessageView::of(question_.request);
  BASE_TRY(auto head, signatures::check_head({message, question_.content, settings.policy, freshness(), find}));
  head_.emplace(std::move(head));
  return {};
}

base::Result<void, Refusal> RequestCheck::begin_content_only(std::string_view field) {
  const http::Fields& fields = question_.request.fields;
  if (fields.count(field) != 1)
    return base::unexpected(refuse(Reason::malformed, "there is more than one " + std::string(field)));
  if (question_.content == Content::none)
    return base::unexpected(
        refuse(Reason::not_covered, "a signature over the content says nothing where there is none"));
  const std::string_view text = fields.find(field).value_or("");
  if (field == signatures::kJwsField) {
    BASE_TRY(auto jws, signatures::DetachedJws::parse(text));
    jws_.emplace(std::move(jws));
    BASE_TRY(const auto key, find_key(jws_->keyid()));
    return {};
  }
  BASE_TRY(auto header, signatures::HeaderSignature::parse(text));
  header_.emplace(std::move(header));
  BASE_TRY(const auto key, find_key(header_->keyid()));
  return {};
}

base::Result<signatures::VerifiedSignature, Refusal> RequestCheck::finish(std::string_view content) {
  if (jws_) return jws_->verify(signer_->key, content, freshness());
  if (header_) return header_->verify(signer_->key, content);
  head_->add(base::as_bytes(content));
  return std::move(*head_).finish();
}

/// Only of a signature that holds: nobody else can use up a partner's nonces.
std::optional<Refusal> RequestCheck::take_nonce(const signatures::VerifiedSignature& signature) {
  if (question_.settings.policy.nonce == signatures::NonceRule::optional) return std::nullopt;
  const signatures::Freshness fresh = freshness();
  const base::Instant until = *signature.created() + fresh.max_age + fresh.skew;
  const std::string& key = signature.key().thumbprint();
  switch (signing_->replays().take(key, signature.nonce().value_or(""), until, fresh.now)) {
    case signatures::ReplayMemory::Answer::fresh: return std::nullopt;
    case signatures::ReplayMemory::Answer::seen:
      return refuse(Reason::replayed, "this nonce of the key " + key + " came before", key);
    case signatures::ReplayMemory::Answer::full:
      return refuse(Reason::busy, "no more nonces can be kept at the moment", key);
  }
  return std::nullopt;
}

base::Result<SignedRequest, Refusal> RequestCheck::with_content(std::string_view content) && {
  BASE_TRY(auto signature, finish(content));
  if (auto refused = take_nonce(signature)) return base::unexpected(std::move(*refused));
  return SignedRequest(std::move(signature), signer_->chain);
}

http::Response to_response(const Refusal& refusal, const RequestQuestion& question) {
  const signatures::Explanation& why = signatures::explanation(refusal.reason);
  std::string detail = std::string(why.meaning) + " " + refusal.detail;
  http::Response response =
      http::to_problem({kind_of(why.status), std::string(why.code), std::move(detail)}, why.status);
  if (refusal.reason == Reason::busy) response.fields.add("Retry-After", std::to_string(kRetryAfterSeconds));
  response.fields.add("Accept-Signature",
                      accept_signature(MessageView::of(question.request), question.content, question.settings.policy));
  return response;
}

}  // namespace countersign::gateway
