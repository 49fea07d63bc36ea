"""service.py READY-FILE: the server of Python's own library. One line of output for each request line it saw, whatever became of it;
/careless answers without a look at the body, as a hasty handler does, and leaves it on the connection."""
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def parse_request(self):
        line = self.raw_requestline.decode("latin-1").rstrip("\r\n")
        os.write(1, f"{' '.join(line.split(' ')[:2])}\n".encode("latin-1"))  # in one piece, whatever other threads write
        return super().parse_request()

    def answer(self):
        if "/careless" not in self.path:
            self.read_body()
        self.send_response(200)
        self.send_header("Content-Length", "7")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"python\n")

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while length := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            self.rfile.read(length + 2)
        while self.rfile.readline() not in (b"\r\n", b"\n", b""):
            pass

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = answer

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        pass  # who left in the middle is not our matter


def main():
    server = Server(("127.0.0.1", 0), Handler)
    Path(sys.argv[1]).write_text(json.dumps({"port": server.server_address[1]}))
    server.serve_forever()


if __name__ == "__main__":
    main()
