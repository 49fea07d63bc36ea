"""One authority whose disk, clock, database and life a test spoils, and a witness of what it answered."""
import os
import pwd
import shutil
import tempfile
import unittest
from pathlib import Path

from harness import database
from harness.faults import Faults, SmallDisk
from harness.fleet import Authority
from harness.platform import programs_folder
from harness.program import wait_until
from harness.witness import Witness

DATA_DISK = 48 << 20  # more than the registry and its write-ahead log, which is taken over at 16 MiB
DATABASE_DISK = 192 << 20
RETURN_SECONDS = 15


class Bench(unittest.TestCase):
    """One authority for all tests of the class, its data on a small disk of its own where that can be had."""

    database = None
    tables = ""  # of the authority's configuration

    @classmethod
    def setUpClass(cls):
        cls.authority = Authority(programs_folder(), "")
        cls.addClassCleanup(cls.authority.close)
        cls.authority.tables = cls.tables
        cls.authority.data.mkdir(mode=0o700)
        cls.disks = {}
        cls.no_disks = ""
        try:
            cls.disks["data"] = cls.make_disk(cls.authority.data, DATA_DISK)
        except unittest.SkipTest as reason:
            cls.no_disks = str(reason)
        cls.make_database()
        cls.faults = Faults(cls.authority.data, cls.database.port if cls.database else 0)
        cls.addClassCleanup(cls.faults.close)
        cls.authority.variables = cls.faults.variables
        cls.authority.start()
        cls.witness = Witness(cls, cls.authority, cls.faults, cls.database)
        cls.witness.begin()

    @classmethod
    def make_disk(cls, folder, size, owner=None):
        disk = SmallDisk(folder, size, owner)
        cls.addClassCleanup(disk.close)
        return disk

    @classmethod
    def make_database(cls):
        pass

    def setUp(self):
        self.witness.test = self

    def tearDown(self):
        self.faults.set(clock_seconds=0, sync_error=0, write_error=0, short_writes=0, die_before=0, die_after=0)

    def restart(self):
        self.authority.process.kill()
        self.authority.start()

    def await_return(self):
        """It comes back by itself."""
        wait_until(lambda: self.witness.countersign("admin", "org", "list", "--data", self.authority.folder).returncode == 0,
                   "the authority does not come back", RETURN_SECONDS)


class OnPostgresql:
    """The same with a registry in a database, which has a small disk too."""

    @classmethod
    def make_database(cls):
        folder = Path(tempfile.mkdtemp(prefix="countersign-pg-"))
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        if not cls.no_disks:
            owner = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None
            cls.disks["database"] = cls.make_disk(folder, DATABASE_DISK, owner)
        cls.database_faults = Faults(folder / "data")
        cls.addClassCleanup(cls.database_faults.close)
        cls.database = database.Postgresql(folder, cls.database_faults.variables, cls.database_faults.folder / "log")
        cls.addClassCleanup(cls.database.kill)
        cls.authority.registry = cls.database.uri

    def await_return(self):
        """Its service manager starts a database that ended itself."""
        def is_back():
            if self.database.process.poll() is not None:
                self.database.start()
            return self.witness.countersign("admin", "org", "list", "--data", self.authority.folder).returncode == 0

        wait_until(is_back, "the authority does not come back", RETURN_SECONDS)

    def panics(self):
        return self.database.log.read_text().count("PANIC:")
