"""Clients that go on asking while something happens to the gateway, and count what did not go well.

Nothing is tried a second time, but for what a client is told: an answer with "Connection: close", or a GOAWAY, is followed by
another connection. Streams of HTTP/2 that a GOAWAY says were not looked at are asked again there (RFC 9113 section 6.8)."""
import collections
import ssl
import struct
import threading
import time
from http.client import HTTPResponse

from harness import h2
from harness.raw import tcp_connect


def tls_to(platform, credential=None, host="localhost"):
    context = ssl.create_default_context(cafile=str(platform.trust_chain))
    context.check_hostname = host == "localhost"
    if credential:
        context.load_cert_chain(str(credential.chain), str(credential.key))
    return context.wrap_socket(tcp_connect(platform.ports["gateway"]), server_hostname=host)


class Kept:
    """A client of HTTP/1.1 that keeps its connection. `connections` counts those it made."""

    def __init__(self, platform, credential=None, host="localhost"):
        self.platform, self.credential, self.host = platform, credential, host
        self.connections = 0
        self.stream = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.stream:
            self.stream.close()
        self.stream = None

    def get(self, path, fields=""):
        """The status of the answer."""
        if self.stream is None:
            self.stream = tls_to(self.platform, self.credential, self.host)
            self.connections += 1
        self.stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n{fields}\r\n".encode())
        answer = HTTPResponse(self.stream)
        answer.begin()
        answer.read()
        if answer.will_close:
            self.close()
        return answer.status

    def ended(self):
        """Has the other side ended the connection? Looks for a moment only."""
        if self.stream is None:
            return True
        self.stream.settimeout(0.05)
        try:
            return self.stream.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True
        finally:
            self.stream.settimeout(30)


class Load:
    """Asks without a pause from several threads until it is left: `done` and `failures` by kind of client."""

    def __init__(self, platform, credential, slow_seconds=0):
        """`slow_seconds`: one client more, whose every request takes the upstream so long."""
        self.platform, self.credential, self.slow_seconds = platform, credential, slow_seconds
        self.done = collections.Counter()
        self.failures = []
        self.stop = threading.Event()
        kinds = [("fresh", self.one_fresh)] * 2 + [("kept", self.all_kept)] * 2 + [("h2", self.all_h2)]
        kinds += [("slow", self.all_slow)] if slow_seconds else []
        self.threads = [threading.Thread(target=self.run, args=kind, daemon=True) for kind in kinds]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)

    def figures(self):
        return " ".join(f"{kind}={count}" for kind, count in sorted(self.done.items())) + f" failed={len(self.failures)}"

    def run(self, kind, work):
        while not self.stop.is_set():
            try:
                work()
            except Exception as error:  # whatever went wrong is what is counted
                self.failures.append(f"{time.strftime('%H:%M:%S')} {kind}: {error!r}")
                time.sleep(0.01)

    def note(self, kind, status):
        self.done[kind] += 1
        if status != 200:
            self.failures.append(f"{time.strftime('%H:%M:%S')} {kind}: status {status}")

    def one_fresh(self):
        with Kept(self.platform, self.credential) as client:
            self.note("fresh", client.get("/hello", "Connection: close\r\n"))

    def all_kept(self):
        with Kept(self.platform, self.credential) as client:
            while not self.stop.is_set():
                self.note("kept", client.get("/hello"))

    def all_slow(self):
        with Kept(self.platform, self.credential) as client:
            while not self.stop.is_set():
                self.note("slow", client.get(f"/slow/{self.slow_seconds}"))

    def all_h2(self):
        with h2.Client(self.platform.ports["gateway"], self.platform.trust_chain, self.credential) as client:
            for stream in range(1, 1 << 20, 2):
                if self.stop.is_set() or not self.ask_h2(client, stream):
                    return

    def ask_h2(self, client, stream):
        """False when another connection is to be made: the other side says so."""
        client.send(h2.headers(stream, h2.GET))
        answer = client.answer(stream)
        goodbyes = [frame for frame in client.seen if frame.type == h2.GOAWAY]
        client.seen.clear()
        if answer.status:
            self.note("h2", answer.status)
        elif not goodbyes or struct.unpack(">I", goodbyes[-1].payload[:4])[0] >= stream:
            self.failures.append(f"{time.strftime('%H:%M:%S')} h2: stream {stream} was not answered: {answer}")
            return False
        return not goodbyes
