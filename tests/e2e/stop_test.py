"""SIGTERM while much is going on: what was asked has its record, what was refused, too, each of them once and whole; and the gateway
ends in order, however often it is told to."""
import collections
import json
import signal
import ssl
import threading

import path  # noqa: F401
from harness import h2, testing
from harness.breaking_off import BreakingService, Handshake, context_for
from harness.program import wait_until
from harness.raw import read_to_end, status_of, tcp_connect

UPGRADE = ("GET /service/{}/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
DRAIN_SECONDS = 3
MUCH = 100_000_000


class StopTest(testing.PlatformTest):
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
[[gateway.upstreams]]
name = "service"
addresses = ["SERVICE"]
[[gateway.routes]]
path = "/service"
upstream = "service"
access = "any_partner"
upgrade = ["websocket"]
"""

    @classmethod
    def setUpClass(cls):
        cls.service = BreakingService()
        cls.addClassCleanup(cls.service.stop)
        cls.gateway_listeners = cls.gateway_listeners.replace("SERVICE", cls.service.address)
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")

    @classmethod
    def prepare(cls):
        cls.platform.gateway_keys = f'workers = 2\ndrain_time = "{DRAIN_SECONDS}s"'

    def setUp(self):
        if "gateway" not in self.platform.running:
            self.platform.start("gateway")
        self.settle(self.acme.transport)
        self.gateway = self.platform.running["gateway"]
        self.log = self.platform.records("gateway")
        self.mark = self.log.mark()
        self.upstream.release.clear()
        self.addCleanup(self.upstream.release.set)
        self.asked = collections.Counter()  # paths, for each of which there is to be a record
        self.numbers = iter(range(1_000_000))

    # --- helpers -------------------------------------------------------------------------------------------------------

    def handshake(self, credential="acme", name="localhost", protocols=(), version=ssl.TLSVersion.TLSv1_3):
        credential = self.acme.transport if credential == "acme" else credential
        client = Handshake(tcp_connect(self.platform.ports["gateway"]),
                           context_for(self.platform.trust_chain, credential, version, protocols), name)
        self.addCleanup(client.close)
        return client

    def h2_client(self):
        client = h2.Client.__new__(h2.Client)
        client._begin(self.handshake(protocols=["h2"]).finish(), None)
        return client

    def a_path(self, kind):
        """One that nobody else asks for."""
        where = f"{kind}{next(self.numbers)}"
        self.asked[where] += 1
        return where

    def reach(self, upstream, count, send):
        """`send` makes so many requests begin there."""
        counted = (lambda: self.upstream.begun) if upstream is self.upstream else (lambda: self.service.requests)
        begun = counted()
        send()
        wait_until(lambda: counted() >= begun + count, "requests do not get there")

    def stop(self, *signals, between=0.3):
        """Each of them, and the status with which the gateway ends."""
        for count, number in enumerate(signals):
            if count:
                testing.pause(between)
            if self.gateway.running():
                self.gateway.process.send_signal(number)
            self.log.next("gateway.draining", self.mark)
        status = self.gateway.process.wait(30)
        self.platform.running.pop("gateway")
        return status

    def lines(self):
        """All that was logged since the test began, each line whole."""
        with open(self.log.log, "rb") as log:
            log.seek(self.mark)
            text = log.read()
        self.assertTrue(text.endswith(b"\n"), text[-200:])
        return [json.loads(line) for line in text.splitlines()]

    def assert_recorded_once(self, may_be=()):
        """`may_be`: paths that were sent and not answered."""
        records = self.lines()
        self.assertEqual(records[-1]["event"], "gateway.stopped")
        told = collections.Counter(one["path"] for one in records if one["event"] == "request")
        for where in may_be:
            self.assertLessEqual(told.pop(where, 0), 1, where)
        for ours in ("/hello", ):  # of settle()
            told.pop(ours, None)
        self.assertEqual(told, self.asked)
        return records

    # --- tests ---------------------------------------------------------------------------------------------------------

    def everything_at_once(self, *signals):
        """Connections of every kind: what can end within the drain does, and what cannot is cut. The records."""
        kept, slow, upload = self.handshake().finish(), self.handshake().finish(), self.handshake().finish()
        kept.sendall(f"GET {self.a_path('/kept')} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        kept.until(b"}\n")

        slow_path, upload_path = self.a_path("/slow/1."), self.a_path("/upload")
        self.reach(self.upstream, 2, lambda: (
            slow.sendall(f"GET {slow_path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()),
            upload.sendall(f"PUT {upload_path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\nhalf".encode())))

        streams = self.h2_client()
        self.reach(self.upstream, 4, lambda: streams.send(
            *[h2.headers(stream, h2.replaced(h2.GET, path=self.a_path("/slow/1."))) for stream in (1, 3, 5)],
            h2.headers(7, h2.replaced(h2.POST, path=self.a_path("/upload")), h2.END_HEADERS), h2.frame(h2.DATA, 0, 7, b"half")))

        # These do not come to an end by themselves.
        websocket, tunnel, reader, stuck = (self.handshake().finish(), self.handshake(name="bytes.localhost").finish(),
                                            self.handshake().finish(), self.handshake().finish())
        websocket.sendall(UPGRADE.format(next(self.numbers)).encode())
        self.asked[f"/service/{next(self.numbers) - 1}/ws"] += 1
        websocket.until(b"\r\n\r\n")
        self.reach(self.service, 1, lambda: tunnel.sendall(b"GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        tunnel.until(b"ok")
        stuck_path, stuck_streams = self.a_path("/stuck"), self.h2_client()
        self.asked["/held"] += 2
        self.reach(self.upstream, 5, lambda: (
            reader.sendall(f"GET {self.a_path(f'/bytes/{MUCH}')} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()),
            stuck.sendall(f"PUT {stuck_path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\nhalf".encode()),
            stuck_streams.send(h2.headers(1, h2.replaced(h2.GET, path="/held")), h2.headers(3, h2.replaced(h2.GET, path="/held")),
                               h2.headers(5, h2.replaced(h2.POST, path=self.a_path("/stuck")), h2.END_HEADERS))))

        # Handshakes that began before, and are refused while it drains.
        refused = [self.handshake(None, version=version) for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2)]
        flights = []
        for client in refused:
            client.plain.sendall(client.step())
            flights.append(client.answer())

        def go_on():
            self.log.next("gateway.draining", self.mark)
            for client, flight in zip(refused, flights):
                client.plain.sendall(flight)
            upload.sendall(b"half")
            streams.send(h2.frame(h2.DATA, h2.END_STREAM, 7, b"half"))
            websocket.sendall(b"hello")
            heard.append(websocket.until(b"hello"))
            heard.extend(status_of(read_to_end(one)) for one in (slow, upload))
            heard.extend(answer.status for answer in streams.answers([1, 3, 5, 7]).values())

        heard = []
        client = threading.Thread(target=go_on)
        client.start()
        status = self.stop(*signals)
        client.join()
        self.assertEqual(heard, [b"hello", 200, 200, 200, 200, 200, 200])
        self.assertEqual(status, 0)
        records = self.assert_recorded_once()
        self.assertEqual(len([one for one in records if one["event"] == "gateway.tunnel_ended"]), 1)
        self.assertEqual(len([one for one in records if one["event"] == "tcp"]), 1)
        ports = ["%s:%d" % one.plain.getsockname() for one in refused]
        told = [(one["address"], one["reason"]) for one in records if one["event"] == "tls.refused"]
        self.assertEqual(sorted(told), sorted((port, "no_certificate") for port in ports))
        return records

    def test_once(self):
        self.everything_at_once(signal.SIGTERM)

    def test_again_and_again(self):
        """Who stops a process twice wants nothing else than who does it once."""
        self.everything_at_once(signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGTERM)

    def test_under_load(self):
        """Requests and refusals that come in all the time: of those whose answer was seen none is missing."""
        answered, unanswered, refused, ended = [], [], [], threading.Event()

        def ask():
            try:
                client = self.handshake().finish()
                while not ended.is_set():
                    where = f"/load{next(self.numbers)}"
                    unanswered.append(where)
                    client.sendall(f"GET {where} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                    if not client.until(b"}\n").endswith(b"}\n"):
                        return
                    answered.append(where)
            except (OSError, ssl.SSLError):
                pass

        def be_refused():
            while not ended.is_set():
                try:
                    client = self.handshake(None).finish()
                    address = "%s:%d" % client.plain.getsockname()
                    client.recv(1)
                except ssl.SSLError as error:
                    if "ALERT" in str(error).upper():
                        refused.append(address)
                except OSError:
                    return

        threads = [threading.Thread(target=work) for work in (ask,) * 8 + (be_refused,) * 4]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answered) > 300 and len(refused) > 100, "no load")
        status = self.stop(signal.SIGTERM, signal.SIGTERM, between=0)
        ended.set()
        for thread in threads:
            thread.join()
        self.assertEqual(status, 0)
        self.asked.update(answered)
        records = self.assert_recorded_once(set(unanswered) - set(answered))
        told = collections.Counter(one["address"] for one in records if one["event"] == "tls.refused")
        self.assertEqual([address for address in refused if told[address] != 1], [])
        self.assertEqual(set(told.values()), {1})

    def test_a_handshake_that_is_refused_at_the_very_end(self):
        """The drain's time is over, and the gateway waits for what it has cut to unwind: nobody is refused without a record then."""
        stuck = self.handshake().finish()
        self.reach(self.upstream, 1, lambda: stuck.sendall(
            f"PUT {self.a_path('/stuck')} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\nhalf".encode()))
        clients = [self.handshake(None) for _ in range(20)]
        flights = []
        for client in clients:
            client.plain.sendall(client.step())
            flights.append(client.answer())
        alerted = []

        def go_on():
            self.log.next("gateway.draining", self.mark)
            testing.pause(DRAIN_SECONDS - 0.5)
            for client, flight in zip(clients, flights):
                testing.pause(0.08)
                try:
                    client.plain.sendall(flight)
                    client.recv(1)
                except ssl.SSLError as error:
                    if "ALERT" in str(error).upper():
                        alerted.append("%s:%d" % client.plain.getsockname())
                except OSError:
                    return

        thread = threading.Thread(target=go_on)
        thread.start()
        self.assertEqual(self.stop(signal.SIGTERM), 0)
        thread.join()
        told = [one["address"] for one in self.assert_recorded_once() if one["event"] == "tls.refused"]
        self.assertEqual(sorted(told), sorted(alerted))


if __name__ == "__main__":
    testing.main()
