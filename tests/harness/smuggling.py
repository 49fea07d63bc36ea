"""Messages of HTTP/1.1 that two readers could take for different ones, each beside a twin, one change away, that nobody could.

Targets are T and S here; addressed() puts others of the same length in their place, so that lengths stay true. What a row smuggles
is a request for S.
"""
from dataclasses import dataclass

T, S, END = b"/svc/t000", b"/svc/s000", b"/svc/e000"
HEAD, BODY = "in the head", "in the body"


@dataclass(frozen=True)
class Pair:
    """`wrong` is answered 400 and is the last message of its connection; `right` is served. Both are followed by a request for S.
    Where it shows in the body only, the service may have seen a beginning of `wrong`."""
    name: str
    wrong: bytes
    right: bytes
    where: str = HEAD
    last: bool = False  # nothing is served behind `right`, either


@dataclass(frozen=True)
class Served:
    """One request, whatever somebody hid in it: the service sees T once, and not S. `large`: a service that does not wait for the
    body may have answered before it is there; then the connection ends with the answer."""
    name: str
    sent: bytes
    large: bool = False


def addressed(message, service, number):
    """For the row of that number at a service of three letters."""
    for place, letter in ((T, b"t"), (S, b"s"), (END, b"e")):
        message = message.replace(place, target(service, letter.decode(), number).encode())
    return message


def target(service, letter, number):
    return f"/{service}/{letter}{number:03}"


def ask(*fields, method=b"GET", line=None, body=b"", host=b"Host: localhost"):
    first = line if line is not None else method + b" " + T + b" HTTP/1.1"
    return b"\r\n".join([first, *([host] if host else []), *fields]) + b"\r\n\r\n" + body


def post(*fields, body=b"", **more):
    return ask(*fields, method=b"POST", body=body, **more)


def chunked(body, *fields):
    return post(b"Transfer-Encoding: chunked", *fields, body=body)


SMUGGLED = b"GET " + S + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
FOLLOWER = b"GET " + S + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
LAST = b"GET " + END + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
EMPTY, HELLO = b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"
IN_A_CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
PLAIN = ask(b"X: y")
LENGTH = post(b"Content-Length: 5", body=b"hello")
SIZED = b"Content-Length: %d" % len(SMUGGLED)


def pairs():
    return [*_lengths_and_codings(), *_spellings_of_chunked(), *_spellings_of_lengths(), *_lines(), *_request_lines(), *_chunks(),
            *_hosts()]


def _lengths_and_codings():
    te, size = b"Transfer-Encoding: chunked", b"Content-Length: 6"
    return [
        Pair("CL.TE", post(size, te, body=EMPTY + b"G"), chunked(EMPTY)),
        Pair("CL.TE of no length", post(b"Content-Length: 0", te, body=EMPTY), chunked(EMPTY)),
        Pair("TE.CL", post(te, b"Content-Length: 4", body=IN_A_CHUNK), chunked(IN_A_CHUNK)),
        Pair("TE and CL of GET", ask(te, size, body=EMPTY + b"G"), ask(te, body=EMPTY)),
        Pair("TE in HTTP/1.0", post(te, line=b"POST " + T + b" HTTP/1.0", body=EMPTY),
             post(b"Content-Length: 5", line=b"POST " + T + b" HTTP/1.0", body=b"hello"), last=True),
        Pair("TE and CL in HTTP/1.0 that is kept", post(b"Connection: keep-alive", te, size, line=b"POST " + T + b" HTTP/1.0",
                                                        body=EMPTY + b"G"),
             post(b"Connection: keep-alive", b"Content-Length: 5", line=b"POST " + T + b" HTTP/1.0", body=b"hello")),
    ]


