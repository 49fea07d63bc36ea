#!/usr/bin/env python3
"""Python's ssl as the termination point for the provider's calls. Tried with Python 3.11."""
import json
import os
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(os.environ.get("EHI_FOLDER", "/etc/ehi"))
# Who may call: production calls of the provider, and nobody else under the same trust chain.
CALLER = ("URI", "urn:countersign:production:provider:ehi")
LIMIT = 100.00
BODY_LIMIT = 64 * 1024
SECONDS = 10


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    # You prove who you are.
    made.load_cert_chain(FOLDER / "server-chain.pem", FOLDER / "server.key")
    # The provider proves who it is: these CAs alone are believed, and without a certificate there is no connection.
    made.load_verify_locations(FOLDER / "trust-chain.pem")
    made.verify_mode = ssl.CERT_REQUIRED
    # No way around a fresh look at the certificate. This module cannot be told not to keep sessions of TLS 1.2, so this
    # server speaks 1.3 only, as the provider's sender does.
    made.num_tickets = 0
    return made


def may_call(certificate):
    return certificate.get("subjectAltName") == (CALLER,)


class Host(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        if not may_call(self.connection.getpeercert()):
            self.close_connection = True
            return self.answer(403, {"error": "not the EHI caller of the provider"})
        if length > BODY_LIMIT or self.path != "/decide":
            self.close_connection = True
            return self.answer(404, {"error": "no such path"})
        try:
            message = json.loads(self.rfile.read(length))
            return self.answer(200, {"approved": float(message["amount"]) <= LIMIT, "caller": CALLER[1]})
        except (ValueError, KeyError, TypeError):
            return self.answer(400, {"error": "not a message of the provider"})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """The handshake is made in the thread of its connection, so that a slow client holds up nobody else."""
    daemon_threads = True

    def __init__(self, address, tls):
        super().__init__(address, Host)
        self.tls = tls

    def finish_request(self, request, client_address):
        request.settimeout(SECONDS)
        try:
            with self.tls.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        except OSError as error:  # ssl.SSLError is one
            print(f"refused {client_address[0]}: {error}", flush=True)


if __name__ == "__main__":
    Server((os.environ.get("EHI_ADDRESS", ""), int(os.environ.get("EHI_PORT", "443"))), context()).serve_forever()
