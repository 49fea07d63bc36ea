"""Rotation of an issuing CA whose keys are in a token (SoftHSM2): as with keys in files, under load and with a crash at each
step; with the token pulled out at each step, which no handshake notices; and with two authorities on one token."""
import threading
import unittest

import path  # noqa: F401
import rotation_test
from harness import clients, database, soft_token, testing
from harness.fleet import Authority
from harness.platform import credential_in
from harness.program import wait_until
from rotation_test import LINE, NEXT  # and no test of it

LABEL = "countersign cas"


class InToken:
    """The platform of a test with its CAs' keys in a token."""

    @classmethod
    def prepare(cls):
        soft_token.need()
        cls.token = soft_token.SoftToken(cls.platform.folder / "token").init(LABEL)
        cls.platform.variables = dict(cls.token.variables)
        cls.platform.authority_settings = cls.token.settings(LABEL, f'pin_file = "{cls.token.pin_file}"')
        cls.platform.write_config()

    def assert_no_key_outside(self):
        keys = [file.name for file in (self.platform.authority_folder / "keys").iterdir()]
        self.assertIn("in-token", keys)
        self.assertEqual([key for key in keys if key.endswith(".pem")], [], "a key of a CA is in a file")


class TokenUnderLoadTest(InToken, rotation_test.UnderLoadTest):
    def test_under_load(self):
        super().test_under_load()
        self.assert_no_key_outside()


class TokenCrashTest(InToken, rotation_test.CrashTest):
    def test_every_step(self):
        super().test_every_step()
        self.assert_no_key_outside()


class Enrolments:
    """Asks for one certificate after the other; the same request again where it was refused."""

    def __init__(self, test, application):
        self.test, self.platform, self.application = test, test.platform, application
        self.issued, self.refused = [], []
        self.running = True
        self.platform.create_application(application)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        turn = 0
        while self.running:
            turn += 1
            code, out = self.platform.code_for(self.application), self.platform.folder / f"enrolment-{turn}"
            while self.running:
                done = self.platform.request("transport", code, out)
                if done.returncode == 0:
                    self.issued.append(credential_in(out, "transport"))
                    break
                self.refused.append(done.stderr)
                testing.pause(0.05)

    def await_one_more(self):
        """Begun after this moment, as good as: the second from here on."""
        before = len(self.issued)
        wait_until(lambda: len(self.issued) >= before + 2, f"nothing is issued: {self.refused[-1:]}", 20)
        return self.issued[-1]

    def await_refusal(self):
        before = len(self.refused)
        wait_until(lambda: len(self.refused) > before, "it goes on to issue without its token", 20)

    def stop(self):
        self.running = False
        self.thread.join()


class TokenLossTest(InToken, rotation_test.UnderLoadTest):
    test_under_load = None  # the others' alone

    def losses(self):
        """Ways to lose the token, and to have it back."""
        return ((self.token.unplug, self.token.plug_in), (self.token.break_module, self.token.mend_module))

    def test_pulled_out_at_every_step(self):
        old = self.enrol("production/acme/payments")
        loads = [self.load(old.transport), self.load(old.transport)]
        enrolments = Enrolments(self, "production/acme/many")
        self.addCleanup(enrolments.stop)
        self.assertNotIn("G2", self.issuer_of(enrolments.await_one_more()))
        steps = (("prepare", LINE), ("certify", NEXT), ("distribute", NEXT), ("activate", NEXT))
        needs_token = {"prepare", "certify"}
        for number, (verb, name) in enumerate(steps):
            with self.subTest(verb):
                lose, give_back = self.losses()[number % 2]
                if verb == "activate":
                    wait_until(lambda: self.is_believed(NEXT), "the gateway does not come to believe the new CA", 15)
                lose()
                enrolments.await_refusal()
                done = self.platform.run("admin", "ca", verb, name, "--data", self.platform.data)
                if verb in needs_token:
                    self.assertNotEqual(done.returncode, 0, done.stdout)
                    self.assertRegex(done.stderr, r"token\.|signer\.unavailable")
                self.assert_unharmed(*loads)
                give_back()
                enrolments.await_one_more()
                self.ca(verb, name)  # completes what was begun, or finds it done
                self.assert_unharmed(*loads)
        self.assertEqual((self.state_of(NEXT), self.state_of(LINE)), ("active", "superseded"))
        new = enrolments.await_one_more()
        self.assertIn("G2", self.issuer_of(new))
        self.settle(new)
        fresh = self.load(new)
        # The new key, found again in a token that was away.
        for lose, give_back in self.losses():
            lose()
            enrolments.await_refusal()
            give_back()
            self.assertIn("G2", self.issuer_of(enrolments.await_one_more()))
        self.assert_unharmed(*loads, fresh)
        for load in loads:
            load.stop()
            self.assertEqual(load.failures, [], "refused before it was retired")
        enrolments.stop()
        for refusal in enrolments.refused:
            self.assertIn("signer.unavailable", refusal)
        living = next(ca["living"] for ca in self.ca("list")["issuing_cas"] if ca["name"] == LINE)
        self.token.unplug()
        self.assertEqual(self.ca("retire", LINE, "--remaining", living)["state"], "retired", "needs no signature")
        self.wait_refused(old.transport)
        self.assert_unharmed(fresh)
        self.token.plug_in()
        fresh.stop()
        self.assertEqual(fresh.failures, [])
        self.assert_no_key_outside()
        print(f"issued={len(enrolments.issued)} refused={len(enrolments.refused)} "
              f"handshakes={sum(load.answered for load in (*loads, fresh))} failed=0")
        self.assert_nothing_left_over()

    def assert_nothing_left_over(self):
        self.assertTrue(self.platform.admin("audit", "verify")["intact"])
        self.platform.stop("authority")
        self.platform.start("authority")
        again = self.enrol("production/acme/after-a-restart")
        self.assertIn("G2", self.issuer_of(again.transport))


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class TokenFleetTest(InToken, database.OnPostgresql, rotation_test.Rotating):
    def test_both_find_the_new_key_in_the_token(self):
        """Nothing is copied: the second authority finds the key that the first has made."""
        other = Authority(self.platform.programs, self.database.uri, self.token.variables)
        self.addCleanup(other.close)
        other.tables = self.platform.authority_settings
        other.take_keys_of(self.platform.authority_folder)
        other.start()
        self.ca("prepare", LINE)
        self.ca("certify", NEXT)
        self.ca("distribute", NEXT)
        wait_until(lambda: self.is_believed(NEXT), "the gateway does not come to believe the new CA", 15)
        wait_until(self.try_activate, "the other does not find the key in the token", 20)
        self.platform.create_application("production/acme/elsewhere")
        code, out = self.platform.code_for("production/acme/elsewhere"), self.platform.folder / "elsewhere"
        command = self.platform.command("request", "transport", "--code", code, "--out", out, "--authority",
                                        f"localhost:{other.ports['api']}", "--trust-chain", self.platform.trust_chain)
        done = clients.run(command, self.platform.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("G2", self.issuer_of(credential_in(out, "transport")))


if __name__ == "__main__":
    testing.main()
