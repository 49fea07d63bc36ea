"""Every name of a handshake beside every host of a request, over HTTP/1.1 and HTTP/2: what was made for one name serves it in all its
spellings, and is answered 421 for any other, also where one certificate has both."""
import itertools
import json
import re
import ssl

import path  # noqa: F401
from harness import h2, testing
from harness.material import SERVER, Material
from harness.program import wait_until
from harness.raw import read_to_end, tls_connect

NAMES = ("api.example", "api2.example", "other.example", "open.example", "*.wild.example", "*.a.wild.example", "unknown.example",
         "localhost")
SITES = """
[[gateway.listeners.sites]]
names = ["api.example", "api2.example"]
[[gateway.listeners.sites]]
names = ["other.example"]
[[gateway.listeners.sites]]
names = ["*.wild.example"]
[[gateway.listeners.sites]]
names = ["open.example"]
client_certificate = "none"
"""
LISTENERS = f"""
[[gateway.routes]]
path = "/open"
upstream = "{{upstream}}"
client_certificate = "optional"
access = "anyone"
[[gateway.listeners]]
name = "strict"
listen = "127.0.0.1:0"
server_certificate = "server-chain.pem"
server_key = "server.key"
{SITES}
[[gateway.listeners]]
name = "lenient"
listen = "127.0.0.1:0"
server_certificate = "server-chain.pem"
server_key = "server.key"
other_names = "serve"
{SITES}
"""
HOSTS = ("api.example", "API.Example", "api.example.", "api.example:8443", "API.EXAMPLE.:1", "api2.example", "other.example",
         "open.example", "a.wild.example",
         "b.wild.example", "A.wild.example.", "a.a.wild.example", "wild.example", ".wild.example", "xwild.example",
         "unknown.example", "api.example.com", "xapi.example",
         "localhost", "127.0.0.1", "127.0.0.1:8443", "[::1]", "[::1]:443", "2130706433", "0x7f000001")
SITE_OF = {"api.example": "api", "api2.example": "api", "other.example": "other", "open.example": "open"}


def canonical(host):
    bare = re.sub(r":\d+$", "", host) if not host.endswith("]") else host
    return bare.strip("[]").lower().removesuffix(".")


def site_of(host):
    return SITE_OF.get(host) or ("wild" if host.endswith(".wild.example") and host != ".wild.example" else None)


def status_for(name, host):
    """What a request for `host` is answered on a connection made for `name` ("": for none)."""
    if name:
        return 200 if canonical(name) == canonical(host) else 421
    return 421 if site_of(canonical(host)) else 200


