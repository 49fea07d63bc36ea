"""Large bodies through the gateway, up and down, over HTTP/1.1 and HTTP/2: whole to the last bit, in constant memory. A gigabyte each
with COUNTERSIGN_BODY_MEBIBYTES=1024."""
import json
import os
import re
import subprocess
import threading
from pathlib import Path

import path  # noqa: F401
from harness import testing
from harness.vault import Vault, blocks, hash_of

SIZE = int(os.environ.get("COUNTERSIGN_BODY_MEBIBYTES", "64")) * 1024 * 1024
GROWTH_KILOBYTES = 16 * 1024
SECONDS = 300


class BodiesTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vault = Vault()
        cls.addClassCleanup(cls.vault.stop)
        cls.platform.gateway_tables = f'\n[[gateway.routes]]\npath = "/vault"\nupstream = "{cls.vault.address}"\naccess = "any_partner"\n'
        cls.platform.stop("gateway")
        cls.platform.start("gateway")
        cls.acme = cls.enrol("production/acme/payments")
        cls.wanted = hash_of(blocks(SIZE))

    def setUp(self):
        for version in ("--http1.1", "--http2"):  # what is needed once for ever
            self.assertEqual(self.curl(self.acme.transport, extra=[version]).status, 200)
        self.before = self.most_memory()

    def tearDown(self):
        grown = self.most_memory() - self.before
        print(f"at the most {grown} KiB more than before, {self.before} KiB")
        self.assertLess(grown, GROWTH_KILOBYTES)

    def most_memory(self):
        """What the gateway ever had resident at once, in kilobytes."""
        status = Path(f"/proc/{self.platform.running['gateway'].pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1))

    def curl_at(self, where, *options):
        one = self.acme.transport
        return subprocess.Popen(["curl", "-sS", "--fail", "--cacert", self.platform.trust_chain, "--cert", one.chain, "--key",
                                 one.key, *options,
                                 self.platform.gateway_url(f"/vault/{where}")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def test_down(self):
        for version, where in (("--http1.1", str(SIZE)), ("--http2", f"chunks/{SIZE}")):
            with self.subTest(version, where=where), self.curl_at(where, version) as client:
                self.assertEqual(hash_of(iter(lambda: client.stdout.read1(1024 * 1024), b"")), self.wanted)
                self.assertEqual(client.wait(SECONDS), 0)

    def test_up(self):
        """Of no length that is told beforehand: in chunks over HTTP/1.1."""
        for version in ("--http1.1", "--http2"):
            with self.subTest(version), self.curl_at("up", version, "-T", "-") as client:
                feeder = threading.Thread(target=self.feed, args=(client.stdin,))
                feeder.start()
                answer = json.loads(client.stdout.read())
                feeder.join()
                self.assertEqual((answer["length"], answer["hash"]), self.wanted)
                self.assertEqual(client.wait(SECONDS), 0)

    @staticmethod
    def feed(stdin):
        try:
            for block in blocks(SIZE):
                stdin.write(block)
            stdin.close()
        except BrokenPipeError:
            pass


if __name__ == "__main__":
    testing.main()
