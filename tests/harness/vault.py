"""A service behind the gateway for bodies of any size: takes one and answers with its length and hash, or sends one of a known hash.
Nothing is kept."""
import hashlib
import json
import secrets
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BLOCK = 1024 * 1024
_RANDOM = secrets.token_bytes(BLOCK)


def blocks(size):
    """A body of that size, in pieces, no two of them the same."""
    for number in range(0, size, BLOCK):
        yield (number.to_bytes(8, "big") + _RANDOM[8:])[:size - number]


def hash_of(pieces):
    """(length, hash)"""
    digest, length = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        length += len(piece)
    return length, digest.hexdigest()


class Vault:
    def __init__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    rbufsize = BLOCK
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BLOCK)

    def do_GET(self):
        """/SIZE: a body of that size; /chunks/SIZE: in chunks."""
        size, in_chunks = int(self.path.rpartition("/")[2]), "/chunks/" in self.path
        self.send_response(200)
        self.send_header(*(("Transfer-Encoding", "chunked") if in_chunks else ("Content-Length", str(size))))
        self.end_headers()
        for block in blocks(size):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block) if in_chunks else block)
        if in_chunks:
            self.wfile.write(b"0\r\n\r\n")

    def do_PUT(self):
        in_chunks = self.headers.get("Transfer-Encoding")
        length, digest = hash_of(self._chunks() if in_chunks else self._pieces(int(self.headers["Content-Length"])))
        answer = json.dumps({"length": length, "hash": digest}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _pieces(self, left):
        while left > 0:
            piece = self.rfile.read1(min(left, BLOCK))
            if not piece:
                raise ConnectionError("cut off")
            left -= len(piece)
            yield piece

    def _chunks(self):
        while size := int(self.rfile.readline(), 16):
            yield from self._pieces(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *_):
        pass
