"""A service behind the gateway as a process of its own, so that it can be killed: answers with what it saw, as JSON.

    backend = Backend(folder, "one").start()
    backend.address     127.0.0.1:PORT
    backend.kill()      SIGKILL; start() brings it back on the same port

/health is 200; /api/dies closes instead of an answer; /ws is a WebSocket that sends back every byte; everything else is answered with what was asked.
"""
import argparse
import base64
import hashlib
import json
import os
import signal
import socket
import ssl
import struct
import sys
import threading
import time
from pathlib import Path

WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class Backend:
    def __init__(self, folder, name, *options):
        self.folder, self.name, self.options = Path(folder), name, [str(option) for option in options]
        self.port, self.program = 0, None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self, *options):
        from harness.program import Program
        ready = self.folder / f"{self.name}.ready"
        self.program = Program(self.name, [sys.executable, __file__, "--port", self.port, "--ready", ready, *self.options, *options],
                               self.folder, ready)
        self.port = self.program.started()["port"]
        return self

    def seen(self):
        """The request lines so far."""
        return [line for line in self.program.log.read_text().splitlines() if " HTTP/1." in line]

    def kill(self):
        self.program.process.send_signal(signal.SIGKILL)
        self.program.process.wait(30)

    def stop(self):
        if self.program.running():
            self.kill()


def read_proxy_header(connection):
    """The source that a PROXY header of version 2 names; None for LOCAL."""
    prefix = b""
    while len(prefix) < 16:
        prefix += connection.recv(16 - len(prefix))
    assert prefix.startswith(b"\r\n\r\n\0\r\nQUIT\n"), prefix
    body = b""
    while len(body) < struct.unpack(">H", prefix[14:16])[0]:
        body += connection.recv(1)
    return None if prefix[12] == 0x20 else socket.inet_ntoa(body[:4])


def read_request(file):
    """(request line, fields, body), or None at the end."""
    line = file.readline().decode().strip()
    if not line:
        return None
    fields = []
    while True:
        text = file.readline().decode().rstrip("\r\n")
        if not text:
            break
        fields.append(text.split(": ", 1))
    length = sum(int(value) for name, value in fields if name.lower() == "content-length")
    return line, fields, file.read(length)


def serve(connection, options):
    proxied = read_proxy_header(connection) if options.proxy_header else None
    shown = connection.getpeercert() if options.certificate else None
    file = connection.makefile("rwb")
    while (request := read_request(file)) is not None:
        line, fields, body = request
        path = line.split(" ")[1]
        print(line, flush=True)
        if path.endswith("/dies"):
            return None
        if path == "/ws":
            return echo(file, connection, dict((name.lower(), value) for name, value in fields))
        if path != "/health":
            time.sleep(options.delay)
        answer = json.dumps({"pid": os.getpid(), "line": line, "fields": fields, "body": body.decode(), "proxied": proxied,
                             "shown": shown}).encode()
        file.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
        file.flush()


def accept_for(key):
    return base64.b64encode(hashlib.sha1(key.encode() + WEBSOCKET).digest())


def echo(file, connection, fields):
    file.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
               + accept_for(fields["sec-websocket-key"]) + b"\r\n\r\n")
    file.flush()
    while piece := file.read1(65536):
        connection.sendall(piece)


def serve_quietly(connection, context, options):
    try:
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        with connection:
            serve(connection, options)
    except (OSError, ssl.SSLError, ValueError, IndexError):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready", required=True)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--proxy-header", action="store_true")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--clients-by", help="demand a certificate that comes from this file")
    options = parser.parse_args()
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)
        if options.clients_by:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(options.clients_by)
    listener = socket.create_server(("127.0.0.1", options.port), backlog=256)
    Path(options.ready).write_text(json.dumps({"port": listener.getsockname()[1]}))
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve_quietly, args=(connection, context, options), daemon=True).start()


if __name__ == "__main__":
    main()
