"""Tokens that only the right certificate can use: the authorisation server behind a real gateway, by curl."""
import json
import subprocess
import time
from urllib.parse import urlencode

import path  # noqa: F401
from harness import clients, jwt, testing
from harness.platform import credential_in
from harness.program import wait_until
from harness.raw import free_port

API = "https://api.example.test"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


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


    def test_stolen(self):
        """A token is worth nothing but on a connection with the certificate it was got with; each row has its accepted twin."""
        token = self.token(self.shop)
        head, body, signature = token.split(".")
        claims = jwt.payload(token)
        good = self.call(self.shop.transport, token)
        self.assertEqual(good.status, 200, good.output[-800:])
        foreign = self.platform.folder / "foreign.key"
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(foreign)], check=True)
        kid = jwt.header(token)["kid"]

        def forged(algorithm, key, **changes):
            said = {"typ": "at+jwt", "kid": kid, **changes.pop("head", {})}
            return jwt.make(key, algorithm, {**claims, **changes}, said)

        public = json.loads(self.curl(self.shop.transport, "/oauth2/jwks").body)["keys"][0]
        rows = [
            ("token_wrong_application", self.office.transport, token),
            ("token_wrong_application", self.globex.transport, token),
            ("token_missing", self.shop.transport, ""),
            ("token_malformed", self.shop.transport, "abc"),
            ("token_signature", self.shop.transport, f"{head}.{body}.{signature[:-8]}AAAAAAAA"),
            ("token_signature", self.shop.transport, f"{head}.{jwt.b64url(json.dumps({**claims, 'scope': 'payments:admin'}).encode())}.{signature}"),
            ("token_signature", self.shop.transport, forged("ES256", foreign)),
            ("token_algorithm", self.shop.transport, forged("none", None)),
            ("token_algorithm", self.shop.transport, forged("HS256", json.dumps(public).encode())),
            ("token_key_unknown", self.shop.transport, forged("ES256", foreign, head={"kid": "../../keys/evil"})),
            ("token_header", self.shop.transport, forged("ES256", foreign, head={"jwk": {"kty": "EC"}})),
            ("token_header", self.shop.transport, forged("ES256", foreign, head={"jku": "https://evil.example/jwks"})),
            ("token_type", self.shop.transport, self.assertion(self.shop)),
        ]
        for code, credential, shown in rows:
            with self.subTest(code, shown=shown[:60]):
                error = "invalid_token"
                got = self.assert_denied(code, error, 401, "gateway", lambda: self.call(credential, shown))
                self.assertIn("www-authenticate: bearer", got.output.lower())
        self.assertEqual(self.call(self.shop.transport, token).status, 200)
        # Elsewhere than in the field nobody looks for one; two fields are refused.
        self.assert_denied("token_missing", "invalid_token", 401, "gateway",
                           lambda: self.curl(self.shop.transport, f"/payments/1?access_token={token}"))
        self.assert_denied("token_malformed", "invalid_token", 401, "gateway",
                           lambda: self.curl(self.shop.transport, "/payments/1", ["-H", f"Authorization: Bearer {token}",
                                                                                  "-H", f"authorization: Bearer {token}"]))

    def test_scopes_and_audiences(self):
        token = self.token(self.shop)
        got = self.assert_denied("token_scope", "insufficient_scope", 403, "gateway",
                                 lambda: self.call(self.shop.transport, token, "/admin/1"))
        self.assertIn('scope="payments:admin"', got.output)
        self.assert_denied("token_audience", "invalid_token", 401, "gateway",
                           lambda: self.call(self.shop.transport, token, "/other/1"))
        self.assertEqual(self.call(self.shop.transport, token).status, 200)
        self.client("production/acme/office", "--scope", "payments:admin", "--scope", "payments:read", "--audience", API,
                    "--audience", "https://other.example.test")
        for form, works in (({}, ("/payments/1", "/admin/1", "/other/1")), ({"scope": "payments:admin"}, ("/admin/1",)),
                            ({"resource": "https://other.example.test"}, ("/other/1",))):
            token = self.token(self.office, form=form)
            for where in ("/payments/1", "/admin/1", "/other/1"):
                wanted = 200 if where in works or (where == "/other/1" and "resource" not in form) or (
                    where == "/admin/1" and "scope" not in form) else None
                status = self.call(self.office.transport, token, where).status
                self.assertEqual(status == 200, wanted == 200, f"{form} {where} {status}")

    def test_assertions(self):
        """What proves the client; one record each, and the accepted twin first and last."""
        self.token(self.shop)
        used = self.assertion(self.shop)
        self.token(self.shop, assertion=used)
        kid = jwt.thumbprint(self.shop.signing.key)
        now = int(time.time())
        rows = [
            ("assertion_replayed", {"assertion": used}),
            ("assertion_replayed", {"assertion": self.assertion(self.shop, jti=jwt.payload(used)["jti"])}),
            ("assertion_audience", {"assertion": self.assertion(self.shop, aud="https://elsewhere.example")}),
            ("assertion_subject", {"assertion": self.assertion(self.shop, sub="production.acme.office")}),
            ("assertion_expired", {"assertion": self.assertion(self.shop, exp=now - 61, iat=now - 120)}),
            ("assertion_too_long", {"assertion": self.assertion(self.shop, exp=now + 3600)}),
            ("assertion_without_id", {"assertion": self.assertion(self.shop, jti=None)}),
            ("assertion_algorithm", {"assertion": self.assertion(self.shop, algorithm="none")}),
            ("assertion_algorithm", {"assertion": self.assertion(self.shop, key=b"public key", algorithm="HS256")}),
            ("assertion_header", {"assertion": self.assertion(self.shop, head={"jwk": {"kty": "EC"}})}),
            ("assertion_key_unknown", {"assertion": self.assertion(self.shop, head={"kid": "https://evil.example/k"})}),
            ("assertion_key_unknown", {"assertion": self.assertion(self.shop, key=self.globex.signing.key,
                                                                   head={"kid": jwt.thumbprint(self.globex.signing.key)})}),
            ("assertion_signature", {"assertion": self.assertion(self.shop, key=self.globex.signing.key, head={"kid": kid})}),
            ("assertion_key_not_signing", {"assertion": self.assertion(self.shop, key=self.shop.transport.key)}),
            # Another's certificate with all else of shop's: as good as nothing.
            ("certificate_of_another", {"credential": self.office.transport}),
            ("certificate_of_another", {"credential": self.globex.transport}),
            ("method_not_allowed", {"form": {"client_assertion": None, "client_assertion_type": None}}),
        ]
        for code, asked in rows:
            with self.subTest(code):
                self.assert_denied(code, "invalid_client", 401, "authority", lambda: self.ask(self.shop, **asked))
        self.assert_denied("scope_refused", "invalid_scope", 400, "authority", lambda: self.ask(self.shop, form={"scope": "root"}))
        self.assert_denied("audience_refused", "invalid_target", 400, "authority",
                           lambda: self.ask(self.shop, form={"resource": "https://x.example"}))
        self.assert_denied("grant_not_supported", "unsupported_grant_type", 400, "authority",
                           lambda: self.ask(self.shop, form={"grant_type": "password"}))
        self.token(self.shop, form={"client_id": None}, assertion=self.assertion(self.shop, head={"kid": kid}))

    def test_a_signing_certificate_opens_no_connection(self):
        self.assert_refused("wrong_purpose", lambda: self.curl(self.shop.signing, "/oauth2/token", ["-d", "x=y"]))
        self.token(self.shop)

    def test_revocation_reaches_the_gateway(self):
        token, other = self.token(self.shop), self.token(self.shop)
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion(self.shop), "token": token}
        self.assertEqual(self.call(self.shop.transport, token).status, 200)
        got, _ = self.post(self.shop.transport, "/oauth2/revoke", form)
        self.assertEqual(got.status, 200, got.output[-500:])
        wait_until(lambda: self.call(self.shop.transport, token).status == 401, "the revoked token still works", 10)
        self.assertEqual(json.loads(self.call(self.shop.transport, token).body)["code"], "oauth.token_revoked")
        self.assertEqual(self.call(self.shop.transport, other).status, 200)
        form.update(client_assertion=self.assertion(self.shop), token=other)
        _, said = self.post(self.shop.transport, "/oauth2/introspect", form)
        self.assertTrue(said["active"], said)
        form.update(client_assertion=self.assertion(self.office))
        _, said = self.post(self.office.transport, "/oauth2/introspect", form)
        self.assertEqual(said, {"active": False})
        self.platform.admin("clients", "end-tokens", "production/acme/shop")
        wait_until(lambda: self.call(self.shop.transport, other).status == 401, "a token from before still works", 10)
        time.sleep(1)  # tokens say in which second they were made
        self.assertEqual(self.call(self.shop.transport, self.token(self.shop)).status, 200)

    def test_renewal_and_revoked_certificates(self):
        """A token stays with its certificate; a revoked certificate does not come as far as the token."""
        kiosk = self.enrol("production/acme/kiosk")
        self.client(kiosk.name)
        old = self.token(kiosk)
        done = self.platform.run("renew", "transport", "--out", kiosk.folder, "--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        renewed = credential_in(kiosk.folder, "transport")
        previous = credential_in(kiosk.folder, "transport-previous")
        self.settle(renewed)
        self.assert_denied("token_wrong_certificate", "invalid_token", 401, "gateway", lambda: self.call(renewed, old))
        self.assertEqual(self.call(previous, old).status, 200)
        fresh = self.token(kiosk, credential=renewed)
        self.assertEqual(self.call(renewed, fresh).status, 200)
        serial = subprocess.run(["openssl", "x509", "-in", str(renewed.certificate), "-noout", "-serial"], check=True,
                                capture_output=True, text=True).stdout.strip().partition("=")[2].lower()
        self.platform.admin("revoke", serial, "--reason", "key_compromise")
        wait_until(lambda: self.call(renewed, fresh).status == 0, "the revoked certificate still opens the gateway", 10)
        self.assert_refused("revoked", lambda: self.call(renewed, fresh))
        self.assertEqual(self.call(previous, old).status, 200)

    def test_secrets(self):
        self.client("production/globex/till", "--scope", "payments:read", "--audience", API, "--method", "client_secret_post",
                    "--method", "client_secret_basic", "--method", "private_key_jwt")
        made = self.platform.admin("clients", "secret", "create", "production/globex/till")
        form = {"client_assertion": None, "client_assertion_type": None, "client_secret": made["client_secret"]}
        token = self.token(self.globex, form=form)
        self.assertEqual(self.call(self.globex.transport, token).status, 200)
        without = {**form, "client_secret": None, "client_id": None}
        got, _ = self.ask(self.globex, form=without, extra=["-u", f"production.globex.till:{made['client_secret']}"])
        self.assertEqual(got.status, 200, got.output[-500:])
        # A stolen secret is worthless without the certificate.
        self.assert_denied("certificate_of_another", "invalid_client", 401, "authority",
                           lambda: self.ask(self.globex, credential=self.shop.transport, form=form))
        self.assert_denied("secret_refused", "invalid_client", 401, "authority",
                           lambda: self.ask(self.globex, form={**form, "client_secret": "x" * 62}))
        self.platform.admin("clients", "secret", "cancel", "production/globex/till", made["id"])
        self.assert_denied("secret_refused", "invalid_client", 401, "authority", lambda: self.ask(self.globex, form=form))
        log = (self.platform.log_folder / "authority.log").read_text() + (self.platform.log_folder / "gateway.log").read_text()
        self.assertNotIn(made["client_secret"], log)
        self.assertNotIn(token, log)

    def test_registration(self):
        desk = self.enrol("production/acme/desk")
        statement = self.platform.admin("clients", "statement", desk.name, "--scope", "payments:read", "--audience", API)
        metadata = {"software_statement": statement["software_statement"], "client_name": "Desk", "x_unknown": [1, {"a": "b"}]}
        say = ["-H", "Content-Type: application/json", "-d", json.dumps(metadata)]
        self.assert_denied("statement_refused", "invalid_software_statement", 400, "authority",
                           lambda: self.curl(self.shop.transport, "/oauth2/register", say))
        got = self.curl(desk.transport, "/oauth2/register", say)
        self.assertEqual(got.status, 201, got.output[-500:])
        made = json.loads(got.body)
        self.assertEqual((made["client_id"], made["x_unknown"]), ("production.acme.desk", [1, {"a": "b"}]))
        self.assertEqual(self.call(desk.transport, self.token(desk)).status, 200)
        where = made["registration_client_uri"].removeprefix(self.issuer)
        bearer = ["-H", f"Authorization: Bearer {made['registration_access_token']}"]
        self.assertEqual(json.loads(self.curl(desk.transport, where, bearer).body)["x_unknown"], [1, {"a": "b"}])
        self.assert_denied("registration_refused", "invalid_token", 401, "authority",
                           lambda: self.curl(self.shop.transport, where, bearer))

    def test_discovery_and_keys(self):
        said = json.loads(self.curl(self.shop.transport, "/.well-known/oauth-authorization-server").body)
        self.assertEqual((said["issuer"], said["mtls_endpoint_aliases"]["token_endpoint"]),
                         (self.issuer, self.issuer + "/oauth2/token"))
        public = json.loads(clients.curl(self.platform.folder, self.platform.api_url("/oauth2/jwks"), self.platform.trust_chain).body)
        token = self.token(self.shop)
        self.assertIn(jwt.header(token)["kid"], [key["kid"] for key in public["keys"]])
        keys = json.loads(self.curl(self.shop.transport, "/oauth2/jwks/production/acme").body)["keys"]
        self.assertIn(jwt.thumbprint(self.shop.signing.key), [key["kid"] for key in keys])
        self.assertNotIn(jwt.thumbprint(self.shop.transport.key), [key["kid"] for key in keys])

    def test_restart_of_the_authority(self):
        """Used assertions, keys and revocations outlive it; while it is away tokens work, and there are no new ones."""
        used = self.assertion(self.shop)
        token = self.token(self.shop, assertion=used)
        self.platform.stop("authority")
        self.assertEqual(self.call(self.shop.transport, token).status, 200)
        got, said = self.ask(self.shop)
        self.assertEqual((got.status, said["error"]), (503, "temporarily_unavailable"))
        self.platform.start("authority")
        self.assert_denied("assertion_replayed", "invalid_client", 401, "authority", lambda: self.ask(self.shop, assertion=used))
        self.assertEqual(self.call(self.shop.transport, self.token(self.shop)).status, 200)


class OauthProfileTest(OauthBase):
    oauth_settings = 'profile = "fapi2"\ntoken_life = "30s"\n'

    def test_fapi2(self):
        shop = self.enrol("production/acme/shop")
        self.client(shop.name, "--scope", "payments:read", "--audience", API, "--method", "client_secret_post", "--method",
                    "private_key_jwt", "--method", "tls_client_auth")
        secret = self.platform.admin("clients", "secret", "create", shop.name)["client_secret"]
        plain = {"client_assertion": None, "client_assertion_type": None}
        self.token(shop)
        self.token(shop, form=plain)
        self.assert_denied("method_not_allowed", "invalid_client", 401, "authority",
                           lambda: self.ask(shop, form={**plain, "client_secret": secret}))
        self.assert_denied("assertion_audience", "invalid_client", 401, "authority",
                           lambda: self.ask(shop, assertion=self.assertion(shop, aud=self.issuer + "/oauth2/token")))
        self.assert_denied("assertion_audience", "invalid_client", 401, "authority",
                           lambda: self.ask(shop, assertion=self.assertion(shop, aud=[self.issuer])))
        got = self.curl(shop.transport, "/.well-known/oauth-authorization-server")
        self.assertNotIn("client_secret_post", json.loads(got.body)["token_endpoint_auth_methods_supported"])

    def test_expiry(self):
        till = self.enrol("production/acme/till")
        self.client(till.name)
        token = self.token(till)
        self.assertEqual(self.call(till.transport, token).status, 200)
        left = jwt.payload(token)["exp"] - time.time()
        time.sleep(max(0, left) + 1)
        self.assert_denied("token_expired", "invalid_token", 401, "gateway", lambda: self.call(till.transport, token))


if __name__ == "__main__":
    testing.main()
