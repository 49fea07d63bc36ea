"""The keys of the CAs in a token (SoftHSM2): first run, later starts, the token pulled out and put back, a wrong PIN; and where
passphrase and PIN come from."""
import sqlite3
import unittest

import path  # noqa: F401
from harness import clients, material, soft_token, testing
from harness.platform import Platform, credential_in
from harness.program import Failure
from harness.upstream import Upstream

LABEL = "countersign cas"
PIN_FILE = 'pin_file = "../token/pin"'
REFUSED, UNAVAILABLE = 2, 3  # exit codes: wrong configuration; somebody else is not there


class TokenTest(unittest.TestCase):
    def setUp(self):
        soft_token.need()
        self.platform = Platform("127.0.0.1:9")
        self.addCleanup(self.platform.close)
        self.token = soft_token.SoftToken(self.platform.folder / "token").init(LABEL)
        self.platform.variables = dict(self.token.variables)
        self.configure(PIN_FILE)

    def configure(self, *lines, label=LABEL):
        self.platform.authority_settings = self.token.settings(label, *lines)
        self.platform.write_config()

    def ask(self, query):
        connection = sqlite3.connect(self.platform.authority_folder / "registry.db")
        try:
            return connection.execute(query).fetchone()[0]
        finally:
            connection.close()

    def refused_start(self):
        """The exit status of an authority that must not start, and the codes in its last words."""
        with self.assertRaises(Failure) as refused:
            self.platform.start("authority")
        return self.platform.running.pop("authority").process.returncode, str(refused.exception)

    def assert_start_refused(self, code, status):
        returncode, words = self.refused_start()
        self.assertIn(f"({code})", words)
        self.assertEqual(returncode, status, words)

    def restart(self):
        self.platform.stop("authority")
        self.platform.start("authority")

    def issue(self, name):
        """A new application's Transport Certificate, believed by openssl as well."""
        self.platform.create_application(f"production/acme/{name}")
        code = self.platform.code_for(f"production/acme/{name}")
        made = self.platform.request_or_fail("transport", code, self.platform.folder / name)
        material.openssl("verify", "-purpose", "sslclient", "-CAfile", self.platform.data / "partner-chain.pem", made.certificate)
        return made

    def test_issues_before_and_after_a_restart(self):
        self.platform.start("authority")
        self.issue("first")
        keys = sorted(file.name for file in (self.platform.authority_folder / "keys").iterdir())
        self.assertIn("in-token", keys)
        self.assertEqual([key for key in keys if key.endswith(".pem")], [], "the keys of the CAs are nowhere else")
        chain = (self.platform.data / "partner-chain.pem").read_text()
        self.restart()
        self.issue("second")
        self.assertEqual((self.platform.data / "partner-chain.pem").read_text(), chain)
        self.assertEqual(len(self.platform.records("authority").all("token.ready")), 2)

    def test_other_kinds_of_keys(self):
        for kind, algorithm in (("p384", "ecdsa-with-SHA384"), ("rsa2048", "sha256WithRSAEncryption")):
            with self.subTest(kind), Platform("127.0.0.1:9") as other:
                self.platform, outer = other, self.platform
                try:
                    other.variables = dict(self.token.variables)
                    self.configure(f'pin_file = "{self.token.pin_file}"', f'key = "{kind}"', f'key_prefix = "{kind}"')
                    other.start("authority")
                    text = material.openssl("x509", "-in", self.issue("kind").certificate, "-noout", "-text").decode()
                    self.assertIn(f"Signature Algorithm: {algorithm}", text)
                finally:
                    self.platform = outer

    def test_pulled_out_and_put_back(self):
        self.pull_out_and_put_back(self.token.unplug, self.token.plug_in, "(token.absent)")

    def test_module_broken_and_mended(self):
        self.pull_out_and_put_back(self.token.break_module, self.token.mend_module, "(token.")

    def pull_out_and_put_back(self, unplug, plug_in, why):
        self.platform.start("authority")
        self.platform.create_application("production/acme/payments")
        code = self.platform.code_for("production/acme/payments")
        certificates = self.ask("SELECT COUNT(*) FROM certificates")
        log = self.platform.records("authority")
        mark = log.mark()
        unplug()
        out = self.platform.folder / "payments"
        for _ in range(3):
            refused = self.platform.request("transport", code, out)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("signer.unavailable", refused.stderr)
            self.assertIn("try again later", refused.stderr)
        failed = log.next("api.failed", mark)
        self.assertEqual((failed["code"], failed["status"]), ("signer.unavailable", 503))
        self.assertIn(why, failed["error"], "the operator learns what it is")
        self.assertEqual(len(log.all("token.lost", mark)), 1, "said once")
        self.assertEqual(self.ask("SELECT COUNT(*) FROM certificates"), certificates)
        self.assertEqual(self.ask("SELECT COUNT(*) FROM issuances WHERE state = 'recorded'"), 0, "an intent is left over")
        self.platform.admin("org", "suspend", "acme")  # needs no signature, so it must go on
        self.platform.admin("org", "resume", "acme")
        plug_in()
        issued = self.platform.request("transport", code, out)
        self.assertEqual(issued.returncode, 0, issued.stderr)
        self.assertTrue(credential_in(out, "transport").certificate.exists())
        self.assertEqual(len(log.all("token.back", mark)), 1)

    def test_no_start_without_the_right_token(self):
        self.platform.start("authority")
        self.platform.stop("authority")
        self.token.unplug()
        self.assert_start_refused("token.absent", UNAVAILABLE)
        self.token.plug_in()
        self.token.init("another")
        self.configure(PIN_FILE, label="another")
        self.assert_start_refused("keys.missing", 1)
        self.platform.authority_settings = ""
        self.assert_start_refused("keys.in_token", REFUSED)
        self.configure(PIN_FILE)
        self.platform.start("authority")

    def test_a_wrong_pin_is_tried_once(self):
        self.token.pin_file.write_text("4321\n")
        self.assert_start_refused("token.pin", REFUSED)
        for _ in range(2):
            self.assert_start_refused("token.pin_refused", REFUSED)
        self.token.pin_file.write_text(soft_token.PIN)
        self.platform.start("authority")

    def test_crash_at_every_step(self):
        self.platform.start("authority")
        self.platform.create_application("production/acme/payments")
        for step in ("after_record", "after_sign", "after_publish"):
            with self.subTest(step):
                code = self.platform.code_for("production/acme/payments")
                self.platform.stop("authority")
                self.platform.start("authority", "--danger-crash-at", step)
                out = self.platform.folder / step
                self.assertNotEqual(self.platform.request("transport", code, out).returncode, 0)
                self.platform.running.pop("authority").process.wait(30)
                self.platform.start("authority")
                again = self.platform.request("transport", code, out)
                self.assertEqual(again.returncode, 0, again.stderr)

    def test_under_the_supervisor_with_partners(self):
        upstream = Upstream()
        self.addCleanup(upstream.stop)
        self.platform.upstream = upstream.address
        self.configure()
        self.platform.up({"COUNTERSIGN_TOKEN_PIN": soft_token.PIN})
        acme = self.platform.enrol("production/acme/payments")
        testing.wait_until(lambda: clients.curl(self.platform.folder, self.platform.gateway_url(), self.platform.trust_chain,
                                                acme.transport).status == 200, "the gateway does not let the partner in", 15)


