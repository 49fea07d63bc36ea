"""Clients and services that reset a connection (RST), at each step of it: the gateway lives and serves on, holds on to nothing, and its
log has exactly the records that there are to be."""
import os
import re
import socket
import ssl
import struct

import path  # noqa: F401
from harness import clients, h2, testing
from harness.breaking_off import BreakingService, Handshake, context_for, records_of, reset
from harness.material import SERVER, Material
from harness.program import wait_until
from harness.raw import read_to_end

VERSIONS = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2)
BALANCER = "127.0.0.2"
SOURCE = ("192.0.2.7", 4711)
PROXY_HEADER = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(SOURCE[0]) + socket.inet_aton("127.0.0.1")
                + struct.pack(">HH", SOURCE[1], 443))
UPGRADE = (b"GET /service/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
MUCH = 100_000_000


def get(where):
    return f"GET {where} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(where, length, body=b""):
    return f"POST {where} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode() + body


class ResetsTest(testing.PlatformTest):
    gateway_listeners = """
[[gateway.listeners]]
name = "doors"
listen = "127.0.0.1:0"
[[gateway.listeners.sites]]
names = ["localhost"]
[[gateway.listeners.sites]]
names = ["bytes.localhost"]
tcp_upstream = "service"
tcp_access = "any_partner"
"""

    @classmethod
    def setUpClass(cls):
        cls.service = BreakingService()
        cls.addClassCleanup(cls.service.stop)
        cls.gateway_listeners = cls.upstream_table("service", cls.service.address) + cls.gateway_listeners
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")
        cls.gateway = cls.platform.running["gateway"]
        cls.log = cls.platform.records("gateway")

    @classmethod
    def prepare(cls):
        """One worker: what it holds can be counted."""
        cls.platform.gateway_keys = f'workers = 1\nproxy_protocol_from = ["{BALANCER}/32"]'
        maker = Material(cls.platform.folder / "services")
        issuer = maker.ca("services-ca", "/CN=Services CA")
        leaf = maker.leaf("service", issuer, "/CN=service.example", SERVER + "subjectAltName=DNS:service.example\n")
        cls.broken = {"accept": BreakingService(at="accept")}
        for flight in (0, 1, 100, 700):
            cls.broken[f"flight-{flight}"] = BreakingService(credential=leaf, flight=flight)
        tables = ""
        for name, service in cls.broken.items():
            cls.addClassCleanup(service.stop)
            more = f'tls = true\nanchors = "{issuer.certificate}"\nserver_name = "service.example"\n' if service.context else ""
            tables += cls.upstream_table(name, service.address, more)
        cls.platform.gateway_tables = tables

    @staticmethod
    def upstream_table(name, address, more=""):
        return (f'\n[[gateway.upstreams]]\nname = "{name}"\naddresses = ["{address}"]\neject_after = 0\n{more}'
                f'[[gateway.routes]]\npath = "/{name}"\nupstream = "{name}"\naccess = "any_partner"\nupgrade = ["websocket"]\n')

    def setUp(self):
        self.served()
        self.held = self.holds()

    def tearDown(self):
        self.assertTrue(self.gateway.running(), self.gateway.tail())
        self.served()
        wait_until(lambda: self.connections() == 0, "it counts connections that have ended")
        wait_until(lambda: self.holds() <= self.held, f"it holds more than {self.held} descriptors: {self.holds()}")

    # --- helpers -------------------------------------------------------------------------------------------------------

    def served(self):
        """Asks each of the services that answer, so that a connection to each is kept."""
        for where in ("/hello", "/service/ok"):
            self.assertEqual(self.curl(self.acme.transport, where).status, 200, "service does not go on")

    def holds(self):
        """Descriptors of the gateway; 0 where it cannot be known (a process without core dumps is its owner's alone)."""
        try:
            return len(os.listdir(f"/proc/{self.gateway.pid}/fd"))
        except PermissionError:
            return 0

    def connections(self):
        metrics = clients.curl(self.platform.folder, f"http://127.0.0.1:{self.platform.ports['gateway_status']}/metrics").body
        return int(re.search(r"countersign_gateway_connections (\d+)", metrics).group(1))

    def connect(self, source="127.0.0.1"):
        plain = socket.socket()
        plain.bind((source, 0))
        plain.settimeout(30)
        plain.connect(("127.0.0.1", self.platform.ports["gateway"]))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = "%s:%d" % plain.getsockname()
        self.mark = self.log.mark()
        return plain

    def handshake(self, version, protocols=(), name="localhost", source="127.0.0.1"):
        context = context_for(self.platform.trust_chain, self.acme.transport, version, protocols)
        return Handshake(self.connect(source), context, name)

    def h2_client(self, version, preface=None):
        """Its stream is a Handshake."""
        stream = self.handshake(version, ["h2"]).finish()
        client = h2.Client.__new__(h2.Client)
        client._begin(stream, preface)
        return client

    def of_this_connection(self, event=None):
        return [one for one in self.log.all(event, self.mark) if one.get("address") == self.address]

    def assert_records(self, *expected, optional=()):
        """What the log says of this connection, besides what may be said: for each record its event and its code or status."""
        self.ask_again()
        told = lambda: [(one["event"], one.get("code", one.get("status"))) for one in self.of_this_connection()]  # noqa: E731
        wait_until(lambda: len(told()) >= len(expected), f"not all of {expected} are recorded, but {told()}", 10)
        self.assertEqual([one for one in told() if one not in optional], list(expected))

    def ask_again(self):
        """One more turn of the worker's loop, behind all that was sent before."""
        self.assertEqual(self.curl(self.acme.transport).status, 200)

    # --- clients -------------------------------------------------------------------------------------------------------

    def test_before_tls(self):
        rows = [("connected", b"", "net.reset"), ("one byte of no TLS", b"x", "net.reset")]
        for name, said, code in rows:
            with self.subTest(name):
                plain = self.connect()
                plain.sendall(said)
                reset(plain)
                self.assert_records(("tls.failed", code))

    def test_in_a_proxy_header(self):
        for size in (0, 1, 12, 15, 16, 20, len(PROXY_HEADER) - 1):
            with self.subTest(size=size):
                plain = self.connect(BALANCER)
                plain.sendall(PROXY_HEADER[:size])
                reset(plain)
                self.assert_records(("tls.failed", "net.reset"))
        with self.subTest("behind it"):
            plain = self.connect(BALANCER)
            plain.sendall(PROXY_HEADER)
            reset(plain)
            self.address = "%s:%d" % SOURCE
            self.assert_records(("tls.failed", "net.reset"))

    def test_in_the_client_hello(self):
        for version in VERSIONS:
            size = len(self.handshake(version).step())
            for sent in (1, 4, 5, 6, 9, size // 2, size - 1, size):
                with self.subTest(version=version.name, sent=sent, size=size):
                    client = self.handshake(version)
                    client.plain.sendall(client.step()[:sent])
                    reset(client.plain)
                    self.assert_records(("tls.failed", "net.reset"))

    def test_in_the_clients_flight(self):
        """After the server's, and behind each record of its own, the last one excepted: with that it is let in."""
        for version in VERSIONS:
            count = 1
            sent = 0
            while sent < count:
                client = self.handshake(version)
                client.plain.sendall(client.step())
                flight = records_of(client.answer())
                count = len(flight)
                with self.subTest(version=version.name, sent=sent, count=count):
                    client.plain.sendall(b"".join(flight[:sent]))
                    reset(client.plain)
                    self.assert_records(("tls.failed", "net.reset"))
                sent += 1
            self.assertGreater(count, 2)

    def test_in_the_middle_of_its_certificate(self):
        for version in VERSIONS:
            client = self.handshake(version)
            client.plain.sendall(client.step())
            flight = client.answer()
            with self.subTest(version=version.name):
                client.plain.sendall(flight[:len(flight) // 3])
                reset(client.plain)
                self.assert_records(("tls.failed", "net.reset"))

    def test_behind_its_finished(self):
        """TLS 1.2 still owes the server's Finished, which may be what meets the reset."""
        for version in VERSIONS:
            with self.subTest(version=version.name):
                client = self.handshake(version)
                client.plain.sendall(client.step())
                client.plain.sendall(client.answer())
                reset(client.plain)
                self.assert_records(optional=[("tls.failed", "net.reset")] if version == ssl.TLSVersion.TLSv1_2 else [])

    def test_between_requests(self):
        for version in VERSIONS:
            with self.subTest(version=version.name, asked=0):
                reset(self.handshake(version).finish().plain)
                self.assert_records()
            with self.subTest(version=version.name, asked=1):
                client = self.handshake(version).finish()
                client.sendall(get("/service/ok"))
                client.until(b"ok")
                reset(client.plain)
                self.assert_records(("request", 200))

    def test_in_a_request(self):
        rows = [("a byte", b"G", []), ("half a head", get("/service/ok")[:30], []), ("all but one byte", get("/service/ok")[:-1], []),
                ("before the body", post("/hello", 10), [("request", 400)]),
                ("in the body", post("/hello", 10, b"half"), [("request", 400)])]
        for version in VERSIONS:
            for name, said, records in rows:
                with self.subTest(name, version=version.name):
                    client = self.handshake(version).finish()
                    begun = self.upstream.begun
                    client.sendall(said)
                    if records:
                        wait_until(lambda: self.upstream.begun > begun, "it does not get there")
                    reset(client.plain)
                    self.assert_records(*records)

    def test_while_it_is_answered(self):
        for version in VERSIONS:
            with self.subTest(version=version.name):
                client = self.handshake(version).finish()
                client.sendall(get(f"/bytes/{MUCH}"))
                client.recv(1)
                reset(client.plain)
                self.assert_records(("request", 200))
                self.assertLess(self.of_this_connection("request")[0]["bytes"], MUCH)
            with self.subTest("nobody has answered yet", version=version.name):
                client, begun = self.handshake(version).finish(), self.upstream.begun
                client.sendall(get("/slow/1"))
                wait_until(lambda: self.upstream.begun > begun, "it does not get there")
                reset(client.plain)
                self.assert_records(("request", 200))  # of the service's answer, which nobody was left to take

    def test_in_a_tunnel(self):
        for version in VERSIONS:
            with self.subTest("websocket", version=version.name):
                client = self.handshake(version).finish()
                client.sendall(UPGRADE)
                client.until(b"\r\n\r\n")
                client.sendall(b"hello")
                client.until(b"hello")
                reset(client.plain)
                self.assert_records(("request", 101))
                self.assertEqual(len(self.log.all("gateway.tunnel_ended", self.mark)), 1)
            with self.subTest("bytes", version=version.name):
                client = self.handshake(version, name="bytes.localhost").finish()
                client.sendall(get("/ok"))
                client.until(b"ok")
                reset(client.plain)
                self.assert_records(("tcp", "net.reset"))

    def test_on_http2(self):
        preface, ask, tell = h2.hello(), h2.headers(1, h2.GET), h2.headers(1, h2.POST, h2.END_HEADERS)
        slow = h2.headers(1, h2.replaced(h2.GET, path="/slow/2"))
        rows = [("nothing", b"", 0, []), ("half a preface", h2.PREFACE[:10], 0, []), ("the preface", preface, 0, []),
                ("half a frame's head", preface + ask[:5], 0, []), ("half a HEADERS frame", preface + ask[:20], 0, []),
                ("two requests at work", preface + slow + h2.headers(3, h2.replaced(h2.GET, path="/slow/2")), 2,
                 [("request", 0), ("request", 0)]),
                ("before DATA", preface + tell, 1, [("request", 0)]),
                ("half a DATA frame", preface + tell + h2.frame(h2.DATA, 0, 1, b"x" * 100)[:50], 1, [("request", 0)]),
                ("between DATA frames", preface + tell + h2.frame(h2.DATA, 0, 1, b"x" * 100), 1, [("request", 0)]),
                ("while it is answered", preface + h2.headers(1, h2.replaced(h2.GET, path=f"/bytes/{MUCH}")), 1, [("request", 200)])]
        for version in VERSIONS:
            for name, said, begins, records in rows:
                with self.subTest(name, version=version.name):
                    begun = self.upstream.begun
                    client = self.h2_client(version, said)
                    wait_until(lambda: self.upstream.begun >= begun + begins, "it does not get there")  # noqa: B023
                    reset(client.stream.plain)
                    self.assert_records(*records)
            with self.subTest("behind an answer", version=version.name):
                client = self.h2_client(version)
                self.assertEqual(client.ask(1).status, 200)
                reset(client.stream.plain)
                self.assert_records(("request", 200))

    # --- services ------------------------------------------------------------------------------------------------------

    def ask(self, version, where, protocol):
        """One request; the status that came, and whether the answer was whole."""
        if protocol == "h2":
            client = self.h2_client(version)
            answer = client.ask(1, h2.replaced(h2.GET, path=where))
            client.close()
            return answer.status, answer.reset is None and not answer.closed
        client = self.handshake(version).finish()
        client.sendall(get(where).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = read_to_end(client)
        client.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1]) if head else 0
        length = re.search(rb"[Cc]ontent-[Ll]ength: (\d+)", head)
        whole = body.endswith(b"0\r\n\r\n") if b"chunked" in head else bool(length) and int(length.group(1)) == len(body)
        return status, whole

    def test_a_service_that_resets(self):
        rows = [("/accept/x", 502, True), ("/flight-0/x", 502, True), ("/flight-1/x", 502, True), ("/flight-100/x", 502, True),
                ("/flight-700/x", 502, True), ("/service/before", 502, True), ("/service/head", 502, True),
                ("/service/body", 200, False), ("/service/chunk", 200, False)]
        for version in VERSIONS:
            for protocol in ("http/1.1", "h2"):
                for where, status, whole in rows:
                    with self.subTest(where, version=version.name, protocol=protocol):
                        mark = self.log.mark()
                        self.assertEqual(self.ask(version, where, protocol), (status, whole))
                        self.assert_records(("request", status))
                        told = [one["event"] for one in self.log.all(since=mark) if one["event"].startswith("gateway.upstream_")]
                        self.assertEqual(told, ["gateway.upstream_failed"])

    def test_a_kept_connection_that_the_service_resets(self):
        """Nothing is lost with it: the next request goes out on another one."""
        for where in ("/service/ok", "/service/idle", "/service/ok"):
            resets = self.service.resets
            self.assertEqual(self.ask(VERSIONS[0], where, "http/1.1"), (200, True))
            self.assert_records(("request", 200))
            if where.endswith("idle"):
                wait_until(lambda: self.service.resets > resets, "it does not reset")  # noqa: B023

    def test_a_service_that_resets_a_tunnel(self):
        for version in VERSIONS:
            with self.subTest("websocket", version=version.name):
                client = self.handshake(version).finish()
                client.sendall(UPGRADE)
                client.until(b"\r\n\r\n")
                client.sendall(b"reset")
                self.assertEqual(read_to_end(client), b"")
                client.close()
                self.assert_records(("request", 101))
                self.assertEqual(len(self.log.all("gateway.tunnel_ended", self.mark)), 1)
            with self.subTest("bytes", version=version.name):
                client = self.handshake(version, name="bytes.localhost").finish()
                client.sendall(get("/body"))
                self.assertIn(b"half", read_to_end(client))
                client.close()
                self.assert_records(("tcp", "net.reset"))


if __name__ == "__main__":
    testing.main()
