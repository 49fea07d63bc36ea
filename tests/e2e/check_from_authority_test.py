"""Partners' servers are checked by the authority: asked for by operators, seen by the partner's people, never led inside."""
import shutil
import unittest

import path  # noqa: F401
from harness import testing
from harness.ehi_hosts import EhiHost
from harness.material import SERVER, Material
from harness.partner import NAMES
from harness.platform import Platform

UNAVAILABLE = 3


class CheckFromAuthorityTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = Platform("127.0.0.1:1")
        cls.addClassCleanup(cls.platform.close)
        maker = Material(cls.platform.folder / "material")
        public = maker.ca("public-ca", "/CN=Example Public CA (stand-in)")
        own = maker.leaf("partner", public, "/CN=localhost", SERVER + NAMES)
        folder = cls.platform.folder / "etc-ehi"
        folder.mkdir()
        shutil.copy(own.chain, folder / "server-chain.pem")
        shutil.copy(own.key, folder / "server.key")
        cls.settings = (f'[authority.ehi_checks]\nanchors = "{public.certificate}"\n'
                        f'credentials = "{cls.platform.data / "ehi"}"\n')
        cls.platform.up()
        cls.platform.stop()
        shutil.copy(cls.platform.trust_chain, folder / "trust-chain.pem")
        cls.host = EhiHost("python", cls.platform.folder / "host", folder)
        cls.addClassCleanup(cls.host.stop)
        cls.host.start()
        cls.begin("danger_private_servers = true\n")
        cls.platform.create_application("production/acme/payments")

    @classmethod
    def begin(cls, more):
        cls.platform.authority_settings = cls.settings + more
        cls.platform.ports = {}
        cls.platform.start("authority")

    def check(self, server):
        done = self.platform.run("admin", "check-ehi", "acme", server, "--data", self.platform.data, "--json")
        return done.returncode, self.platform.admin("ehi-servers", "show", "acme", server)

    def test_the_report_is_that_of_the_command(self):
        server = self.platform.admin("ehi-servers", "add", "acme", self.host.url)["server"]
        code, shown = self.check(server)
        self.assertEqual(shown["check"]["state"], "ended", shown)
        findings = {one["id"]: one["severity"] for one in shown["report"]["findings"]}
        self.assertEqual(findings["reach.connect"], "pass")
        self.assertEqual(findings["certificate.trust"], "pass")
        self.assertEqual(findings["client.accepts_ours"], "pass", "with the sender's own certificate")
        self.assertEqual(findings["refuse.self_signed"], "pass")
        self.assertEqual(findings["refuse.expired"], "not_tried")
        self.assertEqual(code, 0 if shown["verdict"] == "pass" else 1)
        listed = self.platform.admin("ehi-servers", "list")["servers"]
        self.assertEqual([one["verdict"] for one in listed if one["server"] == server], [shown["verdict"]])
        actions = [one["action"] for one in self.platform.admin("audit", "list", "--limit", "1000")["records"]]
        for action in ("ehi_server.added", "ehi_check.asked", "ehi_check.begun", "ehi_check.ended"):
            self.assertIn(action, actions)

    def test_nothing_inside_is_connected_to(self):
        self.platform.stop()
        self.begin("")
        self.addCleanup(lambda: (self.platform.stop(), self.begin("danger_private_servers = true\n")))
        server = self.platform.admin("ehi-servers", "add", "acme", self.host.url + "?inside")["server"]
        code, shown = self.check(server)
        self.assertEqual((code, shown["check"]["state"]), (UNAVAILABLE, "failed"))
        self.assertIn("ehi_check.address", shown["check"]["error"])
        self.assertNotIn("report", shown)


if __name__ == "__main__":
    testing.main()
