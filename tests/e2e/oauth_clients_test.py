"""Clients of others get tokens and call the API with them, unmodified: those of docs/oauth.md, and `countersign token`."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import path  # noqa: F401
from harness import testing
from oauth_test import API, OauthBase

PEERS = Path(__file__).parent / "peers"
NODE_PACKAGES = Path(__file__).parents[2] / "build" / "node" / "node_modules"


class OauthClientsTest(OauthBase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shop = cls.enrol("production/acme/shop")
        cls.globex = cls.enrol("production/globex/till")
        for application in (cls.shop, cls.globex):
            cls.client(application.name)
        cls.give_trust_chain(cls.shop.folder)

    @classmethod
    def give_trust_chain(cls, folder):
        """What a partner gets by `countersign trust-chain`."""
        shutil.copy(cls.platform.trust_chain, folder / "trust-chain.pem")

    @staticmethod
    def with_node():
        return {**os.environ, "NODE_PATH": os.pathsep.join(filter(None, (str(NODE_PACKAGES), os.environ.get("NODE_PATH"))))}

    def peer(self, *command):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, env=self.with_node())
        self.assertEqual(done.returncode, 0, done.stdout[-500:] + done.stderr[-1500:])
        return json.loads(done.stdout)

    def test_command(self):
        where = ["--out", self.shop.folder, "--issuer", self.issuer]

        def run(*words):
            return subprocess.run(self.platform.command("token", *where, *words), capture_output=True, text=True, timeout=60)

        first = run()
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertEqual(self.call(self.shop.transport, first.stdout.strip()).status, 200)
        self.assertEqual(run().stdout, first.stdout)
        self.assertNotEqual(run("--fresh").stdout, first.stdout)
        kept = list(self.shop.folder.glob("token-*.json"))
        self.assertEqual([oct(file.stat().st_mode & 0o777) for file in kept], ["0o600"])
        refused = run("--scope", "root")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("oauth.scope_refused", refused.stderr)

    def test_curl(self):
        folder = self.platform.folder / "rsa"
        self.platform.create_application("production/acme/rsa")
        code = self.platform.code_for("production/acme/rsa")
        credential = self.platform.request_or_fail("transport", code, folder)
        self.platform.request_or_fail("signing", code, folder, ["--key-type", "rsa2048"])
        self.client("production/acme/rsa")
        self.give_trust_chain(folder)
        self.settle(credential)
        said = self.peer(PEERS / "token.sh", self.issuer, "production.acme.rsa", folder)
        self.assertEqual(self.call(credential, said["access_token"]).status, 200)

    def test_authlib(self):
        if subprocess.run(["/usr/bin/python3", "-c", "import authlib, requests"], capture_output=True).returncode:
            self.skipTest("python3-authlib is not installed")
        said = self.peer("/usr/bin/python3", PEERS / "token_authlib.py", self.issuer, "production.acme.shop",
                         self.shop.folder, "/payments/1")
        self.assertEqual(said["status"], 200)
        self.assert_denied("token_wrong_application", "invalid_token", 401, "gateway",
                           lambda: self.call(self.globex.transport, said["token"]))

    def test_openid_client(self):
        there = subprocess.run(["node", "-e", "require('openid-client')"], capture_output=True, env=self.with_node())
        if there.returncode:
            self.skipTest("openid-client is not in build/node: ./test installs it where npm and a network are")
        said = self.peer("node", PEERS / "token_openid.js", self.issuer, "production.acme.shop", self.shop.folder,
                         "/payments/1")
        self.assertEqual(said["status"], 200)

    def test_java(self):
        if subprocess.run(["sh", "-c", "command -v javac"], capture_output=True).returncode:
            self.skipTest("default-jdk-headless is not installed")
        subprocess.run(["openssl", "pkcs12", "-export", "-inkey", self.shop.transport.key, "-in", self.shop.transport.chain,
                        "-out", self.shop.folder / "transport.p12", "-passout", "pass:secret"], check=True)
        said = self.peer("java", PEERS / "Token.java", self.issuer, "production.acme.shop", self.shop.folder,
                         "/payments/1")
        self.assertEqual(said["status"], 200)


if __name__ == "__main__":
    testing.main()
