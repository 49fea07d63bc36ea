"""The gateway staples what its CA's responder says of its own certificates: the authority's, and a public CA's."""
import signal

import path  # noqa: F401
from harness import clients, testing
from harness.material import SERVER, Material, split_pem
from harness.ocsp import OcspResponder
from harness.program import wait_until

VERSIONS = ("tls1_2", "tls1_3")
NONE = "OCSP response: no response sent"


class GatewayOfStaples(testing.PlatformTest):
    keeps_status_port = True  # the gateway's certificate names it
    gateway_listeners = """
[[gateway.routes]]
path = "/open"
upstream = "{upstream}"
client_certificate = "optional"
access = "anyone"

[[gateway.listeners]]
name = "own"
listen = "127.0.0.1:0"
client_certificate = "optional"

[[gateway.listeners]]
name = "names"
listen = "127.0.0.1:0"
client_certificate = "none"
[[gateway.listeners.sites]]
names = ["localhost"]
[[gateway.listeners.sites]]
names = ["plain.localhost"]
server_certificate = "plain.pem"
server_key = "plain.key"
[[gateway.listeners.sites]]
names = ["must.localhost"]
server_certificate = "must-chain.pem"
server_key = "must.key"
"""

    @classmethod
    def prepare(cls):
        material = Material(cls.platform.data)
        cls.responder = OcspResponder(cls.platform.folder)
        cls.addClassCleanup(cls.responder.stop)
        public = material.ca("public-ca", "/CN=Example Public CA")
        must = material.leaf("must", public, "/CN=must.localhost", SERVER + "subjectAltName=DNS:must.localhost\n"
                             f"authorityInfoAccess=OCSP;URI:{cls.responder.url}\ntlsfeature=status_request\n")
        material.self_signed("plain", "/CN=plain.localhost", SERVER + "subjectAltName=DNS:plain.localhost\n")
        cls.responder.know(public, must.certificate)
        cls.platform.gateway_keys = "workers = 3\n"
        cls.platform.write_config()

    def ask(self, listener, name="localhost", *options):
        """What openssl s_client saw of one handshake."""
        done = clients.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.platform.ports[listener]}", "-servername", name,
                            "-CAfile", self.platform.trust_chain, *options], self.platform.folder)
        return (done.stdout + done.stderr).decode(errors="replace")

    def staple(self, listener, name="localhost", version="tls1_3"):
        """good, revoked, unknown; empty: none was sent; refused: there was no handshake without."""
        said = self.ask(listener, name, "-status", f"-{version}")
        if "SSL alert number 80" in said:
            return "refused"
        if NONE in said:
            return ""
        self.assertIn("OCSP Response Status: successful", said)
        return said.partition("Cert Status: ")[2].split()[0]

    def await_staple(self, listener, name="localhost"):
        wait_until(lambda: self.staple(listener, name) == "good", f"nothing is stapled at '{listener}' for {name}")

    def status_page(self, where):
        return clients.curl(self.platform.folder, f"http://127.0.0.1:{self.platform.ports['gateway_status']}{where}")

    def restart(self):
        self.platform.stop("gateway")
        mark = self.platform.records("gateway").mark()
        self.platform.start("gateway")
        return mark