def _spellings_of_chunked():
    """TE.TE: one side is to believe in the coding, the other not."""
    lines = [b"Transfer-Encoding: xchunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked",
             b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
             b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
             b"Transfer-Encoding: chunked\r\nTransfer-encoding: identity",
             b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: identity, chunked",
             b"Transfer-Encoding: chunked, chunked",
             b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: \"chunked\"",
             b"Transfer-Encoding: 'chunked'", b"Transfer-Encoding: chunked;q=1", b"Transfer-Encoding: chunked,",
             b"Transfer-Encoding: ,chunked",
             b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding: chunked\x0c", b"Transfer-Encoding: \x00chunked",
             b"Transfer-Encoding: chunked\x00", b"Transfer-Encoding:\xa0chunked", b"Transfer-Encoding: ch\xfanked",
             b"Transfer-Encoding:",
             b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding: chunked\r\n ", b"X: y\r\n Transfer-Encoding: chunked",
             b"Transfer-Encoding\r\n: chunked", b"X: y\nTransfer-Encoding: chunked", b"X: y\rTransfer-Encoding: chunked",
             b"Transfer-Encoding: chunked\rX: y", b"Transfer_Encoding: chunked", b"Transfer.Encoding: chunked",
             b"Transfer Encoding: chunked",
             b"\x00Transfer-Encoding: chunked", b"Transfer-Encoding\x00: chunked", b"TRANSFER~ENCODING: chunked",
             b"Content-Encoding: chunked\nTransfer-Encoding: chunked", b": chunked\r\nTransfer-Encoding: chunked"]
    rows = [Pair(f"TE.TE {line!r}", post(line, body=EMPTY), chunked(EMPTY)) for line in lines]
    return [*rows, Pair("TE.TE in capitals", post(b"Transfer-Encoding: CHUNKED, x", body=EMPTY),
                        post(b"TRANSFER-ENCODING: CHUNKED", body=EMPTY)),
            Pair("TE.TE behind a tab", post(b"Transfer-Encoding:\t\x0bchunked", body=EMPTY),
                 post(b"Transfer-Encoding:\tchunked\t", body=EMPTY))]


def _spellings_of_lengths():
    lines = [b"Content-Length: +5", b"Content-Length: -5", b"Content-Length: 0x5", b"Content-Length: 5,5", b"Content-Length: 5, 5",
             b"Content-Length: 5, 6", b"Content-Length: 5 5", b"Content-Length: 5;", b"Content-Length: 5.0", b"Content-Length: 5e0",
             b"Content-Length: ,5", b"Content-Length: 5,", b"Content-Length:", b"Content-Length: \"5\"", b"Content-Length: \x0b5",
             b"Content-Length: 5\x00", b"Content-Length: \xb2", b"Content-Length: 18446744073709551621",
             b"Content-Length: 99999999999999999999999999", b"Content-Length: 5\r\nContent-Length: 5",
             b"Content-Length: 5\r\nContent-Length: 6",
             b"Content-Length: 0\r\nContent-Length: 5", b"Content-Length: 5\r\ncontent-length: 0", b"Content-Length : 5",
             b"Content-Length\t: 5",
             b"Content-Length: 5\r\n 0", b"Content-Length:\r\n 5", b"Content_Length: 5", b"Content.Length: 5", b"Content Length: 5",
             b" Content-Length: 5", b"Content-Length: 5_0", b"Content-Length: 0b101", b"Content-Length: 5 0"]
    rows = [Pair(f"CL {line!r}", post(line, body=b"hello"), LENGTH) for line in lines]
    return [*rows, Pair("CL with a zero in front", post(b"Content-Length: 0o5", body=b"hello"),
                        post(b"Content-Length: 05", body=b"hello")),
            Pair("CL of GET, twice", ask(b"Content-Length: 0", b"Content-Length: 44"), ask(b"Content-Length: 0"))]


def _lines():
    lines = [b"X: y\r\n z", b"X: y\r\n\tz", b"X: y\r\n ", b"X: y\nZ: y", b"X: y\rZ: y", b"X: y\r\r", b"X: a\0b", b"X : y",
             b"X\t: y", b"X Y: z",
             b": y", b"X", b"X\0: y", b"X/Y: z", b"X: \x01", b"X: \x7f", b"X: \x1b[0m", b"\xc3\xa9: y", b"(X): y", b" X: y",
             b"X: y\r\n\x0bZ: y"]
    first = b"GET " + T + b" HTTP/1.1"
    return [*[Pair(f"line {line!r}", ask(line), PLAIN) for line in lines],
            Pair("bare LF everywhere", first + b"\nHost: localhost\n\n", first + b"\r\nHost: localhost\r\n\r\n"),
            Pair("bare LF behind the request line", first + b"\nHost: localhost\r\n\r\n", PLAIN),
            Pair("bare LF at the end of the head", first + b"\r\nHost: localhost\r\n\n", PLAIN),
            Pair("LF CR", first + b"\r\nHost: localhost\n\r\n\r", PLAIN),
            Pair("a folded first field", first + b"\r\n Host: localhost\r\n\r\n", PLAIN),
            Pair("two empty lines in front", b"\r\n\r\n" + PLAIN, b"\r\n" + PLAIN),
            Pair("CONNECT, and what is meant for a tunnel", ask(line=b"CONNECT localhost:443 HTTP/1.1"), PLAIN),
            Pair("a byte order mark in front", b"\xef\xbb\xbf" + PLAIN, PLAIN)]


