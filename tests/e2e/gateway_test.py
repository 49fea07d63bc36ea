"""What the gateway does with those it lets in: identity for the upstream, bodies of any size, keep-alive, drain."""
import base64
import signal
import time

import path  # noqa: F401
from harness import testing
from harness.material import to_der
from harness.program import wait_until
from harness.raw import read_to_end, status_of, tls_connect

FORGED = ["X-Countersign-Application: forged", "x-countersign-ORGANISATION: forged", "X_Countersign_Environment: forged",
          "Client-Cert: :Zm9yZ2Vk:", "client_cert: forged", "Client-Cert-Chain: forged"]
MEGABYTE = 1024 * 1024


class GatewayTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")

    def headers_seen(self, name):
        wanted = name.lower().replace("_", "-")
        return [value for key, value in self.upstream.requests[-1]["headers"] if key.lower().replace("_", "-") == wanted]

    def test_the_upstream_learns_who_it_is(self):
        self.assert_seen_as(self.acme.name, self.curl(self.acme.transport))
        (certificate,) = self.headers_seen("Client-Cert")  # RFC 9440: the DER as a byte sequence
        self.assertEqual(base64.b64decode(certificate.strip(":")), to_der(self.acme.transport.certificate.read_text()))
        self.assertEqual(len(self.headers_seen("Client-Cert-Chain")), 1)

    def test_identity_headers_from_outside_are_removed_in_every_spelling(self):
        extra = [word for header in FORGED for word in ("-H", header)]
        self.assert_seen_as(self.acme.name, self.curl(self.acme.transport, extra=extra))
        for name in ("X-Countersign-Application", "X-Countersign-Organisation", "X-Countersign-Environment", "Client-Cert",
                     "Client-Cert-Chain"):
            values = self.headers_seen(name)
            self.assertEqual(len(values), 1, f"{name}: {values}")
            self.assertNotIn("forged", values[0])

    def test_keep_alive_on_both_sides(self):
        before = self.upstream.connections
        with testing.LiveConnection(self.platform, self.acme.transport) as connection:
            self.assertEqual([connection.ask() for _ in range(20)], [200] * 20)
        self.assertLessEqual(self.upstream.connections - before, 1)

    def test_bodies_of_any_size_in_constant_memory(self):
        self.curl(self.acme.transport)
        before = self.platform.running["gateway"].memory_kilobytes()
        large = self.platform.folder / "large"
        with open(large, "wb") as file:
            file.truncate(200 * MEGABYTE)
        outcome = self.curl(self.acme.transport, extra=["-T", str(large)])
        self.assertEqual(outcome.status, 200, outcome.output[-2000:])
        self.assertEqual(self.upstream.requests[-1]["body_bytes"], 200 * MEGABYTE)
        outcome = self.curl(self.acme.transport, extra=["-T", str(large), "-H", "Transfer-Encoding: chunked"])
        self.assertEqual(self.upstream.requests[-1]["body_bytes"], 200 * MEGABYTE)
        outcome = self.curl(self.acme.transport, f"/bytes/{200 * MEGABYTE}", ["-o", "/dev/null", "-w", "%{size_download}"])
        self.assertEqual(int(outcome.body), 200 * MEGABYTE)
        grown = self.platform.running["gateway"].memory_kilobytes() - before
        self.assertLess(grown, 32 * 1024, "kilobytes more than before")

    def test_a_host_that_is_not_the_one_of_the_handshake(self):
        """421 (RFC 9110 section 15.5.20): what was decided for one name must not serve another."""
        outcome = self.curl(self.acme.transport, extra=["-H", "Host: elsewhere.example"])
        self.assertEqual(outcome.status, 421)

    def test_an_upstream_that_is_down_is_502(self):
        port = self.upstream.port
        platform_config = self.platform.upstream
        self.platform.upstream = "127.0.0.1:1"
        self.platform.stop("gateway")
        self.platform.start("gateway")
        try:
            self.assertEqual(self.curl(self.acme.transport).status, 502)
        finally:
            self.platform.upstream = platform_config
            self.platform.stop("gateway")
            self.platform.start("gateway")
        self.assertEqual(self.upstream.port, port)
        self.assertEqual(self.curl(self.acme.transport).status, 200)

    def test_sigterm_drains(self):
        """A request under way is answered; the connection then ends; the exit status is 0."""
        begun = self.upstream.begun
        stream = tls_connect(self.platform.ports["gateway"], self.platform.trust_chain, self.acme.transport)
        self.addCleanup(stream.close)
        stream.sendall(b"POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab")
        wait_until(lambda: self.upstream.begun > begun, "the request does not reach the upstream")
        log = self.platform.records("gateway")
        mark = log.mark()
        gateway = self.platform.running["gateway"]
        gateway.process.send_signal(signal.SIGTERM)
        log.next("gateway.draining", mark)
        stream.sendall(b"cd")
        answered = time.monotonic()
        self.assertEqual(status_of(read_to_end(stream)), 200)
        self.assertEqual(gateway.process.wait(30), 0)
        self.assertLess(time.monotonic() - answered, 5, "it waited longer than for the request under way")
        self.platform.start("gateway")
        self.assertEqual(self.curl(self.acme.transport).status, 200)


if __name__ == "__main__":
    testing.main()
