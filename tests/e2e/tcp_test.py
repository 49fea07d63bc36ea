"""Connections without HTTP: after the handshake bytes go to a service as they are, for whom the policy lets in."""
import json
import socket
import ssl
import struct
import threading
import time

import path  # noqa: F401
from harness import testing
from harness.program import wait_until
from harness.raw import tcp_connect

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
POLICY = """
[[grants]]
name = "hello"
to = ["production/*/*"]
methods = ["*"]
paths = ["/**"]
"""
LEDGER = """
[[grants]]
name = "the shop reads the ledger"
to = ["production/acme/shop"]
host = "ledger.localhost"
methods = ["CONNECT"]
paths = ["/ledger"]
"""


class Service:
    """Says back each line; the line "size N" asks for N bytes, "bye" for the end of its side only."""

    def __init__(self, says_first=b""):
        self.headers, self.lines, self.ended, self.says_first = [], [], 0, says_first
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as reader:
            try:
                start = reader.read(16)
                self.headers.append(start + reader.read(struct.unpack(">H", start[14:16])[0]))
                connection.sendall(self.says_first)
                for line in reader:
                    self.lines.append(line)
                    if line.startswith(b"size "):
                        connection.sendall(b"x" * int(line[5:]))
                    elif line == b"bye\n":
                        connection.shutdown(socket.SHUT_WR)
                    else:
                        connection.sendall(line)
                connection.sendall(b"end\n")  # whoever has said all is still told something
            except (OSError, struct.error):
                pass
            finally:
                self.ended += 1


