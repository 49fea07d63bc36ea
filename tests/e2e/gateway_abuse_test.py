"""Malformed, slow and greedy clients at the gateway: a clear end, bounded memory, and the others are served meanwhile."""
import os
import ssl

import path  # noqa: F401
from harness import testing
from harness.program import wait_until
from harness.raw import read_to_end, status_of, tcp_connect, tls_connect

GROWTH_KILOBYTES = 64 * 1024
PATIENCE_SECONDS = 60


class GatewayAbuseTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")
        cls.gateway = cls.platform.running["gateway"]

    def setUp(self):
        self.assertEqual(self.curl(self.acme.transport).status, 200)
        self.memory = self.gateway.memory_kilobytes()

    def tearDown(self):
        self.assertTrue(self.gateway.running(), self.gateway.tail())
        self.assertEqual(self.curl(self.acme.transport).status, 200, "service does not go on")
        self.assertLess(self.gateway.memory_kilobytes() - self.memory, GROWTH_KILOBYTES)

    def keep(self, stream):
        self.addCleanup(stream.close)
        return stream

    def connect(self):
        return tls_connect(self.platform.ports["gateway"], self.platform.trust_chain, self.acme.transport, PATIENCE_SECONDS)

    def answer_to(self, request):
        with self.connect() as stream:
            try:
                stream.sendall(request)
            except (ConnectionError, ssl.SSLError):
                pass  # it may have had enough of us before we were done
            return read_to_end(stream)

    def test_what_is_no_http(self):
        rows = [
            ("random bytes", os.urandom(4096) + b"\r\n\r\n", {400}),
            ("no version", b"GET /\r\n\r\n", {400}),
            ("two hosts", b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", {400}),
            ("no host", b"GET / HTTP/1.1\r\n\r\n", {400}),
            ("length twice", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", {400}),
            ("length and chunks", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
             b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
            ("a negative length", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", {400}),
            ("space before the colon", b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", {400}),
            ("a zero byte", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", {400}),
            ("a header of 1 MB", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1024 * 1024 + b"\r\n\r\n", {431}),
            ("10000 headers", b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 10000 + b"\r\n", {431}),
            ("a path of 100 kB", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", {414, 431}),
            ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
        ]
        requests_before = len(self.upstream.requests)
        for name, request, statuses in rows:
            with self.subTest(name):
                answer = self.answer_to(request)
                self.assertIn(status_of(answer), statuses, answer[:200])
        self.assertEqual(len(self.upstream.requests), requests_before, "one of them reached the upstream")

    def test_what_is_no_tls(self):
        for name, sent in (("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), ("random bytes", os.urandom(4096)),
                           ("nothing", b""), ("an endless record", b"\x16\x03\x01\xff\xff" + b"\0" * 70000)):
            with self.subTest(name), tcp_connect(self.platform.ports["gateway"]) as stream:
                try:
                    stream.sendall(sent)
                    stream.shutdown(1)
                except OSError:
                    pass
                self.assertNotIn(b"HTTP/1.1 200", read_to_end(stream))

    def test_half_open_connections_end_and_others_are_served(self):
        """300 that never begin the handshake, 50 that stop in the middle of a head."""
        silent = [self.keep(tcp_connect(self.platform.ports["gateway"], PATIENCE_SECONDS)) for _ in range(300)]
        slow = [self.keep(self.connect()) for _ in range(50)]
        for stream in slow:
            stream.sendall(b"GET /slow HTTP/1.1\r\nHost: local")
        self.assertEqual(self.curl(self.acme.transport).status, 200)
        for stream in silent:
            self.assertEqual(read_to_end(stream), b"")
        for stream in slow:
            self.assertEqual(status_of(read_to_end(stream)), 408)

    def test_a_client_that_reads_nothing(self):
        """It asks for 100 MB and lets them lie: the gateway must not pile them up."""
        with self.connect() as stream:
            stream.sendall(b"GET /bytes/104857600 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(self.curl(self.acme.transport).status, 200)
            self.assertLess(self.gateway.memory_kilobytes() - self.memory, GROWTH_KILOBYTES)

    def test_a_storm_of_refused_handshakes(self):
        for _ in range(200):
            try:
                with tls_connect(self.platform.ports["gateway"], self.platform.trust_chain) as stream:
                    read_to_end(stream)
            except (ssl.SSLError, OSError):
                pass
        wait_until(lambda: len(self.platform.records("gateway").all("tls.refused")) >= 200, "a refusal left no record")


if __name__ == "__main__":
    testing.main()
