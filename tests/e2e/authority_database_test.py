"""The registry under the authority: a PostgreSQL stops and comes back, its password is seen nowhere, and both kinds of registry
are put back to an earlier day. Two authorities on one registry: fleet_test.py."""
import contextlib
import shutil
import sqlite3
import threading
import unittest
from pathlib import Path

import path  # noqa: F401
from harness import clients, database, testing
from harness.fleet import Authority
from harness.platform import credential_in, programs_folder
from harness.program import wait_until

RETURN_SECONDS = 10


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class AuthorityDatabaseTest(database.OnPostgresql, testing.PlatformTest):
    def health(self):
        return clients.curl(self.platform.folder, self.platform.api_url("/v1/health"), self.platform.trust_chain)

    def assert_comes_back(self):
        wait_until(lambda: self.health().status == 200, "the authority does not come back by itself", RETURN_SECONDS)

    def test_the_database_stops_and_comes_back(self):
        for name, stop in (("stopped", self.database.stop), ("killed", self.database.kill)):
            with self.subTest(name):
                application = f"production/acme/{name}"
                self.platform.create_application(application)
                code = self.platform.code_for(application)
                out = self.platform.folder / name
                stop()
                answer = self.health()
                self.assertEqual(answer.status, 503, answer.output)
                self.assertIn("store.unavailable", answer.body)
                self.assertNotIn(str(self.database.port), answer.body, "callers need not know where the database is")
                refused = self.platform.request("transport", code, out)
                self.assertNotEqual(refused.returncode, 0)
                self.assertIn("store.unavailable", refused.stderr)
                self.database.start()
                self.assert_comes_back()
                again = self.platform.request("transport", code, out)
                self.assertEqual(again.returncode, 0, again.stderr)
                self.settle(credential_in(out, "transport"))

    def test_killed_while_requests_come(self):
        """Whatever was under way: the same request completes afterwards, with one certificate."""
        self.platform.create_application("production/acme/load")
        for number in range(8):
            code = self.platform.code_for("production/acme/load")
            out = self.platform.folder / f"load-{number}"
            request = threading.Thread(target=self.platform.request, args=("transport", code, out))
            request.start()
            testing.pause(0.01 + 0.006 * number)
            self.database.kill()
            self.database.start()
            request.join()
            self.assert_comes_back()
            again = self.platform.request("transport", code, out)
            self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(self.database.rows("SELECT COUNT(*) FROM certificates WHERE application = 'load'"), [("8",)])
        self.assertTrue(self.platform.admin("audit", "verify")["intact"])

    def test_its_password_is_seen_nowhere(self):
        for file in self.platform.data.rglob("*"):
            if file.is_file() and file.suffix != ".toml":
                self.assertNotIn(self.database.password.encode(), file.read_bytes(), file)
        words = Path(f"/proc/{self.platform.running['authority'].pid}/cmdline").read_bytes()
        self.assertNotIn(self.database.password.encode(), words)


class RestoreTest(testing.PlatformTest):
    """A registry in a file."""

    def back_up(self):
        with contextlib.closing(sqlite3.connect(self.platform.authority_folder / "registry.db")) as registry, \
                contextlib.closing(sqlite3.connect(self.platform.folder / "backup.db")) as backup:
            registry.backup(backup)  # as `sqlite3 registry.db .backup` does, while the authority runs

    def restore(self):
        for suffix in ("-wal", "-shm"):
            (self.platform.authority_folder / f"registry.db{suffix}").unlink(missing_ok=True)
        shutil.copy(self.platform.folder / "backup.db", self.platform.authority_folder / "registry.db")
        (self.platform.authority_folder / "registry.db").chmod(0o600)

    def test_put_back_to_an_earlier_day(self):
        """Backup, a day's work, restore: nothing is changed until an operator acknowledges, and nobody who was revoked gets in
        meanwhile."""
        partner = self.enrol("production/acme/restored")
        self.back_up()
        self.platform.admin("revoke", testing.serial_of(partner.transport), "--reason", "key_compromise")
        self.settle(partner.transport, status=0)
        self.platform.stop("authority")
        self.restore()
        self.platform.start("authority")
        verified = self.platform.run("admin", "audit", "verify", "--data", self.platform.data)
        self.assertEqual(verified.returncode, 1, verified.stderr)
        self.assertIn("older than the head", verified.stdout)
        refused = self.platform.run("admin", "org", "create", "late", "--data", self.platform.data)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("audit.broken", refused.stderr)
        # The registry says that the partner is welcome; the gateway asked for a snapshot, got none, and knows better.
        wait_until(lambda: any("registry.older" in str(record) for record in self.platform.records("authority").all("api.failed")),
                   "the gateway does not ask for a snapshot")
        self.assertEqual(self.curl(partner.transport).status, 0)
        self.platform.admin("audit", "acknowledge")
        self.assertTrue(self.platform.admin("audit", "verify")["intact"])
        self.platform.admin("org", "create", "late")


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class RestoreOnPostgresqlTest(database.OnPostgresql, RestoreTest):
    @classmethod
    def make_registry(cls):
        uri = super().make_registry()
        cls.dump = cls.database.folder / "registry.dump"
        cls.where = ["-h", cls.database.folder, "-p", cls.database.port, "-U", "countersign"]
        return uri

    def back_up(self):
        self.database.tool("pg_dump", *self.where, "--format=custom", "--schema=countersign", "--file", self.dump, "countersign")

    def restore(self):
        self.database.psql("DROP SCHEMA countersign CASCADE")
        self.database.tool("pg_restore", *self.where, "--dbname=countersign", "--exit-on-error", self.dump)


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class DatabaseElsewhereTest(unittest.TestCase):
    def test_it_must_prove_who_it_is(self):
        with database.Postgresql() as server:
            anchors = server.prove_itself_as("db.example")
            server.stop()
            server.start()
            for name, options, starts in (("db.example", f"&sslrootcert={anchors}", True),
                                          ("other.example", f"&sslrootcert={anchors}", False),
                                          ("db.example", "&sslmode=require", False)):
                with self.subTest(name + options):
                    uri = (f"postgresql://countersign:{server.password}@{name}:{server.port}/countersign"
                           f"?hostaddr=127.0.0.1{options}")
                    authority = Authority(programs_folder(), uri)
                    self.addCleanup(authority.close)
                    authority.launch()
                    if starts:
                        authority.process.started()
                        tls = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename IS NOT NULL" \
                              " AND application_name = 'countersign-authority'"
                        self.assertEqual(server.rows(tls), [("t",)])
                        self.assertEqual(authority.process.stop(), 0)
                    else:
                        wait_until(lambda: not authority.process.running(), "it starts all the same", 30)
                        self.assertNotIn(server.password, authority.process.tail())


if __name__ == "__main__":
    testing.main()
