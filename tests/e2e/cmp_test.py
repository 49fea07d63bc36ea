"""CMP (RFC 4210, RFC 9483) with `openssl cmp` as it is: a credential enrols, a certificate renews and revokes itself, people
approve in between, and what is refused says why."""
import json
import subprocess
import threading

import path  # noqa: F401
from harness import clients, testing
from harness.material import Credential, Material, openssl
from harness.program import wait_until

APPLICATION = "production/acme/payments"
OTHER = "production/acme/cards"
WAITING = "uat/acme/slow"
PROFILES = """
[[authority.profiles]]
environment = "uat"
purpose = "transport"
approvals = 1
"""


class CmpTest(testing.PlatformTest):
    authority_settings = PROFILES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.maker = Material(cls.platform.folder / "cmp")
        for application in (APPLICATION, OTHER, WAITING):
            cls.platform.create_application(application)

    def credential_of_operator(self, application=APPLICATION):
        """Reference and secret."""
        outcome = clients.curl(self.platform.folder,
                               self.platform.api_url(f"/v1/applications/{application}/eab-credentials"),
                               self.platform.trust_chain, self.platform.operator, ["-d", "{}"])
        self.assertEqual(outcome.status, 201, outcome.output)
        made = json.loads(outcome.body)
        return made["kid"], made["hmac_key"]

    def key(self, name, algorithm="EC"):
        key = self.maker.folder / f"{name}.key"
        options = {"EC": ["-pkeyopt", "ec_paramgen_curve:P-256"], "RSA": ["-pkeyopt", "rsa_keygen_bits:2048"]}[algorithm]
        openssl("genpkey", "-algorithm", algorithm, *options, "-out", key)
        return key

    def command(self, command, *words, label=""):
        server = self.platform.api_url("").removeprefix("https://")
        return ["openssl", "cmp", "-config", "", "-cmd", command, "-server", server, "-path", f".well-known/cmp{label}",
                "-tls_used", "-tls_trusted", self.platform.trust_chain, "-trusted", self.platform.trust_chain,
                "-total_timeout", "60", *words]

    def cmp(self, command, *words, label="", good=True):
        done = subprocess.run([str(word) for word in self.command(command, *words, label=label)], capture_output=True,
                              text=True, timeout=120, cwd=self.platform.folder)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode == 0, good, said)
        return said

    def by_credential(self, credential):
        return ["-ref", credential[0], "-secret", f"pass:{credential[1]}"]

    def enrolling(self, name, key):
        folder = self.maker.folder
        return ["-newkey", key, "-subject", "/CN=evil", "-certout", folder / f"{name}.pem",
                "-extracertsout", folder / f"{name}-extra.pem"]

    def got(self, name, key):
        """Files that a client connects with: the leaf, and behind it what came along."""
        certificate = self.maker.folder / f"{name}.pem"
        chain = self.maker.folder / f"{name}-chain.pem"
        chain.write_text(certificate.read_text() + (self.maker.folder / f"{name}-extra.pem").read_text())
        return Credential(certificate, key, chain)

    def enrol(self, name, command="ir", application=APPLICATION, label="", extra=(), algorithm="EC"):
        key = self.key(name, algorithm)
        self.cmp(command, *self.by_credential(self.credential_of_operator(application)), *self.enrolling(name, key), *extra,
                 label=label)
        return self.got(name, key)

    def signed_by(self, held):
        return ["-cert", held.certificate, "-key", held.key]

    # --- what works ----------------------------------------------------------------------------------------------------

    def test_from_a_credential_to_the_gateway_and_on(self):
        first = self.enrol("first")
        names = openssl("x509", "-in", first.certificate, "-noout", "-subject", "-ext", "subjectAltName").decode()
        self.assertIn("urn:countersign:production:acme:payments", names)
        self.assertNotIn("evil", names)
        self.settle(first)
        self.assert_seen_as(APPLICATION, self.curl(first))
        with self.subTest("the certificate renews itself, with another key"):
            key = self.key("second")
            self.cmp("kur", *self.signed_by(first), *self.enrolling("second", key), "-implicit_confirm")
            second = self.got("second", key)
            self.assertNotEqual(testing.serial_of(first), testing.serial_of(second))
            self.settle(second)
            self.assert_seen_as(APPLICATION, self.curl(second))
        with self.subTest("and gets the signing certificate of its application"):
            key = self.key("signing")
            self.cmp("cr", *self.signed_by(second), *self.enrolling("signing", key), label="/p/signing")
            purposes = openssl("x509", "-in", self.maker.folder / "signing.pem", "-noout", "-ext", "keyUsage").decode()
            self.assertIn("Non Repudiation", purposes)
        with self.subTest("but its own key is no new one"):
            said = self.cmp("kur", *self.signed_by(second), *self.enrolling("again", second.key), good=False)
            self.assertIn("key.reused", said)
            self.assertIn("badCertTemplate", said)
        with self.subTest("it revokes itself, and is refused from then on"):
            self.cmp("rr", *self.signed_by(second), "-oldcert", second.certificate, "-revreason", "4")
            listed = self.platform.admin("list", "--application", APPLICATION, "--status", "revoked")
            self.assertIn((testing.serial_of(second), "superseded"),
                          [(one["serial"], one["revoked_for"]) for one in listed["certificates"]])
            said = self.cmp("kur", *self.signed_by(second), *self.enrolling("late", self.key("late")), good=False)
            self.assertIn("cmp.signer_revoked", said)

    def test_every_request_and_kind_of_key(self):
        for name, command, algorithm in (("by-cr", "cr", "EC"), ("by-rsa", "ir", "RSA")):
            with self.subTest(name):
                self.enrol(name, command, algorithm=algorithm)
        with self.subTest("a PKCS#10 request"):
            csr, _ = self.maker.csr("by-p10")
            self.cmp("p10cr", *self.by_credential(self.credential_of_operator()), "-csr", csr,
                     "-certout", self.maker.folder / "by-p10.pem")
        with self.subTest("SHA-256 throughout"):
            self.enrol("by-sha256", extra=["-mac", "hmacWithSHA256"])

    def test_tells_the_cas(self):
        said = self.cmp("genm", *self.by_credential(self.credential_of_operator()), "-infotype", "caCerts")
        self.assertIn("caCerts", said)

    def test_waits_for_people(self):
        alice = self.platform.enrol_operator("alice")
        approved = threading.Event()

        def pending():
            done = self.platform.run("admin", "requests", "list", "--state", "pending", "--operator", alice, "--json")
            return json.loads(done.stdout)["requests"]

        def approve():
            waiting = wait_until(pending, "no request waits", 30)
            self.platform.run("admin", "requests", "approve", waiting[0]["request"], "--operator", alice, "--json")
            approved.set()

        person = threading.Thread(target=approve)
        person.start()
        waited = self.enrol("waited", application=WAITING)
        person.join()
        self.assertTrue(approved.is_set())
        names = openssl("x509", "-in", waited.certificate, "-noout", "-ext", "subjectAltName").decode()
        self.assertIn("urn:countersign:uat:acme:slow", names)

    # --- what does not -------------------------------------------------------------------------------------------------

    def test_refusals(self):
        good = self.credential_of_operator()
        key = self.key("refused")
        enrolling = self.enrolling("refused", key)
        said = [self.cmp("ir", *self.by_credential(wrong), *enrolling, good=False)
                for wrong in ((good[0], "wrong"), ("A" * 22, good[1]))]
        for one in said:
            self.assertIn("badMessageCheck", one)
            self.assertIn("the MAC does not fit", one)
        said = self.cmp("ir", *self.by_credential(good), *enrolling, "-popo", "-1", good=False)
        self.assertIn("badPOP", said)
        said = self.cmp("ir", *self.by_credential(good), *enrolling, "-unprotected_requests", good=False)
        self.assertIn("cmp.unprotected", said)
        self.cmp("ir", *self.by_credential(good), *enrolling)
        said = self.cmp("ir", *self.by_credential(good), *self.enrolling("more", self.key("more")), good=False)
        self.assertIn("eab_credential.used", said)
        refused = self.platform.records("authority").all("api.refused")
        self.assertEqual([one["code"] for one in refused].count("cmp.bad_mac"), 2, "each refusal is one record")

    def test_another_application(self):
        payments = self.enrol("payments")
        cards = self.enrol("cards", application=OTHER)
        said = self.cmp("kur", *self.signed_by(payments), "-oldcert", cards.certificate,
                        *self.enrolling("foreign", self.key("foreign")), good=False)
        self.assertIn("badCertId", said)
        said = self.cmp("rr", *self.signed_by(payments), "-oldcert", cards.certificate, good=False)
        self.assertIn("certificate.not_yours", said)
        self.platform.admin("app", "suspend", OTHER)
        said = self.cmp("kur", *self.signed_by(cards), *self.enrolling("suspended", self.key("suspended")), good=False)
        self.assertIn("cmp.signer_refused", said)
        said = self.cmp("ir", *self.by_credential(self.credential_of_operator(OTHER)),
                        *self.enrolling("none", self.key("none")), good=False)
        self.assertIn("application.suspended", said)
        self.platform.admin("app", "resume", OTHER)
        self.cmp("kur", *self.signed_by(cards), *self.enrolling("resumed", self.key("resumed")))


if __name__ == "__main__":
    testing.main()
