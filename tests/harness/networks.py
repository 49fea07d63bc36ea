"""A network that can be cut: a name space of its own for this process and its children, and another one, far away, behind a pair
of devices. Nothing of the machine's own network is touched, and all of it is gone with the test.

    network = CutNetwork()                     # before any thread or program is started
    listener = network.listen()                # at network.far_address
    with network.cut(): ...
"""
import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import threading
import unittest

CLONE_NEWNET = 0x40000000
NEAR, FAR = "198.18.77.1", "198.18.77.2"  # RFC 2544: for tests, routed nowhere


class CutNetwork:
    far_address = FAR

    def __init__(self):
        """Skips the test where it is not permitted."""
        if shutil.which("ip") is None:
            raise unittest.SkipTest("no `ip` here (package iproute2)")
        self.libc = ctypes.CDLL(None, use_errno=True)
        if self.libc.unshare(CLONE_NEWNET) != 0:
            raise unittest.SkipTest(f"no network name space can be had here: {os.strerror(ctypes.get_errno())}")
        self.keeper = subprocess.Popen(["unshare", "--net", "sleep", "3600"], stdin=subprocess.DEVNULL)
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    def _connect(self):
        self._run("ip", "link", "set", "lo", "up")
        deadline = threading.Event()
        while os.readlink(f"/proc/{self.keeper.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            deadline.wait(0.01)
        try:
            self._run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(self.keeper.pid))
        except subprocess.CalledProcessError as error:
            raise unittest.SkipTest(f"no pair of devices can be made here: {error.stderr.strip()}") from None
        self._run("ip", "address", "add", f"{NEAR}/30", "dev", "near")
        self._run("ip", "link", "set", "near", "up")
        self._run_far("ip", "address", "add", f"{FAR}/30", "dev", "far")
        self._run_far("ip", "link", "set", "far", "up")

    def close(self):
        self.keeper.kill()
        self.keeper.wait(10)

    def listen(self, port=0):
        """A listening socket far away. A socket stays in the name space that it was made in."""
        made = []

        def make():
            with open(f"/proc/{self.keeper.pid}/ns/net", "rb") as far:
                if self.libc.setns(far.fileno(), CLONE_NEWNET) == 0:
                    made.append(socket.create_server((FAR, port), reuse_port=True))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if not made:
            raise unittest.SkipTest("the far name space cannot be entered")
        return made[0]

    @contextlib.contextmanager
    def cut(self):
        """Nothing arrives any more, and nobody is told: as when a cable is pulled."""
        self._run_far("ip", "link", "set", "far", "down")
        try:
            yield
        finally:
            self._run_far("ip", "link", "set", "far", "up")

    def _run_far(self, *words):
        self._run("nsenter", "--net", "--target", str(self.keeper.pid), *words)

    @staticmethod
    def _run(*words):
        subprocess.run(words, check=True, capture_output=True, text=True, timeout=20)
