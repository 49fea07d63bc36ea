"""HTTP/2 that is wrong or hostile, at the gateway: the MUSTs of RFC 9113 by hand, and floods. Each has a clear end, memory stays
bounded, and the others are served meanwhile."""
import os
import struct

import path  # noqa: F401
from harness import h2, testing
from harness.h2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, PADDED, PING, POST, PRIORITY,
                        PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, headers, replaced)
from harness.program import wait_until

GROWTH_KILOBYTES = 32 * 1024


def number(value):
    return struct.pack(">I", value)


class H2Test(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")
        cls.globex = cls.enrol("production/globex/orders")
        cls.gateway = cls.platform.running["gateway"]

    def setUp(self):
        self.neighbour = self.client(self.globex)
        self.asked = -1
        self.assert_neighbour_is_served()
        self.memory = self.gateway.memory_kilobytes()

    def tearDown(self):
        self.assertTrue(self.gateway.running(), self.gateway.tail())
        self.assert_neighbour_is_served()
        self.assertLess(self.gateway.memory_kilobytes() - self.memory, GROWTH_KILOBYTES)

    def client(self, who=None, **options):
        client = h2.Client(self.platform.ports["gateway"], self.platform.trust_chain, (who or self.acme).transport, **options)
        self.addCleanup(client.close)
        return client

    def assert_neighbour_is_served(self):
        self.asked += 2
        self.assertEqual(self.neighbour.ask(self.asked).status, 200, "a neighbour is harmed")


class MustsTest(H2Test):
    """RFC 9113, clause by clause: what is refused, and beside it what is not."""

    def test_malformed_requests_are_stream_errors(self):
        """Section 8.1.1; the connection and its other streams go on. Each row is one change away from GET, which is answered."""
        rows = [
            ("8.2 upper case", [*GET, ("X-Upper", "a")]),
            ("8.2.1 a space in a name", [*GET, ("x y", "a")]),
            ("8.2.1 a colon in a name", [*GET, ("x:y", "a")]),
            ("8.2.1 an empty name", [*GET, ("", "a")]),
            ("8.2.1 NUL in a value", [*GET, ("x", "a\0b")]),
            ("8.2.1 CR in a value", [*GET, ("x", "a\rb")]),
            ("8.2.1 LF in a value", [*GET, ("x", "a\nb")]),
            ("8.2.1 a value with a space in front", [*GET, ("x", " a")]),
            ("8.2.1 a value with a tab behind", [*GET, ("x", "a\t")]),
            ("8.2.2 connection", [*GET, ("connection", "close")]),
            ("8.2.2 keep-alive", [*GET, ("keep-alive", "1")]),
            ("8.2.2 proxy-connection", [*GET, ("proxy-connection", "close")]),
            ("8.2.2 transfer-encoding", [*GET, ("transfer-encoding", "chunked")]),
            ("8.2.2 upgrade", [*GET, ("upgrade", "websocket")]),
            ("8.2.2 te", [*GET, ("te", "gzip")]),
            ("8.3 a pseudo-header behind a field", [*GET[:3], ("accept", "*/*"), GET[3]]),
            ("8.3 an unknown pseudo-header", [(":unknown", "a"), *GET]),
            ("8.3 a pseudo-header of responses", [*GET, (":status", "200")]),
            ("8.3.1 no :method", replaced(GET, method=None)),
            ("8.3.1 no :scheme", replaced(GET, scheme=None)),
            ("8.3.1 no :path", replaced(GET, path=None)),
            ("8.3.1 no :authority and no Host", replaced(GET, authority=None)),
            ("8.3.1 :method twice", [*GET, GET[0]]),
            ("8.3.1 :scheme twice", [*GET, GET[1]]),
            ("8.3.1 :authority twice", [*GET, GET[2]]),
            ("8.3.1 :path twice", [*GET, GET[3]]),
            ("8.3.1 an empty :path", replaced(GET, path="")),
            ("8.3.1 '*' without OPTIONS", replaced(GET, path="*")),
            ("8.3.1 an absolute :path", replaced(GET, path="https://localhost/hello")),
            ("8.3.1 :path without a slash", replaced(GET, path="hello")),
            ("8.3.1 a space in :path", replaced(GET, path="/a b")),
            ("8.3.1 a fragment in :path", replaced(GET, path="/a#b")),
            ("8.3.1 user information in :authority", replaced(GET, authority="user@localhost")),
            ("8.3.1 :authority and Host differ", [*GET, ("host", "elsewhere.example")]),
            ("8.3.1 Host twice", [*GET, ("host", "localhost"), ("host", "localhost")]),
            ("8.3.1 another scheme", replaced(GET, scheme="http")),
            ("8.5 CONNECT with a path", replaced(GET, method="CONNECT")),
            ("RFC 8441 without being asked", [(":protocol", "websocket"), *replaced(GET, method="CONNECT")]),
            ("a length that is no number", [*GET, ("content-length", "x")]),
            ("a length of a request that ends", [*GET, ("content-length", "5")]),
            ("lengths that differ", [*GET, ("content-length", "0"), ("content-length", "1")]),
            ("what some read as Content-Length", [*GET, ("content_length", "5")]),
            ("what some read as Transfer-Encoding", [*GET, ("transfer_encoding", "chunked")]),
        ]
        client, before = self.client(), len(self.upstream.requests)
        for index, (name, fields) in enumerate(rows):
            with self.subTest(name):
                answer = client.ask(1 + 2 * index, fields)
                self.assertEqual((answer.reset, answer.closed), (h2.PROTOCOL_ERROR, False), answer)
        self.assertEqual(len(self.upstream.requests), before, "one of them reached the upstream")
        accepted = [
            ("as it is", GET), ("te: trailers", [*GET, ("te", "trailers")]), ("the same Host", [*GET, ("host", "localhost")]),
            ("Host alone", [*replaced(GET, authority=None), ("host", "localhost")]), ("an empty value", [*GET, ("x", "")]),
            ("a length of nothing", [*GET, ("content-length", "0")]), ("a query", replaced(GET, path="/hello?a=b")),
            ("other pseudo-headers first", [GET[3], GET[2], GET[1], GET[0]]),
            ("cookies in pieces", [*GET, ("cookie", "a=b"), ("cookie", "c=d")]),
        ]
        for index, (name, fields) in enumerate(accepted):
            with self.subTest(name):
                self.assertEqual(client.ask(1 + 2 * (len(rows) + index), fields).status, 200)
        cookies = [value for key, value in self.upstream.requests[-1]["headers"] if key.lower() == "cookie"]
        self.assertEqual(cookies, ["a=b; c=d"])  # section 8.2.3

    def test_bodies_that_do_not_fit_their_length(self):
        client = self.client()
        post = [*POST, ("content-length", "4")]
        rows = [("longer", 1, [frame(DATA, END_STREAM, 1, b"abcde")]), ("shorter", 3, [frame(DATA, END_STREAM, 3, b"abc")]),
                ("shorter, ended by trailers", 5, [frame(DATA, 0, 5, b"abc"), headers(5, [("x", "y")])])]
        for name, stream, frames in rows:
            with self.subTest(name):
                client.send(headers(stream, post, END_HEADERS), *frames)
                self.assertEqual(client.answer(stream).reset, h2.PROTOCOL_ERROR)
        client.send(headers(7, post, END_HEADERS), frame(DATA, END_STREAM, 7, b"abcd"))
        self.assertEqual(client.answer(7).status, 200)
        self.assertEqual(self.upstream.requests[-1]["body_bytes"], 4)

    def test_trailers(self):
        client = self.client()
        rows = [("a pseudo-header", [(":path", "/")]), ("upper case", [("X", "y")]), ("too many", [("x", "y" * 1000)] * 12)]
        for index, (name, fields) in enumerate(rows):
            with self.subTest(name):
                stream = 1 + 2 * index
                client.send(headers(stream, POST, END_HEADERS), frame(DATA, 0, stream, b"ab"), headers(stream, fields))
                self.assertEqual(client.answer(stream).reset, h2.PROTOCOL_ERROR)
        client.send(headers(9, POST, END_HEADERS), frame(DATA, 0, 9, b"ab"), headers(9, [("x", "y")]))
        self.assertEqual(client.answer(9).status, 200)

    def test_connection_errors(self):
        """Section 5.4.1: GOAWAY with the code that the clause names, and the connection ends."""
        ask = headers(1, GET)
        begun = frame(HEADERS, END_STREAM, 1, h2.block(GET))
        protocol, size, flow, compression = h2.PROTOCOL_ERROR, h2.FRAME_SIZE_ERROR, h2.FLOW_CONTROL_ERROR, h2.COMPRESSION_ERROR
        rows = [
            ("4.2 a frame larger than 16 KiB", frame(DATA, 0, 1, b"a" * 16385), {size}),
            ("4.3 HPACK that cannot be decoded", frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\xff"), {compression}),
            ("4.3 an index that is not there", frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xfe"), {compression}),
            ("5.1 DATA on an idle stream", frame(DATA, 0, 1, b"a"), {protocol}),
            ("5.1 RST_STREAM on an idle stream", frame(RST_STREAM, 0, 1, number(8)), {protocol}),
            ("5.1 WINDOW_UPDATE on an idle stream", h2.window_update(1, 1), {protocol}),
            ("5.1 CONTINUATION on an idle stream", frame(CONTINUATION, END_HEADERS, 1, b""), {protocol}),
            ("5.1.1 an even stream", headers(2, GET), {protocol}),
            ("5.1.1 stream 0", headers(0, GET), {protocol}),
            ("6.1 DATA on stream 0", frame(DATA, 0, 0, b"a"), {protocol}),
            ("6.1 padding larger than the frame", headers(1, POST, END_HEADERS) + frame(DATA, PADDED, 1, b"\x05ab"), {protocol}),
            ("6.2 padding larger than the frame", frame(HEADERS, END_HEADERS | PADDED, 1, b"\x40" + h2.block(GET)[:8]), {protocol}),
            ("6.3 PRIORITY on stream 0", frame(PRIORITY, 0, 0, b"\0\0\0\0\0"), {protocol}),
            ("6.4 RST_STREAM on stream 0", frame(RST_STREAM, 0, 0, number(8)), {protocol}),
            ("6.4 RST_STREAM of 3 bytes", ask + frame(RST_STREAM, 0, 1, b"abc"), {size}),
            ("6.5 SETTINGS on a stream", frame(SETTINGS, 0, 1), {protocol}),
            ("6.5 SETTINGS of 5 bytes", frame(SETTINGS, 0, 0, b"abcde"), {size}),
            ("6.5 an acknowledgement with content", frame(SETTINGS, 1, 0, b"abcdef"), {size}),
            ("6.5.2 ENABLE_PUSH of 2", h2.settings((h2.ENABLE_PUSH, 2)), {protocol}),
            ("6.5.2 a window too large", h2.settings((h2.INITIAL_WINDOW_SIZE, 1 << 31)), {flow}),
            ("6.5.2 frames too small", h2.settings((h2.MAX_FRAME_SIZE, 16383)), {protocol}),
            ("6.5.2 frames too large", h2.settings((h2.MAX_FRAME_SIZE, 1 << 24)), {protocol}),
            ("6.6 PUSH_PROMISE from a client", ask + frame(PUSH_PROMISE, END_HEADERS, 1, number(2) + h2.block(GET)), {protocol}),
            ("6.7 PING on a stream", frame(PING, 0, 1, b"12345678"), {protocol}),
            ("6.7 PING of 7 bytes", frame(PING, 0, 0, b"1234567"), {size}),
            ("6.8 GOAWAY on a stream", frame(GOAWAY, 0, 1, number(0) * 2), {protocol}),
            ("6.9 WINDOW_UPDATE of 0 for all", h2.window_update(0, 0), {protocol}),
            ("6.9 WINDOW_UPDATE of 3 bytes", frame(WINDOW_UPDATE, 0, 0, b"abc"), {size}),
            ("6.9.1 a window that overflows", h2.window_update(0, 0x7fffffff), {flow}),
            ("6.10 CONTINUATION after END_HEADERS", ask + frame(CONTINUATION, END_HEADERS, 1, b""), {protocol}),
            ("6.10 CONTINUATION of another stream", begun + frame(CONTINUATION, END_HEADERS, 3, b""), {protocol}),
            ("6.10 another frame within a header block", begun + frame(PING, 0, 0, b"12345678"), {protocol}),
        ]
        for name, sent, codes in rows:
            with self.subTest(name):
                client = self.client()
                client.send(sent)
                self.assertIn(client.goaway(), codes)

    def test_what_begins_wrong(self):
        for name, first in (("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), ("random bytes", os.urandom(64)),
                            ("a preface cut short by a frame", h2.PREFACE[:20] + h2.settings()),
                            ("no SETTINGS behind the preface", h2.PREFACE + frame(PING, 0, 0, b"12345678"))):
            with self.subTest(name):
                client = self.client(preface=first)
                self.assertIn(client.goaway(), {h2.PROTOCOL_ERROR, None})
                self.assertNotIn(HEADERS, [one.type for one in client.seen])

    def test_stream_errors(self):
        """Section 5.4.2: RST_STREAM, or GOAWAY, which a server may take instead."""
        rows = [("6.9 WINDOW_UPDATE of 0", h2.window_update(1, 0), {h2.PROTOCOL_ERROR}),
                ("6.9.1 a window that overflows", h2.window_update(1, 0x7fffffff), {h2.FLOW_CONTROL_ERROR}),
                ("5.1 DATA behind END_STREAM", frame(DATA, END_STREAM, 1, b"a"), {h2.STREAM_CLOSED})]
        for name, wrong, codes in rows:
            with self.subTest(name):
                client = self.client()
                client.send(headers(1, replaced(GET, path="/held")), wrong)
                answer = client.answer(1)
                self.assertIn(answer.goaway if answer.closed else answer.reset, codes)

    def test_a_stream_that_goes_back_is_none(self):
        """Section 5.1.1. It may be one that was closed a moment ago, so its block is read for HPACK, and no more."""
        client, before = self.client(), len(self.upstream.requests)
        self.assertEqual(client.ask(5).status, 200)
        client.send(headers(3, GET))
        self.assertEqual(client.ask(7).status, 200)
        self.assertEqual(len(self.upstream.requests) - before, 2)
        self.assertNotIn(3, [one.stream for one in client.seen if one.type == HEADERS])

    def test_what_must_be_borne(self):
        """Unknown frames (4.1), unknown settings (6.5.2), PRIORITY anywhere (5.3.2), padding, PING, empty DATA, late RST_STREAM."""
        client = self.client()
        client.send(frame(0xfa, 0, 0, b"what"), frame(0xfb, 0xff, 1, b"ever"), h2.settings((0xfa, 1)),
                    frame(PRIORITY, 0, 7, b"\0\0\0\0\0"), frame(PING, 0, 0, b"12345678"))
        client.send(frame(HEADERS, END_HEADERS | PADDED | 0x20, 1, b"\x04\0\0\0\0\x10" + h2.block(POST) + b"\0\0\0\0"),
                    frame(DATA, PADDED, 1, b"\x02ab\0\0"), frame(DATA, 0, 1, b""), frame(DATA, END_STREAM, 1, b""))
        self.assertEqual(client.answer(1).status, 200)
        self.assertEqual(self.upstream.requests[-1]["body_bytes"], 2)
        self.assertIn(b"12345678", [one.payload for one in client.seen if one.type == PING and one.flags == h2.ACK])
        client.send(frame(RST_STREAM, 0, 1, number(8)))
        half = len(h2.block(GET)) // 2
        client.send(frame(HEADERS, END_STREAM, 3, h2.block(GET)[:half]), frame(CONTINUATION, END_HEADERS, 3, h2.block(GET)[half:]))
        self.assertEqual(client.answer(3).status, 200)

    def test_heads_that_are_too_large(self):
        client = self.client()
        for index, (name, fields) in enumerate((("large", [("x", "a" * 8000)] * 5), ("many", [("x", "a")] * 200))):
            with self.subTest(name):
                stream, whole = 1 + 2 * index, h2.block([*GET, *fields])
                client.send(frame(HEADERS, END_STREAM, stream, whole[:16000]),
                            *[frame(CONTINUATION, 0, stream, whole[at:at + 16000]) for at in range(16000, len(whole), 16000)],
                            frame(CONTINUATION, END_HEADERS, stream, b""))
                self.assertEqual(client.answer(stream).status, 431)
        self.assertEqual(client.ask(9).status, 200)


class FloodTest(H2Test):
    def assert_calmed(self, client, frames, rounds):
        """Sends `frames(round)` until the gateway has had enough; it must, within so many rounds, and leave one record."""
        log = self.platform.records("gateway")
        mark = log.mark()
        for each in range(rounds):
            if not client.send(frames(each)):
                break
        code = client.goaway()
        self.assertIn(code, {h2.ENHANCE_YOUR_CALM, None})  # None: it was lost to a reset of the connection
        self.assertEqual(log.next("gateway.h2_refused", mark)["code"], "http.calm")

    def test_rapid_reset(self):
        """CVE-2023-44487."""
        client, begun = self.client(), self.upstream.begun
        self.assert_calmed(client, lambda each: b"".join(
            headers(stream, GET) + frame(RST_STREAM, 0, stream, number(8)) for stream in range(each * 200 + 1, each * 200 + 201, 2)), 500)
        self.assertLess(self.upstream.begun - begun, 400)

    def test_made_you_reset(self):
        """CVE-2025-8671: it is us who reset, because of what the client does to its streams."""
        wrong = {"a window of 0": lambda stream: h2.window_update(stream, 0),
                 "a window that overflows": lambda stream: h2.window_update(stream, 0x7fffffff),
                 "DATA behind the end": lambda stream: frame(DATA, END_STREAM, stream, b"a")}
        for name, fault in wrong.items():
            with self.subTest(name):
                begun = self.upstream.begun
                client = self.client()
                log = self.platform.records("gateway")
                mark = log.mark()
                for each in range(500):
                    if not client.send(b"".join(headers(stream, GET) + fault(stream)
                                                for stream in range(each * 20 + 1, each * 20 + 21, 2))):
                        break
                self.assertIsNotNone(log.next("gateway.h2_refused", mark))
                self.assertLess(self.upstream.begun - begun, 400)

    def test_malformed_requests_without_end(self):
        self.assert_calmed(self.client(), lambda each: b"".join(
            headers(stream, [*GET, ("connection", "close")]) for stream in range(each * 200 + 1, each * 200 + 201, 2)), 500)

    def test_continuation_flood(self):
        """CVE-2024-27316: a header block without end."""
        for name, each in (("full", frame(CONTINUATION, 0, 3, h2.block([("x", "a" * 4000)]))),
                           ("empty", frame(CONTINUATION, 0, 3, b"") * 20)):
            with self.subTest(name):
                client = self.client()
                self.assertEqual(client.ask(1).status, 200)
                log = self.platform.records("gateway")
                mark = log.mark()
                client.send(frame(HEADERS, END_STREAM, 3, h2.block(GET)))
                for _ in range(3000):
                    if not client.send(each):
                        break
                client.goaway()
                record = log.next("gateway.h2_refused", mark)
                self.assertIn(record["code"], {"http.calm", "http.protocol"})  # libnghttp2 has a limit of its own, if new

    def test_header_bomb(self):
        """One field of 4000 bytes in the dynamic table, then a byte for each time it is named."""
        client = self.client()
        bomb = h2.block(GET) + b"\x40" + b"\x01x" + b"\x7f" + bytes([4000 - 127 & 127 | 128, (4000 - 127) >> 7]) + b"a" * 4000
        self.assert_calmed(client, lambda each: frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * each, bomb + b"\xbe" * 10000), 100)

    def test_floods_of_frames_that_carry_nothing(self):
        opened = headers(1, POST, END_HEADERS)
        rows = {
            "SETTINGS": (b"", h2.settings((h2.INITIAL_WINDOW_SIZE, 70000))),
            "PING": (b"", frame(PING, 0, 0, b"12345678")),
            "PRIORITY": (b"", frame(PRIORITY, 0, 1, b"\0\0\0\3\0")),
            "empty DATA": (opened, frame(DATA, 0, 1, b"")),
            "DATA of padding": (opened, frame(DATA, PADDED, 1, b"\x02\0\0")),
            "WINDOW_UPDATE": (b"", h2.window_update(0, 1)),
            "unknown frames": (b"", frame(0xfa, 0, 0, b"")),
            "RST_STREAM": (opened, frame(RST_STREAM, 0, 1, number(8))),
        }
        for name, (first, one) in rows.items():
            with self.subTest(name):
                client = self.client()
                client.send(first)
                self.assert_calmed(client, lambda _, one=one: one * 100, 1000)

    def test_answers_that_nobody_reads(self):
        """100 streams that ask for much and take nothing: no more is fetched than fits into what is bounded."""
        clients = [self.client(preface=h2.hello((h2.INITIAL_WINDOW_SIZE, 0))) for _ in range(10)]
        for client in clients:
            client.send(*[headers(stream, replaced(GET, path="/bytes/10000000")) for stream in range(1, 101, 2)])
        self.assert_neighbour_is_served()
        wait_until(lambda: self.gateway.memory_kilobytes() - self.memory < GROWTH_KILOBYTES, "memory grows")

    def test_a_head_that_does_not_end(self):
        """Its time runs from the first frame; a trickle does not prolong it."""
        client = self.client()
        self.assertEqual(client.ask(1).status, 200)
        log = self.platform.records("gateway")
        mark = log.mark()
        client.send(frame(HEADERS, END_STREAM, 3, h2.block(GET)))
        self.assertEqual(client.goaway(), h2.ENHANCE_YOUR_CALM)
        self.assertEqual(log.next("gateway.h2_refused", mark)["code"], "http.too_slow")


if __name__ == "__main__":
    testing.main()
