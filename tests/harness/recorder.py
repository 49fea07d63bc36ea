"""A service behind the gateway that keeps every request as the bytes it came in, and answers 200."""
import re
import socket
import threading


class Recorder:
    """Listens on a free port of loopback. `requests`: head, body and trailers of each, as received."""

    def __init__(self):
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as file:
            while request := _read(file):
                self.requests.append(request)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def _read(file):
    """One request; b"" at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline()
        if not line:
            return b""
        head += line
    if re.search(rb"(?im)^transfer-encoding: *chunked", head):
        return head + _read_chunks(file)
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    return head + file.read(int(length.group(1)) if length else 0)


def _read_chunks(file):
    raw = b""
    while True:
        line = file.readline()
        size = int(line.split(b";")[0], 16)
        raw += line + file.read(size + 2 if size else 0)
        if size == 0:
            break
    while (line := file.readline()) not in (b"\r\n", b""):
        raw += line
    return raw + b"\r\n"


def fields_of(request):
    """(name, value) of each field of the head, in order."""
    lines = request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    return [tuple(part.decode("latin-1") for part in line.split(b": ", 1)) for line in lines]
