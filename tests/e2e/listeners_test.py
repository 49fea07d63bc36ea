"""Listeners and sites of the gateway with unmodified clients: who is let in under which name, sessions, and what scanners say."""
import json
import re
import shutil
import unittest

import path  # noqa: F401
from harness import clients, testing

SCAN_SECONDS = 400
SCANNED = ("mutual", "optional", "one-way", "names")  # each with HTTP/1.1 and HTTP/2
HSTS = "max-age=31536000; includeSubDomains"


class ListenersTest(testing.PlatformTest):
    gateway_listeners = """
[[gateway.routes]]
path = "/open"
upstream = "{upstream}"
client_certificate = "optional"
access = "anyone"

[[gateway.listeners]]
name = "mutual"
listen = "127.0.0.1:0"
resumption = "stateful"
strict_transport_security = "{hsts}"

[[gateway.listeners]]
name = "optional"
listen = "127.0.0.1:0"
client_certificate = "optional"
strict_transport_security = "{hsts}"

[[gateway.listeners]]
name = "one-way"
listen = "127.0.0.1:0"
client_certificate = "none"
strict_transport_security = "{hsts}"

[[gateway.listeners]]
name = "names"
listen = "127.0.0.1:0"
strict_transport_security = "{hsts}"
[[gateway.listeners.sites]]
names = ["localhost"]
[[gateway.listeners.sites]]
names = ["open.localhost"]
client_certificate = "none"
""".replace("{hsts}", HSTS)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")

    def ask(self, listener, credential=None, path="/hello", extra=(), host="localhost"):
        url = f"https://{host}:{self.platform.ports[listener]}{path}"
        return clients.curl(self.platform.folder, url, self.platform.trust_chain, credential,
                            ["--resolve", f"{host}:{self.platform.ports[listener]}:127.0.0.1", *extra])

    def test_modes(self):
        rows = [("mutual", True, "/hello", 200, ""), ("mutual", False, "/open", 0, "certificate_required"),
                ("optional", True, "/hello", 200, ""), ("optional", False, "/open", 200, ""),
                ("optional", False, "/hello", 403, ""), ("one-way", True, "/open", 200, ""), ("one-way", False, "/hello", 403, "")]
        for listener, known, where, status, alert in rows:
            with self.subTest(listener=listener, known=known, path=where):
                outcome = self.ask(listener, self.acme.transport if known else None, where)
                self.assertEqual((outcome.status, outcome.alert), (status, alert), outcome.output)
                if status == 403:
                    self.assertEqual(json.loads(outcome.body)["code"], "gateway.certificate_required")

    def test_each_listener_says_at_start_what_its_tls_is(self):
        said = {(record["listener"], record["site"]): record["tls"]
                for record in self.platform.records("gateway").all("gateway.listening")}
        self.assertEqual(said, {("mutual", "other"): "mutual", ("optional", "other"): "optional", ("one-way", "other"): "one-way",
                                ("names", "localhost"): "mutual", ("names", "open.localhost"): "one-way"})

    def test_names(self):
        self.assertEqual(self.ask("names", self.acme.transport).status, 200)
        unknown = self.ask("names", self.acme.transport, extra=["-k"], host="elsewhere.localhost")
        self.assertEqual((unknown.status, unknown.alert), (0, "unrecognized_name"), unknown.output)
        self.assertEqual(self.ask("names", None, "/open", ["-k"], "open.localhost").status, 200)
        crossing = self.ask("names", None, "/open", ["-k", "-H", "Host: localhost"], "open.localhost")
        self.assertEqual(crossing.status, 421)

    def resumed(self, listener, session, version):
        done = clients.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.platform.ports[listener]}", f"-{version}", "-cert",
                            self.acme.transport.certificate, "-key", self.acme.transport.key, "-cert_chain",
                            self.acme.transport.chain, *session, "-ign_eof"], self.platform.folder,
                           "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        text = done.stdout.decode(errors="replace")
        self.assertIn("HTTP/1.1 200", text)
        return "Reused, " in text

    def test_openssl_comes_back_on_a_session_where_it_may(self):
        for version in ("tls1_2", "tls1_3"):
            for listener, comes_back in (("mutual", True), ("optional", False)):
                with self.subTest(version=version, listener=listener):
                    kept = self.platform.folder / f"session-{version}-{listener}"
                    self.assertFalse(self.resumed(listener, ["-sess_out", kept], version))
                    if not comes_back and not kept.exists():
                        continue
                    self.assertEqual(self.resumed(listener, ["-sess_in", kept], version), comes_back)

    def test_each_response_says_that_there_is_only_tls(self):
        """The service's own, the gateway's own, in both versions of HTTP."""
        for version in ("--http1.1", "--http2"):
            for where, status in (("/open", 200), ("/hello", 403), ("/oauth2/token", 400)):
                with self.subTest(version=version, path=where):
                    outcome = self.ask("one-way", None, where, [version])
                    self.assertEqual(outcome.status, status, outcome.output)
                    said = re.findall(r"(?im)^< strict-transport-security: (.*?)\r?$", outcome.output)
                    self.assertEqual(said, [HSTS], outcome.output)

    def test_metrics_tell_listeners_apart(self):
        self.assertEqual(self.ask("one-way", None, "/open").status, 200)
        text = clients.curl(self.platform.folder, f"http://127.0.0.1:{self.platform.ports['gateway_status']}/metrics").body
        self.assertRegex(text, r'listener_handshakes_total\{listener="one-way",tls="one-way",outcome="accepted"\} [1-9]')


