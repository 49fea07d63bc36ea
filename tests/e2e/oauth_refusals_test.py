"""Every way to use a token or an assertion that one should not have: each row is refused with its error and exactly one record
- of the gateway's log and metric, or of the authority's audit log -, next to a twin, one change away, that is accepted."""
import json
import re
import subprocess
import time

import path  # noqa: F401
from harness import clients, jwt, testing
from harness.platform import credential_in
from harness.program import wait_until
from oauth_test import API, OauthBase


class RefusalsTest(OauthBase):
    oauth_settings = 'token_life = "30s"\n'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shop = cls.enrol("production/acme/shop")
        cls.office = cls.enrol("production/acme/office")  # another application of the same partner
        cls.globex = cls.enrol("production/globex/till")  # another partner
        for application in (cls.shop, cls.office, cls.globex):
            cls.client(application.name)
        cls.foreign = cls.platform.folder / "foreign.key"
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(cls.foreign)], check=True)

    # --- what is counted -----------------------------------------------------------------------------------------------

    def audited(self, since):
        """Records of the audit log behind `since`, and where it ends."""
        records = []
        while True:
            page = self.platform.admin("audit", "list", "--after", str(records[-1]["sequence"] if records else since),
                                       "--limit", "1000")["records"]
            records += page
            if len(page) < 1000:
                return records, records[-1]["sequence"] if records else since

    def counted(self, code):
        """How many tokens the gateway says it has refused for this reason."""
        text = clients.curl(self.platform.folder, f"http://127.0.0.1:{self.platform.ports['gateway_status']}/metrics").body
        found = re.search(rf'^countersign_gateway_tokens_refused_total\{{code="{re.escape(code)}"\}} (\d+)$', text, re.M)
        return int(found[1]) if found else 0

    def assert_token_refused(self, code, attempt, error="invalid_token", status=401):
        before = self.counted(f"oauth.{code}")
        self.assert_denied(code, error, status, "gateway", attempt)
        self.assertEqual(self.counted(f"oauth.{code}"), before + 1)

    def assert_audited(self, since, action, code=None):
        """Exactly one record of the authorisation server since then, with all that an auditor asks for."""
        records, end = self.audited(since)
        said = [one for one in records if one["action"] in ("oauth.refused", "token.issued")]
        self.assertEqual([(one["action"], one["detail"].get("code")) for one in said], [(action, code)])
        self.assertTrue(said[0]["actor"].startswith("urn:countersign:production:"), said)
        self.assertRegex(said[0]["detail"]["certificate"], "^[0-9a-f]{64}$")
        return end

    # --- tokens, at the gateway ----------------------------------------------------------------------------------------

    def token_rows(self, token, public):
        """(code, whose connection, what is shown, where): the twin is the token on shop's connection at /payments."""
        claims, kid = jwt.payload(token), jwt.header(token)["kid"]

        def forged(algorithm, key, **head):
            return jwt.make(key, algorithm, claims, {"typ": "at+jwt", "kid": kid, **head})

        shop = self.shop.transport
        return [
            ("of another application", "token_wrong_application", self.office.transport, token, "/payments/1"),
            ("of another partner", "token_wrong_application", self.globex.transport, token, "/payments/1"),
            ("alg none", "token_algorithm", shop, forged("none", None), "/payments/1"),
            ("HS256 with the public key", "token_algorithm", shop, forged("HS256", json.dumps(public).encode()), "/payments/1"),
            ("kid elsewhere", "token_key_unknown", shop, forged("ES256", self.foreign, kid="../../keys/evil"), "/payments/1"),
            ("kid of ours", "token_signature", shop, forged("ES256", self.foreign), "/payments/1"),
            ("jwk in the header", "token_header", shop, forged("ES256", self.foreign, jwk=public), "/payments/1"),
            ("jku in the header", "token_header", shop, forged("ES256", self.foreign, jku="https://evil.example"), "/payments/1"),
            ("wrong aud", "token_audience", shop, token, "/other/1"),
            ("an assertion", "token_type", shop, self.assertion(self.shop), "/payments/1"),
        ]

    def test_tokens(self):
        public = json.loads(self.curl(self.shop.transport, "/oauth2/jwks").body)["keys"][0]
        for number in range(len(self.token_rows(self.token(self.shop), public))):
            token = self.token(self.shop)  # the last row's may have ended
            name, code, credential, shown, where = self.token_rows(token, public)[number]
            with self.subTest(name):
                self.assertEqual(self.call(self.shop.transport, token).status, 200)
                self.assert_token_refused(code, lambda: self.call(credential, shown, where))

    def test_a_token_after_its_end(self):
        token = self.token(self.shop)
        self.assertEqual(self.call(self.shop.transport, token).status, 200)
        time.sleep(max(0, jwt.payload(token)["exp"] - time.time()) + 1)
        self.assert_token_refused("token_expired", lambda: self.call(self.shop.transport, token))
        self.assertEqual(self.call(self.shop.transport, self.token(self.shop)).status, 200)

    def test_a_token_after_its_certificate(self):
        """Revoked: the handshake refuses it, with one record, and with the next certificate the token is worth nothing."""
        kiosk = self.enrol("production/acme/kiosk")
        self.client(kiosk.name)
        done = self.platform.run("renew", "transport", "--out", kiosk.folder, "--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        previous, renewed = (credential_in(kiosk.folder, name) for name in ("transport-previous", "transport"))
        self.settle(renewed)
        token = self.token(kiosk, credential=previous)
        self.assertEqual(self.call(previous, token).status, 200)
        self.platform.admin("revoke", testing.serial_of(previous), "--reason", "key_compromise")
        log = self.platform.records("gateway")
        mark = log.mark()
        wait_until(lambda: self.call(previous, token).status == 0, "the revoked certificate still opens the gateway", 10)
        log.next("tls.refused", mark)
        mark = log.mark()
        self.assert_refused("revoked", lambda: self.call(previous, token))
        self.assertEqual([one["reason"] for one in log.all("tls.refused", mark)], ["revoked"])
        self.assert_token_refused("token_wrong_certificate", lambda: self.call(renewed, token))
        self.assertEqual(self.call(renewed, self.token(kiosk, credential=renewed)).status, 200)

    # --- assertions, at the authority ----------------------------------------------------------------------------------

    def assertion_rows(self, used):
        """(name, code, what is asked): the twin is the same without the change."""
        now = int(time.time())

        def made(**changes):
            return {"assertion": self.assertion(self.shop, **changes)}

        def made_by(application):
            key = application.signing.key
            return made(key=key, head={"kid": jwt.thumbprint(key)})

        return [
            ("of another application", "certificate_of_another", {"credential": self.office.transport}),
            ("of another partner", "certificate_of_another", {"credential": self.globex.transport}),
            ("another application's key", "assertion_key_unknown", made_by(self.office)),
            ("another partner's key", "assertion_key_unknown", made_by(self.globex)),
            ("another's key under no name", "assertion_signature", made(key=self.globex.signing.key)),
            ("a transport key", "assertion_key_not_signing", made(key=self.shop.transport.key)),
            ("after its end", "assertion_expired", made(exp=now - 61, iat=now - 120)),
            ("alg none", "assertion_algorithm", made(algorithm="none")),
            ("HS256", "assertion_algorithm", made(key=b"public key", algorithm="HS256")),
            ("kid elsewhere", "assertion_key_unknown", made(head={"kid": "https://evil.example/k"})),
            ("jwk in the header", "assertion_header", made(head={"jwk": {"kty": "EC"}})),
            ("the same assertion again", "assertion_replayed", {"assertion": used}),
            ("a duplicate jti", "assertion_replayed", made(jti=jwt.payload(used)["jti"])),
            ("wrong aud", "assertion_audience", made(aud="https://elsewhere.example")),
        ]

    def test_assertions(self):
        used = self.assertion(self.shop)
        self.token(self.shop, assertion=used)
        _, end = self.audited(0)
        for name, code, asked in self.assertion_rows(used):
            _, end = self.audited(end)
            with self.subTest(name):
                self.token(self.shop)
                end = self.assert_audited(end, "token.issued")
                self.assert_denied(code, "invalid_client", 401, "authority", lambda: self.ask(self.shop, **asked))
                end = self.assert_audited(end, "oauth.refused", f"oauth.{code}")
        self.assertTrue(self.platform.admin("audit", "verify")["intact"])

    def test_an_assertion_after_its_certificate(self):
        desk = self.enrol("production/acme/desk")
        self.client(desk.name)

        def ask():
            return self.ask(desk, assertion=self.assertion(desk, head={"kid": jwt.thumbprint(desk.signing.key)}))

        self.assertEqual(ask()[0].status, 200)
        self.platform.admin("revoke", testing.serial_of(desk.signing), "--reason", "key_compromise")
        _, end = self.audited(0)
        self.assert_denied("assertion_key_unknown", "invalid_client", 401, "authority", ask)
        self.assert_audited(end, "oauth.refused", "oauth.assertion_key_unknown")

    def test_revocation_and_registration_are_audited(self):
        """What a client does with tokens and of itself is in the audit log, once each."""
        kept = self.enrol("production/acme/kept")
        statement = self.platform.admin("clients", "statement", kept.name, "--scope", "payments:read", "--audience", API)
        _, end = self.audited(0)
        sent = ["-H", "Content-Type: application/json", "-d", json.dumps({"software_statement": statement["software_statement"]})]
        made = json.loads(self.curl(kept.transport, "/oauth2/register", sent).body)
        token = self.token(kept)
        form = {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "token": token,
                "client_assertion": self.assertion(kept)}
        self.assertEqual(self.post(kept.transport, "/oauth2/revoke", form)[0].status, 200)
        where = made["registration_client_uri"].removeprefix(self.issuer)
        bearer = ["-H", f"Authorization: Bearer {made['registration_access_token']}"]
        put = ["-X", "PUT", "-H", "Content-Type: application/json", "-d", json.dumps({"client_id": made["client_id"]})]
        self.assertEqual(self.curl(kept.transport, where, bearer + put).status, 200)
        self.assertEqual(self.curl(kept.transport, where, bearer + ["-X", "DELETE"]).status, 204)
        actions = [one["action"] for one in self.audited(end)[0]]
        self.assertEqual([one for one in actions if one.startswith(("client.", "token.", "oauth."))],
                         ["client.registered", "token.issued", "token.revoked", "client.metadata_changed", "client.deregistered"])


if __name__ == "__main__":
    testing.main()