def _request_lines():
    lines = [b"GET  @ HTTP/1.1", b"GET @  HTTP/1.1", b"GET @ HTTP/1.1 ", b" GET @ HTTP/1.1", b"GET\t@\tHTTP/1.1",
             b"GET\x0b@\x0bHTTP/1.1",
             b"GET @ http/1.1", b"GET @ HTTP/1.2", b"GET @ HTTP/2.0", b"GET @ HTTP/1.10", b"GET @ HTTP/01.1", b"GET @ HTTP /1.1",
             b"GET @ HTTP/1,1",
             b"GET @ HTTP/+1.1", b"GET @ HTTP/1.1\x00", b"GET @", b"GET @ HTTP/1.1 HTTP/1.1", b"GET @ x HTTP/1.1",
             b"GET @\x00 HTTP/1.1", b"GET @#a HTTP/1.1",
             b"GET @\xc3\xa9 HTTP/1.1", b"GET @\x01 HTTP/1.1", b"GET @\x7f HTTP/1.1", b"GE(T @ HTTP/1.1", b"G\xcbT @ HTTP/1.1",
             b"\"GET\" @ HTTP/1.1",
             b"GET svc HTTP/1.1", b"GET * HTTP/1.1", b"GET @ HTTP/1.1\rX: y", b"GET", b"HTTP/1.1 200 OK", b"PRI * HTTP/2.0"]
    return [Pair(f"request line {line!r}", ask(line=line.replace(b"@", T)), ask(line=b"GET " + T + b" HTTP/1.1")) for line in lines]


