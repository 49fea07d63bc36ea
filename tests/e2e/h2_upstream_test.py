"""Services of HTTP/2 behind the gateway, Node's own: by ALPN, over mutual TLS, refusing, checked, and gone without a word."""
import json
import os
import shutil
import signal
import threading
import unittest
from pathlib import Path

import path  # noqa: F401
from harness import clients, h2, testing
from harness.material import SERVER, TRANSPORT, Material
from harness.program import Program, wait_until

SERVICE = Path(__file__).resolve().parent / "peers" / "service_h2.js"


@unittest.skipUnless(shutil.which("node"), "no node here: apt-get install nodejs")
class H2UpstreamTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")
        material = Material(cls.platform.folder / "service-tls")
        cls.material = material
        cls.ca = material.ca("services", "/CN=Services")
        cls.server = material.leaf("service", cls.ca, "/CN=service.example", SERVER + "subjectAltName=DNS:service.example\n")

    def service(self, protocol, *tls):
        name = f"{self._testMethodName}-{protocol}"
        ready = self.platform.folder / f"{name}.ready"
        service = Program(name, ["node", "--no-warnings", SERVICE, ready, protocol, *tls], self.platform.folder, ready)
        self.addCleanup(service.kill)
        return service, service.started()["port"]

    def lead_to(self, port, settings, check=""):
        self.platform.gateway_tables = (
            f'\n[[gateway.upstreams]]\nname = "service"\naddresses = ["127.0.0.1:{port}"]\n{settings}\n{check}\n'
            '[[gateway.routes]]\npath = "/service"\nupstream = "service"\naccess = "any_partner"\n'
            + "".join(f'[[gateway.routes]]\npath = "/{name}"\nupstream = "service"\naccess = "any_partner"\n'
                      for name in ("refused", "left", "reset", "held", "release", "sick", "well")))
        self.platform.stop("gateway")
        self.platform.start("gateway")
        self.settle(self.acme.transport)
        self.log = self.platform.records("gateway")
        self.mark = self.log.mark()

    def ask(self, path="/service", *extra):
        return self.curl(self.acme.transport, path, extra)

    def seen(self, path="/service", *extra):
        answer = self.ask(path, *extra)
        self.assertEqual(answer.status, 200, answer.body)
        return json.loads(answer.body)

    def tls_files(self):
        return self.server.key, self.server.chain, self.ca.certificate

    def show(self, credential, serial):
        """What the gateway shows to the service, from its next connection on."""
        own = self.material.leaf(f"gateway-{serial}", self.ca, "/CN=gateway", TRANSPORT)
        for source, name in ((own.key, credential.with_suffix(".key")), (own.chain, credential)):
            fresh = name.with_suffix(".new")
            fresh.write_bytes(source.read_bytes())
            os.replace(fresh, name)

    def over_tls(self, port, protocol):
        credential = self.platform.folder / "shown.pem"
        self.show(credential, f"{self._testMethodName}-{protocol}")
        self.lead_to(port, f'tls = true\nanchors = "{self.ca.certificate}"\nserver_name = "service.example"\nprotocol = "{protocol}"\n'
                           f'certificate = "{credential}"\nkey = "{credential.with_suffix(".key")}"')
        return credential

    def test_alpn_says_what_is_spoken(self):
        for offered, protocol, version in (("both", "auto", "2.0"), ("http1", "auto", "1.1"), ("both", "http2", "2.0"),
                                           ("both", "http1", "1.1")):
            with self.subTest(offered, protocol=protocol):
                service, port = self.service(offered, *self.tls_files())
                self.over_tls(port, protocol)
                for _ in range(3):
                    seen = self.seen("/service", "-d", "body")
                    self.assertEqual((seen["version"], seen["body"]), (version, "body"))
                    self.assertTrue(seen["client"], "mutual TLS")
                service.kill()

    def test_another_certificate_of_ours(self):
        """The connection that showed the old one ends with its last request; what is new shows the new one."""
        _, port = self.service("h2", *self.tls_files())
        credential = self.over_tls(port, "http2")
        before = self.seen()
        held = []
        waiting = threading.Thread(target=lambda: held.append(self.seen("/held")))
        waiting.start()
        wait_until(lambda: self.seen()["requests"] >= before["requests"] + 2, "the service was never asked")
        self.show(credential, "renewed")
        after = wait_until(lambda: (lambda one: one if one["client"] != before["client"] else None)(self.seen()), "the old one is still shown")
        self.assertEqual(after["sessions"], 2)
        self.seen("/release")
        waiting.join(30)
        self.assertEqual(held[0]["client"], before["client"], "it was not lost, nor moved")
        self.assertEqual(self.seen()["sessions"], 2, "requests share the new connection")

    def test_checks_ask_over_http2(self):
        _, port = self.service("h2")
        self.lead_to(port, 'protocol = "http2"', '[gateway.upstreams.check]\npath = "/healthz"\ninterval = "100ms"\nfall = 2\nrise = 2')
        wait_until(lambda: self.seen()["checks"] >= 3, "no checks came")
        self.assertEqual(self.seen()["check_version"], "2.0")
        self.seen("/sick")
        self.log.next("upstream.down", self.mark)
        answer = self.ask()
        self.assertEqual((answer.status, json.loads(answer.body)["code"]), (503, "gateway.upstream_down"))

    def test_what_was_refused_unprocessed_is_sent_again(self):
        _, port = self.service("h2")
        self.lead_to(port, 'protocol = "http2"')
        small = "x" * 20_000
        for name, extra, status in (("refused", ["-d", small], 200), ("left", ["-d", small], 200), ("reset", ["-d", small], 502),
                                    ("refused-without-body", ["-X", "POST"], 200)):
            for version in ("--http1.1", "--http2"):
                with self.subTest(name, version=version):
                    self.seen()
                    kind = name.split("-")[0]
                    answer = self.ask(f"/{kind}/{name}{version}", version, *extra)
                    self.assertEqual(answer.status, status, answer.body)
                    if status == 200 and "-d" in extra:
                        self.assertEqual(json.loads(answer.body)["body"], small)

    def test_a_body_that_is_still_on_its_way_goes_on_elsewhere(self):
        _, port = self.service("h2")
        self.lead_to(port, 'protocol = "http2"')
        client = h2.Client(self.platform.ports["gateway"], self.platform.trust_chain, self.acme.transport)
        self.addCleanup(client.close)
        fields = h2.replaced(h2.GET, method="POST", path="/refused/on-its-way")
        before = self.seen()["requests"]
        client.send(h2.headers(1, fields, h2.END_HEADERS), h2.frame(h2.DATA, 0, 1, b"first"))
        wait_until(lambda: self.seen()["requests"] >= before + 3, "it was never sent again", 10)
        client.send(h2.frame(h2.DATA, h2.END_STREAM, 1, b" and last"))
        answer = client.answer(1)
        self.assertEqual(answer.status, 200)
        self.assertEqual(json.loads(answer.body)["body"], "first and last")

    def test_a_service_that_is_gone_without_a_word_is_found(self):
        """A process that is stopped keeps its connections: nothing tells of it but that it says nothing."""
        service, port = self.service("h2")
        self.lead_to(port, 'protocol = "http2"\nping_after = "500ms"\nping_time = "500ms"\neject_after = 0\nconnect_time = "500ms"')
        self.seen()
        os.kill(service.pid, signal.SIGSTOP)
        try:
            answer = self.ask("/service", "-d", "body", "--max-time", "20")
            self.assertEqual((answer.status, json.loads(answer.body)["code"]), (502, "gateway.upstream_failed"))
            self.assertIn("http.silent", self.log.next("gateway.upstream_failed", self.mark)["error"])
            metrics = clients.curl(self.platform.folder, f"http://127.0.0.1:{self.platform.ports['gateway_status']}/metrics").body
            failures = [line for line in metrics.splitlines() if line.startswith("countersign_gateway_upstream_address_failures_total")]
            self.assertTrue([line for line in failures if 'upstream="service"' in line and line.endswith(" 1")], failures)
        finally:
            os.kill(service.pid, signal.SIGCONT)
        self.assertEqual(self.seen()["sessions"] - 1, 1, "another connection")


if __name__ == "__main__":
    testing.main()
