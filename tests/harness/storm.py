"""Handshakes that fail, by the thousand, from as many addresses of loopback as the gateway's rates need, and connections that never begin
one. Used by tests/e2e/storm_test.py and bench/storm.
"""
import collections
import resource
import socket
import ssl

from harness import material
from harness.material import Material
from harness.raw import read_to_end

EACH_ADDRESS = 500  # handshakes from one address before the next one's turn; far below the gateway's burst
SECONDS = 30


def room_for(descriptors):
    """Raises the limit of open files, for this process and those it starts, as far as it may; how many of `descriptors` fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(descriptors + 1000, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return min(descriptors, max(soft, wanted) - 1000)


def address_of(number, network=1):
    """One of 65,000 addresses of a network of loopback."""
    return f"127.{network}.{number // 250 % 250}.{1 + number % 250}"


def connect_from(address, port):
    plain = socket.socket()
    plain.settimeout(SECONDS)
    try:
        plain.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: one port may serve many destinations
        plain.bind((address, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # gone at once: ports are few
        plain.connect(("127.0.0.1", port))
        return plain
    except OSError:
        plain.close()
        raise


def flood(port, network, count, held=3000):
    """So many whole ClientHellos that nothing follows, each from an address of its own, the newest held open: all that they cost is the
    other side's."""
    hello, newest = Storm.client_hello(), collections.deque()
    for number in range(count):
        try:
            plain = connect_from(address_of(number, network), port)
            newest.append(plain)
            plain.sendall(hello)
        except OSError:
            pass  # turned away
        if len(newest) > held:
            newest.popleft().close()


class Storm:
    """Of every kind that there is: strangers, thieves, and those that do not speak TLS."""

    def __init__(self, platform, genuine):
        maker = Material(platform.folder / "storm")
        subject, extensions = material.transport_subject("acme", "payments")
        ours = maker.issuer_of(platform.authority_folder, "production", "transport")
        self.port, self.trust = platform.ports["gateway"], platform.trust_chain
        credentials = {
            "no_certificate": None, "self_signed": maker.self_signed("self-signed", subject, extensions),
            "unlisted": maker.leaf("unlisted", ours, subject, extensions),
            "expired": maker.leaf("expired", ours, subject, extensions, material.EXPIRED),
            "tampered": maker.tampered("tampered", genuine, b"acme", b"apex"),
        }
        self.contexts = {f"{name}_{version.name}": self._context(credential, version) for name, credential in credentials.items()
                         for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)}
        other = self._context(None, ssl.TLSVersion.TLSv1_3)
        other.set_alpn_protocols(["spdy/3"])
        self.contexts["other_protocol"] = other
        self.hello = self.client_hello()
        self.cheap = {"garbage": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "cut_off": self.hello[:100], "given_up": self.hello,
                      "silent": b""}
        self.number, self.network = 0, 1  # whose turn it is: which address of which network

    @staticmethod
    def _context(credential, version):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        if credential:
            context.load_cert_chain(str(credential.chain), str(credential.key))
        return context

    @staticmethod
    def client_hello():
        into = ssl.MemoryBIO()
        context = ssl.create_default_context()
        try:
            context.wrap_bio(ssl.MemoryBIO(), into, server_hostname="localhost").do_handshake()
        except ssl.SSLWantReadError:
            pass
        return into.read()

    def blow(self, count, full_percent=10):
        """So many, one after the other; `full_percent` of them go as far as they can, the rest are cheap to begin."""
        kinds = list(self.contexts)
        cheap = list(self.cheap)
        for _ in range(count):
            self.number += 1
            address = address_of(self.number // EACH_ADDRESS, self.network)
            if self.number % 100 < full_percent:
                self.fail_fully(address, kinds[self.number % len(kinds)])
            else:
                self.fail_early(address, cheap[self.number % len(cheap)])

    def fail_fully(self, address, kind):
        plain = connect_from(address, self.port)
        try:
            with self.contexts[kind].wrap_socket(plain, server_hostname="localhost") as stream:
                assert read_to_end(stream) == b"", f"{kind} was let in"
        except (ssl.SSLError, OSError):
            plain.close()

    def fail_early(self, address, kind):
        with connect_from(address, self.port) as plain:
            try:
                plain.sendall(self.cheap[kind])
                if kind in ("garbage", "given_up"):
                    plain.recv(1)
            except OSError:
                pass
