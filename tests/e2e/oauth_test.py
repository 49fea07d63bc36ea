"""Tokens that only the right certificate can use: the authorisation server behind a real gateway, by curl."""
import json
import socket
import subprocess
import time
from urllib.parse import urlencode

import path  # noqa: F401
from harness import clients, jwt, testing
from harness.platform import credential_in
from harness.program import wait_until

API = "https://api.example.test"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class OauthBase(testing.PlatformTest):
    """A gateway at a port that the issuer names, with a route that demands a token and one that does not."""

    oauth_settings = ""

    @classmethod
    def setUpClass(cls):
        port = free_port()
        cls.issuer = f"https://localhost:{port}"
        cls.authority_settings = f'[authority.oauth]\nissuer = "{cls.issuer}"\n{cls.oauth_settings}'
        cls.gateway_listeners = f"""
[[gateway.routes]]
path = "/payments"
upstream = "{{upstream}}"
access = "any_partner"
token = "required"
scopes = ["payments:read"]
audience = "{API}"
[[gateway.routes]]
path = "/admin"
upstream = "{{upstream}}"
access = "any_partner"
token = "required"
scopes = ["payments:admin"]
[[gateway.routes]]
path = "/other"
upstream = "{{upstream}}"
access = "any_partner"
token = "required"
audience = "https://other.example.test"
[[gateway.listeners]]
name = "main"
listen = "127.0.0.1:{port}"
"""
        super().setUpClass()

    # --- helpers -------------------------------------------------------------------------------------------------------

    @classmethod
    def client(cls, application, *words):
        return cls.platform.admin("clients", "set", application, *(words or (
            "--scope", "payments:read", "--audience", API)))

    @staticmethod
    def client_id(application):
        return application.name.replace("/", ".")

    def assertion(self, application, key=None, algorithm="ES256", head=None, **changes):
        claims = jwt.assertion_claims(self.client_id(application), self.issuer, **changes)
        return jwt.make(key or application.signing.key, algorithm, claims, head)

    def post(self, credential, where, form, extra=()):
        """A form to an endpoint, its answer as (status, JSON)."""
        got = self.curl(credential, where, ["-d", urlencode(form, doseq=True), *extra])
        self.assertNotEqual(got.status, 0, got.output[-800:])
        return got, json.loads(got.body) if got.body else {}

    def ask(self, application, assertion=None, credential=None, form=None, extra=()):
        asked = {"grant_type": "client_credentials", "client_id": self.client_id(application), "client_assertion_type": ASSERTION_TYPE,
                 "client_assertion": assertion or self.assertion(application), **(form or {})}
        asked = {name: value for name, value in asked.items() if value is not None}
        return self.post(credential or application.transport, "/oauth2/token", asked, extra)

    def token(self, application, **more):
        got, said = self.ask(application, **more)
        self.assertEqual(got.status, 200, got.output[-800:])
        return said["access_token"]

    def call(self, credential, token, where="/payments/1"):
        return self.curl(credential, where, ["-H", f"Authorization: Bearer {token}"] if token else [])

    def assert_denied(self, code, error, status, program, attempt):
        """`attempt` is refused in OAuth's words and with one record, and nothing reaches the upstream."""
        log = self.platform.records(program)
        mark, before = log.mark(), len(self.upstream.requests)
        got = attempt()
        got = got[0] if isinstance(got, tuple) else got
        said = json.loads(got.body)
        self.assertEqual((got.status, said["error"], said["code"]), (status, error, f"oauth.{code}"), got.output[-1500:])
        event = "token.refused" if program == "gateway" else "oauth.refused"
        log.next(event, mark)
        self.assertEqual([one["code"] for one in log.all(event, mark)], [f"oauth.{code}"])
        self.assertEqual(len(self.upstream.requests), before, "the upstream was reached")
        return got


class OauthTest(OauthBase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shop = cls.enrol("production/acme/shop")
        cls.office = cls.enrol("production/acme/office")
        cls.globex = cls.enrol("production/globex/till")
        for application in (cls.shop, cls.office, cls.globex):
            cls.client(application.name)

    def test_token_end_to_end(self):
        got, said = self.ask(self.shop)
        self.assertEqual(got.status, 200, got.output[-800:])
        self.assertEqual((said["token_type"], said["expires_in"], said["scope"]), ("Bearer", 600, "payments:read"))
        self.assertIn("cache-control: no-store", got.output.lower())
        claims = jwt.payload(said["access_token"])
        self.assertEqual(jwt.header(said["access_token"])["typ"], "at+jwt")
        self.assertEqual(claims["cnf"]["x5t#S256"], jwt.certificate_thumbprint(self.shop.transport.certificate))
        self.assertEqual((claims["iss"], claims["sub"], claims["client_id"], claims["aud"]),
                         (self.issuer, "production.acme.shop", "production.acme.shop", API))
        self.assertEqual((claims["environment"], claims["organisation"], claims["application"]), ("production", "acme", "shop"))
        answer = self.call(self.shop.transport, said["access_token"])
        self.assertEqual(answer.status, 200, answer.output[-800:])
        seen = dict(self.upstream.requests[-1]["headers"])
        self.assertEqual(seen["X-Countersign-Client-Id"], "production.acme.shop")
        self.assertEqual(seen["X-Countersign-Scope"], "payments:read")
        self.assertEqual(seen["X-Countersign-Token-Id"], claims["jti"])


if __name__ == "__main__":
    testing.main()
