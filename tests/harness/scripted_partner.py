"""A partner's server that does as it is told: answers late, half, twice, garbage, or never; and remembers what it got."""
import socket
import ssl
import threading
import time
from collections import defaultdict

GOOD = b'{"code":"00","approved":true}'


def answer(status=200, body=GOOD, more=b""):
    return (b"HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (status, len(body))
            + more + b"\r\n" + body)


class ScriptedPartner:
    """`manner(stream, request)` answers; None: as a good partner. Every connection has a thread."""

    def __init__(self, credential, trust_chain, port=0, mutual=True):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(credential.chain, credential.key)
        self.context.load_verify_locations(trust_chain)
        self.context.verify_mode = ssl.CERT_REQUIRED if mutual else ssl.CERT_NONE
        self.manner = None
        self.lock = threading.Lock()
        self.got = defaultdict(list)  # key: requests
        self.order = []  # keys, in the order in which they came first
        self.port = port
        self.listener = None
        self.streams = set()
        self.open()

    def url(self, path="/decide"):
        return f"https://localhost:{self.port}{path}"

    def open(self):
        self.listener = self.listen(self.port)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def listen(self, port):
        return socket.create_server(("127.0.0.1", port), reuse_port=True)

    def close(self):
        """Nobody listens any more, and what is open is cut, as a network would."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            streams, self.streams = self.streams, set()
        for stream in streams:
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def requests(self, key):
        with self.lock:
            return list(self.got[key])

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with self.lock:
            self.streams.add(connection)
        try:
            with self.context.wrap_socket(connection, server_side=True) as stream:
                with self.lock:
                    self.streams.discard(connection)
                    self.streams.add(stream)
                while (request := _read_request(stream)) is not None:
                    self._note(request)
                    manner = self.manner
                    if manner is None:
                        stream.sendall(answer())
                    elif manner(stream, request) == "close":
                        return
        except (OSError, ValueError):
            pass

    def _note(self, request):
        key = request["fields"].get("idempotency-key", "")
        with self.lock:
            if key not in self.got:
                self.order.append(key)
            self.got[key].append(request)


def _read_request(stream):
    data = b""
    while b"\r\n\r\n" not in data:
        more = stream.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    while len(body) < int(fields.get("content-length", "0")):
        body += stream.recv(65536)
    return {"line": lines[0], "fields": fields, "body": body}


# What it may do with a request. All leave the caller without an answer that counts.

def late(stream, _request):
    time.sleep(0.6)
    stream.sendall(answer())


def half(stream, _request):
    stream.sendall(answer()[:-10])
    return "close"


def twice(stream, _request):
    stream.sendall(answer(body=b'{"code":"05"}') + answer())


def garbage(stream, _request):
    stream.sendall(b"SSH-2.0-partner\r\n\r\n" + bytes(range(256)))
    return "close"


def never(stream, _request):
    stream.recv(1)


def away(_stream, _request):
    return "close"


def failing(stream, _request):
    stream.sendall(answer(503))


def elsewhere(stream, _request):
    stream.sendall(answer(302, more=b"Location: https://elsewhere.example/\r\n"))
