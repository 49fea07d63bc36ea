"""kill -9 of the authority at every marked point of issuance: no signature without a durable intent, no serial twice, and the
same request completes when it is made again."""
import signal
import sqlite3
import unittest

import path  # noqa: F401
from harness import database, testing
from harness.platform import credential_in

STEPS = ["after_check", "after_lint", "after_record", "after_sign", "after_publish"]
# Has the certificate been published before the crash?
PUBLISHED = {"after_publish"}
# Is there a durable intent at the crash?
RECORDED = {"after_record", "after_sign", "after_publish"}


class AuthorityCrashTest(testing.PlatformTest):
    def rows(self, query):
        """Tuples of text, from behind the authority's back."""
        connection = sqlite3.connect(self.platform.authority_folder / "registry.db")
        try:
            return [tuple(str(value) for value in row) for row in connection.execute(query)]
        finally:
            connection.close()

    def serials(self):
        """Of what somebody asked for; the authority makes OCSP responders for itself at every start."""
        return [row[0] for row in self.rows("SELECT serial FROM issuances WHERE purpose <> 'ocsp'")]

    def test_every_step(self):
        for step in STEPS:
            with self.subTest(step):
                self.crash_at(step)

    def crash_at(self, step):
        application = f"production/acme/{step.replace('_', '-')}"
        self.platform.create_application(application)
        code = self.platform.code_for(application)
        out = self.platform.folder / step
        known_before = set(self.serials())

        self.platform.stop("authority")
        self.platform.start("authority", "--danger-crash-at", step)
        crashed = self.platform.request("transport", code, out)
        self.assertNotEqual(crashed.returncode, 0, "the request survived the crash of the authority")
        self.assertEqual(self.platform.running["authority"].process.wait(30), -signal.SIGKILL)
        self.check_registry_after_crash(step, known_before)

        self.platform.running.pop("authority")
        self.platform.start("authority")
        again = self.platform.request("transport", code, out)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.check_registry_after_retry(application, step, known_before)
        self.settle(credential_in(out, "transport"))

    def check_registry_after_crash(self, step, known_before):
        recorded = set(self.serials()) - known_before
        known = ",".join(f"'{serial}'" for serial in known_before)
        published = self.rows(f"SELECT serial FROM certificates WHERE purpose <> 'ocsp' AND serial NOT IN ({known})")
        self.assertEqual(len(recorded), 1 if step in RECORDED else 0)
        self.assertEqual(len(published), 1 if step in PUBLISHED else 0)
        self.assertEqual(self.rows("SELECT COUNT(*) FROM certificates WHERE serial NOT IN (SELECT serial FROM issuances)"), [("0",)])

    def check_registry_after_retry(self, application, step, known_before):
        listed = self.platform.admin("list", "--application", application)["certificates"]
        self.assertEqual([one["purpose"] for one in listed], ["transport"], "exactly one certificate came of it")
        serials = self.serials()
        self.assertEqual(len(serials), len(set(serials)))
        states = dict(self.rows("SELECT serial, state FROM issuances WHERE purpose <> 'ocsp'"))
        new = {serial: state for serial, state in states.items() if serial not in known_before}
        self.assertEqual(new.pop(listed[0]["serial"]), "issued")
        interrupted = 1 if step in RECORDED - PUBLISHED else 0
        self.assertEqual(list(new.values()), ["abandoned"] * interrupted, "an intent without certificate is never signed again")

    def test_every_step_with_many_at_once(self):
        """Those that wait together are recorded, signed and published together: a crash in the midst of them."""
        for step in STEPS:
            with self.subTest(step):
                self.crash_many_at(step)

    def crash_many_at(self, step):
        names = [f"{step.replace('_', '-')}-{number}" for number in range(6)]
        codes = {}
        for name in names:
            self.platform.create_application(f"production/acme/{name}")
            codes[name] = self.platform.code_for(f"production/acme/{name}")
        known_before = set(self.serials())

        self.platform.stop("authority")
        self.platform.start("authority", "--danger-crash-at", step)
        running = [testing.start(self.request_command(name, codes[name]), self.platform.folder) for name in names]
        for request in running:
            request.communicate(timeout=60)
            self.assertNotEqual(request.returncode, 0, "the request survived the crash of the authority")
        self.assertEqual(self.platform.running.pop("authority").process.wait(30), -signal.SIGKILL)
        self.assertEqual(self.rows("SELECT COUNT(*) FROM certificates WHERE serial NOT IN (SELECT serial FROM issuances)"), [("0",)])
        recorded = set(self.serials()) - known_before
        self.assertEqual(bool(recorded), step in RECORDED)
        audited = {row[0] for row in self.rows("SELECT detail FROM audit WHERE action = 'issuance.recorded'")}
        for serial in recorded:
            self.assertTrue(any(serial in detail for detail in audited), "an intent on disk without its audit record")

        self.platform.start("authority")
        for name in names:
            again = self.platform.request("transport", codes[name], self.platform.folder / name)
            self.assertEqual(again.returncode, 0, again.stderr)
            listed = self.platform.admin("list", "--application", f"production/acme/{name}")["certificates"]
            self.assertEqual([one["purpose"] for one in listed], ["transport"], "exactly one certificate came of it")
        serials = self.serials()
        self.assertEqual(len(serials), len(set(serials)))
        self.assertEqual(self.rows("SELECT COUNT(*) FROM issuances WHERE state = 'recorded'"), [("0",)])

    def request_command(self, name, code):
        return self.platform.command("request", "transport", "--code", code, "--out", self.platform.folder / name, "--authority",
                                     f"localhost:{self.platform.ports['api']}", "--trust-chain", self.platform.trust_chain)

    def test_the_same_request_twice_is_the_same_certificate(self):
        application = "production/acme/twice"
        self.platform.create_application(application)
        code = self.platform.code_for(application)
        out = self.platform.folder / "twice"
        first = self.platform.request("transport", code, out)
        self.assertEqual(first.returncode, 0, first.stderr)
        certificate = (out / "transport.pem").read_text()
        self.assertEqual(self.platform.request("transport", code, out).returncode, 0)
        self.assertEqual((out / "transport.pem").read_text(), certificate)
        other = self.platform.request("transport", code, self.platform.folder / "twice-other-key")
        self.assertNotEqual(other.returncode, 0)
        self.assertIn("code.used", other.stderr)

    def test_kill_at_any_time_while_requests_come(self):
        """Not at a marked point: killed under load, ten times."""
        self.platform.create_application("production/acme/load")
        for round_number in range(10):
            code = self.platform.code_for("production/acme/load")
            out = self.platform.folder / f"load-{round_number}"
            command = self.platform.command("request", "transport", "--code", code, "--out", out, "--authority",
                                            f"localhost:{self.platform.ports['api']}", "--trust-chain", self.platform.trust_chain)
            request = testing.start(command, self.platform.folder)
            testing.pause(0.004 * round_number)
            self.platform.running.pop("authority").kill()
            request.communicate(timeout=60)
            self.platform.start("authority")
            again = self.platform.request("transport", code, out)
            self.assertEqual(again.returncode, 0, again.stderr)
        published = self.rows("SELECT serial FROM certificates")
        self.assertEqual(len(published), len(set(published)))
        self.assertEqual(self.rows("SELECT COUNT(*) FROM issuances WHERE state = 'recorded'"), [("0",)])


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class AuthorityCrashOnPostgresqlTest(database.OnPostgresql, AuthorityCrashTest):
    def rows(self, query):
        return self.database.rows(query)


if __name__ == "__main__":
    testing.main()
