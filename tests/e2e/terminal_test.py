"""The command on a terminal is folded to it; in a pipe nothing is but help, so that grep and cut go on working."""
import fcntl
import os
import pty
import struct
import subprocess
import termios
import unittest

import path  # noqa: F401
from harness import testing
from harness.platform import programs_folder

SECONDS = 20
UNREACHABLE = ("trust-chain", "--authority", "127.0.0.1:1", "--fingerprint", "0" * 64, "--out", "/nonexistent/trust-chain.pem")


class TerminalTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.command = programs_folder() / "countersign"

    def on_terminal(self, columns, *words):
        """What a terminal of so many columns shows."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([self.command, *words], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:
            pass  # so ends a terminal whose last writer has gone
        os.close(ours)
        process.wait(SECONDS)
        return shown.decode().replace("\r\n", "\n")

    def in_pipe(self, *words):
        done = subprocess.run([self.command, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
        return (done.stdout + done.stderr).decode()

    @staticmethod
    def longest(text):
        return max(len(line) for line in text.splitlines())

    def test_help(self):
        words = ("sign", "--help")
        self.assertLessEqual(self.longest(self.on_terminal(80, *words)), 80)
        self.assertGreater(self.longest(self.on_terminal(200, *words)), 80)
        self.assertLessEqual(self.longest(self.on_terminal(200, *words)), 200)
        self.assertEqual(self.in_pipe(*words), self.on_terminal(80, *words))

    def test_messages(self):
        whole = self.in_pipe(*UNREACHABLE)
        self.assertGreater(self.longest(whole), 80, whole)
        folded = self.on_terminal(80, *UNREACHABLE)
        self.assertLessEqual(self.longest(folded), 80, folded)
        self.assertEqual(folded.split(), whole.split(), "nothing is lost")
        self.assertEqual(self.on_terminal(400, *UNREACHABLE), whole)


if __name__ == "__main__":
    testing.main()