class ScannersTest(testing.PlatformTest):
    """testssl.sh and sslscan at a listener of each mode: nothing above what is for information."""
    keeps_status_port = True  # the gateway staples what the responder says, which its certificate names
    gateway_listeners = ListenersTest.gateway_listeners

    def setUp(self):
        self.platform.records("gateway").next("staple.renewed", 0)

    def test_testssl(self):
        if not shutil.which("testssl"):
            raise unittest.SkipTest("testssl.sh is not installed")
        scans = {}
        for listener in SCANNED:  # at once: they wait more than they work
            report = self.platform.folder / f"testssl-{listener}.json"
            scans[report] = testing.start(
                ["testssl", "--quiet", "--color", "0", "--nodns", "min", "--add-ca", self.platform.trust_chain, "-p", "-s", "-f", "-P",
                 "-S", "-h", "-U", "--jsonfile", report, f"localhost:{self.platform.ports[listener]}"], self.platform.folder)
        for report, scan in scans.items():
            scan.communicate(timeout=SCAN_SECONDS)
            rows = json.loads(report.read_text())
            self.assertGreater(len(rows), 40, rows)
            spoken = {one["id"]: one["finding"] for one in rows if one["id"].startswith("ALPN")}
            self.assertEqual(spoken, {"ALPN_HTTP2": "h2", "ALPN": "http/1.1"}, report.name)
            found = [(one["id"], one["severity"], one["finding"]) for one in rows
                     if one["severity"] in ("LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL")]
            self.assertEqual(found, [], report.name)

    def test_sslscan(self):
        if not shutil.which("sslscan"):
            raise unittest.SkipTest("sslscan is not installed")
        for listener in SCANNED:
            said = clients.run(["sslscan", "--no-colour", f"localhost:{self.platform.ports[listener]}"], self.platform.folder,
                               seconds=SCAN_SECONDS).stdout.decode()
            with self.subTest(listener):
                enabled = [line.split()[0] for line in said.splitlines() if line.split()[1:] == ["enabled"]]
                self.assertEqual(enabled, ["TLSv1.2", "TLSv1.3"], said)
                self.assertIn("Session renegotiation not supported", said)
                self.assertNotRegex(said, r"(?m)^\S+ vulnerable to heartbleed")
                weak = [line for line in said.splitlines() if line.startswith(("Accepted", "Preferred"))
                        and not any(good in line for good in ("GCM", "CHACHA20", "POLY1305"))]
                self.assertEqual(weak, [])


if __name__ == "__main__":
    testing.main()
