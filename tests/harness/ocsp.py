"""A public CA's OCSP responder, in small: `openssl ocsp` answers, over plain HTTP, and what is asked is counted."""
import base64
import subprocess
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness.material import openssl


class OcspResponder:
    """Listens on a free port of loopback, and knows the certificates of `issuer` that it is told of."""

    def __init__(self, folder):
        self.folder = folder
        self.answers = True
        self.requests = []  # method and path of each
        self.index = folder / "ocsp-index.txt"
        self.index.write_text("")
        self.issuer = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/ocsp"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def know(self, issuer, certificate):
        """A good one; its line in the index is as `openssl ca` writes it."""
        self.issuer = issuer
        serial = openssl("x509", "-in", certificate, "-noout", "-serial").decode().strip().partition("=")[2]
        self.index.write_text(self.index.read_text() + f"V\t401231235959Z\t\t{serial}\tunknown\t/CN=any\n")

    def answer(self, question):
        asked, said = self.folder / "ocsp-asked.der", self.folder / "ocsp-said.der"
        asked.write_bytes(question)
        subprocess.run(["openssl", "ocsp", "-index", self.index, "-CA", self.issuer.certificate, "-rsigner", self.issuer.certificate,
                        "-rkey", self.issuer.key, "-reqin", asked, "-respout", said, "-ndays", "1"], check=True, timeout=30,
                       capture_output=True)
        return said.read_bytes()


def _handler_for(responder):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            responder.requests.append(("GET", self.path))
            if not responder.answers:
                self.send_error(503)
                return
            question = base64.b64decode(urllib.parse.unquote(self.path.rpartition("/")[2]))
            said = responder.answer(question)
            self.send_response(200)
            self.send_header("Content-Type", "application/ocsp-response")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            pass

    return Handler
