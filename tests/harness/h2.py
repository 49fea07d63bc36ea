"""HTTP/2 by hand (RFC 9113): a client that can send any frame, right or wrong, and reads what comes back."""
import ssl
import struct
from dataclasses import dataclass

from harness.raw import tls_connect

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, \
    REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = range(12)
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = range(1, 7)
GET = ((":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/hello"))
POST = ((":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", "/hello"))


@dataclass
class Frame:
    type: int
    flags: int
    stream: int
    payload: bytes


@dataclass
class Answer:
    status: int = 0  # 0: none came
    body: bytes = b""
    reset: int | None = None  # the code of RST_STREAM, if that is how it ended
    goaway: int | None = None  # the code of GOAWAY, if the connection ended
    closed: bool = False  # the connection ended before the stream did


def replaced(fields, **changes):
    """`fields` with some pseudo-headers changed (method="PUT"); None takes one out."""
    out = []
    for name, value in fields:
        value = changes.get(name.lstrip(":"), value) if name.startswith(":") else value
        if value is not None:
            out.append((name, value))
    return out


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", key, value) for key, value in pairs))


def hello(*pairs):
    """The preface, with SETTINGS of which HEADER_TABLE_SIZE is 0: see status_in."""
    return PREFACE + settings((HEADER_TABLE_SIZE, 0), *pairs)


def window_update(stream, size):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size))


def block(fields):
    """A header block of literals that are never indexed and not compressed: whatever bytes are wanted."""
    out = b""
    for name, value in fields:
        out += b"\x10" + _text(name) + _text(value)
    return out


def headers(stream, fields, flags=END_HEADERS | END_STREAM):
    return frame(HEADERS, flags, stream, block(fields))


# RFC 7541 appendix A, index 8 and on; appendix B, the digits.
_STATUS_BY_INDEX = (200, 204, 206, 304, 400, 404, 500)
_DIGITS = {"00000": "0", "00001": "1", "00010": "2", "011001": "3", "011010": "4", "011011": "5", "011100": "6",
           "011101": "7", "011110": "8", "011111": "9"}


def status_in(block_of_response):
    """The status that a header block begins with. Not a decoder of HPACK: it relies on a dynamic table of size 0."""
    data = block_of_response.lstrip(b"\x20")  # "the table has size 0 now"
    if data[0] & 0x80:
        return _STATUS_BY_INDEX[(data[0] & 0x7f) - 8]
    size, value = data[1] & 0x7f, data[2:]
    if not data[1] & 0x80:
        return int(value[:size])
    bits, status = "".join(f"{byte:08b}" for byte in value[:size]), ""
    while len(status) < 3:
        digit = next(code for code in _DIGITS if bits.startswith(code))
        status, bits = status + _DIGITS[digit], bits[len(digit):]
    return int(status)


def _text(text):
    data = text if isinstance(text, bytes) else text.encode("latin-1")
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, out = len(data) - 127, b"\x7f"
    while rest >= 128:
        out += bytes([rest % 128 | 128])
        rest //= 128
    return out + bytes([rest]) + data


class Client:
    """One connection. Acknowledges SETTINGS and gives back windows, unless told not to."""

    def __init__(self, port, trust, credential=None, seconds=30, preface=None, name="localhost"):
        """`name`: of the server, as for tls_connect. `preface`: what is sent first; what it says of HEADER_TABLE_SIZE must be 0."""
        self._begin(tls_connect(port, trust, credential, seconds, ["h2"], name), preface)

    @classmethod
    def over(cls, stream):
        """On a TLS connection that is there, and speaks HTTP/2."""
        client = cls.__new__(cls)
        client._begin(stream, None)
        return client

    def _begin(self, stream, preface):
        self.stream = stream
        self.received = b""
        self.seen = []  # every frame so far
        self.polite = True
        self.stream.sendall(hello() if preface is None else preface)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()

    def send(self, *frames):
        """False when the other side had enough of us before we were done."""
        try:
            self.stream.sendall(b"".join(frames))
            return True
        except (ConnectionError, ssl.SSLError):
            return False

    def read(self):
        """The next frame; None when the connection has ended."""
        while len(self.received) < 9 or len(self.received) < 9 + int.from_bytes(self.received[:3], "big"):
            try:
                piece = self.stream.recv(65536)
            except (ConnectionError, ssl.SSLError):
                return None
            if not piece:
                return None
            self.received += piece
        size = int.from_bytes(self.received[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", self.received[3:9])
        got = Frame(kind, flags, stream & 0x7fffffff, self.received[9:9 + size])
        self.received = self.received[9 + size:]
        self.seen.append(got)
        if self.polite:
            self.answer_politely(got)
        return got

    def answer_politely(self, got):
        if got.type == SETTINGS and not got.flags & ACK:
            self.send(frame(SETTINGS, ACK, 0))
        if got.type == DATA and got.payload:
            more = [window_update(0, len(got.payload))]
            more += [] if got.flags & END_STREAM else [window_update(got.stream, len(got.payload))]
            self.send(*more)

    def answer(self, stream):
        """Reads until the stream or the connection ends."""
        return self.answers([stream])[stream]

    def answers(self, streams):
        """The same for several at once, by stream."""
        out = {stream: Answer() for stream in streams}
        open_streams = set(streams)
        while open_streams:
            got = self.read()
            if got is None or (got.type == GOAWAY and struct.unpack(">I", got.payload[4:8])[0] != NO_ERROR):
                for stream in open_streams:
                    out[stream].closed = True
                    out[stream].goaway = struct.unpack(">I", got.payload[4:8])[0] if got else None
                return out
            answer = out.get(got.stream, Answer())
            if got.type == HEADERS:
                answer.status = status_in(got.payload)
            elif got.type == DATA:
                answer.body += got.payload
            elif got.type == RST_STREAM:
                answer.reset = struct.unpack(">I", got.payload)[0]
            ended = got.type == RST_STREAM or (got.type in (HEADERS, DATA) and got.flags & END_STREAM)
            if ended and got.stream in open_streams:
                open_streams.remove(got.stream)
        return out

    def ask(self, stream, fields=GET):
        self.send(headers(stream, fields))
        return self.answer(stream)

    def goaway(self):
        """The code of the GOAWAY that ends the connection; None when it ends without."""
        code = None
        while (got := self.read()) is not None:
            if got.type == GOAWAY:
                code = struct.unpack(">I", got.payload[4:8])[0]
        return code
