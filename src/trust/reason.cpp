#include "trust/reason.h"

#include "base/check.h"

namespace countersign::trust {
namespace {

constexpr std::array kExplanations = {
    Explanation{
        Reason::no_certificate,
        "no_certificate",
        "The peer sent no certificate, and none is accepted here without one.",
        {.client = "Configure your client to send its Transport Certificate and use its private key (curl: --cert and "
                   "--key). "
                   "If it is configured, check that the client found the files and that no proxy in between ends TLS.",
         .server = "Configure the server with its certificate, full chain and key (nginx: ssl_certificate and "
                   "ssl_certificate_key), and reload it.",
         .platform = "Every program of the platform shows a certificate: check that host and port are right, and that "
                     "no proxy in between ends TLS."}},
    Explanation{
        Reason::malformed,
        "malformed",
        "What was sent as a certificate does not parse, or contradicts RFC 5280.",
        {.client = "Send the certificate exactly as the authority returned it. If it came through an editor or a "
                   "converter, fetch it again.",
         .server = "Configure the server with certificate and chain exactly as the CA issued them. If they are, have "
                   "the CA issue the certificate again and keep to RFC 5280, as public CAs do.",
         .platform = "Check that host and port are right and that no proxy in between ends TLS. If they are, tell "
                     "whoever runs it."}},
    Explanation{
        Reason::chain_too_long,
        "chain_too_long",
        "More certificates were sent, or needed, than are ever looked at.",
        {.client = "Send the leaf and its issuing CA only, leaf first, without the root and without unrelated "
                   "certificates.",
         .server = "Send the server's certificate and its intermediates only, leaf first, without the root and without "
                   "unrelated certificates: not the file of all CAs, but the one that your CA calls the full chain.",
         .platform = "Whoever runs it takes what is neither its certificate nor its issuing CA out of its chain."}},
    Explanation{
        Reason::not_yet_valid,
        "not_yet_valid",
        "A certificate on the path is not valid yet at this time.",
        {.client = "Check the clock of both machines; otherwise wait for the certificate's notBefore.",
         .server = "Check the clock of both machines; otherwise let the server show the certificate of before until "
                   "the notBefore of the new one.",
         .platform = "Check the clock of both machines: the platform's programs never show a certificate before its "
                     "time."}},
    Explanation{
        Reason::expired,
        "expired",
        "A certificate on the path is past its notAfter.",
        {.client = "Renew it: `countersign request` with a new enrolment code, then restart or reload your client. "
                   "Check the clock if the date surprises you.",
         .server = "Renew it at the CA that issued it (a public CA's by ACME, by itself), install it with its full "
                   "chain, and reload the server: until then it shows the old one. Check the clock if the date "
                   "surprises you.",
         .platform = "Check the clock of both machines. The platform's programs renew their certificates by "
                     "themselves: whoever runs this one finds in its log why it did not."}},
    Explanation{
        Reason::unknown_issuer,
        "unknown_issuer",
        "The certificate was issued by a CA that is not trusted here.",
        {.client = "Use the certificate that this provider's authority issued for your application. A public or "
                   "self-made CA is not accepted for it.",
         .server = "Get a certificate of a public CA for the server. If it is meant to come from a CA of your own, "
                   "have "
                   "whoever calls name that CA's root: `anchors` of the endpoint or the upstream, --anchors of "
                   "`countersign check ehi`, --trust of `countersign verify`.",
         .platform = "Check that host and port are right and that the trust chain in use is this provider's "
                     "(--trust-chain; compare its fingerprint). If both are, somebody may stand in between: tell the "
                     "provider."}},
    Explanation{
        Reason::missing_intermediate,
        "missing_intermediate",
        "The path stops below a trusted root: the issuing CA's certificate was not sent.",
        {.client = "Send the full chain: the leaf first, then its issuing CA (the file that ends in -chain.pem). Where "
                   "nginx is your client, proxy_ssl_certificate must name the full chain.",
         .server = "Send the full chain: the server's certificate first, then each intermediate, without the root; "
                   "most CAs call this file the full chain. In nginx, ssl_certificate must name it. A browser does "
                   "not show the gap: it fetches what is missing.",
         .platform = "Check that the trust chain in use is this provider's and whole, root and issuing CAs "
                     "(--trust-chain). If it is, whoever runs the server has it show its issuing CA's certificate, "
                     "too."}},
    Explanation{
        Reason::bad_signature,
        "bad_signature",
        "A signature on the path does not verify: the certificate was changed, or somebody else signed it in the name "
        "of its issuer.",
        {.client = "Fetch the certificate again from the authority. If it was not damaged on the way, report it: it "
                   "may be a forgery.",
         .server = "Install certificate and chain again as the CA issued them, the chain that belongs to this very "
                   "certificate. If your own CA has a new key under its old name, have whoever calls name its new "
                   "root in `anchors`. Otherwise report it: it may be a forgery.",
         .platform = "Fetch the provider's trust chain anew and compare its fingerprint. If it is the right one, "
                     "report it to the provider: somebody may stand in between with a forgery."}},
    Explanation{
        Reason::self_signed,
        "self_signed",
        "The certificate signs for itself.",
        {.client = "Make a CSR from its key and have the authority issue a certificate: `countersign request "
                   "transport`.",
         .server = "Get a certificate of a public CA for the server's name, and install it with its full chain. One "
                   "that signs for itself is believed by nobody here, `pins` or not. With a CA of your own, have the "
                   "server's certificate issued by that, and whoever calls name its root in `anchors`.",
         .platform = "The platform's programs have certificates of the authority: check that host and port are right, "
                     "and that no proxy in between ends TLS with a certificate of its own."}},
    Explanation{
        Reason::wrong_purpose,
        "wrong_purpose",
        "The certificate is genuine, but made for another purpose.",
        {.client = "Use the Transport Certificate to connect and the Signing Certificate only to sign. A server "
                   "certificate is neither.",
         .server = "Get a certificate for servers: extendedKeyUsage serverAuth, and not the certificate of a CA. One "
                   "for clients or for signatures does not serve.",
         .platform = "Check that host and port are right. Whoever runs the server gives it its own certificate, that "
                     "of purpose server."}},
    Explanation{
        Reason::wrong_environment,
        "wrong_environment",
        "The certificate is genuine, but belongs to another environment.",
        {.client = "Use the certificate of this environment: uat certificates connect to uat, production certificates "
                   "to production.",
         .server = "Call the server of this environment, or give this one the certificate of the environment in which "
                   "it is called.",
         .platform = "Check that host and port are those of this environment."}},
    Explanation{
        Reason::wrong_name,
        "wrong_name",
        "The server's certificate does not carry the name that was called.",
        {.client = "Clients are not called by name: have the certificate judged for its own purpose.",
         .server = "Get a certificate with the name that is called among its subjectAltNames (the common name does "
                   "not count, RFC 9525), or have whoever calls use a name that is there: the host of the endpoint's "
                   "URL, `server_name` of the upstream.",
         .platform = "Call it by a name in its certificate, on its own port: the gateway's is not the authority's. "
                     "Whoever runs it adds names with `server_names` in [authority], or `countersign admin app "
                     "server-names` for the other programs."}},
    Explanation{
        Reason::revoked,
        "revoked",
        "The certificate was revoked.",
        {.client = "It will never be accepted again. Ask for a new certificate with a new key, and ask the provider "
                   "why it was revoked if you did not do it.",
         .server = "It will never be accepted again. Get a new certificate with a new key from the CA that issued it, "
                   "install it and reload the server; ask that CA why if you did not do it.",
         .platform = "Send it nothing: its key may be in other hands. The provider knows why it was revoked, and gives "
                     "the program a new one."}},
    Explanation{Reason::suspended,
                "suspended",
                "The application or its organisation is suspended.",
                {.client = "Ask the provider to resume it; the certificate itself stays good and works again at once.",
                 .server = "Ask the provider to resume it; the certificate itself stays good. This is only said of a "
                           "certificate that the provider's authority issued for the server.",
                 .platform = "Ask the provider: a program of the platform itself was suspended."}},
    Explanation{
        Reason::not_in_registry,
        "not_in_registry",
        "The certificate verifies, but the registry does not list it as issued.",
        {.client = "Ask for a new certificate. If your certificate came from the authority just now, try again in a "
                   "few seconds; otherwise report it: it was not issued through the authority.",
         .server = "Report it to the provider, and have its authority issue the server a new one: this one was not "
                   "issued through it. Of certificates of other CAs this is never said.",
         .platform = "Report it to the provider: its server shows a certificate that was not issued through its "
                     "authority."}},
    Explanation{
        Reason::weak_key,
        "weak_key",
        "A key on the path is too weak or of an unsupported kind.",
        {.client = "Make a new key: P-256 (recommended), P-384, Ed25519, or RSA of 2048 bits or more, and request a "
                   "certificate for it.",
         .server = "Make a new key, P-256 (recommended), P-384, or RSA of 2048 bits or more, and have your CA issue "
                   "the server's certificate for it. If the key is an intermediate's, install the newer chain of your "
                   "CA.",
         .platform = "Tell whoever runs it: the program needs a new key and certificate, or its authority a new "
                     "issuing CA."}},
    Explanation{
        Reason::weak_signature,
        "weak_signature",
        "A certificate on the path is signed with a broken algorithm.",
        {.client = "Have it issued again with SHA-256 or better.",
         .server = "Have the CA issue it again with SHA-256 or better. If it is an intermediate's, install the newer "
                   "chain of your CA.",
         .platform = "Tell whoever runs it: our authority signs with nothing weaker than SHA-256, so check that host "
                     "and port are right first."}},
    Explanation{
        Reason::name_constraint,
        "name_constraint",
        "A name in the certificate is outside what its CA may vouch for.",
        {.client = "Have it issued for a permitted name, or by a CA whose name constraints allow it.",
         .server = "Get a certificate from a CA that may vouch for this name, or without the name that is outside. "
                   "With a CA of your own, its nameConstraints must allow the name.",
         .platform = "Tell whoever runs it: its name must be one that the name constraints of its issuing CA allow."}},
    Explanation{
        Reason::invalid_issuer,
        "invalid_issuer",
        "A certificate on the path was signed by one that is not allowed to issue certificates.",
        {.client = "Use a certificate issued by a CA; a leaf certificate cannot issue others.",
         .server = "Get a certificate that a CA issued: a server's own certificate cannot issue others. With a CA of "
                   "your own, its certificate needs basicConstraints CA:TRUE and keyUsage keyCertSign.",
         .platform = "Report it to the provider: what it shows was not issued by a CA, and may be a forgery."}},
    Explanation{
        Reason::issuer_withdrawn,
        "issuer_withdrawn",
        "The certificate was issued by an issuing CA of ours that is not in use any more: it was retired, or "
        "withdrawn because its key may be known to others.",
        {.client = "Ask for a new certificate with a new key: `countersign renew` does while the old one is still "
                   "taken, `countersign request` with an enrolment code afterwards. Its issuing CA's certificate is "
                   "another one: send the new chain.",
         .server = "Have the authority issue the server a new certificate with a new key, and install it with its new "
                   "chain: its issuing CA's certificate is another one. Of certificates of other CAs this is never "
                   "said.",
         .platform = "Send it nothing until it shows a certificate of the CA in use now: the platform's programs fetch "
                     "one by themselves, and whoever runs this one finds in its log why it did not."}},
    Explanation{
        Reason::proof_failed,
        "proof_failed",
        "The peer did not prove that it holds the certificate's private key.",
        {.client = "Configure the private key that belongs to this certificate. A certificate alone opens nothing.",
         .server = "Configure the private key that belongs to this certificate (nginx: ssl_certificate_key), and "
                   "reload the server.",
         .platform = "Check that host and port are right: who answers shows a certificate that is not its own. Tell "
                     "the provider if they are."}},
};

}  // namespace

std::string_view name(Party party) {
  switch (party) {
    case Party::client: return "client";
    case Party::server: return "server";
    case Party::platform: return "platform";
  }
  BASE_UNREACHABLE();
}

Party party_of(Purpose purpose) { return purpose == Purpose::server ? Party::server : Party::client; }

std::string_view Explanation::remedy(Party party) const {
  switch (party) {
    case Party::client: return remedies.client;
    case Party::server: return remedies.server;
    case Party::platform: return remedies.platform;
  }
  BASE_UNREACHABLE();
}

std::span<const Explanation> explanations() { return kExplanations; }

const Explanation& explanation(Reason reason) {
  const auto index = static_cast<std::size_t>(reason);
  BASE_CHECK(index < kExplanations.size() && kExplanations[index].reason == reason);
  return kExplanations[index];
}

std::string_view name(Reason reason) { return explanation(reason).name; }

}  // namespace countersign::trust
