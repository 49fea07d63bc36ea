"""What operators do with many certificates and with the logs: a look first, then exactly that; checkpoints and proofs."""
import json

import path  # noqa: F401
from harness import testing

REFUSED = 1
CONFLICT = 1


class OperatorTest(testing.PlatformTest):
    def admin(self, *words):
        """`countersign admin ... --json`: exit status, and its answer or error."""
        done = self.platform.run("admin", *words, "--data", self.platform.data, "--json")
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def enrol(self, application):
        self.platform.create_application(application)
        asked = self.platform.request("transport", self.platform.code_for(application),
                                      self.platform.folder / application.replace("/", "-"), "--json")
        self.assertEqual(asked.returncode, 0, asked.stderr)

    def test_what_was_shown_is_what_ends(self):
        for name in ("one", "two"):
            self.enrol(f"uat/globex/{name}")
        selection = ("revoke-many", "--environment", "uat", "--organisation", "globex", "--reason", "superseded")
        status, shown = self.admin(*selection)
        self.assertEqual((status, shown["revoked"], len(shown["certificates"])), (0, False, 2), shown)
        self.enrol("uat/globex/three")
        status, changed = self.admin(*selection, "--plan", shown["plan_sha256"])
        self.assertEqual(status, CONFLICT)
        self.assertIn("look again", changed)
        _, shown = self.admin(*selection)
        status, ended = self.admin(*selection, "--plan", shown["plan_sha256"])
        self.assertEqual((status, ended["revoked"], len(ended["certificates"])), (0, True, 3), ended)
        self.assertEqual(len(self.admin(*selection)[1]["certificates"]), 0)

    def test_serials_come_from_a_file(self):
        self.enrol("uat/acme/filed")
        _, listed = self.admin("list", "--application", "uat/acme/filed")
        serials = self.platform.folder / "serials.txt"
        serials.write_text("# those of a lost machine\n" + listed["certificates"][0]["serial"] + "\r\n\n")
        status, shown = self.admin("revoke-many", "--file", str(serials), "--reason", "key_compromise")
        self.assertEqual((status, len(shown["certificates"])), (0, 1), shown)
        serials.write_text("# none\n")
        self.assertNotEqual(self.admin("revoke-many", "--file", str(serials))[0], 0)

    def test_checkpoints_are_kept_and_compared(self):
        kept = self.platform.folder / "checkpoint.txt"
        done = self.platform.run("admin", "log", "checkpoint", "--data", self.platform.data, "--out", str(kept))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(kept.read_text().startswith("countersign-log/"))
        self.enrol("uat/acme/later")
        self.assertEqual(self.admin("log", "compare", str(kept)), (0, {"intact": True}))
        kept.write_text(kept.read_text().replace("audit ", "audit 9", 1))
        status, refused = self.admin("log", "compare", str(kept))
        self.assertNotEqual(status, 0)
        self.assertIn("checkpoint", refused)

    def test_a_certificate_is_proved_to_be_in_the_log(self):
        self.enrol("uat/acme/proved")
        _, listed = self.admin("list", "--application", "uat/acme/proved")
        status, proof = self.admin("log", "prove", listed["certificates"][0]["serial"])
        self.assertEqual(status, 0, proof)
        self.assertLess(proof["number"], proof["size"])
        self.assertEqual(self.admin("log", "prove", "00ff")[0], REFUSED)

    def test_credentials_for_acme_are_made_listed_and_cancelled(self):
        self.platform.create_application("uat/acme/acme-client")
        status, made = self.admin("eab", "create", "uat/acme/acme-client", "--purpose", "transport")
        self.assertEqual((status, made["purposes"]), (0, ["transport"]), made)
        _, listed = self.admin("eab", "list", "uat/acme/acme-client")
        self.assertEqual([row["kid"] for row in listed["eab_credentials"]], [made["kid"]])
        self.assertNotIn("hmac_key", listed["eab_credentials"][0])
        status, cancelled = self.admin("eab", "cancel", "uat/acme/acme-client", made["kid"])
        self.assertEqual(status, 0, cancelled)
        self.assertIn("cancelled", cancelled)


if __name__ == "__main__":
    testing.main()
