"""A hardware token that is none: SoftHSM2, in a folder of its own, so that it can be pulled out while it is used."""
import shutil
import subprocess
import unittest
from pathlib import Path

from harness.program import Failure

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "1234"


def need():
    if not MODULE.exists() or not shutil.which("softhsm2-util"):
        raise unittest.SkipTest("SoftHSM2 is not installed (apt-get install softhsm2)")


class SoftToken:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.tokens = self.folder / "tokens"
        self.tokens.mkdir(parents=True)
        self.config = self.folder / "softhsm2.conf"
        self.config.write_text(f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.variables = {"SOFTHSM2_CONF": str(self.config)}
        self.pin_file = self.folder / "pin"
        self.pin_file.write_text(PIN + "\n")
        self.pin_file.chmod(0o600)

    def init(self, label):
        done = subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "so-pin-1", "--pin", PIN],
                              env=self.variables, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise Failure(f"softhsm2-util --init-token: {done.stderr}{done.stdout}")
        return self

    def settings(self, label, *more):
        """[authority.token] of countersign.toml."""
        lines = [f'module = "{MODULE}"', f'label = "{label}"', *more]
        return "\n[authority.token]\n" + "\n".join(lines) + "\n"

    def unplug(self):
        """The module finds no token."""
        self._move(self.tokens, self.folder / "unplugged")

    def plug_in(self):
        self._move(self.folder / "unplugged", self.tokens)

    @staticmethod
    def _move(origin, target):
        target.mkdir(exist_ok=True)
        for token in list(origin.iterdir()):
            token.rename(target / token.name)

    def break_module(self):
        """The module itself does not start."""
        self.tokens.rename(self.folder / "away")

    def mend_module(self):
        (self.folder / "away").rename(self.tokens)