class TcpTest(testing.PlatformTest):
    policy = POLICY + LEDGER
    gateway_listeners = """
[[gateway.listeners]]
name = "doors"
listen = "127.0.0.1:0"
[[gateway.listeners.sites]]
names = ["localhost"]
[[gateway.listeners.sites]]
names = ["ledger.localhost"]
tcp_upstream = "ledger"
tcp_idle_time = "3s"
[[gateway.listeners.sites]]
names = ["open.localhost"]
tcp_upstream = "ledger"
tcp_access = "any_partner"
tcp_connection_time = "2s"
[[gateway.listeners.sites]]
names = ["dead.localhost"]
tcp_upstream = "dead"
tcp_access = "any_partner"
[[gateway.upstreams]]
name = "ledger"
addresses = ["127.0.0.1:LEDGER"]
proxy_protocol = "v2-identity"
[[gateway.upstreams]]
name = "dead"
addresses = ["127.0.0.1:1"]
"""

    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.gateway_listeners = cls.gateway_listeners.replace("LEDGER", str(cls.service.port))
        super().setUpClass()
        cls.shop = cls.enrol("production/acme/shop")
        cls.till = cls.enrol("production/globex/till")

    # --- helpers -------------------------------------------------------------------------------------------------------

    def open(self, application, host="ledger.localhost", protocols=()):
        context = ssl.create_default_context(cafile=str(self.platform.trust_chain))
        context.check_hostname = False
        if protocols:
            context.set_alpn_protocols(list(protocols))
        context.load_cert_chain(str(application.transport.chain), str(application.transport.key))
        stream = context.wrap_socket(tcp_connect(self.platform.ports["gateway"]), server_hostname=host,
                                     suppress_ragged_eofs=False)
        stream.settimeout(20)
        return stream

    def say(self, stream, line):
        stream.sendall(line)
        got = b""
        while not got.endswith(b"\n"):
            piece = stream.recv(65536)
            if not piece:
                break
            got += piece
        return got

    def is_closed(self, stream):
        try:
            stream.sendall(b"anybody?\n")
            return stream.recv(100) == b""
        except (OSError, ssl.SSLError):
            return True

    def tcp_records(self):
        return self.platform.records("gateway").all("tcp")

    def put_in_force(self, text):
        loaded = len(self.platform.records("gateway").all("policy.loaded"))
        self.platform.write_policy(text)
        wait_until(lambda: len(self.platform.records("gateway").all("policy.loaded")) > loaded, "not taken over")

    # --- tests ---------------------------------------------------------------------------------------------------------

    def test_bytes_go_both_ways_and_are_recorded(self):
        before = len(self.tcp_records())
        with self.open(self.shop, protocols=["h2", "http/1.1"]) as stream:
            self.assertIsNone(stream.selected_alpn_protocol())
            self.assertEqual(self.say(stream, b"hello\n"), b"hello\n")
            stream.sendall(b"size 5000000\n")
            got = 0
            while got < 5000000:
                got += len(stream.recv(65536))
            self.assertEqual(self.say(stream, b"again\n"), b"again\n")
        record = wait_until(lambda: self.tcp_records()[before:], "no record")[0]
        self.assertEqual((record["application"], record["upstream"], record["host"], record["site"]),
                         ("urn:countersign:production:acme:shop", "ledger", "ledger.localhost", "ledger.localhost"))
        self.assertEqual(record["bytes_up"], len(b"hello\nsize 5000000\nagain\n"))
        self.assertGreaterEqual(record["bytes_down"], 5000012)

    def test_the_service_is_told_who_calls(self):
        with self.open(self.shop) as stream:
            self.say(stream, b"who\n")
            header = self.service.headers[-1]
        self.assertTrue(header.startswith(SIGNATURE + b"\x21\x11"))
        told, at = {}, 16 + 12
        while at < len(header):
            size = struct.unpack(">H", header[at + 1:at + 3])[0]
            told[header[at]] = header[at + 3:at + 3 + size]
            at += 3 + size
        self.assertEqual((told[0xE0], told[0x02]), (b"urn:countersign:production:acme:shop", b"ledger.localhost"))
        self.assertEqual(told[0x20], b"\x07\x00\x00\x00\x00\x22\x00\x04shop")

    def test_each_side_may_end_before_the_other(self):
        with self.open(self.shop) as stream:
            self.assertEqual(self.say(stream, b"one\n"), b"one\n")
            stream.sendall(b"bye\n")
            lines = len(self.service.lines)
            self.assertEqual(stream.recv(100), b"")  # its side has ended in order; ours has not
            wait_until(lambda: len(self.service.lines) >= lines, "")

    def test_only_whom_a_grant_names(self):
        """The till may ask for everything over HTTP, with every method: bytes are none of that."""
        self.assertEqual(self.curl(self.till.transport).status, 200)
        seen = len(self.service.lines)
        with self.open(self.till) as stream:
            self.assertTrue(self.is_closed(stream))
        self.assertEqual(len(self.service.lines), seen)
        record = self.platform.records("gateway").all("policy.refused")[-1]
        self.assertEqual((record["application"], record["method"], record["path"]),
                         ("production/globex/till", "CONNECT", "/ledger"))
        with self.open(self.till, "open.localhost") as stream:
            self.assertEqual(self.say(stream, b"any partner\n"), b"any partner\n")

    def test_times(self):
        with self.open(self.shop, "open.localhost") as stream:
            begun = time.monotonic()
            while time.monotonic() - begun < 15 and not self.is_closed(stream):
                testing.pause(0.1)
            self.assertLess(time.monotonic() - begun, 10)
        with self.open(self.shop) as stream:
            self.say(stream, b"now silence\n")
            begun = time.monotonic()
            try:
                stream.recv(1)
            except (OSError, ssl.SSLError):
                pass
            self.assertLess(time.monotonic() - begun, 12)
        codes = wait_until(lambda: [one for one in [[r["code"] for r in self.tcp_records()]]
                                    if "gateway.connection_time" in one and "net.timeout" in one], "not recorded")
        self.assertTrue(codes)

    def test_a_policy_that_takes_it_away_ends_it(self):
        with self.open(self.shop) as stream:
            self.assertEqual(self.say(stream, b"hello\n"), b"hello\n")
            try:
                self.put_in_force(POLICY)
                wait_until(lambda: self.is_closed(stream), "it goes on without a grant")
            finally:
                self.put_in_force(POLICY + LEDGER)

    def test_bytes_are_charged_as_they_pass(self):
        limit = '\n[[partners]]\nwho = "production/acme/shop"\nbytes_out_per_second = 20000\n'
        self.put_in_force(POLICY + LEDGER + limit)
        try:
            with self.open(self.shop) as stream:
                begun = time.monotonic()
                stream.sendall(b"size 100000\n")
                got = 0
                while got < 100000:
                    got += len(stream.recv(65536))
                self.assertGreater(time.monotonic() - begun, 2)
        finally:
            self.put_in_force(POLICY + LEDGER)

    def test_a_day_that_is_used_up_ends_it(self):
        limit = '\n[[partners]]\nwho = "production/acme"\nbytes_out_per_day = 1000\n'
        self.put_in_force(POLICY + LEDGER + limit)
        try:
            with self.open(self.shop) as stream:
                stream.sendall(b"size 5000\n")
                wait_until(lambda: self.is_closed(stream), "it goes on")
        finally:
            self.put_in_force(POLICY + LEDGER)

    def test_a_service_that_is_not_there(self):
        with self.open(self.shop, "dead.localhost") as stream:
            self.assertTrue(self.is_closed(stream))
        wait_until(lambda: [r for r in self.tcp_records() if r["code"] == "net.connect"], "not recorded")

    def test_http_does_not_lead_there(self):
        """The host of a site without HTTP is misdirected on the connection of another one."""
        outcome = self.curl(self.shop.transport, extra=["-H", "Host: ledger.localhost"])
        self.assertEqual(outcome.status, 421)
        self.assertEqual(json.loads(outcome.body)["code"], "gateway.misdirected")

    def test_suspension_cuts_it(self):
        other = self.enrol("production/globex/once")
        with self.open(other, "ledger.localhost") as stream:
            self.assertTrue(self.is_closed(stream))
        self.put_in_force(POLICY + LEDGER.replace("acme/shop", "globex/once"))
        try:
            with self.open(other) as stream:
                self.assertEqual(self.say(stream, b"hello\n"), b"hello\n")
                self.platform.admin("app", "suspend", "production/globex/once")
                wait_until(lambda: self.is_closed(stream), "it goes on though suspended")
            self.assertTrue([r for r in self.tcp_records() if r["code"] == "connection.cut"])
        finally:
            self.put_in_force(POLICY + LEDGER)


if __name__ == "__main__":
    testing.main()
