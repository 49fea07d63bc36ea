// The lines to write, by kind of server: those of examples/ehi-host where they stand there, else as the server's own
// documentation has them.
#include <algorithm>

#include "check/judge.h"

namespace countersign::check {
namespace {

struct Hint {
  std::string_view check;
  ServerKind server;
  std::string_view lines;
};

constexpr Hint kHints[] = {
    {"protocol.modern", ServerKind::nginx, "ssl_protocols TLSv1.2 TLSv1.3;"},
    {"protocol.modern", ServerKind::haproxy, "ssl-default-bind-options ssl-min-ver TLSv1.2"},
    {"protocol.modern", ServerKind::httpd, "SSLProtocol -all +TLSv1.2 +TLSv1.3"},
    {"protocol.modern", ServerKind::node, "minVersion: 'TLSv1.2'"},
    {"protocol.old", ServerKind::nginx, "ssl_protocols TLSv1.2 TLSv1.3;"},
    {"protocol.old", ServerKind::haproxy, "ssl-default-bind-options ssl-min-ver TLSv1.2"},
    {"protocol.old", ServerKind::httpd, "SSLProtocol -all +TLSv1.2 +TLSv1.3"},
    {"protocol.old", ServerKind::node, "minVersion: 'TLSv1.2'"},
    {"cipher.broken", ServerKind::nginx, "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;"},
    {"cipher.broken", ServerKind::haproxy, "ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20"},
    {"cipher.broken", ServerKind::httpd, "SSLCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20"},
    {"cipher.broken", ServerKind::node, "ciphers: 'ECDHE+AESGCM:ECDHE+CHACHA20'"},
    {"cipher.forward_secrecy", ServerKind::nginx, "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;"},
    {"cipher.forward_secrecy", ServerKind::haproxy, "ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20"},
    {"cipher.forward_secrecy", ServerKind::httpd, "SSLCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20"},
    {"cipher.forward_secrecy", ServerKind::node, "ciphers: 'ECDHE+AESGCM:ECDHE+CHACHA20'"},
    {"cipher.finite_field", ServerKind::nginx, "no ssl_dhparam"},
    {"cipher.finite_field", ServerKind::haproxy, "tune.ssl.default-dh-param 2048, or no DHE cipher"},
    {"certificate.chain", ServerKind::nginx,
     "ssl_certificate server-chain.pem;  # yours first, then the intermediates"},
    {"certificate.chain", ServerKind::haproxy, "bind ... crt server-both.pem  # yours, the intermediates, the key"},
    {"certificate.chain", ServerKind::httpd,
     "SSLCertificateFile server-chain.pem  # yours first, then the intermediates"},
    {"certificate.chain", ServerKind::node, "cert: read('server-chain.pem')  // yours first, then the intermediates"},
    {"certificate.validity", ServerKind::nginx, "nginx -s reload, after each renewal"},
    {"certificate.validity", ServerKind::haproxy, "systemctl reload haproxy, after each renewal"},
    {"certificate.validity", ServerKind::httpd, "apachectl graceful, after each renewal"},
    {"certificate.validity", ServerKind::node, "server.setSecureContext(...), after each renewal"},
    {"client.asked", ServerKind::nginx, "ssl_verify_client on; ssl_client_certificate trust-chain.pem;"},
    {"client.asked", ServerKind::haproxy, "bind ... ca-file trust-chain.pem verify required"},
    {"client.asked", ServerKind::httpd, "SSLVerifyClient require and SSLCACertificateFile, in <VirtualHost>"},
    {"client.asked", ServerKind::node, "requestCert: true, rejectUnauthorized: true, ca: read('trust-chain.pem')"},
    {"client.names_our_ca", ServerKind::nginx, "ssl_client_certificate trust-chain.pem;"},
    {"client.names_our_ca", ServerKind::haproxy, "bind ... ca-file trust-chain.pem"},
    {"client.names_our_ca", ServerKind::httpd, "SSLCACertificateFile trust-chain.pem"},
    {"client.names_our_ca", ServerKind::node, "ca: read('trust-chain.pem')"},
    {"client.only_our_ca", ServerKind::nginx, "ssl_client_certificate trust-chain.pem;  # and nothing else in it"},
    {"client.only_our_ca", ServerKind::haproxy, "bind ... ca-file trust-chain.pem  # and nothing else in it"},
    {"client.only_our_ca", ServerKind::httpd, "SSLCACertificateFile trust-chain.pem  # and nothing else in it"},
    {"client.only_our_ca", ServerKind::node, "ca: read('trust-chain.pem')  // and nothing else in it"},
    {"client.accepts_ours", ServerKind::nginx,
     "error.log says why (level info); ssl_verify_depth 2; the map of subjects"},
    {"client.accepts_ours", ServerKind::haproxy, "the acl with ssl_c_s_dn; the log says verify=NUMBER"},
    {"client.accepts_ours", ServerKind::httpd, "SSLVerifyDepth 2; Require expr; LogLevel ssl:info says why"},
    {"client.accepts_ours", ServerKind::node, "the comparison with subjectaltname; 'tlsClientError' says why"},
    {"client.accepts_next", ServerKind::nginx,
     "ssl_client_certificate trust-chain.pem;  # the new one, then nginx -s reload"},
    {"client.accepts_next", ServerKind::haproxy, "bind ... ca-file trust-chain.pem  # the new one, then reload"},
    {"client.accepts_next", ServerKind::httpd,
     "SSLCACertificateFile trust-chain.pem  # the new one, then apachectl graceful"},
    {"client.accepts_next", ServerKind::node,
     "ca: read('trust-chain.pem')  // the new one, by server.setSecureContext"},
    {"refuse.no_certificate", ServerKind::nginx, "ssl_verify_client on;  # not optional"},
    {"refuse.no_certificate", ServerKind::haproxy, "bind ... verify required"},
    {"refuse.no_certificate", ServerKind::httpd, "SSLVerifyClient require"},
    {"refuse.no_certificate", ServerKind::node, "requestCert: true, rejectUnauthorized: true"},
    {"refuse.self_signed", ServerKind::nginx, "ssl_verify_client on;  # not optional_no_ca"},
    {"refuse.other_ca", ServerKind::nginx, "ssl_verify_client on;  # not optional_no_ca"},
    {"refuse.look_alike_root", ServerKind::nginx, "ssl_verify_client on;  # not optional_no_ca"},
    {"refuse.self_signed", ServerKind::haproxy, "no ca-ignore-err, no crt-ignore-err"},
    {"refuse.self_signed", ServerKind::node, "rejectUnauthorized: true"},
    {"refuse.other_ca", ServerKind::node, "rejectUnauthorized: true"},
    {"refuse.revoked", ServerKind::nginx, "ssl_crl crls.pem;"},
    {"refuse.revoked", ServerKind::haproxy, "bind ... crl-file crls.pem"},
    {"refuse.revoked", ServerKind::httpd, "SSLCARevocationFile crls.pem and SSLCARevocationCheck chain"},
    {"refuse.revoked", ServerKind::node, "crl: read('crls.pem')"},
    {"refuse.other_environment", ServerKind::nginx, "map $ssl_client_s_dn: CN=ehi,OU=production,O=provider"},
    {"refuse.other_environment", ServerKind::haproxy, "acl is_production ssl_c_s_dn(OU) -m str production"},
    {"refuse.other_environment", ServerKind::httpd, "Require expr with SSL_CLIENT_S_DN_OU"},
    {"refuse.other_environment", ServerKind::node, "compare subjectaltname with the whole URI"},
    {"refuse.other_caller", ServerKind::nginx, "map $ssl_client_s_dn: CN=ehi,OU=production,O=provider"},
    {"refuse.other_caller", ServerKind::haproxy, "acl is_ehi ssl_c_s_dn(CN) -m str ehi"},
    {"refuse.other_caller", ServerKind::httpd, "Require expr with SSL_CLIENT_S_DN_CN"},
    {"refuse.other_caller", ServerKind::node, "compare subjectaltname with the whole URI"},
    {"behaviour.keep_alive", ServerKind::nginx, "keepalive_timeout 65s; keepalive_requests 10000;"},
    {"behaviour.keep_alive", ServerKind::haproxy, "no option httpclose; timeout http-keep-alive 65s"},
    {"behaviour.keep_alive", ServerKind::httpd, "KeepAlive On, KeepAliveTimeout 65, MaxKeepAliveRequests 0"},
    {"behaviour.keep_alive", ServerKind::node, "server.keepAliveTimeout = 65000"},
    {"behaviour.resumption", ServerKind::nginx, "ssl_session_tickets off; ssl_session_cache off;"},
    {"behaviour.resumption", ServerKind::haproxy,
     "ssl-default-bind-options ... no-tls-tickets, and tune.ssl.cachesize 0"},
    {"behaviour.resumption", ServerKind::httpd, "SSLSessionTickets off, SSLSessionCache none"},
    {"behaviour.resumption", ServerKind::node, "secureOptions: constants.SSL_OP_NO_TICKET"},
};

}  // namespace

std::string_view hint(std::string_view check, ServerKind server) {
  const auto found =
      std::ranges::find_if(kHints, [&](const Hint& one) { return one.check == check && one.server == server; });
  return found == std::end(kHints) ? std::string_view() : found->lines;
}

}  // namespace countersign::check
