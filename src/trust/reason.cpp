#include "trust/reason.h"

#include <array>

#include "base/check.h"

namespace countersign::trust {
namespace {

constexpr std::array kExplanations = {
    Explanation{
        Reason::no_certificate, "no_certificate",
        "The peer sent no certificate, and none is accepted here without one.",
        "Configure your client to send its Transport Certificate and use its private key (curl: --cert and --key). "
        "If it is configured, check that the client found the files and that no proxy in between ends TLS."},
    Explanation{
        Reason::malformed, "malformed", "What was sent as a certificate does not parse, or contradicts RFC 5280.",
        "Send the certificate exactly as the authority returned it. If it came through an editor or a converter, fetch "
        "it again."},
    Explanation{
        Reason::chain_too_long, "chain_too_long", "More certificates were sent, or needed, than are ever looked at.",
        "Send the leaf and its issuing CA only, leaf first, without the root and without unrelated certificates."},
    Explanation{Reason::not_yet_valid, "not_yet_valid", "A certificate on the path is not valid yet at this time.",
                "Check the clock of both machines; otherwise wait for the certificate's notBefore."},
    Explanation{Reason::expired, "expired", "A certificate on the path is past its notAfter.",
                "Renew it: `countersign request` with a new enrolment code, then restart or reload your client. Check "
                "the clock if "
                "the date surprises you."},
    Explanation{Reason::unknown_issuer, "unknown_issuer",
                "The certificate was issued by a CA that is not trusted here.",
                "Use the certificate that this provider's authority issued for your application. A public or self-made "
                "CA is not "
                "accepted for it."},
    Explanation{
        Reason::missing_intermediate, "missing_intermediate",
        "The path stops below a trusted root: the issuing CA's certificate was not sent.",
        "Send the full chain: the leaf first, then its issuing CA (the file that ends in -chain.pem). In nginx, "
        "ssl_certificate must name the full chain."},
    Explanation{Reason::bad_signature, "bad_signature",
                "A signature on the path does not verify: the certificate was changed, or somebody else signed it in "
                "the name of "
                "its issuer.",
                "Fetch the certificate again from the authority. If it was not damaged on the way, report it: it may "
                "be a forgery."},
    Explanation{Reason::self_signed, "self_signed", "The certificate signs for itself.",
                "Make a CSR from its key and have the authority issue a certificate: `countersign request transport`."},
    Explanation{
        Reason::wrong_purpose, "wrong_purpose", "The certificate is genuine, but made for another purpose.",
        "Use the Transport Certificate to connect and the Signing Certificate only to sign. A server certificate is "
        "neither."},
    Explanation{Reason::wrong_environment, "wrong_environment",
                "The certificate is genuine, but belongs to another environment.",
                "Use the certificate of this environment: uat certificates connect to uat, production certificates to "
                "production."},
    Explanation{Reason::wrong_name, "wrong_name", "The server's certificate does not carry the name that was called.",
                "Call the server by a name in its certificate, or have a certificate issued whose subjectAltName has "
                "this name. The "
                "common name does not count (RFC 9525)."},
    Explanation{
        Reason::revoked, "revoked", "The certificate was revoked.",
        "It will never be accepted again. Ask for a new certificate with a new key, and ask the provider why it was "
        "revoked if you did not do it."},
    Explanation{Reason::suspended, "suspended", "The application or its organisation is suspended.",
                "Ask the provider to resume it; the certificate itself stays good and works again at once."},
    Explanation{
        Reason::not_in_registry, "not_in_registry",
        "The certificate verifies, but the registry does not list it as issued.",
        "Ask for a new certificate. If your certificate came from the authority just now, try again in a few seconds; "
        "otherwise report it: it was not issued through the authority."},
    Explanation{Reason::weak_key, "weak_key", "A key on the path is too weak or of an unsupported kind.",
                "Make a new key: P-256 (recommended), P-384, Ed25519, or RSA of 2048 bits or more, and request a "
                "certificate for it."},
    Explanation{Reason::weak_signature, "weak_signature",
                "A certificate on the path is signed with a broken algorithm.",
                "Have it issued again with SHA-256 or better."},
    Explanation{Reason::name_constraint, "name_constraint",
                "A name in the certificate is outside what its CA may vouch for.",
                "Have it issued for a permitted name, or by a CA whose name constraints allow it."},
    Explanation{Reason::invalid_issuer, "invalid_issuer",
                "A certificate on the path was signed by one that is not allowed to issue certificates.",
                "Use a certificate issued by a CA; a leaf certificate cannot issue others."},
    Explanation{Reason::issuer_withdrawn, "issuer_withdrawn",
                "The certificate was issued by an issuing CA of ours that is not in use any more: it was retired, or "
                "withdrawn because its key may be known to others.",
                "Ask for a new certificate with a new key: `countersign renew` does while the old one is still taken, "
                "`countersign request` with an enrolment code afterwards. Its issuing CA's certificate is another one: "
                "send the new chain."},
    Explanation{Reason::proof_failed, "proof_failed",
                "The peer did not prove that it holds the certificate's private key.",
                "Configure the private key that belongs to this certificate. A certificate alone opens nothing."},
};

}  // namespace

std::span<const Explanation> explanations() { return kExplanations; }

const Explanation& explanation(Reason reason) {
  const auto index = static_cast<std::size_t>(reason);
  BASE_CHECK(index < kExplanations.size() && kExplanations[index].reason == reason);
  return kExplanations[index];
}

std::string_view name(Reason reason) { return explanation(reason).name; }

}  // namespace countersign::trust
