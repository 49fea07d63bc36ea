"""Faults at every point of issuance, revocation and CRL publication: kill -9, a full disk, a sync that fails, a database that
goes away, a clock that jumps. What was answered as done is there afterwards, the rest is refused and says why, and when the
fault is gone the authority works. On a file, and on PostgreSQL."""
import contextlib
import errno
import signal
import threading
import unittest
from datetime import datetime, timedelta, timezone

import path  # noqa: F401
from harness import database, testing
from harness.fault_bench import RETURN_SECONDS, Bench, OnPostgresql
from harness.program import Failure, wait_until

UNAVAILABLE = 3  # exit status
DAY = 24 * 3600
LIFE = timedelta(days=350)
BACKDATING = timedelta(minutes=5)


class FaultsTest(Bench):
    # How the countdown to death is meant: before a sync of the file; behind a COMMIT, whose answer is never read.
    deaths = "die_before"
    full_disks = (("data", 40 << 10), ("data", 0))

    # --- kill -9 -----------------------------------------------------------------------------------------------------------

    def dies_within(self, points, act):
        """Arms death at that point, and does `act`. Was it reached?"""
        self.faults.set(**{self.deaths: points})
        act()
        died = self.faults.get(self.deaths) == 0
        self.faults.set(**{self.deaths: 0})
        if died:
            self.assertEqual(self.authority.process.process.wait(30), -signal.SIGKILL)
            self.authority.start()
        return died

    def test_killed_at_every_durable_point_of_an_issuance(self):
        point = 0
        died = True
        while died:
            point += 1
            died = False  # whatever fails ends it
            with self.subTest(point=point):
                code, out = self.witness.prepare()
                died = self.dies_within(point, lambda code=code, out=out: self.witness.request(code, out))
                if died:
                    self.assertIsNotNone(self.witness.request(code, out), self.witness.errors[-1:])
                self.assertEqual(self.witness.rows("SELECT COUNT(*) FROM issuances WHERE state = 'recorded'"), [("0",)])
        self.assertGreater(point, 4, "record and publish, each with a mark outside of the registry")
        self.witness.assert_nothing_lost()

    def test_killed_at_every_durable_point_of_a_revocation_and_its_crl(self):
        point = 0
        died = True
        while died:
            point += 1
            died = False  # whatever fails ends it
            with self.subTest(point=point):
                serial = self.witness.enrol()
                self.witness.fetch_crl(self.witness.place_of(serial))

                def act(serial=serial):
                    mark = self.witness.mark()
                    if self.witness.revoke(serial):
                        self.witness.await_death_or_crl(mark)

                died = self.dies_within(point, act)
                self.assertTrue(self.witness.revoke(serial), self.witness.errors[-1:])
                self.witness.await_listed([serial])
        self.assertGreater(point, 6, "the revocation, the CRL's record, the CRL, each with a mark outside of the registry")
        self.witness.assert_nothing_lost()


    # --- a full disk -------------------------------------------------------------------------------------------------------

    def test_full_disk(self):
        """With some room left, so that it runs full in the middle of something; then none at all."""
        if self.no_disks:
            self.skipTest(self.no_disks)
        for name, room in self.full_disks:
            with self.subTest(disk=name, room=room):
                self.run_full(self.disks[name], room)
        self.witness.assert_nothing_lost()

    def run_full(self, disk, room):
        serials = [self.witness.enrol() for _ in range(3)]
        requests = [self.witness.prepare() for _ in range(2)]
        place = self.witness.place_of(serials[0])
        self.witness.fetch_crl(place)
        left = iter(serials)
        with disk.full(room):
            self.until_refused(lambda: [self.witness.request(*one) for one in requests],
                               lambda: self.witness.revoke(next(left, serials[0])),
                               lambda: self.witness.try_enrol())
            self.witness.fetch_crl(place)  # what is published goes on to be served
        self.await_return()
        for one in requests:
            self.assertIsNotNone(self.witness.request(*one), self.witness.errors[-1:])
        for serial in serials:
            self.assertTrue(self.witness.revoke(serial), self.witness.errors[-1:])
        self.witness.works()

    def test_start_on_a_full_disk(self):
        if self.no_disks:
            self.skipTest(self.no_disks)
        serial = self.witness.enrol()
        self.assertTrue(self.witness.revoke(serial))
        self.authority.process.kill()
        with self.disks["data"].full():
            process = self.authority.launch().process
            wait_until(lambda: not process.running() or process.ready_file.exists(), "it neither starts nor says why not")
            if process.running():  # there was nothing to write
                self.until_refused(lambda: self.witness.try_enrol())
            else:
                self.assertEqual(process.process.returncode, UNAVAILABLE, process.tail())
                self.assertRegex(process.tail(), "store.unavailable|file.unwritable")
        self.restart()
        self.witness.assert_nothing_lost()

    def until_refused(self, *acts):
        """Does them again until something is refused, which must say what is wrong."""
        seen = len(self.witness.errors)
        for _ in range(60):
            for act in acts:
                act()
            if len(self.witness.errors) > seen:
                break
        self.assertGreater(len(self.witness.errors), seen, "everything is done as if nothing were wrong")
        for error in self.witness.errors[seen:]:
            self.assertRegex(error, "store.unavailable|file.unwritable|store.unknown_outcome")

    # --- a disk that fails ---------------------------------------------------------------------------------------------------

    def test_failing_sync(self):
        """And the power goes before the next one: what was refused may be there then, what was answered must."""
        for cut in (False, True):
            with self.subTest(cut=cut):
                serial, waiting = self.witness.enrol(), self.witness.prepare()
                with self.faults.on(sync_error=errno.EIO):
                    self.until_refused(lambda: self.witness.request(*waiting))
                    self.until_refused(lambda serial=serial: self.witness.revoke(serial))
                    if cut:
                        self.authority.process.kill()
                if cut:
                    self.authority.start()
                self.assertIsNotNone(self.witness.request(*waiting), self.witness.errors[-1:])
                self.assertTrue(self.witness.revoke(serial), self.witness.errors[-1:])
                self.witness.await_listed([serial])
        self.witness.assert_nothing_lost()

    def test_failing_sync_under_a_crl(self):
        """The revocation is kept; recording and publishing its CRL fails until the disk is well."""
        serial = self.witness.enrol()
        mark = self.witness.mark()
        self.assertTrue(self.witness.revoke(serial))
        with self.faults.on(sync_error=errno.EIO):
            wait_until(lambda: self.witness.log("crl.failed", mark), "nobody says that there is no CRL", RETURN_SECONDS)
            self.assertFalse(self.witness.is_listed(serial))
        self.witness.await_listed([serial])
        self.witness.assert_nothing_lost()

    def test_failing_head_of_the_audit_log(self):
        """One thing more is done, and noted in the registry alone; then nothing until the head can be written."""
        for cut in (False, True):
            with self.subTest(cut=cut):
                serials = [self.witness.enrol() for _ in range(2)]
                with self.faults.only(self.authority.data / "audit.head"), self.faults.on(sync_error=errno.EIO):
                    self.until_refused(*[lambda serial=serial: self.witness.revoke(serial) for serial in serials])
                    self.assertIn("file.unwritable", self.witness.errors[-1])
                    self.assertNotIn(serials[1], self.witness.revoked)
                    if cut:
                        self.authority.process.kill()
                if cut:
                    self.authority.start()
                self.witness.works()
        self.witness.assert_nothing_lost()

    def test_failing_and_short_writes(self):
        waiting = self.witness.prepare()
        with self.faults.on(short_writes=1):
            self.witness.works()
            self.assertGreater(self.faults.get("failures"), 0)
        with self.faults.on(write_error=errno.ENOSPC):
            self.until_refused(lambda: self.witness.request(*waiting))
        self.assertIsNotNone(self.witness.request(*waiting), self.witness.errors[-1:])
        self.witness.works()
        self.witness.assert_nothing_lost()


