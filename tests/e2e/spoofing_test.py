"""Whoever writes what the gateway alone may say - who calls, from where -, in whatever spelling, place and version of HTTP: the
service gets the gateway's own words, once, and not a byte of the client's. Judged by the bytes that it received."""
import base64
import itertools
import re

import path  # noqa: F401
from harness import h2, testing
from harness.material import split_pem, to_der
from harness.raw import read_to_end, status_of, tls_connect
from harness.recorder import Recorder, fields_of

FORGED = "forged-by-the-client"
SENT = ("Client-Cert", "Client-Cert-Chain", "X-Countersign-Environment", "X-Countersign-Organisation", "X-Countersign-Application",
        "X-Forwarded-For", "X-Forwarded-Proto")
# What others would take for such a field, or we may come to send.
RESERVED = (*SENT, "X-Countersign-Serial", "X-Countersign-", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Client-Cert",
            "X-Real-IP",
            "Forwarded")
PUNCTUATION = "!#$%&'*+.^_`|~"  # what else a name may hold (RFC 9110 section 5.6.2)


def fold(name):
    return re.sub(r"[^a-z0-9]", "-", name.lower())


def spellings(name):
    """In other case, and with something else for some or all of the hyphens."""
    swapped = "".join(one.lower() if index % 2 else one.upper() for index, one in enumerate(name))
    parts = name.split("-")
    hyphens = {"".join(itertools.chain(*zip(parts, (*choice, "")))) for choice in itertools.product("-_", repeat=len(parts) - 1)}
    return sorted({name, name.lower(), name.upper(), swapped, *hyphens, *(name.replace("-", one) for one in PUNCTUATION),
                   name.upper().replace("-", "_")})


class SpoofingTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.recorder = Recorder()
        cls.addClassCleanup(cls.recorder.stop)
        cls.platform.upstream = cls.recorder.address
        cls.platform.stop("gateway")
        cls.platform.start("gateway")
        cls.acme = cls.enrol("production/acme/payments")
        leaf, *issuers = [base64.b64encode(to_der(pem)).decode() for pem in split_pem(cls.acme.transport.chain.read_text())]
        cls.ours = dict(zip(SENT, (f":{leaf}:", ", ".join(f":{one}:" for one in issuers), "production", "acme", "payments",
                                   "127.0.0.1", "https")))

    def setUp(self):
        self.stream = tls_connect(self.platform.ports["gateway"], self.platform.trust_chain, self.acme.transport)
        self.addCleanup(lambda: self.stream.close())
        self.mark = len(self.recorder.requests)

    def assert_ours_only(self, count=1):
        """The newest request: whatever reads like a field of ours is ours."""
        self.assertEqual(len(self.recorder.requests) - self.mark, count)
        self.mark = len(self.recorder.requests)
        request = self.recorder.requests[-1]
        self.assertNotIn(FORGED.encode(), request)
        reserved = {fold(name) for name in RESERVED}
        found = [(name, value) for name, value in fields_of(request)
                 if fold(name) in reserved or fold(name).startswith(("x-countersign-", "x-forwarded-"))]
        self.assertEqual(sorted(found), sorted(self.ours.items()))

    def ask(self, *fields, body=b"", method="GET"):
        """One request of HTTP/1.1 on the connection of this test; its status."""
        lines = [f"{method} /hello HTTP/1.1", "Host: localhost", *fields]
        self.stream.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        answer = b""
        while not answer.endswith(b"\r\n\r\nok"):
            piece = self.stream.recv(65536)
            self.assertTrue(piece, answer)
            answer += piece
        return status_of(answer)

    def test_every_spelling(self):
        for name in RESERVED:
            for spelling in spellings(name):
                with self.subTest(spelling):
                    self.assertEqual(self.ask(f"{spelling}: {FORGED}", "X-Harmless: 1"), 200)
                    self.assert_ours_only()
                    self.assertIn(("X-Harmless", "1"), fields_of(self.recorder.requests[-1]))

    def test_every_place(self):
        chunked = b"2\r\nab\r\n0\r\n"
        for name in RESERVED:
            under = name.replace("-", "_")
            forged, again = f"{name}: {FORGED}", f"{under}: {FORGED}"
            rows = [("twice", [forged, forged], {}),
                    ("three times, spelt differently", [forged, again, forged.upper().replace(FORGED.upper(), FORGED)], {}),
                    ("empty", [f"{name}:"], {}), ("with ours as its value", [f"{name}: {self.ours.get(name, 'production')}"], {}),
                    ("a list", [f"{name}: {FORGED}, {FORGED}"], {}), ("without a space", [f"{name}:{FORGED}"], {}),
                    ("named in Connection", [f"Connection: {name}", forged], {}),
                    ("named in Connection alone", [f"Connection: keep-alive, {name.lower()}"], {}),
                    ("named in Connection with underscores", [f"Connection: {under}, {name}", again], {}),
                    ("named in Trailer", [f"Trailer: {name}", "Transfer-Encoding: chunked"],
                     {"body": chunked + forged.encode() + b"\r\n\r\n", "method": "POST"}),
                    ("in a trailer", ["Transfer-Encoding: chunked"],
                     {"body": chunked + (forged + "\r\n" + again).encode() + b"\r\n\r\n", "method": "POST"})]
            for place, fields, more in rows:
                with self.subTest(place, field=name):
                    self.assertEqual(self.ask(*fields, **more), 200)
                    self.assert_ours_only()

    def test_every_field_of_ours_at_once(self):
        fields = [f"{one}: {FORGED}" for name in SENT for one in (name, name.replace("-", "_"))]
        self.assertEqual(self.ask(f"Connection: {', '.join(SENT)}", *fields), 200)
        self.assert_ours_only()

    def test_what_has_two_readings_is_refused(self):
        """Folded, with a space before the colon, behind a bare line end: 400, and nothing is seen."""
        for name in SENT:
            for place, line in (("folded", f"X: y\r\n {name}: {FORGED}"), ("folded itself", f"{name}:\r\n {FORGED}"),
                                ("a space", f"{name} : {FORGED}"),
                                ("a tab", f"{name}\t: {FORGED}"), ("bare LF", f"X: y\n{name}: {FORGED}"),
                                ("bare CR", f"X: y\r{name}: {FORGED}"),
                                ("NUL", f"{name}\0: {FORGED}"), ("a space within", f"{name.replace('-', ' ')}: {FORGED}")):
                with self.subTest(place, field=name), tls_connect(self.platform.ports["gateway"], self.platform.trust_chain,
                                                                  self.acme.transport) as stream:
                    stream.sendall(f"GET /hello HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n".encode())
                    self.assertEqual(status_of(read_to_end(stream)), 400)
        self.assertEqual(self.ask(), 200)
        self.assert_ours_only()

    def test_http2(self):
        """Fields of HTTP/2 are in lower case, and none is named by Connection: those are reset. All else as above."""
        client = h2.Client(self.platform.ports["gateway"], self.platform.trust_chain, self.acme.transport)
        self.addCleanup(client.close)
        streams = itertools.count(1, 2)
        for name in (one.lower() for one in RESERVED):
            for spelling in {one for one in spellings(name) if one == one.lower()}:
                with self.subTest(spelling):
                    self.assertEqual(client.ask(next(streams),
                                                [*h2.GET, (spelling, FORGED), (name, FORGED), (spelling, FORGED)]).status, 200)
                    self.assert_ours_only()
            with self.subTest("trailer", field=name):
                stream = next(streams)
                client.send(h2.headers(stream, h2.POST, h2.END_HEADERS), h2.frame(h2.DATA, 0, stream, b"ab"),
                            h2.headers(stream, [(name, FORGED), (name.replace("-", "_"), FORGED)]))
                self.assertEqual(client.answer(stream).status, 200)
                self.assert_ours_only()
        for name in SENT:
            with self.subTest("reset", field=name):
                with h2.Client(self.platform.ports["gateway"], self.platform.trust_chain, self.acme.transport) as other:
                    for stream, fields in ((1, [(name, FORGED)]), (3, [("connection", name.lower()), (name.lower(), FORGED)]),
                                           (5, [("x", f"y\r\n{name}: {FORGED}")]), (7, [(f"x: y\r\n{name.lower()}", FORGED)])):
                        self.assertEqual(other.ask(stream, [*h2.GET, *fields]).reset, h2.PROTOCOL_ERROR, fields)
        self.assertEqual(client.ask(next(streams)).status, 200)
        self.assert_ours_only()


if __name__ == "__main__":
    testing.main()
