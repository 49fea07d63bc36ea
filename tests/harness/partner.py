"""A partner's side of EHI: an unmodified nginx that trusts only the provider's trust chain, and its server certificates."""
import re
import socket
from pathlib import Path

from harness import nginx
from harness.clients import ALERTS
from harness.material import EXPIRED, SERVER
from harness.program import Failure, Program, wait_until

NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1\n"


class ReservedPort:
    """A free port that stays ours: bound, but not listened on. nginx shares it by `listen ... reuseport`; programs that listen
    alone, by SO_REUSEADDR."""

    def __init__(self, option=socket.SO_REUSEPORT):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, option, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.number = self.socket.getsockname()[1]


class PartnerServers:
    """One nginx with a server for each kind of server certificate: good (also over http2), expired, other_name, unknown_ca."""

    def __init__(self, folder, material, trust_chain):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        public = material.ca("acme-ca", "/CN=Example Public CA (stand-in)")
        other = material.ca("nobody-ca", "/CN=A CA That Nobody Trusts")
        self.ca_file = public.certificate
        self.credentials = {
            "good": material.leaf("partner-good", public, "/CN=localhost", SERVER + NAMES),
            "expired": material.leaf("partner-expired", public, "/CN=localhost", SERVER + NAMES, EXPIRED),
            "other_name": material.leaf("partner-other-name", public, "/CN=localhost",
                                        SERVER + "subjectAltName=DNS:elsewhere.example\n"),
            "unknown_ca": material.leaf("partner-unknown-ca", other, "/CN=localhost", SERVER + NAMES),
        }
        self.credentials["http2"] = self.credentials["good"]
        self.trust_chain = Path(trust_chain)
        self.reserved = {kind: ReservedPort() for kind in self.credentials}
        self.nginx = None

    @property
    def error_log(self):
        return self.folder / "error.log"

    def port(self, kind):
        return self.reserved[kind].number

    def url(self, kind, path="/decide"):
        return f"https://localhost:{self.port(kind)}{path}"

    def start(self):
        config = self.folder / "nginx.conf"
        config.write_text(self._config())
        self.nginx = Program("nginx", ["nginx", "-p", self.folder, "-e", self.error_log, "-c", config], self.folder)
        wait_until(self._answers, f"the partner's nginx; see {self.error_log}")
        return self

    def _answers(self):
        if not self.nginx.running():
            raise Failure(f"nginx ended: {self.nginx.tail()} {self.error_log.read_text() if self.error_log.exists() else ''}")
        try:
            for port in self.reserved.values():
                socket.create_connection(("127.0.0.1", port.number), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.nginx:
            self.nginx.stop()
        for port in self.reserved.values():
            port.socket.close()

    def last_complaint(self, since):
        """Why nginx last refused a client's certificate, in its own words; "" when it did not."""
        text = self.error_log.read_text(errors="replace")[since:]
        found = re.findall(r"(client SSL certificate verify error: \([^)]*\)|client sent no required SSL certificate)", text)
        return found[-1] if found else ""

    def alert(self, since):
        """The fatal alert that nginx last got from a caller; "" when none."""
        numbers = re.findall(r"SSL alert number (\d+)", self.error_log.read_text(errors="replace")[since:])
        return ALERTS.get(int(numbers[-1]), numbers[-1]) if numbers else ""

    def shown_config(self):
        """What a partner has to write, for people to read."""
        lines = ["ssl_client_certificate trust-chain.pem;    # downloaded from the provider", "ssl_verify_client on;"]
        return "".join(f"    nginx: {line}\n" for line in lines).rstrip()

    def mark(self):
        return len(self.error_log.read_text(errors="replace")) if self.error_log.exists() else 0

    def _config(self):
        servers = "".join(_SERVER.format(port=self.port(kind), certificate=made.chain, key=made.key, trust=self.trust_chain,
                                         http2="http2" if kind == "http2" else "")
                          for kind, made in self.credentials.items())
        return nginx.config(self.folder, _HTTP.format(folder=self.folder) + servers, connections=64)


_HTTP = """
  access_log {folder}/access.log;
  keepalive_requests 1000000;
"""

# What a partner writes: the downloaded trust chain, and that a certificate is demanded.
_SERVER = """
  server {{
    listen 127.0.0.1:{port} ssl {http2} reuseport;
    server_name localhost;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_client_certificate {trust};
    ssl_verify_client on;
    ssl_verify_depth 2;
    location / {{
      default_type application/json;
      return 200 '{{"approved":true,"caller":"$ssl_client_s_dn"}}\\n';
    }}
  }}
"""
