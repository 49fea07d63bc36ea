"""Signed messages: ours checked by Python's and Node's own crypto and theirs by ours, offline and through the gateway."""
import datetime
import json
import subprocess
import time
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

import path  # noqa: F401
from harness import testing
from harness.platform import ROOT, programs_folder
from harness.program import wait_until

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    from harness import message_signatures as theirs
except ImportError:
    theirs = None

VECTORS = ROOT / "docs" / "vectors" / "message-signatures.json"
NODE = Path(__file__).parent / "peers" / "message_signature.js"
CONTENT = b'{"amount":"12.50"}'


def headers(fields):
    return [word for name, value in fields for word in ("--header", f"{name}: {value}")]


def fields_of(text):
    return [tuple(line.split(": ", 1)) for line in text.splitlines()]


class VectorsTest(unittest.TestCase):
    """The published vectors, without any code of ours."""

    def setUp(self):
        self.published = json.loads(VECTORS.read_text())
        self.good = [one for one in self.published["vectors"] if one["expect"] == "verified"]

    def test_python(self):
        keys = {one["name"]: serialization.load_pem_private_key(one["private_key"].encode(), None)
                for one in self.published["keys"]}
        for one in self.published["keys"]:
            self.assertEqual(theirs.thumbprint(keys[one["name"]].public_key()), one["kid"])
        for vector in self.good:
            with self.subTest(vector["name"]):
                self.check(vector, keys[vector["key"]].public_key())

    def check(self, vector, public):
        request = vector["request"]
        signed = vector.get("response", request)
        content = signed["content"].encode() if "content" in signed else None
        fields = [tuple(field) for field in signed["fields"]]
        if vector["kind"] == "jws":
            self.assertTrue(theirs.verify_jws(public, dict(fields)["x-jws-signature"], content))
        elif vector["kind"] == "header":
            self.assertTrue(theirs.verify_header(public, dict(fields)["x-signature"], content))
        else:
            base = theirs.verify(public, request["method"], request["url"], fields, content, signed.get("status"),
                                 [tuple(field) for field in request["fields"]])
            self.assertEqual(base, vector["signature_base"])

    def test_node(self):
        done = subprocess.run(["node", NODE, "check", VECTORS], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout.strip(), str(len(self.good)), done.stderr)


