#include "signatures/http_signature.h"

#include <algorithm>

namespace countersign::signatures {
namespace {

/// Named in details; a name that a stranger chose is cut.
constexpr std::size_t kNamed = 60;

std::string cut(const std::string& text) { return text.substr(0, kNamed); }

base::Instant moment(std::int64_t seconds) {
  // 15 digits at most (structured fields): in microseconds that would not fit.
  constexpr std::int64_t kLatest = 9'000'000'000'000;
  return base::Instant::from_unix_seconds(std::min(std::max(seconds, -kLatest), kLatest));
}

std::optional<Refusal> refuse_parameters(const HeadQuestion& question, const SignatureInput& input) {
  if (!input.created) return refuse(Reason::created_missing, "'" + input.label + "' has no created");
  std::optional<base::Instant> expires;
  if (input.expires) expires = moment(*input.expires);
  if (auto stale = refuse_stale(moment(*input.created), expires, question.freshness)) return stale;
  if (question.policy.nonce == NonceRule::optional) return std::nullopt;
  if (!input.nonce || input.nonce->empty() || input.nonce->size() > kNonceLength)
    return refuse(Reason::nonce_missing, "'" + input.label + "' has no nonce of 1 to 128 characters");
  return std::nullopt;
}

base::Result<Scheme, Refusal> choose_scheme(const SignatureInput& input, const VerificationKey& key) {
  const crypto::KeyType type = key.key().type();
  const auto scheme = input.alg ? http_scheme(type, *input.alg) : http_scheme(type);
  if (scheme) return *scheme;
  return base::unexpected(refuse(Reason::wrong_algorithm, "'" + cut(input.alg.value_or("")) + "' is none of a " +
                                                              std::string(crypto::name(type)) + " key"));
}

base::Result<std::optional<DigestCheck>, Refusal> expected_content(const HeadQuestion& question,
                                                                   const SignatureInput& input) {
  if (!input.covers("content-digest")) return std::optional<DigestCheck>();
  auto check = DigestCheck::of(*question.message.fields);
  if (!check) return base::unexpected(refuse(Reason::digest_unusable, check.error().detail));
  return std::optional(std::move(*check));
}

base::Result<std::string, Refusal> compute_base(const MessageView& message, const SignatureInput& input) {
  auto text = signature_base(message, input);
  if (!text) return base::unexpected(refuse(Reason::component_unusable, text.error().detail));
  return std::move(*text);
}

}  // namespace

/// What costs least comes first; the key is asked for before anything is computed with it.
base::Result<CheckedHead, Refusal> check_one(const HeadQuestion& question, const SignatureInput& input) {
  const std::string missing = first_uncovered(input, question.message, question.content, question.policy);
  if (!missing.empty())
    return base::unexpected(refuse(Reason::not_covered, "'" + input.label + "' does not cover " + missing));
  if (auto refused = refuse_parameters(question, input)) return base::unexpected(std::move(*refused));
  if (!input.keyid) return base::unexpected(refuse(Reason::unknown_key, "'" + input.label + "' has no keyid"));
  BASE_TRY(const VerificationKey key, question.find_key(*input.keyid));
  BASE_TRY(const Scheme scheme, choose_scheme(input, key));
  BASE_TRY(auto digest, expected_content(question, input));
  BASE_TRY(const std::string text, compute_base(question.message, input));
  if (!verify(scheme, key.key(), text, input.signature))
    return base::unexpected(refuse(Reason::bad_signature, "'" + input.label + "' was checked as " +
                                                              std::string(http_name(scheme)) + " with the key " +
                                                              key.thumbprint()));
  return CheckedHead({Kind::rfc9421, key, moment(*input.created), input.nonce, input.components}, std::move(digest));
}

base::Result<CheckedHead, Refusal> check_head(const HeadQuestion& question) {
  BASE_TRY(const auto all, read_signatures(*question.message.fields));
  std::optional<Refusal> first;
  for (const SignatureInput& input : all) {
    if (!question.policy.tag.empty() && input.tag != question.policy.tag) continue;
    auto checked = check_one(question, input);
    if (checked) return checked;
    if (first) continue;
    first = std::move(checked).error();
    if (first->keyid.empty()) first = refuse(first->reason, first->detail, input.keyid.value_or(""));
  }
  if (first) return base::unexpected(std::move(*first));
  return base::unexpected(refuse(Reason::missing, "no signature has the tag '" + question.policy.tag + "'"));
}

void CheckedHead::add(base::BytesView part) {
  if (digest_) digest_->add(part);
}

base::Result<VerifiedSignature, Refusal> CheckedHead::finish() && {
  if (digest_) {
    auto fits = std::move(*digest_).finish();
    if (!fits) return base::unexpected(refuse(Reason::content_changed, fits.error().detail, facts_.key.thumbprint()));
  }
  return VerifiedSignature(std::move(facts_));
}

base::Result<SignatureFields> sign(const MessageView& message, const Signing& signing) {
  // Read back as anybody else would: what cannot be written is refused and not mended.
  const auto written = sf::parse_dictionary(signing.label);
  const bool good = written && written->size() == 1 && written->front().first == signing.label &&
                    sf::is_string(signing.keyid) && sf::is_string(signing.nonce) && sf::is_string(signing.tag);
  if (!good)
    return base::fail(base::Kind::invalid, "signature.label",
                      "a label is of lower-case letters, digits and '_-.*'; key id, nonce and tag of printable ASCII");
  SignatureInput input{.label = signing.label, .components = signing.components, .parameters = {}, .signature = {}};
  input.parameters.emplace_back("created", signing.created.unix_seconds());
  if (signing.expires) input.parameters.emplace_back("expires", signing.expires->unix_seconds());
  if (!signing.nonce.empty()) input.parameters.emplace_back("nonce", signing.nonce);
  input.parameters.emplace_back("keyid", signing.keyid);
  input.parameters.emplace_back("alg", std::string(http_name(signing.scheme)));
  if (!signing.tag.empty()) input.parameters.emplace_back("tag", signing.tag);
  BASE_TRY(std::string text, signature_base(message, input));
  BASE_TRY(base::Bytes signature, sign(signing.scheme, signing.key, text));
  return SignatureFields{signing.label + "=" + input.to_params(),
                         signing.label + "=" + sf::serialise(sf::BareItem(std::move(signature))), std::move(text)};
}

}  // namespace countersign::signatures