class SecretsTest(unittest.TestCase):
    """Each source of passphrase and PIN, over whole programs. Without SoftHSM2 the passphrase alone."""

    def setUp(self):
        self.platform = Platform("127.0.0.1:9")
        self.addCleanup(self.platform.close)
        self.folder = self.platform.folder / "secrets"
        self.folder.mkdir()

    def write(self, name, text):
        file = self.folder / name
        file.write_text(text)
        file.chmod(0o600)
        return file

    def starts(self, variables, settings=""):
        """Does it start with these? The code of its last words where not."""
        self.platform.variables, self.platform.authority_settings = variables, settings
        try:
            self.platform.start("authority")
        except Failure as refused:
            self.platform.running.pop("authority")
            return str(refused)
        self.platform.stop("authority")
        return "started"

    def test_passphrase(self):
        by_systemd = self.folder / "credentials"
        by_systemd.mkdir()
        file = self.write("passphrase", "open sesame\n")
        (by_systemd / "countersign-passphrase").write_text("open sesame\n")
        by_file = f'passphrase_file = "{file}"\n'
        self.assertEqual(self.starts({"COUNTERSIGN_PASSPHRASE": "open sesame"}), "started")
        self.assertFalse((self.platform.authority_folder / "passphrase").exists())
        self.assertEqual(self.starts({"CREDENTIALS_DIRECTORY": str(by_systemd)}), "started")
        self.assertEqual(self.starts({}, by_file), "started")
        self.assertIn("keys.passphrase", self.starts({"COUNTERSIGN_PASSPHRASE": "close sesame"}, by_file))
        self.assertIn("passphrase.empty", self.starts({"COUNTERSIGN_PASSPHRASE": ""}, by_file))
        file.chmod(0o644)
        self.assertIn("file.open", self.starts({}, by_file))
        file.unlink()
        self.assertIn("passphrase.unreadable", self.starts({}, by_file))
        self.assertIn("passphrase.unreadable", self.starts({}), "no new one where there are keys")

    def test_pin(self):
        soft_token.need()
        token = soft_token.SoftToken(self.platform.folder / "token").init(LABEL)
        by_systemd = self.folder / "credentials"
        by_systemd.mkdir()
        (by_systemd / "countersign-token-pin").write_text(soft_token.PIN)
        settings = token.settings(LABEL)
        by_file = token.settings(LABEL, f'pin_file = "{token.pin_file}"')
        self.assertEqual(self.starts({**token.variables, "COUNTERSIGN_TOKEN_PIN": soft_token.PIN}, settings), "started")
        self.assertEqual(self.starts({**token.variables, "CREDENTIALS_DIRECTORY": str(by_systemd)}, settings), "started")
        self.assertEqual(self.starts(token.variables, by_file), "started")
        self.assertIn("token.no_pin", self.starts(token.variables, settings))
        token.pin_file.chmod(0o644)
        self.assertIn("file.open", self.starts(token.variables, by_file))


if __name__ == "__main__":
    testing.main()
