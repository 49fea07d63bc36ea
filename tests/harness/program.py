"""A child process: started, awaited, stopped by its process id."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

START_SECONDS = 30
STOP_SECONDS = 30


class Failure(Exception):
    """Something of the surroundings did not do what it must; the text says what and where to look."""


def wait_until(condition, what, seconds=START_SECONDS):
    """The first true answer of `condition`, asked every 10 ms."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.01)
    raise Failure(f"{what}: not within {seconds} s")


class Program:
    def __init__(self, name, command, folder, ready_file=None, environment=None, pass_fds=()):
        """`folder` gets NAME.log (what the program writes on stdout and stderr). `ready_file`: started() waits for it."""
        self.name = name
        self.command = [str(word) for word in command]
        self.log = Path(folder) / f"{name}.log"
        self.ready_file = ready_file
        if ready_file:
            Path(ready_file).unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(environment or {})}, start_new_session=True,
                                            pass_fds=pass_fds)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def started(self):
        """What the ready file says, once it is there."""
        return wait_until(self._ready, f"{self.name} does not start; see {self.log}")

    def _ready(self):
        if not self.running():
            raise Failure(f"{self.name} ended with status {self.process.returncode}:\n{self.tail()}")
        try:
            return json.loads(Path(self.ready_file).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def tail(self, characters=2000):
        return self.log.read_text(errors="replace")[-characters:]

    def stop(self):
        """SIGTERM, and a while later SIGKILL. The exit status."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.name} did not stop within {STOP_SECONDS} s of SIGTERM:\n{self.tail()}") from None

    def kill(self):
        """SIGKILL: what a power cut does to it."""
        if self.running():
            self.process.kill()
        return self.process.wait(STOP_SECONDS)

    def memory_kilobytes(self):
        """Resident memory now (VmRSS)."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0