class StaplingTest(GatewayOfStaples):
    def setUp(self):
        self.responder.answers = True
        self.await_staple("own")
        self.await_staple("names", "must.localhost")

    def test_who_asks_gets_it_in_each_version(self):
        for version in VERSIONS:
            with self.subTest(version):
                self.assertEqual(self.staple("own", version=version), "good")
                self.assertEqual(self.staple("names", version=version), "good")
                silent = self.ask("own", "localhost", f"-{version}")
                self.assertIn("Verify return code: 0 (ok)", silent)
                self.assertNotIn("OCSP Response Data", silent)

    def test_curl_believes_it(self):
        """It checks the signature against the trust chain, and refuses without."""
        for versions in (["--tlsv1.3"], ["--tls-max", "1.2"]):
            url = f"https://localhost:{self.platform.ports['own']}/open"
            seen = clients.curl(self.platform.folder, url, self.platform.trust_chain, None, ["--cert-status", *versions])
            self.assertEqual(seen.status, 200, seen.output)

    def test_the_name_decides(self):
        for version in VERSIONS:
            with self.subTest(version):
                self.assertEqual(self.staple("names", "plain.localhost", version), "")
                said = self.ask("names", "must.localhost", "-status", f"-{version}")
                self.assertIn("Responder Id: CN = Example Public CA", said)
                self.assertIn("Cert Status: good", said)

    def test_metrics_and_log_tell(self):
        text = self.status_page("/metrics").body
        self.assertRegex(text, r'staple_age_seconds\{listener="own",site="other"\} \d')
        self.assertRegex(text, r'staple_next_update_timestamp_seconds\{listener="names",site="must.localhost"\} [1-9]')
        self.assertRegex(text, r'staple_revoked\{listener="own",site="other"\} 0')
        self.assertNotIn('site="plain.localhost"', "\n".join(line for line in text.splitlines() if "staple" in line))
        records = self.platform.records("gateway")
        renewed = {record["sites"] for record in records.all("staple.renewed")}
        self.assertEqual(renewed, {"own/other names/localhost", "names/must.localhost"})
        said = {(record["listener"], record["site"]): record["staples"] for record in records.all("gateway.listening")}
        self.assertEqual(said["names", "plain.localhost"], "")
        self.assertEqual(said["names", "must.localhost"], f"from {self.responder.url}")

    def test_a_certificate_is_asked_for_once_and_a_reload_asks_nobody(self):
        self.restart()
        self.await_staple("names", "must.localhost")
        asked = len(self.responder.requests)
        records = self.platform.records("gateway")
        mark = records.mark()
        self.platform.running["gateway"].process.send_signal(signal.SIGHUP)
        records.next("gateway.reloaded", mark)
        self.responder.answers = False
        for version in VERSIONS:
            self.assertEqual(self.staple("names", "must.localhost", version), "good")
        self.assertEqual(len(self.responder.requests), asked)
        self.assertEqual(self.responder.requests[-1][0], "GET")

    def test_one_that_must_be_stapled_is_not_shown_without_to_who_asks(self):
        self.responder.answers = False
        mark = self.restart()
        record = self.platform.records("gateway").next("staple.failing", mark)
        self.assertEqual((record["level"], record["reason"], record["sites"]), ("error", "refused", "names/must.localhost"))
        for version in VERSIONS:
            with self.subTest(version):
                self.assertIn("SSL alert number 80", self.ask("names", "must.localhost", "-status", f"-{version}"))
                self.assertIn("Server certificate", self.ask("names", "must.localhost", f"-{version}"))
        self.await_staple("own")
        ready = self.status_page("/ready")
        self.assertEqual(ready.status, 503)
        self.assertIn("names/must.localhost must be stapled", ready.body)
        self.responder.answers = True
        wait_until(lambda: self.status_page("/ready").status == 200, "the gateway does not become ready")
        self.assertEqual(self.staple("names", "must.localhost"), "good")


class RevokedTest(GatewayOfStaples):
    def test_a_revoked_one_is_never_stapled(self):
        self.await_staple("own")
        own = self.platform.data / "gateway" / "server.pem"
        serial = clients.run(["openssl", "x509", "-in", own, "-noout", "-serial"], ".").stdout.decode().strip().partition("=")[2]
        issuer = self.platform.folder / "server-issuer.pem"
        issuer.write_text(split_pem(own.read_text())[1])
        self.platform.admin("revoke", serial.lower(), "--reason", "key_compromise")
        responder = f"http://127.0.0.1:{self.platform.ports['authority_status']}/ocsp"

        def is_known_as_revoked():
            done = clients.run(["openssl", "ocsp", "-issuer", issuer, "-cert", own, "-url", responder, "-noverify"], ".")
            return b": revoked" in done.stdout

        wait_until(is_known_as_revoked, "the responder does not come to say it")
        mark = self.restart()
        record = self.platform.records("gateway").next("staple.revoked", mark)
        self.assertEqual((record["level"], record["sites"]), ("error", "own/other names/localhost"))
        for version in VERSIONS:
            self.assertEqual(self.staple("own", version=version), "")
        self.assertIn('staple_revoked{listener="own",site="other"} 1', self.status_page("/metrics").body)
        self.assertIn("is revoked, says its OCSP responder", self.status_page("/ready").body)


if __name__ == "__main__":
    testing.main()