def _chunks():
    """What is wrong shows when the head has gone on: the service sees a request that is cut off, and nothing behind it."""
    sizes = [b"0x5", b"+5", b"-5", b"5 ", b" 5", b"\t5", b"5\t", b"5h", b"", b"x", b"5,", b"5.", b"5_", b"5\0", b"\x0b5",
             b"10000000000000005",
             b"ffffffffffffffff5", b"5;a\0b", b"5;a\rb", b"5;a\x7f", b"5;" + b"a" * 400, b"-0", b"5 5", b"5\x0c", b"0x", b"5\x85"]
    rows = [Pair(f"chunk size {size[:20]!r}", chunked(size + b"\r\nhello\r\n0\r\n\r\n"), chunked(HELLO), BODY) for size in sizes]
    bodies = [("bare LF behind the size", b"5\nhello\r\n0\r\n\r\n"), ("bare CR behind the size", b"5\rhello\r\n0\r\n\r\n"),
              ("bare LF in an extension", b"5;a\nb\r\nhello\r\n0\r\n\r\n"), ("bare LF behind the data", b"5\r\nhello\n0\r\n\r\n"),
              ("bare CR behind the data", b"5\r\nhello\r0\r\n\r\n"), ("CR CR LF behind the size", b"5\r\r\nhello\r\n0\r\n\r\n"),
              ("bare LF behind the last", b"5\r\nhello\r\n0\n\n"), ("bare LF at the end", b"5\r\nhello\r\n0\r\n\n"),
              ("data longer than its size", b"5\r\nhello!!\r\n0\r\n\r\n"), ("two bytes in place of CRLF", b"5\r\nhelloxx0\r\n\r\n"),
              ("nothing between chunks", b"5\r\nhello0\r\n\r\n"), ("a folded trailer", b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n"),
              ("bare LF in a trailer", b"5\r\nhello\r\n0\r\nX: y\nZ: y\r\n\r\n"),
              ("space before the colon of a trailer", b"5\r\nhello\r\n0\r\nX : y\r\n\r\n"),
              ("a trailer that is none", b"5\r\nhello\r\n0\r\nGET / HTTP/1.1\r\n\r\n"),
              ("an empty line within", b"5\r\nhello\r\n\r\n0\r\n\r\n")]
    rows += [Pair(f"chunks: {name}", chunked(body), chunked(HELLO), BODY) for name, body in bodies]
    twins = [("an extension", b"5;a=b\r\nhello\r\n0;c\r\n\r\n", b"5;a=\x01b\r\nhello\r\n0\r\n\r\n"),
             ("a quoted extension", b"5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n", b"5;a=\"b;c\"\nhello\r\n0\r\n\r\n"),
             ("zeros in front", b"0005\r\nhello\r\n000\r\n\r\n", b"00x5\r\nhello\r\n000\r\n\r\n"),
             ("trailers", b"5\r\nhello\r\n0\r\nX: y\r\n\r\n", b"5\r\nhello\r\n0\r\nX\r\n\r\n"),
             ("trailers that speak of lengths", b"5\r\nhello\r\n0\r\nContent-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n",
              b"5\r\nhello\r\n0\r\nContent-Length : 44\r\n\r\n")]
    return rows + [Pair(f"chunks: {name}", chunked(wrong), chunked(right), BODY) for name, right, wrong in twins]


def _hosts():
    hosts = [b"Host: localhost\r\nHost: localhost", b"Host: localhost\r\nhost: elsewhere.example", b"X: y", b"Host:",
             b"Host: localhost, localhost",
             b"Host: local host", b"Host: localhost\x00", b"Host: elsewhere.example@localhost", b"Host: localhost/",
             b"Host: localhost:x", b"Host : localhost",
             b"Host_: localhost\r\nHo\x73t\x0b: localhost", b"Host: localhost#", b"Host: localhost\\", b"Host: localhost:99999",
             b"Host:\r\n localhost",
             b"Host: [localhost", b"Host: \xa0localhost"]
    return [Pair(f"host {host!r}", ask(host=host), ask(host=b"Host: localhost")) for host in hosts]


def served():
    hidden = SMUGGLED
    return [
        Served("CL.0", post(SIZED, body=hidden)), Served("0.CL, a body of GET", ask(SIZED, body=hidden)),
        Served("CL.0 of HEAD", ask(SIZED, method=b"HEAD", body=hidden)),
        Served("CL.0 of DELETE", ask(SIZED, method=b"DELETE", body=hidden)),
        Served("CL.0 of OPTIONS", ask(SIZED, method=b"OPTIONS", body=hidden)),
        Served("CL.0 of PUT", ask(SIZED, method=b"PUT", body=hidden)),
        Served("TE.0 of OPTIONS", ask(b"Transfer-Encoding: chunked", method=b"OPTIONS", body=IN_A_CHUNK)),
        Served("TE.0 of GET", ask(b"Transfer-Encoding: chunked", body=IN_A_CHUNK)), Served("TE.0 of HEAD", ask(
            b"Transfer-Encoding: chunked", method=b"HEAD", body=IN_A_CHUNK)),
        Served("in a chunk's extension", chunked(b"5;" + b"GET " + S + b" HTTP/1.1" + b"\r\nhello\r\n0\r\n\r\n")),
        Served("in a trailer", chunked(b"5\r\nhello\r\n0\r\nX: GET " + S + b" HTTP/1.1\r\n\r\n")),
        Served("a field of a hop: Content-Length", post(b"Connection: Content-Length", SIZED, body=hidden)),
        Served("a field of a hop: Transfer-Encoding",
               post(b"Connection: Transfer-Encoding", b"Transfer-Encoding: chunked", body=IN_A_CHUNK)),
        Served("a field of a hop: Host", ask(b"Connection: Host, X", b"X: y")),
        Served("Expect", post(b"Expect: 100-continue", SIZED, body=hidden)),
        Served("Expect, misspelt", post(b"Expect: y 100-continue", SIZED, body=hidden)),
        Served("Expect, of GET", ask(b"Expect: 100-continue", SIZED, body=hidden)),
        Served("Expect, twice", post(b"Expect: 100-continue", b"Expect: x", SIZED, body=hidden)),
        Served("Expect, without a body", ask(b"Expect: 100-continue")),
        Served("Upgrade to h2c", ask(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c",
                                     b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")),
        Served("Upgrade to WebSocket where there is none",
               ask(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
                                                               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")),
        Served("Upgrade with a body", post(b"Connection: Upgrade", b"Upgrade: websocket", SIZED, body=hidden)),
        Served("Upgrade to TLS", ask(b"Connection: Upgrade", b"Upgrade: TLS/1.0")),
        Served("Keep-Alive", post(b"Keep-Alive: timeout=1, max=1", b"Proxy-Connection: close", SIZED, body=hidden)),
        Served("methods in fields", ask(b"X-HTTP-Method-Override: POST", b"X-HTTP-Method: DELETE")),
        Served("PATCH with a body", ask(SIZED, method=b"PATCH", body=hidden)),
        Served("absolute form", ask(line=b"GET http://localhost" + T + b" HTTP/1.1")),
        Served("a large body of requests", post(b"Content-Length: %d" % (len(hidden) * 4000), body=hidden * 4000), large=True),
        Served("a large body of requests in chunks", chunked((b"%x\r\n%s\r\n" % (len(hidden), hidden)) * 1000 + EMPTY), large=True),
    ]


@dataclass(frozen=True)
class H2Row:
    """A request of HTTP/2 (fields, and a body in one piece; None: no body) that would be two in HTTP/1.1, or one of another length.
    It is reset, or answered 400, before the service sees it; `begun`: or after its head has gone on."""
    name: str
    fields: tuple
    body: bytes | None = None
    begun: bool = False


def h2_base(method="GET", **more):
    fields = {"method": method, "scheme": "https", "authority": "localhost", "path": T, **more}
    return tuple((f":{name}", value) for name, value in fields.items())


def h2_rows():
    get, put, length = h2_base(), h2_base("POST"), str(len(SMUGGLED))
    split = b"\r\n\r\n" + SMUGGLED
    values = [("x", b"a" + split), ("x", b"a\r\nTransfer-Encoding: chunked"), ("x", b"a\nTransfer-Encoding: chunked"),
              ("x", b"a\rb"), ("x", b"a\0"),
              ("cookie", b"a=b" + split), ("user-agent", b"a\r\nContent-Length: 0"), ("transfer-encoding", b"chunked"),
              ("transfer-encoding", b"identity"),
              ("te", b"chunked"), ("connection", b"transfer-encoding"), ("upgrade", b"h2c"), ("proxy-connection", b"keep-alive"),
              ("host", b"elsewhere.example"), ("host", b"localhost\r\nX: y"), (b"x\r\ntransfer-encoding", b"chunked"),
              (b"x: y\r\ntransfer-encoding", b"chunked"),
              (b"transfer-encoding ", b"chunked"), (b"transfer-encoding:", b"chunked"), (b"transfer_encoding", b"chunked"),
              (b"content_length", b"0"),
              ("content-length", b"+44"), ("content-length", b"44,44"), ("content-length", b"0x2c"), ("content-length", b" 44")]
    pseudo = [("path", T + b" HTTP/1.1\r\nHost: localhost\r\n\r\nGET " + S), ("path", T + b" HTTP/1.1"), ("path", T + b"\r\nX: y"),
              ("path", T + b"\n"),
              ("path", T + b"\t"), ("path", T + b"\0"), ("path", T + b"#a"), ("path", b"http://localhost" + T), ("path", b""),
              ("path", b"*"),
              ("method", b"GET " + S + b" HTTP/1.1" + b"\r\nHost: localhost\r\n\r\nGET"), ("method", b"GET " + S),
              ("method", b"GET\r\n"), ("method", b""),
              ("authority", b"localhost\r\nX: y"), ("authority", b"localhost" + T), ("authority", b"local host"),
              ("authority", b"a@localhost"),
              ("authority", b"localhost\0"), ("scheme", b"https\r\nX: y"), ("scheme", b"https " + S), ("scheme", b"http")]
    return [
        *[H2Row(f"{name!r}: {value[:40]!r}", (*get, (name, value))) for name, value in values],
        *[H2Row(f":{name} {value[:40]!r}", h2_base(**{name: value})) for name, value in pseudo],
        H2Row("content-length of nothing, and a body", (*put, ("content-length", "0")), SMUGGLED, begun=True),
        H2Row("content-length shorter than the body", (*put, ("content-length", "4")), SMUGGLED, begun=True),
        H2Row("content-length longer than the body", (*put, ("content-length", "999")), SMUGGLED, begun=True),
        H2Row("content-length twice", (*put, ("content-length", length), ("content-length", "0")), SMUGGLED),
        H2Row("content-length without a body", (*get, ("content-length", length))),
    ]


def h2_served():
    length = ("content-length", str(len(SMUGGLED)))
    return [H2Row("as it is", h2_base()), H2Row("a body with its length", (*h2_base("POST"), length), SMUGGLED),
            H2Row("a body without", h2_base("POST"), SMUGGLED), H2Row("a body of GET", h2_base(), SMUGGLED),
            H2Row("a body of GET with its length", (*h2_base(), length), SMUGGLED),
            H2Row("a body of HEAD", h2_base("HEAD"), SMUGGLED),
            H2Row("a body that is expected", (*h2_base("POST"), length, ("expect", "100-continue")), SMUGGLED),
            H2Row("a body that looks like chunks", h2_base("POST"), EMPTY + SMUGGLED),
            H2Row("te: trailers", (*h2_base(), ("te", "trailers")))]
