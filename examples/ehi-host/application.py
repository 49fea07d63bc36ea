#!/usr/bin/env python3
"""The partner's application behind nginx, HAProxy or httpd: decides what the provider asks, and takes its advices.

It listens on loopback only, since it believes X-Caller: only what ends TLS in front of it may reach it.
POST /decide  {"amount": "12.50"}            -> {"approved": true, "caller": "..."}
POST /advice  with Idempotency-Key           -> {"acknowledged": true}; the same key twice is counted once
"""
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMIT = 100.00
BODY_LIMIT = 64 * 1024
seen = set()  # idempotency keys; a real host keeps them as long as the provider repeats (3 days)


def decide(message):
    return {"approved": float(message["amount"]) <= LIMIT}


class Host(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        if length > BODY_LIMIT:
            return self.answer(413, {"error": "the message is larger than 64 KiB"})
        try:
            message = json.loads(self.rfile.read(length))
            if self.path == "/decide":
                return self.answer(200, {**decide(message), "caller": self.headers.get("X-Caller", "")})
            if self.path == "/advice":
                seen.add(self.headers["Idempotency-Key"])
                return self.answer(200, {"acknowledged": True})
        except (ValueError, KeyError, TypeError):
            return self.answer(400, {"error": "not a message of the provider"})
        return self.answer(404, {"error": "no such path"})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *values):
        print(form % values, flush=True)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("APPLICATION_PORT", "8080"))), Host).serve_forever()
