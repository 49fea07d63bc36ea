"""Services behind the gateway that die, dawdle, lie about who they are, or speak WebSocket and PROXY."""
import json
import os
import shutil
import socket
import ssl
import struct
import threading
import time

import path  # noqa: F401
from harness import clients, testing
from harness.backend import Backend, accept_for
from harness.material import SERVER, Material
from harness.program import Program, wait_until
from harness.raw import read_to_end, status_of, tls_connect

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = (f"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\n"
             "Sec-WebSocket-Version: 13\r\n\r\n").encode()
ENVELOPE = '<?xml version="1.0"?>\r\n<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body/></e:Envelope>'


class UpstreamTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")

    def backend(self, name, *options):
        backend = Backend(self.platform.folder, name, *options).start()
        self.addCleanup(backend.stop)
        return backend

    def restart(self, tables, keys=""):
        """The gateway anew, with these upstreams and routes beside the one of every test."""
        self.platform.gateway_keys, self.platform.gateway_tables = keys, tables
        self.platform.stop("gateway")
        self.platform.start("gateway")
        self.settle(self.acme.transport)
        self.log = self.platform.records("gateway")
        self.mark = self.log.mark()

    def three(self, more="", check="", options=((), (), ())):
        """Three backends as one upstream under /api."""
        backends = [self.backend(f"{self._testMethodName}-{i}", *options[i]) for i in range(3)]
        addresses = json.dumps([backend.address for backend in backends])
        self.restart(f'\n[[gateway.upstreams]]\nname = "api"\naddresses = {addresses}\n{more}\n{check}\n'
                     '[[gateway.routes]]\npath = "/api"\nupstream = "api"\naccess = "any_partner"\n')
        return backends

    def one(self, more, *options):
        backend = self.backend(self._testMethodName, *options)
        self.restart(f'\n[[gateway.upstreams]]\nname = "api"\naddresses = ["{backend.address}"]\n{more}\n'
                     '[[gateway.routes]]\npath = "/api"\nupstream = "api"\naccess = "any_partner"\n'
                     '[[gateway.routes]]\npath = "/ws"\nupstream = "api"\nupgrade = ["websocket"]\naccess = "any_partner"\n')
        return backend

    def ask(self, path="/api", extra=()):
        return self.curl(self.acme.transport, path, extra)

    def metrics(self):
        return clients.curl(self.platform.folder, f"http://127.0.0.1:{self.platform.ports['gateway_status']}/metrics").body

    def load(self, seconds, during):
        """Keep-alive clients for so long, `during` in the middle of it. The statuses of all answers."""
        statuses, ends = [], time.monotonic() + seconds

        def client():
            with testing.LiveConnection(self.platform, self.acme.transport) as connection:
                while time.monotonic() < ends:
                    statuses.append(connection.ask("/api"))

        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(statuses) > 100, "no answers under load")
        during()
        for thread in threads:
            thread.join()
        return statuses

    def test_one_of_three_is_killed_under_load(self):
        backends = self.three("eject_after = 3")
        statuses = self.load(3, backends[0].kill)
        self.assertEqual(set(statuses), {200}, f"of {len(statuses)} requests")
        self.assertTrue(self.log.all("upstream.retried", self.mark))
        self.log.next("upstream.ejected", self.mark)

    def test_what_is_sent_again(self):
        """All three close instead of an answer: how often was each request sent?"""
        backends = self.three("eject_after = 0")
        for name, extra, times in (("GET", [], 3), ("PUT without a body", ["-X", "PUT"], 3), ("POST without a body", ["-X", "POST"], 1),
                                   ("PUT with a body", ["-X", "PUT", "-d", "x"], 1), ("POST with a body", ["-d", "x"], 1)):
            with self.subTest(name):
                before = sum(len(backend.seen()) for backend in backends)
                self.assertEqual(self.ask("/api/dies", extra).status, 502)
                self.assertEqual(sum(len(backend.seen()) for backend in backends) - before, times)

    def test_what_was_never_sent_goes_elsewhere_whatever_it_is(self):
        backends = self.three("eject_after = 0")
        backends[0].kill()
        for _ in range(12):
            self.assertEqual(self.ask(extra=["-d", "x"]).status, 200)

    def test_a_slow_one_is_ejected(self):
        self.three('response_time = "300ms"\neject_after = 3\neject_time = "1m"', options=(("--delay", 30), (), ()))
        statuses = self.load(4, lambda: None)
        self.assertLessEqual(statuses.count(504), 3 + 3, "a few before it is ejected, and what was under way")
        self.assertGreaterEqual(statuses.count(504), 3)
        self.assertEqual(set(statuses), {200, 504})
        self.log.next("upstream.ejected", self.mark)

    def test_all_down_is_said_at_once(self):
        check = '[gateway.upstreams.check]\npath = "/health"\ninterval = "100ms"\ntime = "1s"\nfall = 2\nrise = 1\n'
        backends = self.three(check=check)
        for backend in backends:
            backend.kill()
        wait_until(lambda: len(self.log.all("upstream.down", self.mark)) == 3, "they do not count as down")
        began = time.monotonic()
        answer = self.ask()
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(answer.status, 503)
        self.assertEqual(json.loads(answer.body)["code"], "gateway.upstream_down")
        self.assertIn("< retry-after: 1", answer.output.lower())
        self.assertIn('upstream_address_healthy{upstream="api"', self.metrics())
        self.assertEqual(self.curl(self.acme.transport).status, 200, "other routes are served")
        backends[1].start()
        self.log.next("upstream.up", self.mark)
        wait_until(lambda: self.ask().status == 200, "it is not asked again")

    def test_too_many_at_once(self):
        self.one("requests = 1", "--delay", 3)
        waiting = threading.Thread(target=self.ask)
        waiting.start()
        wait_until(lambda: 'upstream_requests_total{upstream="api",event="begun"} 1' in self.metrics(), "no request begins")
        answer = self.ask()
        self.assertEqual(answer.status, 503)
        self.assertEqual(json.loads(answer.body)["code"], "gateway.upstream_overloaded")
        self.assertIn("< retry-after:", answer.output.lower())
        waiting.join()
        self.assertEqual(self.ask().status, 200)

    def test_mutual_tls_and_who_is_refused(self):
        material = Material(self.platform.folder / "upstream-tls")
        public, other = material.ca("services-ca", "/CN=Services CA"), material.ca("another-ca", "/CN=Another CA")
        names = "subjectAltName=DNS:payments.example\n"
        good = material.leaf("payments", public, "/CN=payments.example", SERVER + names)
        bad_ca = material.leaf("false-payments", other, "/CN=payments.example", SERVER + names)
        bad_name = material.leaf("orders", public, "/CN=orders.example", SERVER + "subjectAltName=DNS:orders.example\n")
        settings = (f'tls = true\nanchors = "{public.certificate}"\nserver_name = "payments.example"\ncredential = "service"\n'
                    'retries = 0\n')
        for name, leaf, status in (("good", good, 200), ("wrong CA", bad_ca, 502), ("wrong name", bad_name, 502)):
            with self.subTest(name):
                self.one(settings, "--certificate", leaf.certificate, "--key", leaf.key, "--clients-by", self.platform.trust_chain)
                answer = self.ask()
                self.assertEqual(answer.status, status, answer.output[-2000:])
                if status == 200:
                    self.assertIn("urn:countersign:internal:service:gateway", json.dumps(json.loads(answer.body)["shown"]))
                else:
                    error = self.log.next("gateway.upstream_failed", self.mark)["error"]
                    self.assertIn("gateway.upstream_untrusted", error)
                    self.assertRegex(error, "`anchors` of the endpoint or the upstream|`server_name` of the upstream")
                    self.assertNotIn("untrusted", answer.body, "the reason is ours to know")

    def test_a_websocket_passes_and_is_cut_by_a_revocation(self):
        self.one("")
        other = self.enrol("production/globex/orders")
        streams = [tls_connect(self.platform.ports["gateway"], self.platform.trust_chain, one.transport) for one in (self.acme, other)]
        for stream in streams:
            self.addCleanup(stream.close)
            stream.sendall(HANDSHAKE)
            head = b""
            while b"\r\n\r\n" not in head:
                head += stream.recv(4096)
            self.assertEqual(status_of(head), 101, head)
            self.assertIn(b"Sec-WebSocket-Accept: " + accept_for(KEY) + b"\r\n", head)
            self.assertEqual(self.echo(stream, bytes(range(256)) * 4096), True)
        self.assertIn('upstream_connections{upstream="api",state="upgraded"} 2', self.metrics())
        self.platform.admin("revoke", testing.serial_of(other.transport), "--reason", "key_compromise")
        self.log.next("connection.cut", self.mark)
        read_to_end(streams[1])
        ended = self.log.next("gateway.tunnel_ended", self.mark)
        self.assertEqual(self.curl(other.transport).status, 0)
        wait_until(lambda: 'partner_handshakes_total{organisation="globex",outcome="revoked"} 1' in self.metrics(), "it is not counted")
        self.assertIn('partner_handshakes_total{organisation="globex",outcome="accepted"}', self.metrics())
        self.assertGreaterEqual(ended["bytes_up"], 1024 * 1024)
        self.assertEqual(self.echo(streams[0], b"still here"), True)

    @staticmethod
    def echo(stream, sent, piece=65536):
        """Sends in pieces, each of which comes back before the next."""
        received = b""
        for at in range(0, len(sent), piece):
            stream.sendall(sent[at:at + piece])
            while len(received) < min(at + piece, len(sent)):
                got = stream.recv(65536)
                if not got:
                    return False
                received += got
        return received == sent

    def test_a_websocket_that_reads_nothing_is_not_read_for(self):
        """It sends 64 MB and takes none of the echo: what lies in between is bounded, and it is the client that waits."""
        self.one("")
        gateway = self.platform.running["gateway"]
        before = gateway.memory_kilobytes()
        with tls_connect(self.platform.ports["gateway"], self.platform.trust_chain, self.acme.transport, 3) as stream:
            stream.sendall(HANDSHAKE)
            with self.assertRaises(TimeoutError):
                for _ in range(1024):
                    stream.sendall(bytes(65536))
            self.assertLess(gateway.memory_kilobytes() - before, 8 * 1024)

    def test_no_websocket_where_the_route_allows_none(self):
        self.one("")
        with tls_connect(self.platform.ports["gateway"], self.platform.trust_chain, self.acme.transport) as stream:
            stream.sendall(HANDSHAKE.replace(b"/ws", b"/api/ws"))
            head = stream.recv(4096)
            self.assertEqual(status_of(head), 200)
            self.assertNotIn(b"Upgrade", stream.recv(4096) if b"fields" not in head else head.split(b'"fields"')[1])

    def test_soap_needs_nothing_special(self):
        """SOAP 1.1 names what is asked in a field, 1.2 in a parameter of the media type; both are read by the service, as they were sent."""
        self.one("")
        rows = [("1.1", [("soapaction", '"urn:pay"'), ("content-type", "text/xml; charset=utf-8")]),
                ("1.1 without an action", [("soapaction", '""'), ("content-type", "text/xml")]),
                ("1.2", [("content-type", 'application/soap+xml; charset=utf-8; action="urn:pay"')])]
        for version in ("--http1.1", "--http2"):
            for soap, fields in rows:
                with self.subTest(version, soap=soap):
                    named = [word for name, value in fields for word in ("-H", f"{name}: {value}")]
                    answer = self.ask(extra=[version, *named, "--data-binary", ENVELOPE])
                    seen = json.loads(answer.body)
                    self.assertEqual(seen["body"], ENVELOPE)
                    for name, value in fields:
                        self.assertEqual([one for key, one in seen["fields"] if key.lower() == name], [value])

    def test_a_trace_goes_through(self):
        self.one("")
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        answer = self.ask(extra=["-H", f"traceparent: 00-{trace}-00f067aa0ba902b7-01", "-H", "tracestate: a=1", "-H", "tracestate: b=2"])
        fields = json.loads(answer.body)["fields"]
        (parent,) = [value for name, value in fields if name.lower() == "traceparent"]
        self.assertEqual(parent[:35], f"00-{trace}")
        self.assertNotIn("00f067aa0ba902b7", parent, "the gateway is a span of its own")
        self.assertEqual([value for name, value in fields if name.lower() == "tracestate"], ["a=1", "b=2"])
        wait_until(lambda: [one for one in self.log.all("request", self.mark) if one["trace"] == trace], "no record has the trace")
        answer = self.ask(extra=["-H", "traceparent: 00-nonsense", "-H", "tracestate: a=1"])
        names = [name.lower() for name, _ in json.loads(answer.body)["fields"]]
        self.assertIn("traceparent", names)
        self.assertNotIn("tracestate", names, "it belongs to no trace")

    def test_proxy_headers_out(self):
        self.one('proxy_protocol = "v2"', "--proxy-header")
        for _ in range(2):
            self.assertEqual(json.loads(self.ask().body)["proxied"], "127.0.0.1")

    def test_proxy_headers_in_by_hand(self):
        self.restart("", 'proxy_protocol_from = ["127.0.0.3"]')
        addresses = socket.inet_aton("203.0.113.9") + socket.inet_aton("127.0.0.1") + struct.pack(">HH", 4242, 8443)
        head = b"\r\n\r\n\0\r\nQUIT\n\x21\x11"
        good = head + struct.pack(">H", 12) + addresses
        rows = [("version 2", good, 200), ("version 1", b"PROXY TCP4 203.0.113.9 127.0.0.1 4242 8443\r\n", 0),
                ("a TLV that is cut off", head + struct.pack(">H", 14) + addresses + b"\4\0", 0),
                ("a wrong checksum", head + struct.pack(">H", 19) + addresses + b"\3\0\4abcd", 0), ("nothing", b"", 0)]
        for name, header, status in rows:
            with self.subTest(name):
                self.assertEqual(self.answer_behind(header, "127.0.0.3"), status)
        wait_until(lambda: [one for one in self.log.all("request", self.mark) if one["address"] == "203.0.113.9:4242"],
                   "no record names the address that the header names")
        self.assertEqual(self.answer_behind(good, "127.0.0.4"), 0, "whoever is no proxy cannot say who it is")

    def answer_behind(self, header, source):
        """The status of an answer over TLS that begins behind `header`; 0 for none."""
        plain = socket.create_connection(("127.0.0.1", self.platform.ports["gateway"]), 10, (source, 0))
        context = ssl.create_default_context(cafile=str(self.platform.trust_chain))
        context.load_cert_chain(str(self.acme.transport.chain), str(self.acme.transport.key))
        with plain:
            plain.sendall(header)
            try:
                with context.wrap_socket(plain, server_hostname="localhost") as stream:
                    stream.sendall(b"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    return status_of(read_to_end(stream))
            except (ssl.SSLError, OSError):
                return 0

    def test_proxy_headers_in_by_haproxy(self):
        """The client is told from the load balancer: 127.0.0.2 calls HAProxy, which calls the gateway from 127.0.0.3."""
        program = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
        if program is None:
            self.skipTest("no haproxy here: apt-get install haproxy")
        self.restart("", 'proxy_protocol_from = ["127.0.0.3"]')
        port = self.platform.ports["gateway"]
        listener = self.platform.folder / "haproxy.port"
        with socket.create_server(("127.0.0.1", 0)) as free:
            entrance = free.getsockname()[1]
        config = self.platform.folder / "haproxy.cfg"
        config.write_text(f"defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n"
                          f"listen in\n  bind 127.0.0.1:{entrance}\n  server gateway 127.0.0.1:{port} source 127.0.0.3 send-proxy-v2 "
                          "proxy-v2-options crc32c,ssl,unique-id\n")
        haproxy = Program("haproxy", [program, "-db", "-f", config], self.platform.folder, listener)
        self.addCleanup(haproxy.stop)
        url = f"https://localhost:{entrance}/hello"

        def call(*extra):
                return clients.curl(self.platform.folder, url, self.platform.trust_chain, self.acme.transport,
                                ["--interface", "127.0.0.2", *extra])

        wait_until(lambda: call().status == 200, "HAProxy does not lead to the gateway")
        record = [one for one in self.log.all("request", self.mark)][-1]
        self.assertTrue(record["address"].startswith("127.0.0.2:"), record)
        self.assertEqual(self.curl(self.acme.transport).status, 200, "whoever is no proxy needs no header")
        direct = self.curl(self.acme.transport, extra=["--interface", "127.0.0.3"])
        self.assertEqual(direct.status, 0, "a proxy without header gets nothing")
        self.assertTrue(self.log.next("tls.failed", self.mark)["code"].startswith("proxy."))


if __name__ == "__main__":
    testing.main()
