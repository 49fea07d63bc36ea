#include "signatures/reason.h"

#include <array>

namespace countersign::signatures {
namespace {

constexpr std::size_t kKeyidLength = 100;

constexpr std::array<Explanation, kReasons> kExplanations = {{
    {Reason::missing, "signature.missing", 403,
     "This route wants a signed message, and the message carries no signature of a kind that is taken here.",
     "Sign it with the key of your Signing Certificate: `countersign sign` makes the fields, "
     "docs/message-signatures.md "
     "says how in other languages. The answer's Accept-Signature field lists what must be covered."},
    {Reason::malformed, "signature.malformed", 400,
     "The fields of the signature do not parse, or contradict each other.",
     "Check Signature-Input and Signature (RFC 9421 section 4) or the signature header character by character; the "
     "detail says where it stopped. Do not let anything between you and the gateway fold or reorder fields."},
    {Reason::not_covered, "signature.not_covered", 403,
     "The signature is not over everything that has to be signed here.",
     "Cover the components that the answer's Accept-Signature field lists, each without parameters."},
    {Reason::component_unusable, "signature.component_unusable", 400,
     "The signature covers something that this message does not have, or that has no one value in it.",
     "Cover only fields that you send, each under its lower-case name; for a query parameter that stands more than "
     "once "
     "cover @query. If the field was there when you signed, something on the way removed it."},
    {Reason::unknown_key, "signature.unknown_key", 403,
     "The signature names no key of a Signing Certificate of the caller's.",
     "Name the key by its RFC 7638 thumbprint, or the certificate by its SHA-256 in base64url; `countersign sign` "
     "prints "
     "both. The key must be that of a Signing Certificate of the same application as the connection's, issued for this "
     "environment; a Transport Certificate's key signs no messages."},
    {Reason::key_refused, "signature.key_refused", 403, "The Signing Certificate of that key is not accepted any more.",
     "See the reason in the detail: a revoked or expired certificate is followed by a new one "
     "(`countersign renew signing`), a suspended application is resumed by the provider."},
    {Reason::wrong_algorithm, "signature.wrong_algorithm", 400,
     "The algorithm that the message names does not go with the key, or is not taken here.",
     "Leave `alg` out, or name the one of the key: ecdsa-p256-sha256, ecdsa-p384-sha384, ed25519, rsa-pss-sha512 or "
     "rsa-v1_5-sha256 (JWS: ES256, ES384, EdDSA, PS256, RS256). HMAC is not taken: a shared secret proves no sender."},
    {Reason::created_missing, "signature.created_missing", 400, "The signature does not say when it was made.",
     "Add the parameter `created` with the seconds since 1970 at which you sign."},
    {Reason::too_old, "signature.too_old", 403, "The signature was made longer ago than is allowed.",
     "Sign each message when you send it, also when you send it again, and check your clock."},
    {Reason::in_the_future, "signature.in_the_future", 403, "The signature says that it was made in the future.",
     "Check your clock: it may be a minute ahead, not more."},
    {Reason::expired, "signature.expired", 403, "The signature is past the end that it names itself.",
     "Sign the message anew, with a later `expires` or none."},
    {Reason::nonce_missing, "signature.nonce_missing", 403,
     "Each message must carry a nonce here, and this one has none, or one that is too long.",
     "Add the parameter `nonce` with a new random value for each message, at most 128 characters."},
    {Reason::replayed, "signature.replayed", 403, "A message with this nonce came before.",
     "Make a new nonce for each message, also when you send it again. If you did not send it twice, somebody else has "
     "a "
     "copy of your message: tell the provider."},
    {Reason::digest_unusable, "signature.digest_unusable", 400,
     "Content-Digest does not parse, or has no algorithm that is known here.",
     "Send Content-Digest with sha-256 or sha-512 as RFC 9530 has it, e.g. sha-256=:BASE64:."},
    {Reason::content_changed, "signature.content_changed", 400,
     "The content does not hash to what the signed Content-Digest says.",
     "Hash the very bytes that you send, after any compression and serialisation, and send those bytes. Something "
     "between you and the gateway may have changed the content."},
    {Reason::bad_signature, "signature.bad_signature", 403,
     "The signature is not of this key over this message as it arrived here.",
     "Compare what you signed with what is computed here: `countersign verify-signature --explain` prints it line by "
     "line. Usually host, port, path or the order of the parameters differ, or the key is another one."},
    {Reason::content_too_large, "signature.content_too_large", 413,
     "The content is larger than can be checked before it is passed on.",
     "Send less at once, or ask the provider to raise `content_limit` of this route."},
    {Reason::busy, "signature.busy", 503, "There is no room at the moment to hold the content until it is checked.",
     "Send it again after the time that Retry-After names."},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kExplanations.size(); ++i)
    if (static_cast<std::size_t>(kExplanations[i].reason) != i) return false;
  return true;
}
static_assert(is_in_order());

}  // namespace

std::span<const Explanation> explanations() { return kExplanations; }
const Explanation& explanation(Reason reason) { return kExplanations[static_cast<std::size_t>(reason)]; }

Refusal refuse(Reason reason, std::string detail, std::string_view keyid) {
  return {reason, std::move(detail), std::string(keyid.substr(0, kKeyidLength))};
}

}  // namespace countersign::signatures
