"""Impostors at the gateway, over TLS 1.3 and 1.2: each refused with its reason in the log, its alert, and nothing upstream."""
import time

import path  # noqa: F401
from harness import clients, impostors, testing
from harness.man_in_the_middle import ManInTheMiddle
from harness.material import Material
from harness.program import wait_until

# name, credential, reason, alert of TLS 1.3, alert of TLS 1.2
ROWS = [
    ("no certificate", lambda t: None, "no_certificate", "certificate_required", "handshake_failure"),
    ("self-signed", lambda t: t.impostors.self_signed, "self_signed", "unknown_ca", "unknown_ca"),
    ("other CA", lambda t: t.impostors.other_ca, "unknown_issuer", "unknown_ca", "unknown_ca"),
    ("expired", lambda t: t.impostors.expired, "expired", "certificate_expired", "certificate_expired"),
    ("not yet valid", lambda t: t.impostors.not_yet_valid, "not_yet_valid", "bad_certificate", "bad_certificate"),
    ("tampered", lambda t: t.impostors.tampered, "bad_signature", "decrypt_error", "decrypt_error"),
    ("signing certificate", lambda t: t.acme.signing, "wrong_purpose", "unsupported_certificate", "unsupported_certificate"),
    ("without its key", lambda t: t.impostors.without_key, "proof_failed", "decrypt_error", "decrypt_error"),
    ("uat certificate at production", lambda t: t.uat.transport, "wrong_environment", "certificate_unknown",
     "certificate_unknown"),
    ("signed by our issuing CA, but never issued", lambda t: t.unlisted, "not_in_registry", "certificate_unknown",
     "certificate_unknown"),
    ("a server certificate", lambda t: t.server_certificate, "wrong_purpose", "unsupported_certificate",
     "unsupported_certificate"),
    ("the operator's certificate", lambda t: t.platform.operator, "wrong_environment", "certificate_unknown",
     "certificate_unknown"),
]


class ImpostorTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")
        cls.uat = cls.platform.enrol("uat/acme/payments")
        cls.maker = Material(cls.platform.folder / "impostors")
        cls.impostors = impostors.make(cls.maker, cls.platform.authority_folder, cls.acme.transport)
        subject, extensions = impostors.material.transport_subject("acme", "payments")
        server = extensions.replace("clientAuth", "serverAuth")
        cls.server_certificate = cls.maker.leaf("server", cls.impostors.issuer, subject, server)
        cls.unlisted = cls.maker.leaf("unlisted", cls.impostors.issuer, subject, extensions)

    def test_each_is_refused_with_its_reason_and_alert(self):
        for name, credential, reason, alert_13, alert_12 in ROWS:
            for version, alert in (("-tls1_3", alert_13), ("-tls1_2", alert_12)):
                with self.subTest(name, version=version):
                    outcome = self.assert_refused(reason, lambda: self.s_client(credential(self), [version]))
                    self.assertEqual(outcome.alert, alert, outcome.output)
            with self.subTest(name, client="curl"):
                self.assertEqual(self.assert_refused(reason, lambda: self.curl(credential(self))).alert, alert_13)

    def test_the_twin_one_change_away_is_accepted(self):
        for version in ("-tls1_3", "-tls1_2"):
            self.assert_seen_as(self.acme.name, self.s_client(self.acme.transport, [version]))

    def test_the_leaf_alone_is_enough(self):
        """The gateway knows its issuing CAs."""
        leaf_only = self.maker.with_leaf("leaf-only", self.acme.transport.certificate.read_text(), self.acme.transport)
        leaf_only.chain.write_text(self.acme.transport.certificate.read_text())
        self.assert_seen_as(self.acme.name, self.curl(leaf_only))

    def test_old_protocols_and_ciphers_are_not_spoken(self):
        for options in (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"],
                        ["-tls1_2", "-cipher", "AES128-GCM-SHA256"]):
            with self.subTest(options):
                self.assertEqual(self.s_client(self.acme.transport, options).status, 0)

    def test_curl_without_any_check_of_its_own(self):
        outcome = self.assert_refused("no_certificate", lambda: clients.curl(self.platform.folder, self.platform.gateway_url()))
        self.assertEqual(outcome.alert, "certificate_required")

    def test_the_issuing_ca_names_are_sent(self):
        outcome = self.s_client(None)
        listing = clients.run(["openssl", "s_client", "-connect", f"localhost:{self.platform.ports['gateway']}"],
                              self.platform.folder).stdout.decode()
        names = listing.partition("Acceptable client certificate CA names\n")[2]
        self.assertIn("Production Transport Issuing CA", names.split("\nRequested")[0], outcome.output)

    def test_suspended_then_resumed(self):
        for kind, name in (("app", "production/beta/shop"), ("org", "gamma")):
            application = "production/beta/shop" if kind == "app" else "production/gamma/shop"
            with self.subTest(kind):
                credential = self.enrol(application).transport
                self.platform.admin(kind, "suspend", name)
                self.settle(credential, status=0)
                outcome = self.assert_refused("suspended", lambda: self.curl(credential))
                self.assertEqual(outcome.alert, "certificate_unknown")
                self.assert_seen_as(self.acme.name, self.curl(self.acme.transport))
                self.platform.admin(kind, "resume", name)
                self.settle(credential)

    def test_revoked_while_connected(self):
        refunds = self.enrol("production/acme/refunds").transport
        mark = self.platform.records("gateway").mark()
        with testing.LiveConnection(self.platform, refunds) as revoked, \
                testing.LiveConnection(self.platform, self.acme.transport) as other:
            self.assertEqual((revoked.ask(), other.ask()), (200, 200))
            self.platform.admin("revoke", testing.serial_of(refunds), "--reason", "key_compromise")
            begun = time.monotonic()
            self.assertTrue(revoked.ends(), "the connection was not cut")
            self.assertLess(time.monotonic() - begun, 10)
            self.assertEqual(other.ask(), 200, "the connection of somebody else was cut")
        self.assertEqual(self.platform.records("gateway").next("connection.cut", mark)["reason"], "revoked")
        outcome = self.assert_refused("revoked", lambda: self.curl(refunds))
        self.assertEqual(outcome.alert, "certificate_revoked")

    def test_what_was_on_its_way_to_a_cut_connection_reaches_nobody(self):
        """The next connection may get the same descriptor: not a byte of the old one may be written to it."""
        for number in range(3):
            cut = self.enrol(f"production/acme/cut-{number}").transport
            self.upstream.release.clear()
            with testing.LiveConnection(self.platform, cut) as connection:
                connection.stream.sendall(b"GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertIn(b"200 OK", connection.stream.recv(65536))
                self.platform.admin("revoke", testing.serial_of(cut), "--reason", "key_compromise")
                self.assertTrue(connection.ends(), "the connection was not cut")
                with testing.LiveConnection(self.platform, self.acme.transport) as other:
                    self.upstream.release.set()
                    self.assertEqual([other.ask() for _ in range(3)], [200] * 3)

    def test_a_man_in_the_middle_learns_nothing(self):
        pretender = impostors.server_pretender(self.maker, self.impostors.other_issuer)
        impostor = ManInTheMiddle(pretender.chain, pretender.key)
        self.addCleanup(impostor.stop)
        outcome = clients.curl(self.platform.folder, f"https://localhost:{impostor.port}/", self.platform.trust_chain,
                               self.acme.transport)
        self.assertNotEqual(outcome.exit_status, 0)
        wait_until(lambda: impostor.alerts, "the impostor saw no alert")
        self.assertIn("UNKNOWN_CA", impostor.alerts[0])
        self.assertEqual((impostor.handshakes, impostor.received), (0, b""))


if __name__ == "__main__":
    testing.main()
