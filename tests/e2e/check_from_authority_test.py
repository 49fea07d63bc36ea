"""Partners' servers are checked by the authority: asked for by operators, seen by the partner's people, never led inside."""
import json
import shutil
import unittest

import path  # noqa: F401
from harness import testing
from harness.ehi_hosts import EhiHost
from harness.material import SERVER, Material
from harness.platform import Platform

UNAVAILABLE = 3


class CheckFromAuthorityTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = Platform("127.0.0.1:1")
        cls.addClassCleanup(cls.platform.close)
        maker = Material(cls.platform.folder / "material")
        public = maker.ca("public-ca", "/CN=Example Public CA (stand-in)")
        own = maker.leaf("partner", public, "/CN=localhost", SERVER + "subjectAltName=DNS:localhost\n")
        folder = cls.platform.folder / "etc-ehi"
        folder.mkdir()
        shutil.copy(own.chain, folder / "server-chain.pem")
        shutil.copy(own.key, folder / "server.key")
        cls.settings = (f'[authority.ehi_checks]\nanchors = "{public.certificate}"\n'
                        f'credentials = "{cls.platform.data / "ehi"}"\n')
        cls.platform.up()
        cls.platform.stop()
        shutil.copy(cls.platform.trust_chain, folder / "trust-chain.pem")
        cls.host = cls.start_host("host", folder)
        cls.other_host = cls.start_host("other-host", folder)
        cls.begin("danger_private_servers = true\n")
        cls.platform.create_application("production/acme/payments")
        cls.platform.admin("org", "create", "globex")
        cls.maria = cls.platform.enrol_person("globex", "maria", "requester")

    @classmethod
    def start_host(cls, name, folder):
        host = EhiHost("python", cls.platform.folder / name, folder)
        cls.addClassCleanup(host.stop)
        return host.start()

    @classmethod
    def begin(cls, more):
        cls.platform.authority_settings = cls.settings + more
        cls.platform.ports = {}
        cls.platform.start("authority")

    def check(self, server, organisation="acme"):
        done = self.platform.run("admin", "check-ehi", organisation, server, "--data", self.platform.data, "--json")
        self.assertNotIn("ehi_check.too_soon", done.stderr)
        return done.returncode, self.platform.admin("ehi-servers", "show", organisation, server)

    @staticmethod
    def finding(shown, name):
        return next(one for one in shown["report"]["findings"] if one["id"] == name)

    def url_at(self, host):
        """The same server under another name, so that no pause of the other tests holds it up."""
        return self.host.url.replace("localhost", host)

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

    def test_what_nobody_has_confirmed_is_shown_nothing(self):
        done = self.platform.run("own", "add-ehi-server", self.other_host.url, "--person", self.maria, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        server = json.loads(done.stdout)["server"]
        _, shown = self.check(server, "globex")
        accepts = self.finding(shown, "client.accepts_ours")
        self.assertEqual((accepts["severity"], accepts["evidence"]),
                         ("not_tried", "an operator has not confirmed this server yet"))
        self.assertEqual(self.finding(shown, "certificate.trust")["severity"], "pass")
        self.assertEqual(shown["not_tried"], shown["report"]["counts"]["not_tried"])
        self.assertGreater(shown["not_tried"], 10)
        self.assertNotIn("confirmed", shown)
        self.assertIn("confirmed", self.platform.admin("ehi-servers", "confirm", "globex", server))

    def test_another_host_than_the_certificates_is_shown_nothing(self):
        """Whoever writes a zone may lead a name to somebody else's server: that has another name in its certificate."""
        server = self.platform.admin("ehi-servers", "add", "acme", self.url_at("127.0.0.1"))["server"]
        _, shown = self.check(server)
        self.assertEqual(self.finding(shown, "certificate.name")["severity"], "fail")
        accepts = self.finding(shown, "client.accepts_ours")
        self.assertEqual(accepts["severity"], "not_tried")
        self.assertIn("does not prove to be this host", accepts["evidence"])

    def test_without_the_section_nothing_is_checked(self):
        self.platform.stop()
        settings, type(self).settings = self.settings, ""
        self.begin("")
        def back():
            type(self).settings = settings
            self.platform.stop()
            self.begin("danger_private_servers = true\n")
        self.addCleanup(back)
        server = self.platform.admin("ehi-servers", "add", "acme", "https://host.acme.example/")["server"]
        done = self.platform.run("admin", "check-ehi", "acme", server, "--data", self.platform.data)
        self.assertIn("ehi_check.off", done.stderr)

    def test_nothing_inside_is_connected_to(self):
        self.platform.stop()
        self.begin("")
        self.addCleanup(lambda: (self.platform.stop(), self.begin("danger_private_servers = true\n")))
        server = self.platform.admin("ehi-servers", "add", "acme", self.url_at("127.0.0.3"))["server"]
        code, shown = self.check(server)
        self.assertEqual((code, shown["check"]["state"]), (UNAVAILABLE, "failed"))
        self.assertIn("ehi_check.address", shown["check"]["error"])
        self.assertNotIn("report", shown)


if __name__ == "__main__":
    testing.main()
