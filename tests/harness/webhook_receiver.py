"""An HTTPS server that takes webhooks as a partner would: it verifies the signature before it believes anything."""
import hashlib
import hmac
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 300


class WebhookReceiver:
    """Listens on a free port of loopback. `taken`: the bodies (JSON) whose signature was good; `refused`: why others were not;
    `ids`: the field Countersign-Webhook-Id of every call. `statuses` are given out first, one a call, then 204."""

    def __init__(self, credential):
        self.secret = None
        self.taken = []
        self.refused = []
        self.ids = []
        self.statuses = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(credential.chain, credential.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self):
        return f"https://localhost:{self.port}/countersign"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def complaint_about(self, field, body):
        """What is wrong with a Countersign-Signature; None: nothing."""
        parts = dict(part.partition("=")[::2] for part in (field or "").split(","))
        if not parts.get("t", "").isdigit() or abs(time.time() - int(parts["t"])) > TOLERANCE_SECONDS:
            return f"no recent time in {field!r}"
        expected = hmac.new(self.secret.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        return None if hmac.compare_digest(expected, parts.get("v1", "")) else f"bad signature {field!r}"


def _handler_for(receiver):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.ids.append(self.headers["Countersign-Webhook-Id"])
            complaint = receiver.complaint_about(self.headers["Countersign-Signature"], body)
            if complaint:
                receiver.refused.append(complaint)
                return self.say(401)
            status = receiver.statuses.pop(0) if receiver.statuses else 204
            if status == 204:
                receiver.taken.append(json.loads(body))
            return self.say(status)

        def say(self, status):
            self.send_response(status)
            if status in (301, 302, 307, 308):
                self.send_header("Location", receiver.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    return Handler
