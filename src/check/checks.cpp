// The table of checks: what must hold of a partner's server before the provider calls it, and what to do where it does
// not. docs/check-ehi.md is written from it.
#include "check/verdicts.h"

namespace countersign::check {
namespace {

constexpr std::string_view kRefusalRemedy =
    "Demand a certificate in the handshake, and believe the provider's trust chain alone: docs/partner-servers.md has "
    "a "
    "whole file for each kind of server.";

constexpr Check kChecks[] = {
    {"reach.connect", "The server takes connections", "Nothing else can be looked at.",
     "Check the name, the port, the firewall for the provider's addresses, and that "
     "the server runs.",
     judge_connect},
    {"reach.tls", "The port answers with TLS",
     "The provider's sender sends nothing to a server that does not answer with TLS.",
     "Switch TLS on for this port, or name the port that has it.", judge_tls},

    {"protocol.modern", "TLS 1.3 is offered, or at least TLS 1.2",
     "The sender speaks these two only. TLS 1.3 saves a way to and fro for each new connection, and hides the "
     "certificates.",
     "Switch TLS 1.3 on beside TLS 1.2.", judge_modern},
    {"protocol.old", "SSL 3.0, TLS 1.0 and TLS 1.1 are refused",
     "They are broken and forbidden (RFC 7568, RFC 8996), also by PCI DSS.", "Offer TLS 1.2 and TLS 1.3 only.",
     judge_old},
    {"cipher.broken", "No broken cipher is offered",
     "Without encryption, without authentication, exportable, RC4, DES, 3DES: who is in between reads along (RFC 9325 "
     "section 4.1).",
     "Offer ECDHE with AES-GCM or ChaCha20-Poly1305 only.", judge_broken_ciphers},
    {"cipher.forward_secrecy", "Keys are agreed anew for each connection",
     "With RSA key transport, whoever gets the server's key later reads what was recorded before (RFC 9325 section "
     "4.1).",
     "Offer ECDHE with AES-GCM or ChaCha20-Poly1305 only.", judge_forward_secrecy},
    {"cipher.finite_field", "No small Diffie-Hellman group is offered",
     "Groups of 1024 bits and less have been broken (Logjam).",
     "Offer no DHE; or give it a group of 2048 bits and more (RFC 7919).", judge_finite_field},
    {"protocol.renegotiation", "Renegotiation is secure",
     "Without RFC 5746 an attacker puts words of his own before the provider's.",
     "Bring the server's TLS library up to date.", judge_renegotiation},
    {"protocol.compression", "TLS does not compress",
     "From the size of what is compressed, secrets can be told (CRIME).", "Switch TLS compression off.",
     judge_compression},

    {"certificate.chain", "The full chain is sent",
     "A caller that does not happen to know the intermediate certificate cannot believe the server. Browsers hide "
     "this: "
     "they remember and fetch intermediates.",
     "Send your certificate first and then each intermediate, without the root: most CAs call this file the full "
     "chain. "
     "If the one that is missing is a root of your own, have the provider take it as an "
     "anchor (--anchors of `countersign check ehi`).",
     judge_chain},
    {"certificate.order", "The chain is in order, with nothing else in it",
     "TLS 1.2 wants each certificate followed by its issuer (RFC 5246 section 7.4.2); some callers insist.",
     "Put your certificate first, then its issuer, then that one's; leave out what is not needed.", judge_order},
    {"certificate.trust", "The chain leads to a root that is believed", "The sender refuses the server.",
     "Get a certificate of a public CA; or tell the provider your own root, to be the endpoint's anchor (--anchors "
     "of `countersign check ehi`).",
     judge_trust},
    {"certificate.name", "The certificate names the host that is called",
     "The sender refuses the server. Common names do not count (RFC 9525).",
     "Get a certificate with the host name of the URL among its subjectAltNames.", judge_name},
    {"certificate.validity", "The certificate is valid, and for a while",
     "The sender refuses the server from its last second on. Warned of when less than 14 days and less than a third of "
     "its "
     "life are left.",
     "Renew the certificate, have it renewed by itself, and reload the server after that.", judge_validity},
    {"certificate.strength", "Keys and signatures are strong",
     "RSA below 2048 bits, keys of broken generators, SHA-1 and MD5 can be forged; the sender refuses them.",
     "Get a certificate for a new key: P-256, or RSA of 2048 bits and more.", judge_strength},
    {"certificate.purpose", "The certificate is for servers", "The sender refuses the server.",
     "Get a certificate with extendedKeyUsage serverAuth.", judge_purpose},
    {"certificate.staple", "What is stapled is good",
     "A stapled OCSP response that is old, foreign or says revoked makes the sender refuse the server, where it looks "
     "at "
     "staples; so does none where the certificate wants one.",
     "Let the server fetch it afresh (it needs a way to the CA's responder), or switch stapling off.", judge_staple},

    {"client.asked", "A certificate is asked for in the handshake",
     "Without that there is no mutual TLS. Asked for later - for one location only - it does not work over HTTP/2 and "
     "TLS "
     "1.3, and what was sent before it came from anybody.",
     "Demand a client certificate for the whole server, not for a location.", judge_asked},
    {"client.names_our_ca", "The provider's CA is among those that are named",
     "The server has another trust chain than the provider's: the provider's calls fail, or soon will.",
     "Install the provider's trust chain: `countersign trust-chain --out trust-chain.pem`.", judge_names_our_ca},
    {"client.only_our_ca", "Nobody else's CA is named",
     "Everybody with a certificate of these CAs gets as far as the provider does, up to the check of the name.",
     "Take everything but the provider's trust chain out of the file of client CAs.", judge_only_our_ca},
    {"client.accepts_ours", "The provider's certificate is let in", "The provider's calls fail.",
     "Install the provider's whole trust chain, and admit the subject of its certificate (docs/partner-servers.md). "
     "The "
     "server's log has the reason.",
     judge_accepts_ours},
    {"client.accepts_next", "The provider's next CA is installed",
     "From the day on which the provider changes to that CA, its calls fail.",
     "Fetch the provider's trust chain anew, which has the next CA in it beside the one of today "
     "(`countersign trust-chain --out trust-chain.pem`), install the whole of it, and reload the server.",
     judge_accepts_next},

    {"refuse.no_certificate", "Refused: no certificate", "Anybody can call.",
     "Demand the certificate; one that is only optional must be asked for by the application in each request.",
     judge_refusal},
    {"refuse.self_signed", "Refused: self-signed, with the provider's names",
     "Anybody can call who knows what the provider is called.", kRefusalRemedy, judge_refusal},
    {"refuse.other_ca", "Refused: the provider's names from another CA",
     "Anybody can call who has a CA, and everybody has one.", kRefusalRemedy, judge_refusal},
    {"refuse.look_alike_issuer", "Refused: a CA that calls itself like the provider's issuing CA",
     "Issuers are compared by name instead of by signature.", kRefusalRemedy, judge_refusal},
    {"refuse.look_alike_root", "Refused: the whole hierarchy over again, root and all",
     "Certificates that come along in the handshake are believed as roots.", kRefusalRemedy, judge_refusal},
    {"refuse.tampered", "Refused: the provider's certificate with one bit changed", "Signatures are not checked.",
     kRefusalRemedy, judge_refusal},
    {"refuse.without_key", "Refused: the provider's certificate without its key",
     "The proof in the handshake is not checked: certificates are public.", kRefusalRemedy, judge_refusal},
    {"refuse.expired", "Refused: a certificate of the provider that has expired",
     "Whoever finds an old key calls for ever.", "Let the server check dates, and its clock be right.", judge_refusal},
    {"refuse.revoked", "Refused: a certificate of the provider that was revoked",
     "Whoever stole a key calls until it expires, whatever the provider does.",
     "Fetch the provider's CRLs, or ask its OCSP responder: docs/partner-status.md.", judge_refusal},
    {"refuse.signing", "Refused: a Signing Certificate",
     "It is kept in other places than those for connections, by other people.",
     "Let the server check the purpose: extendedKeyUsage clientAuth.", judge_refusal},
    {"refuse.server_certificate", "Refused: a server's certificate", "Every server of the provider can call.",
     "Let the server check the purpose: extendedKeyUsage clientAuth.", judge_refusal},
    {"refuse.other_environment", "Refused: the provider's other environment",
     "What is tried out in the provider's test environment arrives at yours.",
     "Admit the one subject of this environment's caller, not the whole chain: docs/partner-servers.md.",
     judge_refusal},
    {"refuse.other_caller", "Refused: another caller of the provider's",
     "Everything that the provider certifies under this chain can call.",
     "Admit the one subject of the EHI caller, not the whole chain: docs/partner-servers.md.", judge_refusal},

    {"behaviour.answer", "A request is answered by HTTP/1.1, and not with a redirect",
     "The sender follows no redirect: it would call somebody that nobody checked.",
     "Name the URL that answers itself. `countersign check ehi` asks what the provider will ask with --method and "
     "--body.",
     judge_answer},
    {"behaviour.latency", "Answers come within the deadline", "Decisions that come late are made without you.",
     "Bring the server nearer to the provider, or make the application faster. Measured from here, the way included.",
     judge_latency},
    {"behaviour.new_connection", "A new connection does not take the deadline by itself",
     "The first call after a pause is lost.", "Use a P-256 key, TLS 1.3, and a server near the provider.",
     judge_new_connection},
    {"behaviour.keep_alive", "Connections are kept", "Each call pays for a handshake.",
     "Switch keep-alive on, for 60 s and more, towards the application as well.", judge_keep_alive},
    {"behaviour.resumption", "No session is taken up again",
     "A resumed session skips the certificate: a caller whose certificate was revoked or has expired meanwhile comes "
     "back "
     "in.",
     "Switch session tickets and the session cache off. The sender keeps connections warm: it costs next to nothing.",
     judge_resumption},
};

}  // namespace

std::span<const Check> checks() { return kChecks; }

}  // namespace countersign::check
