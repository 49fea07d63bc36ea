"""TLS clients that break off: a handshake by hand, record by record, and resets instead of ends; and a service that breaks off at each
step of its answer. Used by tests/e2e/resets_test.py and stop_test.py."""
import socket
import ssl
import struct
import threading

from harness.backend import accept_for, read_request

SECONDS = 30


def reset(plain):
    """Ends a TCP connection by RST (SO_LINGER 0, socket(7)), and with it whatever lies unread."""
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plain.close()


def context_for(trust, credential, version, protocols=()):
    context = ssl.create_default_context(cafile=str(trust))
    context.minimum_version = context.maximum_version = version
    context.check_hostname = False
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if credential:
        context.load_cert_chain(str(credential.chain), str(credential.key))
    return context


def records_of(flight):
    """The TLS records in it, each whole."""
    records = []
    while flight:
        size = 5 + struct.unpack(">H", flight[3:5])[0]
        records.append(flight[:size])
        flight = flight[size:]
    return records


class Handshake:
    """The client's end of TLS without a socket below it: every byte goes out by hand. Then a stream like those of `ssl`."""

    def __init__(self, plain, context, name="localhost"):
        self.plain = plain
        self.plain.settimeout(SECONDS)
        self.arrived, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.arrived, self.leaving, server_hostname=name)
        self.done = False

    def step(self):
        """What is to be sent next, with what has arrived."""
        try:
            self.tls.do_handshake()
            self.done = True
        except ssl.SSLWantReadError:
            pass
        return self.leaving.read()

    def answer(self):
        """Reads until the handshake has something to send, or is done; that."""
        while True:
            said = self.step()
            if said or self.done:
                return said
            piece = self.plain.recv(65536)
            if not piece:
                raise ConnectionError("the handshake was ended")
            self.arrived.write(piece)

    def finish(self):
        """All of it."""
        while not self.done:
            self.plain.sendall(self.answer())
        return self

    # What h2.Client and http.client need of a stream.

    def sendall(self, data):
        self.tls.write(data)
        self.plain.sendall(self.leaving.read())

    def recv(self, size):
        while True:
            try:
                return self.tls.read(size)
            except ssl.SSLWantReadError:
                piece = self.plain.recv(65536)
                if not piece:
                    return b""
                self.arrived.write(piece)
            except ssl.SSLZeroReturnError:
                return b""

    def until(self, end):
        """What comes until `end` was among it, or the other side has ended it."""
        got = b""
        while end not in got and (piece := self.recv(65536)):
            got += piece
        return got

    def close(self):
        self.plain.close()


class BreakingService:
    """Listens on a free port of loopback. `at`: where it resets a connection: "accept"; "hello" (TLS: the client's is there), or after so
    many bytes of its own flight. Else the path of a request says it: /before, /head, /body, /chunk, /idle (behind its answer); /ws is a
    WebSocket that sends back every byte, and everything else is answered."""

    def __init__(self, at="", credential=None, flight=0):
        self.at, self.flight = at, flight
        self.requests = self.resets = 0
        self.context = None
        if credential:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(str(credential.chain), str(credential.key))
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "127.0.0.1:%d" % self.listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.listening.close()

    def _accept(self):
        while True:
            try:
                plain, _ = self.listening.accept()
            except OSError:
                return
            plain.settimeout(SECONDS)
            threading.Thread(target=self._serve_quietly, args=(plain,), daemon=True).start()

    def _serve_quietly(self, plain):
        try:
            self._serve(plain)
        except (OSError, ValueError, IndexError):
            pass
        finally:
            plain.close()

    def _reset(self, plain):
        self.resets += 1
        reset(plain)

    def _serve(self, plain):
        if self.at == "accept":
            return self._reset(plain)
        if self.context:
            arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = self.context.wrap_bio(arrived, leaving, server_side=True)
            while not leaving.pending:
                arrived.write(plain.recv(65536))
                try:
                    tls.do_handshake()
                except ssl.SSLWantReadError:
                    pass
            plain.sendall(leaving.read()[:self.flight])
            return self._reset(plain)
        file = plain.makefile("rb")
        while (request := read_request(file)) is not None:
            self.requests += 1
            path = request[0].split(" ")[1]
            if path.endswith("/ws"):
                return self._echo(file, plain, dict((name.lower(), value) for name, value in request[1]))
            said, ends = self.SAYS.get("/" + path.rpartition("/")[2], (self.ANSWER, False))
            plain.sendall(said)
            if ends:
                file.close()
                return self._reset(plain)
        return None

    def _echo(self, file, plain, fields):
        plain.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
                      + accept_for(fields["sec-websocket-key"]) + b"\r\n\r\n")
        while piece := file.read1(65536):
            if piece == b"reset":
                file.close()
                return self._reset(plain)
            plain.sendall(piece)
        return None

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    SAYS = {
        "/before": (b"", True),
        "/head": (b"HTTP/1.1 200 OK\r\nContent-Le", True),
        "/body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf", True),
        "/chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha", True),
        "/idle": (ANSWER, True),
    }
