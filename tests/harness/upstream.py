"""A small REST upstream: echoes what it was asked, and by whom, as JSON; counts what reaches it."""
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 65536


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # as many may knock at once as one connection of HTTP/2 has streams

    def handle_error(self, request, client_address):
        """A gateway that breaks a connection off does what a test wants of it."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Upstream:
    """Listens on a free port of loopback. `connections` and `requests` count from the start."""

    def __init__(self):
        self.connections = 0
        self.begun = 0  # requests whose head has come
        self.requests = []
        self.release = threading.Event()  # /held sends its body only then
        self.lock = threading.Lock()
        self.server = _Server(("127.0.0.1", 0), _handler_for(self))
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def _handler_for(upstream):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self):
            with upstream.lock:
                upstream.connections += 1
            super().setup()

        def answer(self):
            with upstream.lock:
                upstream.begun += 1
            received = self.swallow_body()
            if self.path.startswith("/bytes/"):
                self.send_bytes(int(self.path.removeprefix("/bytes/")))
                return
            if self.path.startswith("/slow/"):
                time.sleep(float(self.path.removeprefix("/slow/")))
            if self.path == "/broken":
                self.send_half()
                return
            if self.path == "/held":
                self.send_held()
                return
            seen = {
                "method": self.command,
                "path": self.path,
                "application": self.headers.get("X-Countersign-Application"),
                "organisation": self.headers.get("X-Countersign-Organisation"),
                "environment": self.headers.get("X-Countersign-Environment"),
                "headers": [[name, value] for name, value in self.headers.items()],
                "body_bytes": received,
            }
            with upstream.lock:
                upstream.requests.append(seen)
            self.reply(json.dumps(seen).encode() + b"\n")

        def swallow_body(self):
            """Reads the request's body and forgets it; how long it was."""
            if self.headers.get("Transfer-Encoding") == "chunked":
                return self.swallow_chunks()
            return self.swallow(int(self.headers.get("Content-Length") or 0))

        def swallow(self, length):
            left = length
            while left > 0:
                left -= len(self.rfile.read(min(left, PIECE))) or left
            return length

        def swallow_chunks(self):
            received = 0
            while True:
                length = int(self.rfile.readline().split(b";")[0], 16)
                received += self.swallow(length)
                self.rfile.readline()
                if length == 0:
                    return received

        def send_held(self):
            self.send_response(200)
            self.send_header("Content-Length", "6")
            self.end_headers()
            upstream.release.wait(30)
            self.wfile.write(b"secret")

        def send_half(self):
            """GET /broken: less than was announced, then the end."""
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True

        def send_bytes(self, length):
            """GET /bytes/N: a body of that size."""
            self.send_response(200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            try:
                for begin in range(0, length, PIECE):
                    self.wfile.write(b"x" * min(PIECE, length - begin))
            except ConnectionError:  # whoever asked has gone
                self.close_connection = True

        def reply(self, text):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = answer

        def log_message(self, *_):
            pass

    return Handler
