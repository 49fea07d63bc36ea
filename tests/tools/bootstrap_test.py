"""tools/bootstrap.sh says what is wrong with a machine, and what to do. The machine is made of stand-ins for its programs."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

BOOTSTRAP = Path(__file__).resolve().parents[2] / "tools" / "bootstrap.sh"
# Nothing of the real machine is changed: no service policy is written, and apt-get is a stand-in.
MACHINE = """
. "$1"
forbid_services() { :; }
allow_services() { :; }
debian_version() { echo 12; }
missing_tools() { :; }
need_packages demo
"""


def install(folder, name, script):
    file = Path(folder) / name
    file.write_text("#!/bin/sh\n" + script + "\n")
    file.chmod(0o755)


class BootstrapTest(unittest.TestCase):
    def run_on(self, installed, apt_get):
        with tempfile.TemporaryDirectory() as folder:
            words = "|".join(installed) or "nothing"
            install(folder, "dpkg-query", f'for package; do :; done; case "$package" in {words}) printf "ii ";; esac')
            install(folder, "apt-get", f'echo "apt-get $*"; {apt_get}')
            install(folder, "id", "echo 0")
            return subprocess.run(["bash", "-euc", MACHINE, "machine", BOOTSTRAP], capture_output=True, text=True, timeout=60,
                                  env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})

    def test_everything_there_needs_no_apt_get(self):
        done = self.run_on(["*"], "exit 1")
        self.assertEqual((done.returncode, done.stdout), (0, "packages: everything is installed\n"), done.stderr)

    def test_what_is_missing_is_installed(self):
        done = self.run_on(["libs*"], "exit 0")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("libboost1.81-dev", done.stdout)

    def test_another_boost_is_not_removed_but_named_with_the_remedy(self):
        done = self.run_on(["libs*", "libboost1.74-dev"], "exit 0")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("apt-get -q", done.stdout)
        self.assertIn("apt-get remove libboost1.74-dev", done.stderr)

    def test_another_boost_does_not_matter_where_ours_is_there(self):
        done = self.run_on(["libboost*"], "exit 0")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_without_network_it_says_so_and_what_is_missing(self):
        done = self.run_on([], "exit 100")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no network", done.stderr)
        self.assertIn("libboost1.81-dev", done.stderr)

    def test_a_list_that_cannot_be_fetched_is_no_obstacle_to_packages_that_can(self):
        done = self.run_on([], 'case "$*" in *update) exit 100;; esac')
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_tree_stays_in_units_or_not_as_it_was_made(self):
        for cache, setting in ((None, "ON"), ("COUNTERSIGN_UNITY:BOOL=OFF\n", "OFF"), ("COUNTERSIGN_UNITY:BOOL=ON\n", "ON"),
                               ("CMAKE_BUILD_TYPE:STRING=Debug\n", "OFF")):
            with self.subTest(cache), tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / "tools" / "bootstrap.sh"
                copy.parent.mkdir()
                copy.write_text(BOOTSTRAP.read_text())
                if cache is not None:
                    tree = Path(folder) / "build" / "dev"
                    tree.mkdir(parents=True)
                    (tree / "CMakeCache.txt").write_text(cache)
                done = subprocess.run(["bash", "-euc", '. "$1"; units dev', "machine", copy], capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, done.stdout), (0, f"-DCOUNTERSIGN_UNITY={setting}\n"), done.stderr)


if __name__ == "__main__":
    unittest.main()
