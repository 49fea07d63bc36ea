"""One fault at each durable point in turn - of an issuance, of an approved one, of a revocation with its CRL: the authority
dies there, its database dies there, or that one sync fails and the next ones do not. What was answered is kept, what was
refused completes when it is asked for again, and an approval that was given is not asked for twice. Faults that last:
authority_faults_test.py."""
import signal
import unittest

import path  # noqa: F401
from harness import database, testing
from harness.fault_bench import RETURN_SECONDS, Bench, OnPostgresql
from harness.program import wait_until

APPROVED = """
[[authority.profiles]]
environment = "uat"
purpose = "transport"
approvals = 1
"""


class PointsTest(Bench):
    """A registry in a file: each sync below the data folder is a point."""

    tables = APPROVED
    fewest = 4  # points of an issuance: its record and its publication, each with a mark outside of the registry
    kills = ("die_before", "die_after")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.alice = cls.witness.enrol_operator("alice")

    # --- what happens at the points ----------------------------------------------------------------------------------------

    def issue(self):
        subject = self.witness.prepare()
        yield lambda: self.witness.request(*subject)
        self.assertIsNotNone(self.witness.request(*subject), self.witness.errors[-1:])

    def approve_and_issue(self):
        code, out, request = self.witness.prepare_approved()
        answered = []

        def act():
            if self.witness.approve(request, self.alice):
                answered.append(request)
                self.witness.request(code, out)

        yield act
        if not answered and self.state_of(request) == "pending":  # it was refused, and not kept
            self.assertTrue(self.witness.approve(request, self.alice), self.witness.errors[-1:])
        self.assertIsNotNone(self.witness.request(code, out), ("an approval is lost", self.witness.errors[-1:]))
        self.assertEqual(self.state_of(request), "issued")

    def state_of(self, request):
        return self.witness.admin("requests", "show", request)["state"]

    def revoke(self):
        serial = self.witness.enrol()
        self.witness.fetch_crl(self.witness.place_of(serial))

        def act():
            mark = self.witness.mark()
            if self.witness.revoke(serial):
                wait_until(lambda: not self.authority.process.running() or self.witness.log("crl.published", mark),
                           "neither a death nor a CRL", RETURN_SECONDS)

        yield act
        self.assertTrue(self.witness.revoke(serial), self.witness.errors[-1:])
        self.witness.await_listed([serial])

    # --- the points --------------------------------------------------------------------------------------------------------

    def at_every_point(self, faults, switch, work):
        """Until the work is done before the countdown is. How many points there were."""
        point = 0
        reached = True
        while reached:
            point += 1
            reached = False  # whatever fails ends it
            with self.subTest(switch=switch, point=point):
                steps = work()
                act = next(steps)
                faults.set(**{switch: point})
                act()
                reached = faults.get(switch) == 0
                faults.set(**{switch: 0})
                if reached and faults is self.faults and switch in self.kills:
                    self.assertEqual(self.authority.process.process.wait(30), -signal.SIGKILL)
                    self.authority.start()
                self.await_return()
                self.assertEqual(list(steps), [])
                self.assertEqual(self.witness.rows("SELECT COUNT(*) FROM issuances WHERE state = 'recorded'"), [("0",)])
        return point - 1

    def run_points(self, faults, switches, work):
        for switch in switches:
            points = self.at_every_point(faults, switch, work)
            print(f"{self.id().rpartition('.')[2]} {switch}: points={points}")
            self.assertGreaterEqual(points, self.fewest)
        self.witness.assert_nothing_lost()

    def test_killed_at_each_of_an_issuance(self):
        self.run_points(self.faults, self.kills, self.issue)

    def test_killed_at_each_of_an_approved_issuance(self):
        self.run_points(self.faults, self.kills, self.approve_and_issue)

    def test_killed_at_each_of_a_revocation_and_its_crl(self):
        self.run_points(self.faults, self.kills, self.revoke)

    def test_one_sync_fails_in_an_issuance(self):
        self.run_points(self.failing(), ("fail_sync",), self.issue)

    def test_one_sync_fails_in_an_approved_issuance(self):
        self.run_points(self.failing(), ("fail_sync",), self.approve_and_issue)

    def test_one_sync_fails_in_a_revocation_and_its_crl(self):
        self.run_points(self.failing(), ("fail_sync",), self.revoke)

    def failing(self):
        return self.faults


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class PointsOnPostgresqlTest(OnPostgresql, PointsTest):
    """For the authority each COMMIT that it sends is a point, for the database each sync of its write-ahead log: a process of
    the server that dies there, or cannot sync, takes all sessions with it, and the server recovers."""

    fewest = 2

    def setUp(self):
        super().setUp()
        log = self.database.folder / "data" / "pg_wal"
        self.enterContext(self.database_faults.only(log))

    def tearDown(self):
        self.database_faults.set(die_before=0, die_after=0, fail_sync=0)
        super().tearDown()

    def failing(self):
        return self.database_faults

    def test_the_database_dies_at_each_of_an_issuance(self):
        self.run_points(self.database_faults, ("die_before", "die_after"), self.issue)

    def test_the_database_dies_at_each_of_an_approved_issuance(self):
        self.run_points(self.database_faults, ("die_before", "die_after"), self.approve_and_issue)

    def test_the_database_dies_at_each_of_a_revocation_and_its_crl(self):
        self.run_points(self.database_faults, ("die_before", "die_after"), self.revoke)


if __name__ == "__main__":
    testing.main()
