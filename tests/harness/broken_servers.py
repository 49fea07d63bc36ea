"""Partners' servers with one thing wrong each, all started in one go: one nginx with a server for each, and some openssl
s_server. Each is one step from the one called "right"."""
import http.server
import shutil
import threading
import time
from pathlib import Path

from harness import nginx
from harness.ehi_hosts import answers, free_port
from harness.material import CA, EXPIRED, SERVER, TRANSPORT, Credential, Validity, openssl
from harness.partner import NAMES, ReservedPort
from harness.program import Failure, Program, wait_until

ENDS_SOON = Validity(begins=-27, ends=3)
SLOW_SECONDS = 0.3
EVERY_LEVEL = ":@SECLEVEL=0"
RSA = ("RSA", "-pkeyopt", "rsa_keygen_bits:2048")


class SlowApplication(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        time.sleep(SLOW_SECONDS)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class BrokenServers:
    """`trust_chain`: the provider's; `crls`: those of its root and of its issuing CA. `url(name)` for each name in NGINX and
    OPENSSL."""

    def __init__(self, folder, maker, trust_chain, crls):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.maker = maker
        self.trust_chain = Path(trust_chain)
        self.crls = Path(crls)
        self.programs = []
        self.make_material()
        self.slow = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SlowApplication)
        threading.Thread(target=self.slow.serve_forever, daemon=True).start()
        self.reserved = {name: ReservedPort() for name in NGINX}
        self.ports = {name: port.number for name, port in self.reserved.items()}
        self.ports.update({name: free_port() for name in OPENSSL})

    def make_material(self):
        maker = self.maker
        root = maker.ca("public-root", "/CN=Example Public Root (stand-in)")
        self.anchors = root.certificate
        aia = "authorityInfoAccess=caIssuers;URI:http://127.0.0.1:1/intermediate.cer\n"
        made = maker.leaf("public-intermediate", root, "/CN=Example Public Intermediate",
                          CA + "basicConstraints=critical,CA:TRUE,pathlen:0\n", Validity(-30, 300))
        self.issuer = made
        above = made.certificate.read_text()

        def leaf(name, subject="/CN=localhost", extensions=SERVER + NAMES + aia, validity=Validity(), issuer=made, chain=above):
            one = maker.leaf(name, issuer, subject, extensions, validity)
            one.chain.write_text(one.certificate.read_text() + chain)
            return one

        def with_key(name, algorithm, digest="-sha256"):
            """`openssl ca` makes P-256 only here; this one signs what a CSR of another key says."""
            csr, key = maker.csr(name, "/CN=localhost", algorithm)
            extensions, certificate = self.folder / f"{name}.ext", maker.folder / f"{name}.pem"
            extensions.write_text(SERVER + NAMES + "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
            openssl("x509", "-req", "-in", csr, "-CA", made.certificate, "-CAkey", made.key, "-CAcreateserial", "-days", "30",
                    digest, "-extfile", extensions, "-out", certificate)
            chain = maker.folder / f"{name}-chain.pem"
            chain.write_text(certificate.read_text() + above)
            return Credential(certificate, key, chain)

        right = leaf("right")
        stranger = maker.ca("strangers-root", "/CN=A CA That Nobody Trusts")
        self.stranger = stranger.certificate

        def other_chain(name, *pems):
            path = maker.folder / f"{name}-chain.pem"
            path.write_text("".join(pems))
            return Credential(right.certificate, right.key, path)

        own = right.certificate.read_text()
        self.credentials = {
            "right": right,
            "leaf alone": other_chain("leaf-alone", own),
            "out of order": other_chain("out-of-order", own, root.certificate.read_text(), above),
            "with a stranger": other_chain("with-a-stranger", own, above, stranger.certificate.read_text()),
            "other name": leaf("other-name", extensions=SERVER + "subjectAltName=DNS:elsewhere.example\n" + aia),
            "expired": leaf("server-expired", validity=EXPIRED),
            "ends soon": leaf("ends-soon", validity=ENDS_SOON),
            "unknown CA": leaf("unknown-ca", issuer=stranger, chain=stranger.certificate.read_text()),
            "self-signed": maker.self_signed("server-self-signed", "/CN=localhost", SERVER + NAMES),
            "for clients": leaf("for-clients", extensions=TRANSPORT + NAMES + aia),
            "short key": with_key("short-key", ("RSA", "-pkeyopt", "rsa_keygen_bits:1024")),
            "SHA-1": with_key("sha-1", ("EC", "-pkeyopt", "ec_paramgen_curve:P-256"), "-sha1"),
            "RSA": with_key("rsa", RSA),
        }
        self.make_staple(right)
        self.small_group = self.folder / "dh1024.pem"
        openssl("dhparam", "-dsaparam", "-out", self.small_group, "1024")
        self.more_cas = self.folder / "more-cas.pem"
        self.more_cas.write_text(self.trust_chain.read_text() + stranger.certificate.read_text())

    def make_staple(self, credential):
        """An OCSP response that says "revoked"."""
        serial = openssl("x509", "-in", credential.certificate, "-noout", "-serial").decode().strip().partition("=")[2]
        index = self.folder / "ocsp-index.txt"
        index.write_text(f"R\t491231235959Z\t260101000000Z\t{serial}\tunknown\t/CN=localhost\n")
        self.staple = self.folder / "staple.der"
        openssl("ocsp", "-index", index, "-CA", self.issuer.certificate, "-rsigner", self.issuer.certificate, "-rkey",
                self.issuer.key, "-issuer", self.issuer.certificate, "-cert", credential.certificate, "-ndays", "7", "-respout",
                self.staple)

    def url(self, name):
        return f"https://localhost:{self.ports[name]}/decide"

    def start(self):
        config = self.folder / "nginx.conf"
        config.write_text(nginx.config(self.folder, _HTTP + "".join(self._server(name) for name in NGINX)))
        log = self.folder / "error.log"
        self.programs.append(Program("nginx", ["nginx", "-p", self.folder, "-e", log, "-c", config], self.folder))
        for name, options in OPENSSL.items():
            self.programs.append(Program("s_server-" + name.replace(" ", "-"), self._s_server(name, options), self.folder))
        for name, port in self.ports.items():
            wait_until(lambda: self._listens(port), f"the server '{name}'; see {self.folder}")
        return self

    def _listens(self, port):
        for program in self.programs:
            if not program.running():
                raise Failure(f"{program.name} ended: {program.tail()}")
        return answers(port)

    def stop(self):
        for program in self.programs:
            program.stop() if program.name == "nginx" else program.kill()
        for port in self.reserved.values():
            port.socket.close()
        self.slow.shutdown()
        self.slow.server_close()

    def _server(self, name):
        lines = {**RIGHT, **NGINX[name]}
        credential = self.credentials[lines.pop("credential")]
        values = {"trust": self.trust_chain, "more": self.more_cas, "stranger": self.stranger, "group": self.small_group, "crls": self.crls,
                  "staple": self.staple, "slow": f"127.0.0.1:{self.slow.server_port}", "folder": self.folder}
        listen = lines.pop("listen")
        body = [f"listen 127.0.0.1:{self.ports[name]} {listen} reuseport", f"ssl_certificate {credential.chain}",
                f"ssl_certificate_key {credential.key}"]
        body += [f"{directive} {value.format(**values)}" for directive, value in lines.items()
                 if value is not None and directive not in ("location", "admit")]
        admit = f"    if ({lines['admit']} = 0) {{ return 403; }}\n" if lines["admit"] else ""
        location = f"    location / {{ {lines['location'].format(**values)} }}\n"
        return "  server {\n" + "".join(f"    {line};\n" for line in body) + admit + location + "  }\n"

    def _s_server(self, name, options):
        right = self.credentials["right"]
        return [shutil.which("openssl"), "s_server", "-accept", f"127.0.0.1:{self.ports[name]}", "-cert", right.certificate,
                "-key", right.key, "-cert_chain", self.issuer.certificate, "-CAfile", self.trust_chain, "-www", "-quiet", "-no_cache",
                "-num_tickets", "0", "-no_ticket", *options]


RIGHT = {
    "listen": "ssl",
    "credential": "right",
    "ssl_protocols": "TLSv1.2 TLSv1.3",
    "ssl_ciphers": "ECDHE+AESGCM",
    "ssl_client_certificate": "{trust}",
    "ssl_verify_client": "on",
    "ssl_verify_depth": "2",
    "ssl_crl": "{crls}",
    "ssl_session_tickets": "off",
    "ssl_session_cache": "off",
    "admit": "$is_provider",
    "location": "default_type text/plain; return 200 'approved';",
}

# name: what differs from RIGHT
NGINX = {
    "right": {},
    "missing intermediate": {"credential": "leaf alone"},
    "chain out of order": {"credential": "out of order"},
    "needless certificate": {"credential": "with a stranger"},
    "other name": {"credential": "other name"},
    "expired": {"credential": "expired"},
    "ends soon": {"credential": "ends soon"},
    "unknown CA": {"credential": "unknown CA"},
    "self-signed": {"credential": "self-signed"},
    "certificate for clients": {"credential": "for clients"},
    "RSA of 1024 bits": {"credential": "short key", "ssl_ciphers": "ECDHE+AESGCM" + EVERY_LEVEL},
    "signed with SHA-1": {"credential": "SHA-1", "ssl_ciphers": "ECDHE+AESGCM" + EVERY_LEVEL},
    "revoked by its staple": {"ssl_stapling": "on", "ssl_stapling_file": "{staple}"},
    "TLS 1.0": {"ssl_protocols": "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3", "ssl_ciphers": "ECDHE+AES" + EVERY_LEVEL},
    "TLS 1.2 alone": {"ssl_protocols": "TLSv1.2"},
    "no encryption": {"ssl_ciphers": "ECDHE+AESGCM:eNULL" + EVERY_LEVEL},
    "anonymous": {"ssl_ciphers": "ECDHE+AESGCM:aNULL" + EVERY_LEVEL},
    "no forward secrecy": {"credential": "RSA", "ssl_ciphers": "ECDHE+AESGCM:kRSA+AESGCM"},
    "small group": {"credential": "RSA", "ssl_ciphers": "ECDHE+AESGCM:DHE+AESGCM" + EVERY_LEVEL, "ssl_dhparam": "{group}"},
    "asks nobody": {"ssl_verify_client": "off", "ssl_client_certificate": None, "ssl_crl": None, "admit": None},
    "asks optionally": {"ssl_verify_client": "optional", "admit": "$is_provider_or_nobody"},
    "believes any CA": {"ssl_verify_client": "optional_no_ca", "ssl_crl": None},
    "admits the whole chain": {"admit": None, "ssl_crl": None},
    "knows nothing of revocation": {"ssl_crl": None},
    "believes strangers": {"ssl_client_certificate": "{more}"},
    "another trust chain": {"ssl_client_certificate": "{stranger}", "ssl_crl": None},
    "admits somebody else": {"admit": "$is_somebody_else"},
    "tickets": {"ssl_session_tickets": "on"},
    "session cache": {"ssl_session_cache": "builtin:100"},
    "slow": {"location": "proxy_pass http://{slow};"},
    "closes each connection": {"keepalive_timeout": "0"},
    "without TLS": {"listen": ""},
    "redirects": {"location": "return 301 https://elsewhere.example/;"},
    "no application": {"location": "proxy_pass http://127.0.0.1:1;"},
}

OPENSSL = {
    "right but for its manners": ["-Verify", "3", "-verify_return_error"],
    "asks and does not look": ["-verify", "3"],
    "TLS 1.1 alone": ["-Verify", "3", "-verify_return_error", "-tls1_1", "-cipher", "DEFAULT" + EVERY_LEVEL],
}

_HTTP = """
  access_log off;
  map $ssl_client_s_dn $is_provider { default 0; "CN=ehi,OU=production,O=provider" 1; }
  map $ssl_client_s_dn $is_provider_or_nobody { default 0; "" 1; "CN=ehi,OU=production,O=provider" 1; }
  map $ssl_client_s_dn $is_somebody_else { default 0; "CN=somebody,OU=else" 1; }
"""
