"""Renewal after the end of a certificate (danger_renew_after_expiry), by `countersign renew` and by the agent: within its time
and once, whatever dies, and whoever else has a copy of the old key; and at two authorities of one registry at once."""
import json
import os
import shutil
import signal
import subprocess
import threading
import unittest

import path  # noqa: F401
from harness import database, testing
from harness.fault_bench import Bench, OnPostgresql
from harness.faults import Faults
from harness.fleet import Authority
from harness.platform import credential_in, programs_folder
from harness.program import Program, wait_until
from harness.records import Records

HOUR, DAY = 3600, 24 * 3600
PROFILES = """
[[authority.profiles]]
environment = "production"
purpose = "transport"
life = "1h"
danger_renew_after_expiry = "7d"
[[authority.profiles]]
environment = "uat"
purpose = "transport"
life = "1h"
"""
REFUSED, DENIED = 1, 4


class Late(Bench):
    tables = PROFILES
    turn = 0

    def hold(self, environment="production"):
        """The folder of an application with a certificate of one hour."""
        type(self).turn += 1
        application = f"{environment}/acme/late-{self.turn}"
        self.witness.admin("app", "create", application)
        out = self.witness.folder / f"late-{self.turn}"
        code = self.witness.admin("enrol", application)["code"]
        self.assertIsNotNone(self.witness.request(code, out), self.witness.errors[-1:])
        return out

    def hold_ended(self, environment="production"):
        out = self.hold(environment)
        self.pass_time(2 * HOUR)
        return out

    def pass_time(self, seconds):
        self.faults.set(clock_seconds=self.faults.get("clock_seconds") + seconds)

    def copy(self, out, name):
        folder = out.with_name(f"{out.name}-{name}")
        shutil.copytree(out, folder)
        return folder

    def renew(self, out, *options, at=None):
        authority = at or self.authority
        return self.witness.run(programs_folder() / "countersign", "renew", "transport", "--out", out, "--json", "--authority",
                                f"localhost:{authority.ports['api']}", "--trust-chain", self.witness.folder / "trust-chain.pem",
                                *options)

    def renewed(self, out, *options):
        done = self.renew(out, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def serial(self, out, purpose="transport"):
        return testing.serial_of(credential_in(out, purpose))

    def successors(self, serial):
        return [row[0] for row in self.witness.rows(f"SELECT serial FROM certificates WHERE replaces = '{serial}'")]

    def assert_in_order(self):
        self.assertEqual(self.witness.rows("SELECT COUNT(*) FROM issuances WHERE state = 'recorded'"), [("0",)])
        self.assertTrue(self.witness.admin("audit", "verify")["intact"])


class LateRenewalTest(Late):
    # --- by hand -------------------------------------------------------------------------------------------------------

    def test_renews_what_has_ended_once(self):
        out = self.hold_ended()
        before = self.serial(out)
        thief = self.copy(out, "thief")
        answer = self.renewed(out)
        self.assertEqual((answer["status"], answer["replaces"]), ("renewed", before))
        self.assertEqual(self.successors(before), [self.serial(out)])
        self.assertEqual(self.serial(out, "transport-previous"), before)
        refused = self.renew(thief)
        self.assertEqual((refused.returncode, "renewal.not_last" in refused.stderr), (DENIED, True), refused.stderr)
        self.assertEqual(self.serial(thief), before, "what it has stays as it is")
        # From here on it is a certificate as any: renewed in the handshake, and again late.
        second = self.renewed(out, "--force")
        self.assertEqual(second["replaces"], answer["serial"])
        self.pass_time(2 * HOUR)
        self.assertEqual(self.renewed(out)["replaces"], second["serial"])
        self.assert_in_order()

    def test_an_answer_that_was_lost_is_given_again(self):
        """The same new key, asked with twice: one certificate."""
        out = self.hold_ended()
        before = self.serial(out)
        self.pass_time(-2 * HOUR)
        self.assertEqual(json.loads(self.renew(out).stdout)["status"], "not_due")
        self.pass_time(2 * HOUR)
        twin = self.copy(out, "twin")
        key = self.witness.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256").stdout
        for folder in (out, twin):
            (folder / "transport.key.next").write_text(key)
            (folder / "transport.key.next").chmod(0o600)
        self.assertEqual(self.renewed(out)["serial"], self.renewed(twin)["serial"])
        self.assertEqual(len(self.successors(before)), 1)

    def test_not_after_its_time_and_not_where_the_profile_is_silent(self):
        for environment, seconds in (("production", 8 * DAY), ("uat", 2 * HOUR)):
            with self.subTest(environment):
                out = self.hold(environment)
                self.pass_time(seconds)
                before = self.serial(out)
                refused = self.renew(out)
                self.assertEqual((refused.returncode, "renewal.expired" in refused.stderr), (DENIED, True), refused.stderr)
                self.assertIn("enrolment code", refused.stderr, "and what to do")
                self.assertEqual((self.serial(out), self.successors(before)), (before, []))

    def test_not_for_the_suspended_or_the_revoked(self):
        out = self.hold_ended()
        self.witness.admin("org", "suspend", "acme")
        refused = self.renew(out)
        self.assertEqual((refused.returncode, "organisation.suspended" in refused.stderr), (DENIED, True), refused.stderr)
        self.witness.admin("org", "resume", "acme")
        self.assertTrue(self.witness.revoke(self.serial(out)), self.witness.errors[-1:])
        refused = self.renew(out)
        self.assertEqual((refused.returncode, "certificate.revoked" in refused.stderr), (DENIED, True), refused.stderr)

    # --- the agent -----------------------------------------------------------------------------------------------------

    def configure(self, out):
        """agent.toml for the folder, with a hook that notes the serial it is told."""
        config, hooks = out.with_suffix(".toml"), out / "hooks"
        config.write_text(
            f'[agent]\nstatus = "127.0.0.1:0"\nfirst_retry = "1s"\n\n[[certificates]]\ndir = "{out}"\n'
            f'authority = "localhost:{self.authority.ports["api"]}"\ntrust_chain = "{self.witness.folder / "trust-chain.pem"}"\n'
            f'hook = ["sh", "-c", "echo $COUNTERSIGN_SERIAL >> \\"$0\\"", "{hooks}"]\n')
        return config, hooks

    def once(self, config, faults=None):
        command = [programs_folder() / "countersign", "agent", "--config", config, "--once"]
        if faults is None:
            return self.witness.run(*command)
        return subprocess.run([str(word) for word in command], cwd=self.witness.folder, capture_output=True, text=True, timeout=60,
                              env={**os.environ, **faults.variables}, check=False)

    def test_the_agent_comes_back_to_one_that_has_ended(self):
        """A machine that was off for a day."""
        out = self.hold()
        config, hooks = self.configure(out)
        self.assertEqual(self.once(config).returncode, 0)
        before = self.serial(out)
        self.pass_time(DAY)
        done = self.once(config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(hooks.read_text().split(), [self.serial(out)])
        self.assertEqual(self.successors(before), [self.serial(out)])
        self.assertEqual(self.once(config).returncode, 0)
        self.assertEqual(len(hooks.read_text().split()), 1, "there is nothing more to do")

    def test_the_agent_says_when_it_is_too_late(self):
        out = self.hold()
        config, hooks = self.configure(out)
        self.assertEqual(self.once(config).returncode, 0)
        self.pass_time(8 * DAY)
        done = self.once(config)
        self.assertEqual((done.returncode, "renewal.expired" in done.stderr), (DENIED, True), done.stderr)
        self.assertFalse(hooks.exists())

    def test_the_authority_was_away_until_it_ended(self):
        """The agent tries all the time, in the handshake first and late in the end."""
        out = self.hold()
        config, hooks = self.configure(out)
        self.assertEqual(self.once(config).returncode, 0)
        before = self.serial(out)
        self.authority.process.kill()
        self.pass_time(50 * 60)  # due, and not ended
        ready = config.with_suffix(".ready")
        agent = Program(config.stem, [programs_folder() / "countersign", "agent", "--config", config, "--ready-file", ready],
                        self.witness.folder, ready, self.faults.variables)
        try:
            agent.started()
            wait_until(lambda: Records(agent.log).all("certificate.renewal_failed"), "the agent does not try")
            self.pass_time(HOUR)
            self.authority.start()
            wait_until(hooks.exists, "the agent does not renew what has ended", 30)
            self.assertEqual(agent.stop(), 0)
        finally:
            agent.kill()
        self.assertEqual(self.successors(before), [self.serial(out)])

    def test_killed_at_every_durable_point_the_agent_ends_with_one_certificate(self):
        point, died = 0, True
        while died:
            point += 1
            died = False  # whatever fails ends it
            with self.subTest(point=point):
                out = self.hold()
                config, hooks = self.configure(out)
                self.assertEqual(self.once(config).returncode, 0)
                before = self.serial(out)
                self.pass_time(2 * HOUR)
                faults = Faults(out)
                self.addCleanup(faults.close)
                faults.set(clock_seconds=self.faults.get("clock_seconds"), die_before=point)
                died = self.once(config, faults).returncode == -signal.SIGKILL
                done = self.once(config)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.successors(before), [self.serial(out)], "each try asked with the same key")
                self.assertEqual(hooks.read_text().split()[-1], self.serial(out))
        self.assertGreater(point, 4, "the key, what was before, and the swap")
        self.assert_in_order()


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class TwoAuthoritiesTest(OnPostgresql, Late):
    COPIES = 6
    ROUNDS = 5

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = Authority(programs_folder(), cls.database.uri, cls.faults.variables)
        cls.addClassCleanup(cls.other.close)
        cls.other.tables = cls.tables
        cls.other.take_keys_of(cls.authority.data)
        cls.other.start()

    def race(self, folders):
        """All at once, half of them at each authority: what each got."""
        ready = threading.Barrier(len(folders))
        done = [None] * len(folders)

        def ask(number):
            ready.wait()
            done[number] = self.renew(folders[number], at=(self.authority, self.other)[number % 2])

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(folders))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return done

    def test_one_of_all_who_hold_the_old_key_gets_the_next(self):
        for number in range(self.ROUNDS):
            with self.subTest(round=number):
                out = self.hold_ended()
                before = self.serial(out)
                folders = [self.copy(out, f"of-{copy}") for copy in range(self.COPIES)]
                done = self.race(folders)
                winners = [folder for folder, one in zip(folders, done) if one.returncode == 0]
                self.assertEqual(len(winners), 1, [one.stderr for one in done])
                self.assertEqual(self.successors(before), [self.serial(winners[0])])
                for one in done:
                    if one.returncode != 0:
                        self.assertEqual((one.returncode, "renewal.not_last" in one.stderr), (DENIED, True), one.stderr)
        self.assert_in_order()

    def test_the_same_new_key_at_both_is_one_certificate(self):
        out = self.hold_ended()
        before = self.serial(out)
        folders = [self.copy(out, f"same-{copy}") for copy in range(2)]
        key = self.witness.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256").stdout
        for folder in folders:
            (folder / "transport.key.next").write_text(key)
            (folder / "transport.key.next").chmod(0o600)
        for folder, one in zip(folders, self.race(folders)):
            if one.returncode != 0:
                self.assertIn("renewal.answered", one.stderr)
                self.assertEqual(self.renew(folder).returncode, 0, "asked again")
        self.assertEqual(len({self.serial(folder) for folder in folders} | set(self.successors(before))), 1)
        self.assert_in_order()


if __name__ == "__main__":
    testing.main()
