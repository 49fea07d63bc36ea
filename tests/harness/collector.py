"""A collector of OpenTelemetry: takes spans as OTLP over HTTP in JSON, and complains about every one that is not as the protocol says."""
import json
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HEX = {32: re.compile(r"[0-9a-f]{32}"), 16: re.compile(r"[0-9a-f]{16}")}


class Collector:
    """Listens on a free port of loopback, with TLS where it has a credential; `clients`: a file of roots that callers must come from.
    `spans`: those taken, each with its attributes as a dictionary; `resources`: the same of their resources; `complaints`: what was
    wrong. `statuses` are given out first, one a call, then 200 with `answer`."""

    def __init__(self, credential=None, clients=None):
        self.spans, self.resources, self.complaints, self.statuses, self.calls = [], [], [], [], 0
        self.answer = "{}"
        self.connections = set()
        self.secure = credential is not None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self.server.daemon_threads = True
        if credential:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(credential.chain, credential.key)
            if clients:
                context.load_verify_locations(clients)
                context.verify_mode = ssl.CERT_REQUIRED
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self):
        return f"http{'s' if self.secure else ''}://localhost:{self.port}/v1/traces"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def of_trace(self, trace):
        return [span for span in list(self.spans) if span["traceId"] == trace]

    def take(self, document):
        for group in document["resourceSpans"]:
            self.resources.append(self.attributes_of(group["resource"]["attributes"]))
            for scope in group["scopeSpans"]:
                self.check(scope["scope"]["name"] == "countersign.gateway", scope["scope"])
                for span in scope["spans"]:
                    self.check_span(span)
                    self.spans.append({**span, "attributes": self.attributes_of(span["attributes"])})

    def check(self, good, what):
        if not good:
            self.complaints.append(what)

    def check_span(self, span):
        for key, digits in (("traceId", 32), ("spanId", 16), ("parentSpanId", 16)):
            value = span.get(key, "0" * (digits - 1) + "1")
            self.check(HEX[digits].fullmatch(value) and int(value, 16), {key: value})
        begun, ended = span["startTimeUnixNano"], span["endTimeUnixNano"]
        self.check(isinstance(begun, str) and isinstance(ended, str) and int(begun) <= int(ended), (begun, ended))
        self.check(span["kind"] == 2 and isinstance(span["name"], str) and span["name"], span)
        self.check(span["status"].get("code", 0) in (0, 2), span["status"])
        self.check(set(span) <= {"traceId", "spanId", "parentSpanId", "traceState", "flags", "name", "kind", "startTimeUnixNano",
                                 "endTimeUnixNano", "attributes", "status"}, sorted(span))

    def attributes_of(self, listed):
        found = {}
        for one in listed:
            (kind, value), = one["value"].items()
            self.check(one["key"] not in found, one["key"])
            self.check(kind in ("stringValue", "intValue", "boolValue"), one)
            self.check(isinstance(value, bool if kind == "boolValue" else str), one)
            found[one["key"]] = int(value) if kind == "intValue" else value
        return found


def _handler_for(collector):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            collector.calls += 1
            collector.connections.add(self.client_address)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = collector.statuses.pop(0) if collector.statuses else 200
            collector.check(self.path == "/v1/traces" and self.headers["Content-Type"] == "application/json", self.path)
            if status == 200:
                try:
                    collector.take(json.loads(body))
                except (KeyError, TypeError, ValueError) as error:
                    collector.complaints.append(repr(error))
            answer = collector.answer.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    return Handler
