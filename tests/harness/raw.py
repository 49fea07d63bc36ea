"""Connections that do what no proper client does."""
import socket
import ssl


def tls_connect(port, trust, credential=None, seconds=30, protocols=(), name="localhost"):
    """A TLS connection to localhost, the server verified; bytes can then be sent as they are. `protocols` go into ALPN. Under another
    `name` ("": under none) only the chain is verified."""
    context = ssl.create_default_context(cafile=str(trust))
    context.check_hostname = name == "localhost"
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if credential:
        context.load_cert_chain(str(credential.chain), str(credential.key))
    plain = socket.create_connection(("127.0.0.1", port), timeout=seconds)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # nothing waits for an acknowledgement of the handshake
    return context.wrap_socket(plain, server_hostname=name or None)


def tcp_connect(port, seconds=30):
    return socket.create_connection(("127.0.0.1", port), timeout=seconds)


def free_port():
    """One that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def somebody_listens(port):
    try:
        tcp_connect(port).close()
        return True
    except ConnectionRefusedError:
        return False


def read_to_end(stream):
    """All that comes until the other side closes (or resets)."""
    received = b""
    try:
        while True:
            piece = stream.recv(65536)
            if not piece:
                return received
            received += piece
    except (ConnectionError, ssl.SSLError):
        return received


def status_of(answer):
    """The status of an HTTP answer in bytes; 0 when it is none."""
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit() else 0
