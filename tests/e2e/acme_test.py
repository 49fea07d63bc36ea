"""ACME (RFC 8555) with the clients of Debian as they are: certbot and lego make an account with a credential of an operator,
get a certificate, renew it, and the gateway lets them in. Nothing is challenged, and nothing of their requests but the key
ends up in a certificate."""
import json
import os
import shutil
import subprocess
import unittest

import path  # noqa: F401
from harness import clients, testing
from harness.material import Credential, openssl

APPLICATION = "production/acme/payments"
NAME = "payments.acme.production.countersign.internal"


def client(name):
    return unittest.skipUnless(shutil.which(name), f"{name} is not installed (apt-get install {name})")


class AcmeTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platform.create_application(APPLICATION)
        cls.directory = cls.platform.api_url("/acme/directory")

    def credential_of_operator(self, body="{}"):
        """Key id and HMAC key for external account binding."""
        outcome = clients.curl(self.platform.folder,
                               self.platform.api_url(f"/v1/applications/{APPLICATION}/eab-credentials"),
                               self.platform.trust_chain, self.platform.operator, ["-d", body])
        self.assertEqual(outcome.status, 201, outcome.output)
        made = json.loads(outcome.body)
        return made["kid"], made["hmac_key"]

    def run_client(self, command, expected=0):
        environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(self.platform.trust_chain),
                       "LEGO_CA_CERTIFICATES": str(self.platform.trust_chain)}
        done = subprocess.run([str(word) for word in command], cwd=self.platform.folder, capture_output=True, text=True,
                              timeout=120, env=environment)
        self.assertEqual(done.returncode, expected, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def assert_lets_in(self, credential):
        self.settle(credential)
        self.assert_seen_as(APPLICATION, self.curl(credential))

    def names_of(self, certificate):
        return openssl("x509", "-in", certificate, "-noout", "-subject", "-ext", "subjectAltName").decode()

    # --- certbot -------------------------------------------------------------------------------------------------------

    def certbot(self, *words):
        folder = self.platform.folder / "certbot"
        return ["certbot", *words, "--server", self.directory, "--config-dir", folder, "--work-dir", folder / "work",
                "--logs-dir", folder / "logs", "--non-interactive"]

    def certbot_credential(self):
        live = self.platform.folder / "certbot" / "live" / NAME
        return Credential(live / "cert.pem", live / "privkey.pem", live / "fullchain.pem")

    @client("certbot")
    def test_certbot(self):
        kid, hmac_key = self.credential_of_operator()
        with self.subTest("without a credential there is no account"):
            said = self.run_client(self.certbot("certonly", "--standalone", "--agree-tos", "--register-unsafely-without-email",
                                                "-d", NAME), expected=1)
            self.assertIn("external account binding", said)
        self.run_client(self.certbot("certonly", "--standalone", "--agree-tos", "-m", "ops@acme.example", "--no-eff-email",
                                     "--eab-kid", kid, "--eab-hmac-key", hmac_key, "-d", NAME))
        credential = self.certbot_credential()
        first = testing.serial_of(credential)
        self.assertIn("URI:urn:countersign:production:acme:payments", self.names_of(credential.certificate))
        self.assertNotIn("DNS:", self.names_of(credential.certificate))
        self.assert_lets_in(credential)
        with self.subTest("renewed, with another key"):
            self.run_client(self.certbot("renew", "--force-renewal", "--no-random-sleep-on-renew"))
            self.assertNotEqual(testing.serial_of(credential), first)
            self.assert_lets_in(credential)
        with self.subTest("the account's contact is changed"):
            self.run_client(self.certbot("update_account", "-m", "new@acme.example", "--no-eff-email"))
        with self.subTest("another application's name is refused"):
            self.run_client(self.certbot("certonly", "--standalone", "-d", "cards.acme.production.countersign.internal"),
                            expected=1)
            # Its own words are lost to a bug of certbot 2.1 under Python 3.11 ("can't set attribute"); its log has ours.
            log = (self.platform.folder / "certbot" / "logs" / "letsencrypt.log").read_text()
            self.assertIn("rejectedIdentifier", log)
            self.assertIn("payments.acme.production.countersign.internal", log)
        with self.subTest("revoked by its holder"):
            self.run_client(self.certbot("revoke", "--cert-name", NAME, "--reason", "superseded", "--no-delete-after-revoke"))
            self.settle(credential, status=0)
            self.assertEqual(self.platform.records("gateway").all("tls.refused")[-1]["reason"], "revoked")
        with self.subTest("the account is given up"):
            self.run_client(self.certbot("unregister"))

    # --- lego ------------------------------------------------------------------------------------------------------------

    def lego(self, *words):
        return ["lego", "--server", self.directory, "--path", self.platform.folder / "lego", "--email", "ops@acme.example",
                "--accept-tos", "--domains", "payments", "--http", *words]

    def lego_credential(self):
        folder = self.platform.folder / "lego" / "certificates"
        return Credential(folder / "payments.crt", folder / "payments.key", folder / "payments.crt")

    @client("lego")
    def test_lego(self):
        kid, hmac_key = self.credential_of_operator('{"purposes":["transport"]}')
        self.run_client(self.lego("--eab", "--kid", kid, "--hmac", hmac_key, "run"))
        credential = self.lego_credential()
        first = testing.serial_of(credential)
        self.assert_lets_in(credential)
        # lego wants the credential named on every call; it is used for the first only.
        self.run_client(self.lego("--eab", "--kid", kid, "--hmac", hmac_key, "renew", "--days", "9999", "--no-random-sleep"))
        self.assertNotEqual(testing.serial_of(credential), first)
        self.assert_lets_in(credential)
        self.run_client(self.lego("--eab", "--kid", kid, "--hmac", hmac_key, "revoke"))
        self.settle(credential, status=0)

    @client("lego")
    def test_lego_for_a_signing_certificate(self):
        kid, hmac_key = self.credential_of_operator('{"purposes":["signing"]}')
        folder = self.platform.folder / "lego-signing"
        self.run_client(["lego", "--server", self.directory, "--path", folder, "--email", "ops@acme.example", "--accept-tos",
                         "--key-type", "ec384", "--domains", NAME, "--http", "--eab", "--kid", kid, "--hmac", hmac_key, "run"])
        text = openssl("x509", "-in", folder / "certificates" / f"{NAME}.crt", "-noout", "-text").decode()
        self.assertIn("Non Repudiation", text)
        self.assertNotIn("TLS Web", text)


if __name__ == "__main__":
    testing.main()
