"""Whoever owns a certificate that the gateway refuses reads why, within seconds: people of the partner, and operators. A stranger
fills no list, and nobody reads what is another's."""
import json

import path  # noqa: F401
from harness import clients, impostors, testing
from harness.faults import Faults
from harness.material import Material
from harness.program import wait_until

HOUR = 3600
SECONDS = 15  # until a refusal is told, at most


class RefusalsTest(testing.PlatformTest):
    authority_settings = """
[[authority.profiles]]
environment = "production"
purpose = "transport"
life = "1h"
"""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.faults = Faults(below=cls.platform.data / "gateway")
        cls.addClassCleanup(cls.faults.close)
        cls.platform.stop("gateway")
        cls.platform.variables = cls.faults.variables  # a clock for the gateway alone
        cls.platform.start("gateway")
        cls.acme = cls.enrol("production/acme/payments")
        cls.globex = cls.enrol("production/globex/payments")
        cls.maria = cls.platform.enrol_person("acme", "maria")
        cls.george = cls.platform.enrol_person("globex", "george")

    def own(self, person):
        done = self.platform.run("own", "refusals", "--person", person, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["refusals"]

    def row(self, person, credential, reason):
        """What the person reads of that certificate and reason, or nothing."""
        serial = testing.serial_of(credential)
        return next((row for row in self.own(person) if (row["serial"], row["reason"]) == (serial, reason)), None)

    def told(self, person, credential, reason):
        wait_until(lambda: self.row(person, credential, reason), f"nobody is told of {reason}", SECONDS)
        return self.row(person, credential, reason)

    def test_a_revoked_one_is_explained_to_its_owner(self):
        cards = self.enrol("production/acme/cards").transport
        self.assertEqual(self.curl(cards).status, 200)
        self.platform.admin("revoke", testing.serial_of(cards), "--reason", "key_compromise")
        self.settle(cards, status=0)
        self.assert_refused("revoked", lambda: self.curl(cards))
        row = self.told(self.maria, cards, "revoked")
        self.assertEqual((row["urn"], row["gateway"]), ("urn:countersign:production:acme:cards", "gateway"))
        self.assertIn("Ask for a new certificate with a new key", row["remedy"])
        self.assert_refused("revoked", lambda: self.curl(cards))
        refused = [one for one in self.platform.records("gateway").all("tls.refused", 0)
                   if one.get("serial") == testing.serial_of(cards)]
        self.assertGreater(len(refused), 1)
        wait_until(lambda: self.row(self.maria, cards, "revoked")["count"] == len(refused), "not each is counted", SECONDS)
        text = self.platform.run("own", "refusals", "--person", self.maria).stdout
        self.assertIn(row["meaning"], text)
        self.assertIn(row["remedy"], text)
        listed = self.platform.admin("refusals", "--application", "production/acme/cards")["refusals"]
        self.assertEqual([one["reason"] for one in listed], ["revoked"])
        self.assertIsNone(self.row(self.george, cards, "revoked"), "what is another's")

    def test_an_expired_one_is_explained_to_its_owner(self):
        self.assertEqual(self.curl(self.globex.transport).status, 200)
        with self.faults.on(clock_seconds=2 * HOUR):
            self.assert_refused("expired", lambda: self.curl(self.globex.transport))
        row = self.told(self.george, self.globex.transport, "expired")
        self.assertIn("Renew it", row["remedy"])
        self.assertLessEqual(row["first_seen"], row["last_seen"])
        self.assertIsNone(self.row(self.maria, self.globex.transport, "expired"), "what is another's")
        self.settle(self.globex.transport)

    def test_the_wrong_certificate_is_explained(self):
        self.assert_refused("wrong_purpose", lambda: self.s_client(self.acme.signing))
        self.assertIn("only to sign", self.told(self.maria, self.acme.signing, "wrong_purpose")["remedy"])

    def test_a_stranger_fills_nothing(self):
        maker = Material(self.platform.folder / "impostors")
        made = impostors.make(maker, self.platform.authority_folder, self.acme.transport)
        strangers = {"self_signed": made.self_signed, "unknown_issuer": made.other_ca, "expired": made.expired,
                     "not_yet_valid": made.not_yet_valid, "bad_signature": made.tampered}
        for reason, stranger in strangers.items():
            with self.subTest(reason):
                self.assert_refused(reason, lambda: self.s_client(stranger))
        self.assert_refused("no_certificate", lambda: self.curl(None))
        self.assert_refused("proof_failed", lambda: self.s_client(made.without_key))  # of ours: told behind all of those
        self.told(self.maria, self.acme.transport, "proof_failed")
        listed = {row["fingerprint"] for row in self.platform.admin("refusals", "--limit", "1000")["refusals"]}
        self.assertTrue(listed)
        for reason, stranger in strangers.items():
            self.assertNotIn(self.fingerprint_of(stranger), listed, reason)
        self.assert_seen_as(self.acme.name, self.curl(self.acme.transport))

    def fingerprint_of(self, credential):
        done = clients.run(["openssl", "x509", "-in", credential.chain, "-noout", "-fingerprint", "-sha256"], self.platform.folder)
        return done.stdout.decode().strip().partition("=")[2].replace(":", "").lower()


if __name__ == "__main__":
    testing.main()
