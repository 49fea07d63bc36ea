"""A partner's servers of many kinds in one nginx: with certificates, staples and protocols that are right, and one step away."""
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness import nginx
from harness.material import EXPIRED, NOT_YET_VALID, SERVER, VALID, openssl
from harness.partner import NAMES, ReservedPort
from harness.program import Program, wait_until

MUST_STAPLE = "tlsfeature=status_request\n"


@dataclass
class Server:
    """What one server does; `lines` go into its block of nginx.conf."""
    credential: object
    lines: str = "ssl_protocols TLSv1.2 TLSv1.3;"
    listen: str = "ssl"
    answer: str = """return 200 '{"approved":true,"over":"$server_protocol","caller":"$ssl_client_s_dn"}';"""
    chain: Path | None = None  # what it sends; else that of its credential


class OddPartners:
    def __init__(self, folder, material, trust_chain):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.material, self.trust_chain = material, trust_chain
        self.root = material.ca("odd-root", "/CN=Example Public CA (stand-in)")
        self.other = material.ca("odd-other", "/CN=A CA That Nobody Trusts")
        self.anchors = self.root.certificate
        self.servers = self._make()
        self.ports = {name: ReservedPort() for name in self.servers}
        self.nginx = None

    def _leaf(self, name, issuer=None, names=NAMES, validity=VALID, more=""):
        return self.material.leaf(f"odd-{name}", issuer or self.root, "/CN=localhost", SERVER + names + more, validity)

    def _make(self):
        good = self._leaf("good")
        self.good = good
        intermediate = self._intermediate()
        below = self._leaf("below", intermediate, more="authorityInfoAccess=caIssuers;URI:http://ca.example/ca2.crt\n")
        whole = self.folder / "below-chain.pem"
        whole.write_text(below.certificate.read_text() + intermediate.certificate.read_text())
        must, revoked = self._leaf("must", more=MUST_STAPLE), self._leaf("revoked")

        def staple(credential, status):
            made = self.staple(credential, status)
            return f"ssl_stapling on; ssl_stapling_file {made}; ssl_protocols TLSv1.2 TLSv1.3;"

        return {
            "good": Server(good),
            "http2": Server(good, listen="ssl http2"),
            "wrong-name": Server(self._leaf("wrong-name", names="subjectAltName=DNS:elsewhere.example\n")),
            "expired": Server(self._leaf("expired", validity=EXPIRED)),
            "not-yet-valid": Server(self._leaf("not-yet-valid", validity=NOT_YET_VALID)),
            "self-signed": Server(self.material.self_signed("odd-self", "/CN=localhost", SERVER + NAMES)),
            "unknown-ca": Server(self._leaf("unknown-ca", self.other)),
            "for-clients": Server(self.material.leaf("odd-clients", self.root, "/CN=localhost",
                                                     "keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n" + NAMES)),
            "whole-chain": Server(below, chain=whole),
            "no-intermediate": Server(below, chain=below.certificate),
            "tls-1-2": Server(good, "ssl_protocols TLSv1.2;"),
            "tls-1-1": Server(good, "ssl_protocols TLSv1.1; ssl_ciphers DEFAULT@SECLEVEL=0;"),
            "tls-1-0": Server(good, "ssl_protocols TLSv1; ssl_ciphers DEFAULT@SECLEVEL=0;"),
            "weak-cipher": Server(good, "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA;"),
            "plaintext": Server(good, "", listen=""),
            "redirect": Server(good, answer="return 302 https://elsewhere.example/decide;"),
            "stapled": Server(good, staple(good, "V")),
            "stapled-revoked": Server(revoked, staple(revoked, "R")),
            "stapled-by-1-2": Server(revoked, staple(revoked, "R").replace(" TLSv1.3", "")),
            "must-stapled": Server(must, staple(must, "V")),
            "must-unstapled": Server(must),
        }

    def _intermediate(self):
        made = self.material.leaf("odd-intermediate", self.root, "/CN=Example Public CA 2 (stand-in)",
                                  "keyUsage=critical,keyCertSign,cRLSign\nbasicConstraints=critical,CA:TRUE,pathlen:0\n")
        return type(self.root)(made.certificate, made.key)

    def staple(self, credential, status):
        """An OCSP response about it as its CA would sign it; V is good, R is revoked."""
        serial = openssl("x509", "-in", credential.certificate, "-noout", "-serial").decode().strip().partition("=")[2]
        index, out = self.folder / f"{serial}.index", self.folder / f"{serial}.ocsp"
        revoked_at = "250101000000Z" if status == "R" else ""
        index.write_text(f"{status}\t350101000000Z\t{revoked_at}\t{serial}\tunknown\t/CN=localhost\n")
        openssl("ocsp", "-index", index, "-CA", self.root.certificate, "-rsigner", self.root.certificate,
                "-rkey", self.root.key, "-issuer", self.root.certificate, "-cert", credential.certificate,
                "-ndays", "1", "-respout", out)
        return out

    def pin(self, name):
        public = openssl("x509", "-in", self.servers[name].credential.certificate, "-pubkey", "-noout")
        der = openssl("pkey", "-pubin", "-outform", "DER", stdin=public)
        digest = subprocess.run(["openssl", "dgst", "-sha256", "-binary"], input=der, capture_output=True, check=True).stdout
        return "sha256/" + openssl("base64", "-A", stdin=digest).decode().strip()

    def url(self, name):
        return f"https://localhost:{self.ports[name].number}/decide"

    def start(self):
        config = self.folder / "nginx.conf"
        blocks = "".join(_SERVER.format(port=self.ports[name].number, listen=one.listen, lines=one.lines, answer=one.answer,
                                        chain=one.chain or one.credential.chain, key=one.credential.key,
                                        trust=self.trust_chain) for name, one in self.servers.items())
        config.write_text(nginx.config(self.folder, _HTTP.format(folder=self.folder) + blocks))
        self.nginx = Program("nginx", ["nginx", "-p", self.folder, "-e", self.folder / "error.log", "-c", config], self.folder)
        wait_until(self._answers, f"the partner's nginx; see {self.folder}/error.log")

    def _answers(self):
        said = self.folder / "error.log"
        return self.nginx.running() and said.exists() and "start worker process" in said.read_text(errors="replace")

    def requests(self):
        """[port, protocol, serial of the caller's certificate, connection] of each that got an answer."""
        return [line.split() for line in (self.folder / "access.log").read_text().splitlines()]

    def stop(self):
        if self.nginx:
            self.nginx.stop()
        for port in self.ports.values():
            port.socket.close()


_HTTP = """
  log_format who '$server_port $server_protocol $ssl_client_serial $connection';
  access_log {folder}/access.log who;
  keepalive_requests 100000;
"""

_SERVER = """
  server {{
    listen 127.0.0.1:{port} {listen} reuseport;
    server_name localhost;
    ssl_certificate {chain};
    ssl_certificate_key {key};
    ssl_client_certificate {trust};
    ssl_verify_client on;
    ssl_verify_depth 2;
    {lines}
    location / {{
      default_type application/json;
      {answer}
    }}
  }}
"""