class NamesTest(testing.PlatformTest):
    gateway_listeners = LISTENERS

    @classmethod
    def prepare(cls):
        maker = Material(cls.platform.folder / "server")
        cls.authority = maker.ca("ca", "/CN=A CA for names")
        leaf = maker.leaf("server", cls.authority, "/CN=names",
                          SERVER + "subjectAltName=" + ",".join(f"DNS:{name}" for name in NAMES) + "\n")
        (cls.platform.data / "server-chain.pem").write_bytes(leaf.chain.read_bytes())
        (cls.platform.data / "server.key").write_bytes(leaf.key.read_bytes())
        (cls.platform.data / "server.key").chmod(0o600)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")

    @classmethod
    def settle(cls, credential, status=200):
        wait_until(lambda: cls.status_once(credential) == status, "the gateway does not know the certificate")

    @classmethod
    def status_once(cls, credential):
        try:
            with tls_connect(cls.platform.ports["strict"], cls.authority.certificate, credential, name="api.example") as stream:
                stream.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
                return int(read_to_end(stream)[9:12] or 0)
        except (OSError, ssl.SSLError):
            return 0

    def connect(self, listener, name, credential=None, protocols=()):
        stream = tls_connect(self.platform.ports[listener], self.authority.certificate, credential, protocols=protocols, name=name)
        self.addCleanup(stream.close)
        return stream

    def h2_client(self, listener, name, credential=None):
        client = h2.Client(self.platform.ports[listener], self.authority.certificate, credential, name=name)
        self.addCleanup(client.close)
        return client

    def talk(self, stream, requests):
        """The status of each of `requests` (line and Host), on one connection that none of them ends (what ends it is refused, too)."""
        for line, host in requests:
            stream.sendall(f"{line}\r\nHost: {host}\r\n\r\n".encode())
        stream.sendall(b"GET /a/../b HTTP/1.1\r\nHost: none.example\r\nConnection: close\r\n\r\n")
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", read_to_end(stream))][:-1]

    def connections(self):
        """Listener, name of the handshake."""
        for name in ("api.example", "API.Example", "api2.example", "other.example", "a.wild.example", "a.a.wild.example"):
            yield from ((listener, name) for listener in ("strict", "lenient"))
        yield from (("lenient", name) for name in ("unknown.example", "wild.example", "localhost", ""))

    def test_every_host_on_every_connection(self):
        for listener, name in self.connections():
            before = len(self.upstream.requests)
            expected = {host: status_for(name, host) for host in HOSTS}
            with self.subTest("HTTP/1.1", listener=listener, name=name):
                # A connection bears so many refusals only; a few hosts at a time.
                for at in range(0, len(HOSTS), 8):
                    some = HOSTS[at:at + 8]
                    statuses = self.talk(self.connect(listener, name, self.acme.transport),
                                         [("GET / HTTP/1.1", host) for host in some])
                    self.assertEqual(dict(zip(some, statuses)), {host: expected[host] for host in some})
            with self.subTest("HTTP/2", listener=listener, name=name):
                client = self.h2_client(listener, name, self.acme.transport)
                statuses = {}
                for stream, host in zip(itertools.count(1, 2), HOSTS):
                    statuses[host] = client.ask(stream, h2.replaced(h2.GET, authority=host)).status
                self.assertEqual(statuses, expected)
            self.assertEqual(len(self.upstream.requests) - before, 2 * list(expected.values()).count(200),
                             "what was refused reached the upstream")

    def test_absolute_form(self):
        """Both say the same host, or it is 400; the name of the handshake holds for them, too."""
        rows = [("http://api.example/", "api.example", 200), ("https://API.example:443/", "api.example.", 200),
                ("http://api.example/", "other.example", 400),
                ("http://other.example/", "api.example", 400), ("http://other.example/", "other.example", 421),
                ("http://a@api.example/", "api.example", 400),
                ("http://api.example@other.example/", "api.example", 400), ("//other.example/", "api.example", 400),
                ("http://api.example", "api.example", 200)]
        for listener in ("strict", "lenient"):
            statuses = self.talk(self.connect(listener, "api.example", self.acme.transport),
                                 [(f"GET {target} HTTP/1.1", host) for target, host, _ in rows])
            for (target, host, status), got in zip(rows, statuses):
                with self.subTest(target, host=host, listener=listener):
                    self.assertEqual(got, status)

    def test_host_and_authority_of_http2(self):
        client = self.h2_client("strict", "api.example", self.acme.transport)
        get = h2.replaced(h2.GET, authority="api.example")
        none, other = h2.replaced(get, authority=None), h2.replaced(get, authority="other.example")
        rows = [("the same", [*get, ("host", "api.example")], 200), ("Host alone", [*none, ("host", "api.example")], 200),
                ("Host alone, another", [*none, ("host", "other.example")], 421),
                ("they differ", [*get, ("host", "other.example")], h2.PROTOCOL_ERROR),
                ("they differ, the other way", [*other, ("host", "api.example")], h2.PROTOCOL_ERROR),
                ("neither", none, h2.PROTOCOL_ERROR), ("an empty one", h2.replaced(get, authority=""), h2.PROTOCOL_ERROR)]
        for index, (name, fields, wanted) in enumerate(rows):
            with self.subTest(name):
                answer = client.ask(1 + 2 * index, fields)
                self.assertEqual(answer.status or answer.reset, wanted)

    def test_a_name_that_no_site_has(self):
        """Where others are not served: the handshake says so. The twin is the lenient listener, in the matrix above."""
        for name in ("unknown.example", "wild.example", "xapi.example", "api.example.com", "localhost", ""):
            with self.subTest(name), self.assertRaisesRegex(ssl.SSLError, "UNRECOGNIZED_NAME"):
                self.connect("strict", name, self.acme.transport)

    def test_a_coalesced_connection(self):
        """A client that sees both names in one certificate may ask for the second on the connection of the first (RFC 9113 section
        9.1.1). It is told 421, and does as section 9.1.2 says: the same on a connection of its own."""
        first = self.h2_client("strict", "api.example", self.acme.transport)
        self.assertEqual(first.ask(1, h2.replaced(h2.GET, authority="api.example")).status, 200)
        for stream, host in ((3, "other.example"), (5, "api2.example")):
            answer = first.ask(stream, h2.replaced(h2.GET, authority=host))
            self.assertEqual((answer.status, json.loads(answer.body)["code"]), (421, "gateway.misdirected"))
            self.assertEqual(self.h2_client("strict", host, self.acme.transport).ask(1, h2.replaced(h2.GET, authority=host)).status,
                             200)
        self.assertEqual(first.ask(7, h2.replaced(h2.GET, authority="api.example")).status, 200, "the first is not harmed")

    def test_from_a_name_that_asks_for_no_certificate(self):
        """In as nobody, and then for a host that wants to know who it is."""
        opened = h2.replaced(h2.GET, authority="open.example", path="/open")
        client = self.h2_client("strict", "open.example")
        self.assertEqual(client.ask(1, opened).status, 200)
        self.assertEqual(client.ask(3, h2.replaced(opened, authority="api.example")).status, 421)
        self.assertEqual(client.ask(5, h2.replaced(opened, path="/hello")).status, 403)
        rows = [("GET /open HTTP/1.1", "open.example"), ("GET /open HTTP/1.1", "api.example"),
                ("GET /hello HTTP/1.1", "open.example"),
                ("GET http://open.example/open HTTP/1.1", "open.example"), ("GET http://api.example/open HTTP/1.1", "api.example")]
        self.assertEqual(self.talk(self.connect("strict", "open.example"), rows), [200, 421, 403, 200, 421])


if __name__ == "__main__":
    testing.main()
