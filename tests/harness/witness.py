"""An authority alone, and a witness who remembers what it answered and holds it to that.

What was answered as done is there afterwards: in the registry, in the trust feed and in the next CRL. Numbers and dates of
CRLs only rise, nothing was signed without a record, no serial is there twice, and the audit log is whole.
"""
import contextlib
import json
import os
import re
import sqlite3
import subprocess
from datetime import datetime, timezone

from harness.platform import credential_in, programs_folder
from harness.program import Failure, wait_until
from harness.records import Records

APPLICATION = "production/acme/payments"
CRL_SECONDS = 10


class Witness:
    """`test`: whose assertions are used; `authority`: of harness.fleet, running; `database`: None for a file."""

    def __init__(self, test, authority, faults, database=None):
        self.test, self.authority, self.faults, self.database = test, authority, faults, database
        self.folder = authority.folder
        self.issued = {}  # serials that were answered, by the request
        self.revoked = []  # the same
        self.errors = []  # what was answered else
        self.places = {}  # of certificates' CRLs, by serial
        self.crls = {}  # issuer and shard: the newest number and thisUpdate that were seen
        self.turn = 0

    # --- what people do ------------------------------------------------------------------------------------------------

    def run(self, *words):
        """A command, under the clock of the authority's machine."""
        return subprocess.run([str(word) for word in words], cwd=self.folder, capture_output=True, text=True, timeout=60,
                              env={**os.environ, **self.faults.variables}, check=False)

    def countersign(self, *words):
        return self.run(programs_folder() / "countersign", *words, "--authority", f"localhost:{self.authority.ports['api']}",
                        "--trust-chain", self.folder / "trust-chain.pem")

    def admin(self, *words):
        done = self.countersign("admin", *words, "--data", self.folder, "--json")
        if done.returncode != 0:
            raise Failure(f"countersign admin {' '.join(words)}: status {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def begin(self):
        """An application to issue for, and an internal system that may read the feed."""
        self.admin("org", "create", "acme")
        self.admin("app", "create", APPLICATION)
        self.admin("app", "create", "internal/service/watcher")
        code = self.admin("enrol", "internal/service/watcher", "--purpose", "service")["code"]
        done = self.countersign("request", "service", "--code", code, "--out", self.folder / "watcher")
        if done.returncode != 0:
            raise Failure(done.stderr)

    def prepare(self):
        """A code, and where its certificate is to go: what a request needs. Nothing where there is no code."""
        self.turn += 1
        done = self.countersign("admin", "enrol", APPLICATION, "--data", self.folder, "--json")
        if done.returncode != 0:
            return self._note_error(done)
        return json.loads(done.stdout)["code"], self.folder / f"request-{self.turn}"

    def prepare_approved(self):
        """What a request needs, and the id of the one that is open now and waits for approvals."""
        self.turn += 1
        application = f"uat/acme/approved-{self.turn}"
        self.admin("app", "create", application)
        code, out = self.admin("enrol", application)["code"], self.folder / f"request-{self.turn}"
        self.test.assertIsNone(self.request(code, out))
        (waiting,) = self.admin("requests", "list", "--application", application)["requests"]
        return code, out, waiting["request"]

    def enrol_operator(self, name):
        """Who may approve: the folder of the credential."""
        self.admin("app", "create", f"internal/operator/{name}")
        self.admin("operators", "set", name, "--role", "approver")
        folder = self.folder / name
        code = self.admin("enrol", f"internal/operator/{name}")["code"]
        done = self.countersign("request", "service", "--code", code, "--out", folder)
        if done.returncode != 0:
            raise Failure(done.stderr)
        return folder

    def approve(self, request, by):
        """True when that was the answer."""
        done = self.countersign("admin", "requests", "approve", request, "--operator", by, "--json")
        if done.returncode != 0:
            self._note_error(done)
            return False
        return json.loads(done.stdout)["state"] == "approved"

    def request(self, code, out):
        """The serial, if that was the answer; the same request may be made again."""
        done = self.countersign("request", "transport", "--code", code, "--out", out)
        if done.returncode != 0:
            return self._note_error(done)
        serial = self.serial_of(out)
        self.test.assertEqual(self.issued.setdefault(out, serial), serial, "the same request, another certificate")
        return serial

    def try_enrol(self):
        """As request(), for something new."""
        prepared = self.prepare()
        return self.request(*prepared) if prepared else None

    def enrol(self):
        return self.try_enrol() or self.test.fail(self.errors[-1])

    def revoke(self, serial):
        """True when that was the answer."""
        done = self.countersign("admin", "revoke", serial, "--reason", "superseded", "--data", self.folder)
        if done.returncode != 0:
            self._note_error(done)
            return False
        self.revoked.append(serial)
        return True

    def _note_error(self, done):
        said = done.stderr or done.stdout  # that people must approve first is no error
        self.errors.append(said)
        self.test.assertRegex(said, r"\S", "a refusal says what is wrong")

    def serial_of(self, out):
        shown = self.run("openssl", "x509", "-in", credential_in(out, "transport").certificate, "-noout", "-serial")
        return shown.stdout.strip().partition("=")[2].lower()

    def dates_of(self, certificate):
        shown = self.run("openssl", "x509", "-in", certificate, "-noout", "-dates").stdout
        return [self._to_date(line.partition("=")[2]) for line in shown.splitlines()]

    @staticmethod
    def _to_date(text):
        return datetime.strptime(text, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=timezone.utc)

    # --- what is there ---------------------------------------------------------------------------------------------------

    def rows(self, query):
        """Tuples of text, from behind the authority's back."""
        if self.database:
            return self.database.rows(query)
        with contextlib.closing(sqlite3.connect(self.authority.data / "registry.db")) as registry:
            return [tuple(str(value) for value in row) for row in registry.execute(query)]

    def log(self, event, since=0):
        return Records(self.authority.process.log).all(event, since)

    def mark(self):
        return Records(self.authority.process.log).mark()

    def fetch_crl(self, place):
        """ISSUER-SHARD as openssl reads it, verified; its number and date rise."""
        der = self.folder / "shard.crl"
        port = self.authority.ports["authority_status"]
        fetched = self.run("curl", "-sSf", "-o", der, f"http://127.0.0.1:{port}/crl/{place}.crl")
        self.test.assertEqual(fetched.returncode, 0, fetched.stderr)
        shown = self.run("openssl", "crl", "-inform", "DER", "-in", der, "-CAfile", self.folder / "partner-chain.pem", "-text",
                         "-crlnumber", "-lastupdate", "-noout")
        self.test.assertIn("verify OK", shown.stdout + shown.stderr)
        number = int(re.search(r"crlNumber=0x([0-9A-F]+)", shown.stdout).group(1), 16)
        found = (number, self._to_date(re.search(r"lastUpdate=(.*)", shown.stdout).group(1)))
        known = self.crls.get(place, found)
        self.test.assertTrue(found == known or (found[0] > known[0] and found[1] > known[1]), f"{place}: {known}, then {found}")
        self.crls[place] = found
        return shown.stdout

    def place_of(self, serial):
        """Of its CRL, for ever: ISSUER-SHARD."""
        if serial not in self.places:
            issuer, shard = self.rows(f"SELECT issuer, crl_shard FROM certificates WHERE serial = '{serial}'")[0]
            self.places[serial] = f"{issuer}-{shard}"
        return self.places[serial]

    def is_listed(self, serial):
        return serial.upper().lstrip("0") in self.fetch_crl(self.place_of(serial))

    def await_death_or_crl(self, mark):
        """Whichever comes first behind that mark of the log."""
        wait_until(lambda: not self.authority.process.running() or self.log("crl.published", mark), "neither a death nor a CRL",
                   CRL_SECONDS)

    def await_listed(self, serials):
        for serial in serials:
            wait_until(lambda serial=serial: self.is_listed(serial), f"no CRL lists {serial}", CRL_SECONDS)

    def revoked_in_feed(self):
        own = credential_in(self.folder / "watcher", "service")
        asked = self.run("curl", "-sS", "--cacert", self.folder / "trust-chain.pem", "--cert", own.chain, "--key", own.key,
                         f"https://localhost:{self.authority.ports['internal']}/v1/feed/snapshot")
        self.test.assertEqual(asked.returncode, 0, asked.stderr)
        return {fact["fingerprint"] for fact in json.loads(asked.stdout)["facts"] if fact.get("revoked_for")}

    def works(self):
        """Does it issue, revoke and publish again?"""
        serial = self.enrol()
        self.test.assertTrue(self.revoke(serial), self.errors[-1:])
        self.await_listed([serial])

    # --- the judgement ---------------------------------------------------------------------------------------------------

    def assert_nothing_lost(self):
        kept = {serial: (fingerprint, reason) for serial, fingerprint, reason in
                self.rows("SELECT serial, fingerprint, COALESCE(revoked_for, '') FROM certificates")}
        self.test.assertEqual([serial for serial in self.issued.values() if serial not in kept], [], "issued, and not kept")
        self.test.assertEqual(len(set(self.issued.values())), len(self.issued), "a serial twice")
        self.test.assertEqual([one for one in self.revoked if kept[one][1] != "superseded"], [], "revoked, and not kept")
        told = self.revoked_in_feed()
        self.test.assertEqual([one for one in self.revoked if kept[one][0] not in told], [], "revoked, and not in the feed")
        self.await_listed(self.revoked)
        unrecorded = self.rows("SELECT COUNT(*) FROM certificates WHERE serial NOT IN (SELECT serial FROM issuances)")
        self.test.assertEqual(unrecorded, [("0",)], "signed without a record")
        self.test.assertEqual(self.rows("SELECT serial FROM issuances WHERE state = 'recorded'"), [], "neither issued nor given up")
        self.test.assertEqual(self.rows("SELECT COUNT(*) FROM certificates c JOIN issuances i ON c.serial = i.serial"
                                        " WHERE i.state <> 'issued'"), [("0",)])
        self.assert_crl_numbers_rise()
        verified = self.admin("audit", "verify")
        self.test.assertTrue(verified["intact"], verified)

    def assert_crl_numbers_rise(self):
        numbers = {}
        for (detail,) in self.rows("SELECT detail FROM audit WHERE action = 'crl.recorded' ORDER BY sequence"):
            for name in json.loads(detail)["crls"]:
                place, _, number = name.partition("#")
                self.test.assertGreater(int(number), numbers.get(place, 0), f"{place}: a number was used again")
                numbers[place] = int(number)
        for place, number, published in self.rows("SELECT issuer || '-' || shard, number, COALESCE(published_number, 0) FROM crls"):
            self.test.assertGreaterEqual(int(number), int(published))
            if place in numbers:
                self.test.assertEqual(int(number), numbers[place], "the newest number was audited")