class CommandTest(unittest.TestCase):
    """`countersign sign` and `verify-signature` against Python and Node, with certificates of nobody's."""

    URL = "https://api.example.com/v1/payments?id=7"

    def setUp(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "body.json").write_bytes(CONTENT)

    def write_pair(self, key, *usages):
        """signing.key and signing.pem, with these extended key usages."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                   .serial_number(7).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
                   .add_extension(x509.KeyUsage(True, True, *[False] * 7), critical=True))
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        signs_by = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        certificate = builder.sign(key, signs_by)
        (self.folder / "signing.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (self.folder / "signing.key").write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))

    def countersign(self, *words):
        return subprocess.run([str(programs_folder() / "countersign"), *[str(word) for word in words]], cwd=self.folder,
                              capture_output=True, text=True, timeout=60)

    def verify(self, *words, url=URL):
        return self.countersign("verify-signature", "--certificate", "signing.pem", "--url", url, *words)

    KEYS = {"p256": lambda: ec.generate_private_key(ec.SECP256R1()), "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
            "ed25519": lambda: ed25519.Ed25519PrivateKey.generate(),
            "rsa": lambda: rsa.generate_private_key(65537, 2048)}

    def test_ours_by_python(self):
        for name, make in self.KEYS.items():
            with self.subTest(name):
                key = make()
                self.write_pair(key)
                done = self.countersign("sign", "--url", self.URL, "--header", "Content-Type: application/json", "--cover",
                                        "content-type", "--nonce", "--body", "body.json")
                self.assertEqual(done.returncode, 0, done.stderr)
                fields = [("Content-Type", "application/json"), *fields_of(done.stdout)]
                self.assertTrue(theirs.verify(key.public_key(), "POST", self.URL, fields, CONTENT))
                self.assertFalse(theirs.verify(key.public_key(), "PUT", self.URL, fields, CONTENT))
                jws = fields_of(self.countersign("sign", "--kind", "jws", "--url", self.URL, "--body", "body.json").stdout)
                self.assertTrue(theirs.verify_jws(key.public_key(), jws[0][1], CONTENT))
                header = fields_of(self.countersign("sign", "--kind", "header", "--url", self.URL, "--body", "body.json").stdout)
                self.assertTrue(theirs.verify_header(key.public_key(), header[0][1], CONTENT))

    def test_pythons_by_us(self):
        for name, make in self.KEYS.items():
            with self.subTest(name):
                key = make()
                self.write_pair(key)
                fields = theirs.sign(key, "POST", self.URL, [], CONTENT)
                good = self.verify(*headers(fields), "--body", "body.json")
                self.assertEqual(good.returncode, 0, good.stdout + good.stderr)
                self.assertIn("verified", good.stdout)
                bad = self.verify(*headers(fields), "--body", "body.json", url=self.URL + "8")
                self.assertEqual(bad.returncode, 1)
                self.assertIn("refused signature.bad_signature", bad.stdout)
                algorithm = {"p256": "ES256", "p384": "ES384", "ed25519": "EdDSA", "rsa": "PS256"}[name]
                jws = theirs.sign_jws(key, algorithm, CONTENT)
                good = self.verify("--kind", "jws", "--header", f"x-jws-signature: {jws}", "--body", "body.json")
                self.assertEqual(good.returncode, 0, good.stdout + good.stderr)

    def test_nodes_by_us(self):
        for name, make in self.KEYS.items():
            with self.subTest(name):
                self.write_pair(make())
                done = subprocess.run(["node", NODE, "sign", self.folder / "signing.key", "POST", self.URL, CONTENT.decode()],
                                      capture_output=True, text=True, timeout=60)
                good = self.verify(*headers(fields_of(done.stdout)), "--body", "body.json")
                self.assertEqual(good.returncode, 0, done.stderr + good.stdout + good.stderr)

    def test_says_where_it_differs(self):
        key = self.KEYS["p256"]()
        self.write_pair(key)
        signed_url = self.URL.replace("id=7", "id=8")
        fields = theirs.sign(key, "POST", signed_url, [], CONTENT)
        params = dict(fields)["Signature-Input"].split("=", 1)[1]
        components = params[1:params.index(")")].split(" ")
        (self.folder / "base.txt").write_bytes(
            theirs.signature_base(components, params, method="POST", url=signed_url, fields=fields))
        done = self.verify(*headers(fields), "--body", "body.json", "--explain", "--signed-base", "base.txt")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f'"@target-uri": {self.URL}\n', done.stdout)
        self.assertIn(f'line 2 differs\n  signed    "@target-uri": {signed_url}\n  computed  "@target-uri": {self.URL}\n', done.stdout)
        less = self.verify(*headers(fields), "--body", "body.json", "--cover", "content-type")
        self.assertIn('does not cover "content-type"', less.stdout)

    def test_a_transport_certificate_signs_nothing(self):
        """By purpose: the same key under a certificate that connects."""
        key = self.KEYS["p256"]()
        self.write_pair(key, ExtendedKeyUsageOID.CLIENT_AUTH)
        done = self.countersign("sign", "--url", self.URL, "--body", "body.json")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("signature.other_purpose", done.stderr)
        refused = self.verify(*headers(theirs.sign(key, "POST", self.URL, [], CONTENT)), "--body", "body.json")
        self.assertIn("signature.other_purpose", refused.stderr)
        self.write_pair(key)
        self.assertEqual(self.countersign("sign", "--url", self.URL, "--body", "body.json").returncode, 0)

    def test_a_jwk_set(self):
        key = self.KEYS["ed25519"]()
        (self.folder / "jwks.json").write_text(json.dumps({"keys": [{**theirs.jwk(key.public_key()), "use": "sig"}]}))
        fields = theirs.sign(key, "GET", self.URL, [])
        done = self.countersign("verify-signature", "--jwks", "jwks.json", "--url", self.URL, "--method", "GET", *headers(fields))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class GatewayTest(testing.PlatformTest):
    """From the registry by the feed to the gateway: who signed, and who no more."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")
        cls.rival = cls.enrol("production/rival/payments")
        cls.own = cls.enrol("production/house/signer")  # stands in for the provider's own pair
        data = cls.platform.data
        for name in ("pem", "key"):
            (data / f"own.{name}").write_bytes(Path(getattr(cls.own.signing, {"pem": "certificate", "key": "key"}[name])).read_bytes())
        (data / "own.key").chmod(0o600)
        cls.platform.gateway_tables = (
            f'\n[[gateway.routes]]\npath = "/signed"\nupstream = "{cls.upstream.address}"\naccess = "any_partner"\n'
            '[gateway.routes.signatures]\nresponses = "signed"\nnonce = "required"\n'
            '[gateway.signing]\ncertificate = "own.pem"\nkey = "own.key"\n')
        cls.platform.stop("gateway")
        cls.platform.start("gateway")
        cls.settle(cls.acme.transport)

    def signed(self, application, content=CONTENT, path="/signed/x?a=1"):
        (application.folder / "body.json").write_bytes(content)
        done = subprocess.run(self.platform.command("sign", "--out", application.folder, "--url", self.platform.gateway_url(path),
                                                    "--nonce", "--body", application.folder / "body.json"),
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return fields_of(done.stdout)

    def post(self, application, fields, content=CONTENT, path="/signed/x?a=1", extra=()):
        return self.curl(application.transport, path, [*headers(fields), "--data-binary", content.decode(), *extra])

    def test_signed_both_ways(self):
        fields = self.signed(self.acme)
        for http in ("--http1.1", "--http2"):
            outcome = self.post(self.acme, self.signed(self.acme), extra=[http])
            self.assertEqual(outcome.status, 200, outcome.output + outcome.body)
        outcome = self.post(self.acme, fields)
        self.assertEqual(outcome.status, 200, outcome.output + outcome.body)
        answered = [tuple(line[2:].split(": ", 1)) for line in outcome.output.splitlines()
                    if line.startswith("< ") and ": " in line]
        public = x509.load_pem_x509_certificate(Path(self.own.signing.certificate).read_bytes()).public_key()
        base = theirs.verify(public, "POST", self.platform.gateway_url("/signed/x?a=1"), answered, outcome.body.encode(), 200, fields)
        self.assertIsNotNone(base)
        self.assertIn('"@target-uri";req: ', base)

    def refused(self, outcome, code):
        self.assertIn(f'"code":"{code}"', outcome.body, outcome.output)

    def test_refusals_beside_their_twins(self):
        reached = len(self.upstream.requests)
        self.refused(self.post(self.acme, []), "signature.missing")
        self.refused(self.post(self.acme, self.signed(self.acme), b'{"amount":"99.50"}'), "signature.content_changed")
        self.refused(self.post(self.acme, self.signed(self.acme), path="/signed/y"), "signature.bad_signature")
        self.refused(self.post(self.acme, self.signed(self.rival)), "signature.unknown_key")
        transport = serialization.load_pem_private_key(Path(self.acme.transport.key).read_bytes(), None)
        url = self.platform.gateway_url("/signed/x?a=1")
        by_transport = theirs.sign(transport, "POST", url, [], CONTENT, nonce=str(time.time()))
        self.refused(self.post(self.acme, by_transport), "signature.unknown_key")
        once = self.signed(self.acme)
        self.assertEqual(len(self.upstream.requests), reached, "nothing of these reaches the upstream")
        self.assertEqual(self.post(self.acme, once).status, 200)
        self.refused(self.post(self.acme, once), "signature.replayed")

    def test_a_revoked_signing_certificate_leaves_at_once(self):
        late = self.enrol("production/late/app")
        self.assertEqual(self.post(late, self.signed(late)).status, 200)
        self.platform.admin("revoke", testing.serial_of(late.signing), "--reason", "key_compromise")
        wait_until(lambda: "signature.key_refused" in self.post(late, self.signed(late)).body, "the revocation does not act", 15)
        self.assertEqual(self.curl(late.transport).status, 200, "its other certificate is as it was")


if __name__ == "__main__":
    if theirs is None:
        print("python3-cryptography is not installed")
        raise SystemExit(testing.SKIPPED)
    testing.main()
