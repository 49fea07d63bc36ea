"""A data folder of before partners had people: no CA `people`, none of the tables that came after. The authority starts on it,
all that was issued goes on, and prepare, certify, distribute and activate bring the CA, as docs/rotation.md says."""
import contextlib
import json
import sqlite3
import unittest

import path  # noqa: F401
from harness import clients, database, testing
from harness.platform import credential_in
from harness.program import wait_until

UNAVAILABLE = 3
# What migrations 12 and later laid, taken back; and what a first run of that day did not make. The log of certificates begins
# afresh with the next start.
YESTERDAY = """
DELETE FROM migrations WHERE number >= 12;
DROP INDEX certificates_revoked_by_key; DROP INDEX certificates_by_replaces;
CREATE INDEX certificates_by_replaces ON certificates (replaces);
CREATE INDEX certificates_by_key ON certificates (spki_sha256);
DROP TABLE oauth_secrets; DROP TABLE oauth_clients; DROP TABLE oauth_assertions; DROP TABLE oauth_keys;
DROP TABLE oauth_revocations;
DROP TABLE ehi_troubles; DROP TABLE ehi_outages; DROP TABLE ehi_servers; DROP TABLE ca_announcements; DROP TABLE refusals;
ALTER TABLE issuing_cas DROP COLUMN use_from; ALTER TABLE letters DROP COLUMN ca;
ALTER TABLE letters DROP COLUMN trouble_of; ALTER TABLE letters DROP COLUMN last_error_code;
DROP TABLE person_roles; DROP TABLE cross_certificates;
DROP INDEX roots_generations;
ALTER TABLE roots DROP COLUMN state; ALTER TABLE roots DROP COLUMN generation; ALTER TABLE roots DROP COLUMN line;
DELETE FROM crls WHERE issuer = 'people';
DELETE FROM merkle_nodes; DELETE FROM merkle_leaves;
DELETE FROM certificates WHERE issuer = 'people'; DELETE FROM issuances WHERE issuer = 'people';
DELETE FROM issuing_cas WHERE name = 'people';
DELETE FROM feed_changes;
"""


class OldRegistryTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.old = cls.enrol("production/acme/payments")
        cls.platform.stop()
        cls.make_old()
        for name in ("authority", "gateway", "ehi"):
            cls.platform.start(name)

    @classmethod
    def make_old(cls):
        cls.change_registry(YESTERDAY)
        for folder in ("keys", "certificates"):
            (cls.platform.authority_folder / folder / "people.pem").unlink()
        (cls.platform.data / "gateway" / "trust-feed.json").unlink()

    @classmethod
    def change_registry(cls, sql):
        with contextlib.closing(sqlite3.connect(cls.platform.authority_folder / "registry.db")) as registry:
            registry.executescript(sql)

    def ca(self, *words):
        return self.platform.admin("ca", *words)

    def states(self):
        return {ca["name"]: ca["state"] for ca in self.ca("list")["issuing_cas"]}

    def test_brings_the_ca_of_people(self):
        self.assertNotIn("people", self.states())
        self.settle(self.old.transport)  # what was there goes on
        self.platform.create_application("internal/acme/maria")
        code, out = self.platform.code_for("internal/acme/maria"), self.platform.folder / "maria"
        refused = self.platform.request("person", code, out)
        self.assertEqual((refused.returncode, "issuer.none" in refused.stderr), (UNAVAILABLE, True), refused.stderr)
        self.assertIn("an operator must activate one", refused.stderr)

        self.assertEqual(self.ca("prepare", "people")["name"], "people")
        self.assertEqual(self.ca("certify", "people")["state"], "prepared")
        self.assertEqual(self.ca("distribute", "people")["state"], "distributed")
        self.assertIn(self.ca("show", "people")["certificate"], (self.platform.data / "partner-chain.pem").read_text())
        activated = self.platform.run("admin", "ca", "activate", "people", "--data", self.platform.data)
        if activated.returncode != 0:  # nobody who judges these was ever seen
            self.assertIn("ca.nobody_seen", activated.stderr)
            self.ca("activate", "people", "--reason", "only the authority judges these")
        self.assertEqual(self.states()["people"], "active")

        issued = self.platform.request("person", code, out)  # the code that was refused is good yet
        self.assertEqual(issued.returncode, 0, issued.stderr)
        self.assertEqual(self.own("show", out)["person"], "maria")
        of_them = self.own("applications", out)["applications"]
        self.assertEqual([one["application"] for one in of_them if one["environment"] != "internal"], ["payments"])
        self.assert_is_held_like_another(out)

    def own(self, what, folder):
        done = self.platform.run("own", what, "--person", folder, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def assert_is_held_like_another(self, out):
        """A restart, a CRL of its own, a revocation, and nothing broken."""
        self.platform.stop("authority")
        self.platform.start("authority")
        self.assertEqual(self.own("show", out)["person"], "maria")
        serial = testing.serial_of(credential_in(out, "person"))
        self.platform.admin("revoke", serial, "--reason", "superseded")
        wait_until(lambda: self.platform.run("own", "show", "--person", out).returncode != 0, "a revoked person gets in", 15)
        wait_until(lambda: self.is_listed(serial), "no CRL lists the person", 15)
        self.assertTrue(self.platform.admin("audit", "verify")["intact"])
        self.assertEqual(self.curl(self.old.transport).status, 200)

    def is_listed(self, serial):
        text = clients.run(["openssl", "x509", "-in", self.platform.folder / "maria" / "person.pem", "-noout", "-ext",
                            "crlDistributionPoints"], self.platform.folder).stdout.decode()
        place = text.partition("URI:")[2].split()[0].rpartition("/")[2]
        url = f"http://127.0.0.1:{self.platform.ports['authority_status']}/crl/{place}"
        der = self.platform.folder / "people.crl"
        if clients.run(["curl", "-sSf", "-o", der, url], self.platform.folder).returncode != 0:
            return False
        shown = clients.run(["openssl", "crl", "-inform", "DER", "-in", der, "-noout", "-text", "-CAfile",
                             self.platform.data / "partner-chain.pem"], self.platform.folder)
        return serial.upper().lstrip("0") in shown.stdout.decode()


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class OldRegistryOnPostgresqlTest(database.OnPostgresql, OldRegistryTest):
    @classmethod
    def change_registry(cls, sql):
        cls.database.psql(sql)


if __name__ == "__main__":
    testing.main()
