"""Approvals with several authorities on one PostgreSQL: people say yes at either of two, one of them is killed in the middle of
it, and no yes that was answered has to be said again: each becomes one certificate at the other."""
import itertools
import json
import subprocess
import threading
import time
import unittest

import path  # noqa: F401
from harness import database, testing
from harness.fleet import Authority
from harness.platform import credential_in
from harness.program import Failure, wait_until

CLIENTS = 6
TAKEOVER_SECONDS = 10
PENDING = 3
PROFILES = """
[[authority.profiles]]
environment = "uat"
purpose = "transport"
approvals = 2
"""


class Asked:
    """One request of one client, and what was answered about it."""

    def __init__(self):
        self.id = None
        self.approved_by = []  # whose yes was answered as taken
        self.serial = None
        self.asked_again = 0  # a yes was answered, and the request waited for it all the same


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class FleetApprovalTest(database.OnPostgresql, testing.PlatformTest):
    authority_settings = PROFILES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.approvers = [cls.platform.enrol_operator(name, "approver") for name in ("alice", "bob")]
        cls.other = Authority(cls.platform.programs, cls.database.uri)
        cls.addClassCleanup(cls.other.close)
        cls.other.tables = PROFILES
        cls.other.take_keys_of(cls.platform.authority_folder)
        cls.other.start()
        cls.ports = [cls.platform.ports["api"], cls.other.ports["api"]]

    def at(self, port, *words):
        where = ["--authority", f"localhost:{port}", "--trust-chain", self.platform.trust_chain]
        return subprocess.run(self.platform.command(*words, *where), capture_output=True, text=True, timeout=60, check=False)

    def test_no_approval_is_lost_when_one_is_killed(self):
        self.platform.create_application("uat/acme/fleet")
        stop, killed = threading.Event(), threading.Event()
        making = threading.Lock()
        all_asked, refused, after_kill = [], [], []

        def until(ports, accept, *words):
            """The same call, here or there, until its answer is one that says what became of it."""
            for port in ports:
                done = self.at(port, *words)
                if accept(done):
                    return done
                refused.append(done.stderr)

        def client(number):
            for turn in itertools.count():
                if stop.is_set():
                    return
                ports = itertools.cycle(self.ports[::-1] if (number + turn) % 2 else self.ports)
                asked = Asked()
                all_asked.append(asked)
                with making:
                    code = json.loads(until(itertools.repeat(self.ports[1]), lambda done: done.returncode == 0, "admin", "enrol",
                                            "uat/acme/fleet", "--data", self.platform.data, "--json").stdout)["code"]
                out = self.platform.folder / f"fleet-{number}-{turn}"
                request = ("request", "transport", "--code", code, "--out", out, "--json")
                opened = until(ports, lambda done: done.returncode == PENDING and done.stdout, *request)
                asked.id = json.loads(opened.stdout)["request"]
                for approver in self.approvers:
                    until(ports, lambda done: done.returncode == 0 or "request.decided" in done.stderr, "admin", "requests",
                          "approve", asked.id, "--operator", approver, "--json")
                    asked.approved_by.append(approver.name)

                def is_issued(done, asked=asked):
                    asked.asked_again += done.returncode == PENDING and bool(done.stdout)
                    return done.returncode == 0

                until(ports, is_issued, *request)
                asked.serial = testing.serial_of(credential_in(out, "transport"))
                if killed.is_set():
                    after_kill.append(time.monotonic())

        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        wait_until(lambda: sum(bool(one.serial) for one in all_asked) >= CLIENTS, f"nothing is issued: {refused[-1:]}", 60)
        self.platform.running.pop("authority").kill()
        at = time.monotonic()
        killed.set()
        wait_until(lambda: len(after_kill) >= 2 * CLIENTS, f"nothing is issued by the other: {refused[-1:]}", 90)
        stop.set()
        for thread in threads:
            thread.join()
        first = min(after_kill) - at
        print(f"issued={len(all_asked)} first_after_kill_s={first:.2f} asked_again={len(refused)}")
        self.assertLess(first, TAKEOVER_SECONDS)
        self.assertEqual(sum(one.asked_again for one in all_asked), 0, "both said yes and were told so, and it waited for them")
        self.assert_each_yes_became_one_certificate(all_asked)

    def assert_each_yes_became_one_certificate(self, all_asked):
        serials = [one.serial for one in all_asked]
        self.assertEqual(len(set(serials)), len(serials), "a serial twice")
        rows = self.database.rows("SELECT serial FROM certificates WHERE application = 'fleet' AND environment = 'uat'")
        self.assertEqual(sorted(row[0] for row in rows), sorted(serials), "what was answered is what is kept")
        spent = self.database.rows("SELECT id, state, serial FROM requests WHERE application = 'fleet'")
        self.assertEqual(sorted(spent), sorted((one.id, "issued", one.serial) for one in all_asked), "one request, one certificate")
        kept = self.database.rows("SELECT request, COUNT(*) FROM approvals GROUP BY request")
        self.assertEqual(sorted(kept), sorted((one.id, "2") for one in all_asked), "a yes is lost, or is there twice")
        wait_until(lambda: self.database.rows("SELECT COUNT(*) FROM issuances WHERE state = 'recorded'") == [("0",)],
                   "intents of the dead are left open", 30)
        verified = self.at(self.ports[1], "admin", "audit", "verify", "--data", self.platform.data, "--json")
        if verified.returncode != 0:
            raise Failure(verified.stderr + verified.stdout)


if __name__ == "__main__":
    testing.main()
