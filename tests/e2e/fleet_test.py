"""Several authorities on one PostgreSQL, without a leader: they find the same registry, hear of each other's changes at once,
and when one dies in the middle of its work the other goes on, with nothing lost and nothing twice."""
import itertools
import json
import subprocess
import threading
import time
import unittest

import path  # noqa: F401
from harness import clients, database, testing
from harness.fleet import Authority
from harness.platform import credential_in, programs_folder
from harness.program import Failure, wait_until

CLIENTS = 6
TAKEOVER_SECONDS = 10


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class FleetTest(database.OnPostgresql, testing.PlatformTest):
    def join(self):
        other = Authority(self.platform.programs, self.database.uri)
        self.addCleanup(other.close)
        other.take_keys_of(self.platform.authority_folder)
        return other.start()

    def request(self, port, code, out):
        command = self.platform.command("request", "transport", "--code", code, "--out", out, "--authority", f"localhost:{port}",
                                        "--trust-chain", self.platform.trust_chain)
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def internal(self, port, credential, target):
        return clients.curl(self.platform.folder, f"https://localhost:{port}{target}", self.platform.trust_chain, credential)

    def test_each_hears_of_the_others_changes(self):
        other = self.join()
        watcher = self.platform.enrol_internal("watcher")
        self.platform.create_application("production/acme/watched")
        # The handshake judges by what the other authority knows, which is at most one look at the registry behind.
        wait_until(lambda: self.internal(other.ports["internal"], watcher, "/v1/feed/snapshot").status == 200,
                   "the other authority does not know a certificate that was issued", 3)
        snapshot = json.loads(self.internal(other.ports["internal"], watcher, "/v1/feed/snapshot").body)
        mine = json.loads(self.internal(self.platform.ports["internal"], watcher, "/v1/feed/snapshot").body)
        self.assertEqual((mine["feed"], mine["sequence"]), (snapshot["feed"], snapshot["sequence"]), "both tell one feed")
        told = []
        target = f"/v1/feed/changes?feed={snapshot['feed']}&after={snapshot['sequence']}&wait=20"
        waiting = threading.Thread(target=lambda: told.append(self.internal(other.ports["internal"], watcher, target)))
        waiting.start()
        testing.pause(0.5)
        began = time.monotonic()
        self.platform.admin("app", "suspend", "production/acme/watched")
        waiting.join()
        self.assertLess(time.monotonic() - began, 3)
        self.assertEqual([change["sequence"] for change in json.loads(told[0].body)["changes"]], [snapshot["sequence"] + 1])
        # Who is revoked at the one is nobody at the other.
        self.platform.admin("revoke", testing.serial_of(watcher), "--reason", "superseded")
        wait_until(lambda: self.internal(other.ports["internal"], watcher, "/v1/feed/snapshot").status != 200,
                   "the other authority goes on to believe a revoked certificate", 3)

    def test_one_is_killed_under_load(self):
        other = self.join()
        self.platform.create_application("production/acme/fleet")
        ports = [self.platform.ports["api"], other.ports["api"]]
        stop, killed = threading.Event(), threading.Event()
        issued, failures, after_kill = [], [], []

        def client(number):
            for turn in itertools.count():
                if stop.is_set():
                    return
                with making:
                    code = self.code_at(other)
                out = self.platform.folder / f"fleet-{number}-{turn}"
                for attempt in itertools.count():  # the same request until it is answered, here or there
                    done = self.request(ports[(number + turn + attempt) % 2], code, out)
                    if done.returncode == 0:
                        break
                    failures.append(done.stderr)
                issued.append(testing.serial_of(credential_in(out, "transport")))
                if killed.is_set():
                    after_kill.append(time.monotonic())

        making = threading.Lock()
        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(issued) >= 3 * CLIENTS, f"nothing is issued: {failures[-1:]}", 60)
        self.platform.running.pop("authority").kill()
        at = time.monotonic()
        killed.set()
        wait_until(lambda: len(after_kill) >= 2 * CLIENTS, f"nothing is issued by the other: {failures[-1:]}", 60)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertLess(min(after_kill) - at, TAKEOVER_SECONDS)
        print(f"issued={len(issued)} first_after_kill_s={min(after_kill) - at:.2f} asked_again={len(failures)}")

        certificates = [row[0] for row in self.database.rows("SELECT serial FROM certificates WHERE application = 'fleet'")]
        self.assertEqual(len(set(issued)), len(issued), "a serial twice")
        self.assertEqual(sorted(certificates), sorted(issued), "what was answered is what is kept")
        self.assertEqual(self.database.rows("SELECT COUNT(*) FROM redemptions WHERE purpose = 'transport' AND serial IS NULL"
                                            " AND spki_sha256 IS NOT NULL"), [("0",)])
        wait_until(lambda: self.database.rows("SELECT COUNT(*) FROM issuances WHERE state = 'recorded'") == [("0",)],
                   "intents of the dead are left open", 30)
        wait_until(lambda: len(self.database.rows("SELECT id FROM instances")) == 1, "the dead is still listed", 30)
        self.platform.start("authority")
        verified = self.platform.admin("audit", "verify")
        self.assertTrue(verified["intact"], verified)

    def code_at(self, authority):
        """By the operator of the first, at the one that lives on."""
        where = ["--authority", f"localhost:{authority.ports['api']}", "--trust-chain", self.platform.trust_chain]
        command = self.platform.command("admin", "enrol", "production/acme/fleet", "--data", self.platform.data, "--json", *where)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise Failure(done.stderr)
        return json.loads(done.stdout)["code"]


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class FirstRunTest(unittest.TestCase):
    def test_two_first_runs_at_once(self):
        with database.Postgresql() as registry:
            both = [Authority(programs_folder(), registry.uri) for _ in range(2)]
            for one in both:
                self.addCleanup(one.close)
                one.launch()
            wait_until(lambda: any(not one.process.running() for one in both), "both serve, or none", 60)
            loser, winner = sorted(both, key=lambda one: one.process.running())
            winner.process.started()
            self.assertIn("keys.missing", loser.process.tail())
            self.assertIn("copy its 'keys' folder", loser.process.tail())
            self.assertEqual(registry.rows("SELECT COUNT(*) FROM roots"), [("2",)])
            loser.take_keys_of(winner.data)
            loser.start()
            self.assertEqual((loser.folder / "trust-chain.pem").read_text(), (winner.folder / "trust-chain.pem").read_text())
            self.assertEqual(registry.rows("SELECT COUNT(*) FROM audit WHERE action = 'authority.joined'"), [("1",)])
            self.assertEqual(winner.process.stop(), 0)
            self.assertEqual(loser.process.stop(), 0)
            self.assertEqual(registry.rows("SELECT COUNT(*) FROM instances"), [("0",)])


if __name__ == "__main__":
    testing.main()
