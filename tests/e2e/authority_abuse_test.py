"""Malformed, slow and greedy clients at the authority's API: a clear error, bounded memory, and service goes on."""
import json
import os
import ssl

import path  # noqa: F401
from harness import clients, testing
from harness.material import Material, openssl, to_pem
from harness.raw import read_to_end, status_of, tcp_connect, tls_connect

GROWTH_KILOBYTES = 64 * 1024
PATIENCE_SECONDS = 60
MEGABYTE = 1024 * 1024


class AuthorityAbuseTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = cls.platform.running["authority"]
        cls.maker = Material(cls.platform.folder / "csr")
        cls.platform.create_application("production/acme/payments")
        cls.code = cls.platform.code_for("production/acme/payments")
        cls.good_csr = cls.maker.csr("good")[0].read_text()

    def setUp(self):
        self.memory = self.authority.memory_kilobytes()

    def tearDown(self):
        self.assertTrue(self.authority.running(), self.authority.tail())
        self.assertEqual(self.call("/v1/health").status, 200, "service does not go on")
        self.assertLess(self.authority.memory_kilobytes() - self.memory, GROWTH_KILOBYTES)

    def call(self, api_path, body=None, credential=None):
        extra = []
        if body is not None:
            file = self.platform.folder / "body.json"
            file.write_text(body)
            extra = ["-H", "Content-Type: application/json", "--data-binary", f"@{file}"]
        return clients.curl(self.platform.folder, self.platform.api_url(api_path), self.platform.trust_chain, credential, extra)

    def enrol_with(self, csr, purpose="transport", **more):
        return self.call("/v1/enrolments", json.dumps({"code": self.code, "purpose": purpose, "csr": csr, **more}))

    def test_bad_requests_are_told_why_and_use_nothing_up(self):
        weak, _ = self.maker.csr("rsa1024", algorithm=("RSA", "-pkeyopt", "rsa_keygen_bits:1024"))
        small_curve, _ = self.maker.csr("p192", algorithm=("EC", "-pkeyopt", "ec_paramgen_curve:P-192"))
        rows = [
            ("truncated CSR", self.good_csr[:200], 400, {"csr.malformed"}),
            ("CSR cut inside its base64", self.good_csr.replace("\n", "", 1)[:-60], 400, {"csr.malformed"}),
            ("no CSR at all", "hello", 400, {"csr.malformed"}),
            ("empty", "", 400, {"csr.malformed"}),
            ("a certificate", self.platform.trust_chain.read_text(), 400, {"csr.malformed"}),
            ("bad proof of possession", self.with_bad_proof(), 403, {"csr.bad_proof"}),
            ("RSA of 1024 bits", weak.read_text(), 400, {"key.weak"}),
            ("a curve of 192 bits", small_curve.read_text(), 400, {"key.weak", "csr.malformed"}),
            ("100 kB", self.good_csr + "x" * 100_000, 413, {"csr.too_large"}),
            ("10 MB", "x" * (10 * MEGABYTE), 413, None),
        ]
        for name, csr, status, codes in rows:
            with self.subTest(name):
                outcome = self.enrol_with(csr)
                self.assertEqual(outcome.status, status, outcome.body)
                problem = json.loads(outcome.body)
                self.assertTrue(problem["detail"], problem)
                if codes:
                    self.assertIn(problem["code"], codes, problem)
        with self.subTest("the good twin, with the same code"):
            self.assertEqual(self.enrol_with(self.good_csr).status, 201)

    def with_bad_proof(self):
        """One bit of the CSR's signature is changed: as if somebody asked for a key that he only saw."""
        der = bytearray(openssl("req", "-in", self.maker.csr("victim")[0], "-outform", "DER"))
        der[-1] ^= 1
        return to_pem(bytes(der), "CERTIFICATE REQUEST")

    def test_json_that_is_not_what_was_asked_for(self):
        rows = [
            ("not JSON", "{", "json.syntax"),
            ("a list", "[]", "json.type"),
            ("a member missing", json.dumps({"code": self.code, "purpose": "signing"}), "json.missing"),
            ("a member of another type", json.dumps({"code": 1, "purpose": "signing", "csr": ""}), "json.type"),
            ("a member nobody knows", json.dumps({"code": self.code, "purpose": "signing", "csr": self.good_csr, "o": 1}),
             "json.unknown_member"),
            ("very deep", "[" * 100_000, "json.syntax"),
            ("a purpose the code is not for", json.dumps({"code": self.code, "purpose": "server", "csr": self.good_csr}), None),
            ("an unknown purpose", json.dumps({"code": self.code, "purpose": "root", "csr": self.good_csr}), "purpose.unknown"),
            ("another code", json.dumps({"code": "cse_" + "A" * 43, "purpose": "signing", "csr": self.good_csr}), None),
        ]
        for name, body, code in rows:
            with self.subTest(name):
                outcome = self.call("/v1/enrolments", body)
                self.assertIn(outcome.status, range(400, 500), outcome.body)
                if code:
                    self.assertEqual(json.loads(outcome.body)["code"], code)

    def test_only_the_operator_may(self):
        stranger = self.maker.self_signed("stranger", "/CN=admin/O=operator/OU=internal")
        organisation = json.dumps({"id": "mallory", "name": "Mallory"})
        self.assertIn(self.call("/v1/organisations", organisation).status, (401, 403))
        self.assertEqual(self.call("/v1/organisations", organisation, stranger).status, 0)
        self.assertNotIn("mallory", [one["id"] for one in self.platform.admin("org", "list")["organisations"]])

    def test_what_is_no_http(self):
        rows = [
            ("random bytes", os.urandom(4096) + b"\r\n\r\n", {400}),
            ("a header of 1 MB", b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * MEGABYTE + b"\r\n\r\n", {431}),
            ("10000 headers", b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 10000 + b"\r\n", {431}),
            ("length and chunks", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
             b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
        ]
        for name, request, statuses in rows:
            with self.subTest(name), self.connect() as stream:
                try:
                    stream.sendall(request)
                except (ConnectionError, ssl.SSLError):
                    pass
                answer = read_to_end(stream)
                self.assertIn(status_of(answer), statuses, answer[:200])

    def keep(self, stream):
        self.addCleanup(stream.close)
        return stream

    def connect(self):
        return tls_connect(self.platform.ports["api"], self.platform.trust_chain, seconds=PATIENCE_SECONDS)

    def test_half_open_and_slow_clients_end_and_others_are_served(self):
        silent = [self.keep(tcp_connect(self.platform.ports["api"], PATIENCE_SECONDS)) for _ in range(300)]
        slow = [self.keep(self.connect()) for _ in range(50)]
        for stream in slow:
            stream.sendall(b"POST /v1/enrolments HTTP/1.1\r\nHost: localhost\r\nContent-Le")
        self.assertEqual(self.call("/v1/health").status, 200)
        for stream in silent:
            self.assertEqual(read_to_end(stream), b"")
        for stream in slow:
            self.assertEqual(status_of(read_to_end(stream)), 408)

    def test_many_large_bodies_leave_no_memory_behind(self):
        for _ in range(20):
            self.assertEqual(self.enrol_with("x" * (10 * MEGABYTE), "signing").status, 413)


if __name__ == "__main__":
    testing.main()
