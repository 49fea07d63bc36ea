"""Faults under running programs: of the disk, of the clock, of the power. What tests/faults/faults.cpp reads is written here.

    faults = Faults(below=data)
    Program(..., environment=faults.variables)
    with faults.on(sync_error=errno.EIO): ...
"""
import contextlib
import ctypes
import mmap
import os
import shutil
import struct
import tempfile
import unittest
from pathlib import Path

from harness.platform import programs_folder
from harness.program import Failure

# struct Switches of tests/faults/faults.cpp.
LAYOUT = {"clock_seconds": (0, "q"), "sync_error": (8, "i"), "write_error": (12, "i"), "short_writes": (16, "i"),
          "die_before": (20, "i"), "die_after": (24, "i"), "database_port": (28, "i"), "points": (32, "i"), "failures": (36, "i"),
          "fail_sync": (40, "i")}
FOLDER_AT, SIZE = 44, 300

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_REC, MS_PRIVATE, MNT_DETACH = 0x4000, 1 << 18, 2


class Faults:
    def __init__(self, below, database_port=0):
        """Files below that folder are meant."""
        library = programs_folder().parent / "tests" / "faults" / "countersign_faults.so"
        if not library.exists():
            raise Failure(f"{library} is not there: build the target countersign_faults")
        self.folder = Path(tempfile.mkdtemp(prefix="countersign-faults-"))
        self.folder.chmod(0o755)
        file = self.folder / "switches"
        file.write_bytes(b"\0" * SIZE)
        file.chmod(0o666)  # a database runs as another user
        with open(file, "r+b") as opened:
            self._switches = mmap.mmap(opened.fileno(), SIZE)
        self._mean(os.path.realpath(below) + "/")
        self.variables = {"LD_PRELOAD": str(library), "COUNTERSIGN_FAULTS": str(file)}
        self.set(database_port=database_port)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def _mean(self, beginning):
        """Files whose paths begin so."""
        self.beginning = beginning
        self._switches[FOLDER_AT:SIZE] = os.fsencode(beginning).ljust(SIZE - FOLDER_AT, b"\0")

    @contextlib.contextmanager
    def only(self, file):
        """Nothing but this one is meant."""
        before = self.beginning
        self._mean(os.path.realpath(file))
        try:
            yield self
        finally:
            self._mean(before)

    def set(self, **switches):
        for name, value in switches.items():
            at, kind = LAYOUT[name]
            struct.pack_into(kind, self._switches, at, value)

    def get(self, name):
        at, kind = LAYOUT[name]
        return struct.unpack_from(kind, self._switches, at)[0]

    @contextlib.contextmanager
    def on(self, **switches):
        before = {name: self.get(name) for name in switches}
        self.set(**switches)
        try:
            yield self
        finally:
            self.set(**before)


class SmallDisk:
    """A file system of so many bytes in memory, seen by this process and its children only, and gone with them."""

    def __init__(self, folder, size, owner=None):
        """Skips the test where nothing can be mounted."""
        self.folder = Path(folder)
        self.libc = ctypes.CDLL(None, use_errno=True)
        _have_own_mounts(self.libc)
        options = f"size={size},mode=0700" + (f",uid={owner},gid={owner}" if owner else "")
        if self.libc.mount(b"countersign", os.fsencode(self.folder), b"tmpfs", 0, options.encode()) != 0:
            raise unittest.SkipTest(f"no file system can be mounted here: {os.strerror(ctypes.get_errno())}")

    def close(self):
        self.libc.umount2(os.fsencode(self.folder), MNT_DETACH)

    @contextlib.contextmanager
    def full(self, room=0):
        """But for `room` bytes."""
        filler = self.folder / "filler"
        try:
            with open(filler, "wb", buffering=0) as opened:
                with contextlib.suppress(OSError):
                    while True:
                        opened.write(b"\0" * 4096)
                opened.truncate(max(0, os.fstat(opened.fileno()).st_size - room))
            yield self
        finally:
            filler.unlink(missing_ok=True)


_own_mounts = []


def _have_own_mounts(libc):
    """Once for this process; root needs no name space of users for that."""
    if _own_mounts:
        return
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNS if user == 0 else CLONE_NEWNS | CLONE_NEWUSER) != 0:
        raise unittest.SkipTest(f"no mount name space can be had here: {os.strerror(ctypes.get_errno())}")
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise unittest.SkipTest(f"mounts cannot be kept to ourselves: {os.strerror(ctypes.get_errno())}")
    _own_mounts.append(True)