class ClockTest(Bench):
    """One test: a clock that was ahead leaves its traces."""

    def step(self, days, again=False):
        """Sets the clock that far from the true one; `again`: the authority starts under it."""
        self.faults.set(clock_seconds=days * DAY)
        if again:
            self.restart()

    def test_the_clock_jumps(self):
        witness = self.witness
        witness.works()
        for name, days, again in (("ahead", 40, False), ("started ahead", 40, True), ("two days back", 38, False),
                                  ("started two days back", 38, True), ("right again", 0, False), ("started right", 0, True)):
            with self.subTest(name):
                mark = witness.mark()
                self.step(days, again)
                serial = witness.enrol()
                self.assert_fits_its_time(serial, days)
                self.assertTrue(witness.revoke(serial), witness.errors[-1:])
                witness.await_listed([serial])  # which looks that numbers and dates have risen
                dated_ahead = bool(witness.log("crl.ahead_of_clock", mark))
                self.assertEqual(dated_ahead, name in ("two days back", "started two days back", "started right"), "said once")
        witness.assert_nothing_lost()

    def assert_fits_its_time(self, serial, days):
        """Its time begins by the clock of the authority, is as long as the profile says, and its issuer's is not over."""
        out = next(out for out, one in self.witness.issued.items() if one == serial)
        begin, end = self.witness.dates_of(out / "transport.pem")
        now = datetime.now(timezone.utc) + timedelta(days=days)
        self.assertLess(abs(now - BACKDATING - begin), timedelta(minutes=2))
        self.assertEqual(end - begin, LIFE + BACKDATING)
        issuer_begin, issuer_end = self.witness.dates_of(self.authority.data / "certificates" / "production-transport.pem")
        self.assertLessEqual(issuer_begin, begin)
        self.assertGreaterEqual(issuer_end, end)

    def test_a_clock_before_everything(self):
        """Before the CAs are valid nothing is issued and nobody is let in, and it says so; with the time all is as before."""
        waiting = self.witness.prepare()
        self.step(-2)
        self.assertIsNone(self.witness.request(*waiting))
        self.assertIn("not yet valid", self.witness.errors[-1])
        self.authority.process.kill()
        self.authority.launch()
        self.assertNotEqual(self.authority.process.process.wait(30), 0, "it starts before its own certificates are valid")
        self.assertIn("ended or begins at another time than this clock says", self.authority.process.tail())
        self.step(0)
        self.authority.start()
        self.assertIsNotNone(self.witness.request(*waiting), self.witness.errors[-1:])
        self.witness.assert_nothing_lost()


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class ClockOnPostgresqlTest(OnPostgresql, ClockTest):
    pass


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class FaultsOnPostgresqlTest(OnPostgresql, FaultsTest):
    deaths = "die_after"
    full_disks = (("database", 24 << 10), ("database", 0), ("data", 0))
    # In the data folder only the head of the audit log is written, which has a test of its own.
    test_failing_sync = None
    test_failing_and_short_writes = None

    def test_no_room_for_the_write_ahead_log(self):
        """PostgreSQL ends itself."""
        if self.no_disks:
            self.skipTest(self.no_disks)
        serial, waiting, before = self.witness.enrol(), self.witness.prepare(), self.panics()
        with self.disks["database"].full():
            with contextlib.suppress(Failure):
                self.database.psql("SELECT pg_switch_wal()")
            self.until_refused(lambda: self.witness.request(*waiting), lambda: self.witness.revoke(serial))
        self.assertGreater(self.panics(), before)
        self.await_return()
        self.assertIsNotNone(self.witness.request(*waiting), self.witness.errors[-1:])
        self.assertTrue(self.witness.revoke(serial), self.witness.errors[-1:])
        self.witness.assert_nothing_lost()

    def test_failing_disk_of_the_database(self):
        """Under its write-ahead log: PostgreSQL does not believe a disk that failed once: it ends all sessions and recovers."""
        for fault in ("sync_error", "write_error"):
            with self.subTest(fault):
                serial, waiting, before = self.witness.enrol(), self.witness.prepare(), self.panics()
                log = self.database.folder / "data" / "pg_wal"
                with self.database_faults.only(log), self.database_faults.on(**{fault: errno.EIO}):
                    self.until_refused(lambda serial=serial: self.witness.revoke(serial),
                                       lambda waiting=waiting: self.witness.request(*waiting))
                self.await_return()
                self.assertGreater(self.panics(), before)
                self.assertIsNotNone(self.witness.request(*waiting), self.witness.errors[-1:])
                self.witness.assert_nothing_lost()
                self.assertTrue(self.witness.revoke(serial), self.witness.errors[-1:])
        self.witness.assert_nothing_lost()

    def test_the_database_restarts_under_revocations_and_crls(self):
        for stop, pause in ((self.database.kill, 0.02), (self.database.stop, 0.3), (self.database.kill, 1.15)):
            serials = [self.witness.enrol() for _ in range(5)]
            revoking = threading.Thread(target=lambda serials=serials: [self.witness.revoke(serial) for serial in serials])
            revoking.start()
            testing.pause(pause)  # the last one: within the making of the CRLs
            stop()
            self.database.start()
            revoking.join()
            self.await_return()
            for serial in serials:
                self.assertTrue(self.witness.revoke(serial), self.witness.errors[-1:])
        self.witness.assert_nothing_lost()


if __name__ == "__main__":
    testing.main()
