// The opposite of each check's title: what is so where it fails, or has something to look at.
#include <algorithm>

#include "check/judge.h"

namespace countersign::check {
namespace {

struct Fault {
  std::string_view check;
  std::string_view title;
};

constexpr Fault kFaults[] = {
    {"reach.connect", "The server takes no connections"},
    {"reach.tls", "The port does not answer with TLS"},
    {"protocol.modern", "TLS 1.3 is not offered"},
    {"protocol.old", "SSL 3.0, TLS 1.0 or TLS 1.1 is offered"},
    {"cipher.broken", "A broken cipher is offered"},
    {"cipher.forward_secrecy", "A cipher without forward secrecy is offered"},
    {"cipher.finite_field", "A small Diffie-Hellman group is offered"},
    {"protocol.renegotiation", "Renegotiation is not secure"},
    {"protocol.compression", "TLS compresses"},
    {"certificate.chain", "The full chain is not sent"},
    {"certificate.order", "The chain is out of order, or has more in it than is needed"},
    {"certificate.trust", "The chain leads to no root that is believed"},
    {"certificate.name", "The certificate does not name the host that is called"},
    {"certificate.validity", "The certificate is not valid, or not for much longer"},
    {"certificate.strength", "A key or a signature is weak"},
    {"certificate.purpose", "The certificate is not for servers"},
    {"certificate.staple", "What is stapled is not good"},
    {"client.asked", "No certificate is asked for in the handshake"},
    {"client.names_our_ca", "The provider's CA is not among those that are named"},
    {"client.only_our_ca", "Other CAs are named than the provider's"},
    {"client.accepts_ours", "The provider's certificate is not let in"},
    {"client.accepts_next", "The provider's next CA is not installed"},
    {"refuse.no_certificate", "Not refused: no certificate"},
    {"refuse.self_signed", "Not refused: self-signed, with the provider's names"},
    {"refuse.other_ca", "Not refused: the provider's names from another CA"},
    {"refuse.look_alike_issuer", "Not refused: a CA that calls itself like the provider's issuing CA"},
    {"refuse.look_alike_root", "Not refused: the whole hierarchy over again, root and all"},
    {"refuse.tampered", "Not refused: the provider's certificate with one bit changed"},
    {"refuse.without_key", "Not refused: the provider's certificate without its key"},
    {"refuse.expired", "Not refused: a certificate of the provider that has expired"},
    {"refuse.revoked", "Not refused: a certificate of the provider that was revoked"},
    {"refuse.signing", "Not refused: a Signing Certificate"},
    {"refuse.server_certificate", "Not refused: a server's certificate"},
    {"refuse.other_environment", "Not refused: the provider's other environment"},
    {"refuse.other_caller", "Not refused: another caller of the provider's"},
    {"behaviour.answer", "A request is not answered by HTTP/1.1, or with a redirect or an error"},
    {"behaviour.latency", "Answers come late, or just in time"},
    {"behaviour.new_connection", "A new connection takes the deadline by itself"},
    {"behaviour.keep_alive", "Connections are not kept"},
    {"behaviour.resumption", "A session is taken up again"},
};

}  // namespace

std::string_view fault(std::string_view check) {
  const auto found = std::ranges::find(kFaults, check, &Fault::check);
  return found == std::end(kFaults) ? std::string_view() : found->title;
}

}  // namespace countersign::check
