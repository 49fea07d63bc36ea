"""EST (RFC 7030) as devices speak it: curl sends, openssl makes the request and reads the answer, and what they get opens the
gateway."""
import base64
import json
import shutil
import unittest
from pathlib import Path

import path  # noqa: F401
from harness import clients, testing
from harness.material import Credential, Material, openssl

APPLICATION = "production/acme/payments"
PEER = Path(__file__).parent / "peers" / "Est.java"
JARS = [Path("/usr/share/java") / name for name in ("bcpkix.jar", "bcprov.jar", "bcutil.jar")]


class EstTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.maker = Material(cls.platform.folder / "est")
        cls.platform.create_application(APPLICATION)

    def est(self, operation, label="", extra=(), credential=None):
        return clients.curl(self.platform.folder, self.platform.api_url(f"/.well-known/est{label}/{operation}"),
                            self.platform.trust_chain, credential, extra)

    def send_csr(self, name, operation, label="", code=None, credential=None):
        """What a shell script would do: a key and a request by openssl, its DER in base64 lines, curl. Outcome and key."""
        csr, key = self.maker.csr(name)
        body = self.maker.folder / f"{name}.b64"
        body.write_bytes(base64.encodebytes(openssl("req", "-in", csr, "-outform", "DER")))
        extra = ["-H", "Content-Type: application/pkcs10", "--data-binary", f"@{body}"]
        if code:
            extra += ["--user", f"payments:{code}"]
        return self.est(operation, label, extra, credential), key

    def certificates(self, outcome):
        """What openssl reads in a certs-only answer."""
        self.assertEqual(outcome.status, 200, outcome.output)
        der = base64.b64decode(outcome.body)
        text = openssl("pkcs7", "-inform", "DER", "-print_certs", stdin=der).decode()
        found = [block + "-----END CERTIFICATE-----\n" for block in text.split("-----END CERTIFICATE-----") if "BEGIN" in block]
        return [block[block.index("-----BEGIN"):] for block in found]

    def credential(self, name, outcome, key, label=""):
        """Files that a client connects with: the leaf, and behind it the issuing CA out of cacerts."""
        leaf = self.certificates(outcome)
        self.assertEqual(len(leaf), 1)
        certificate = self.maker.folder / f"{name}.pem"
        certificate.write_text(leaf[0])
        cas = self.maker.folder / f"{name}-cas.pem"
        cas.write_text("".join(self.certificates(self.est("cacerts", label))))
        openssl("verify", "-CAfile", cas, certificate)
        chain = self.maker.folder / f"{name}-chain.pem"
        chain.write_text(leaf[0] + cas.read_text())
        return Credential(certificate, key, chain)

    def test_from_a_code_to_the_gateway_and_on(self):
        code = self.platform.code_for(APPLICATION)
        outcome, key = self.send_csr("first", "simpleenroll", code=code)
        first = self.credential("first", outcome, key)
        self.settle(first)
        self.assert_seen_as(APPLICATION, self.curl(first))
        with self.subTest("the certificate renews itself, with another key"):
            outcome, key = self.send_csr("second", "simplereenroll", credential=first)
            second = self.credential("second", outcome, key)
            self.assertNotEqual(testing.serial_of(first), testing.serial_of(second))
            self.settle(second)
            self.assert_seen_as(APPLICATION, self.curl(second))
            self.assertEqual(self.curl(first).status, 200, "the old one goes on until it ends")
        with self.subTest("and the signing certificate of the same application"):
            outcome, key = self.send_csr("signing", "simplereenroll", "/signing", credential=second)
            signing = self.credential("signing", outcome, key, "/signing")
            purposes = openssl("x509", "-in", signing.certificate, "-noout", "-ext", "keyUsage,extendedKeyUsage").decode()
            self.assertIn("Non Repudiation", purposes)
            self.assertNotIn("TLS", purposes)
        with self.subTest("but not once it is revoked"):
            self.platform.admin("revoke", testing.serial_of(first), "--reason", "superseded")
            outcome, _ = self.send_csr("third", "simplereenroll", credential=first)
            self.assertEqual(outcome.status, 0)
            self.assertEqual(outcome.alert, "certificate_revoked", outcome.output)

    # --- a client that was written for other servers --------------------------------------------------------------------

    def bouncy_castle(self, name, label, *proof):
        """What Bouncy Castle's EST client made of it: its words, and the credential."""
        files = [self.maker.folder / f"{name}.key", self.maker.folder / f"{name}.pem"]
        classes = ":".join(str(jar) for jar in JARS)
        done = clients.run(["java", "-cp", classes, PEER, f"localhost:{self.platform.ports['api']}", label,
                            self.platform.trust_chain, *files, *proof], self.platform.folder, seconds=90)
        self.assertTrue(done.stdout, done.stderr)
        return json.loads(done.stdout), Credential(files[1], files[0], files[1])

    @unittest.skipUnless(shutil.which("javac") and all(jar.exists() for jar in JARS),
                         "Java or Bouncy Castle is missing (apt-get install default-jdk-headless libbcpkix-java)")
    def test_bouncy_castle(self):
        said, first = self.bouncy_castle("bc-first", "transport", "code", self.platform.code_for(APPLICATION))
        self.assertEqual(said, {"cas": 3})
        issuers = self.maker.folder / "bc-issuers.pem"
        issuers.write_text("".join(self.certificates(self.est("cacerts"))))
        store = self.maker.folder / "bc-first.p12"
        openssl("pkcs12", "-export", "-in", first.certificate, "-inkey", first.key, "-certfile", issuers, "-out", store,
                "-passout", "pass:secret")
        said, second = self.bouncy_castle("bc-second", "transport", "held", store, "secret")
        self.assertEqual(said, {"cas": 3})
        second.chain.write_text(second.certificate.read_text() + issuers.read_text())
        self.settle(second)
        self.assert_seen_as(APPLICATION, self.curl(second))
        said, _ = self.bouncy_castle("bc-third", "signing", "code", "cse_" + "A" * 43)
        self.assertIn("401", said["error"])

    def test_what_is_refused(self):
        outcome, _ = self.send_csr("no-code", "simpleenroll")
        self.assertEqual(outcome.status, 401)
        self.assertIn("< WWW-Authenticate: Basic realm=", outcome.output)
        outcome, _ = self.send_csr("bad-code", "simpleenroll", code="cse_" + "A" * 43)
        self.assertEqual(outcome.status, 401)
        outcome, _ = self.send_csr("no-certificate", "simplereenroll")
        self.assertEqual(outcome.status, 403)
        outcome, _ = self.send_csr("operator", "simplereenroll", credential=self.platform.operator)
        self.assertEqual(outcome.status, 403)

    def test_what_openssl_reads(self):
        subjects = openssl("pkcs7", "-inform", "DER", "-print_certs", "-noout",
                           stdin=base64.b64decode(self.est("cacerts").body)).decode()
        self.assertIn("Partner Root CA", subjects)
        self.assertIn("Production Transport Issuing CA", subjects)
        self.assertNotIn("Provider Root CA", subjects)
        der = base64.b64decode(self.est("cacerts").body)
        openssl("cms", "-cmsout", "-print", "-noout", "-inform", "DER", stdin=der)
        attributes = openssl("asn1parse", "-inform", "DER", stdin=base64.b64decode(self.est("csrattrs").body)).decode()
        self.assertIn("prime256v1", attributes)
        self.assertIn("ecdsa-with-SHA256", attributes)
        bag = self.platform.folder / "chain.p7b"
        clients.curl(self.platform.folder, self.platform.api_url("/v1/trust-chain?format=pkcs7"), self.platform.trust_chain,
                     extra=["-o", bag])
        subjects = openssl("pkcs7", "-inform", "DER", "-print_certs", "-noout", "-in", bag).decode()
        self.assertIn("Provider Root CA", subjects)
        self.assertNotIn("Partner Root CA", subjects)


if __name__ == "__main__":
    testing.main()
