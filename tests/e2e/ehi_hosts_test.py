"""A partner's server of every kind in examples/ehi-host: the provider's EHI caller gets in, and nobody else."""
import json
import shutil
import unittest

import path  # noqa: F401
from harness import clients, material, testing
from harness.ehi_hosts import KINDS, EhiHost
from harness.material import EXPIRED, NOT_YET_VALID, SERVER, TRANSPORT, VALID, Material
from harness.partner import NAMES
from harness.platform import Endpoint, Platform


def subject_of(environment, organisation, application, extensions=TRANSPORT):
    urn = f"urn:countersign:{environment}:{organisation}:{application}"
    return f"/O={organisation}/OU={environment}/CN={application}", f"{extensions}subjectAltName=URI:{urn}\n"


EHI = ("production", "provider", "ehi")
ADVICES = 'mode = "decline"\nack = ["/approved = true"]\nadvice_url = "{}"\nadvice_ack = ["/acknowledged = true"]\n'


class EhiHostsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = Platform("127.0.0.1:1")
        cls.addClassCleanup(cls.platform.close)
        cls.maker = Material(cls.platform.folder / "material")
        public = cls.maker.ca("public-ca", "/CN=Example Public CA (stand-in)")
        own = cls.maker.leaf("partner", public, "/CN=localhost", SERVER + NAMES)
        cls.anchors = public.certificate
        cls.material = cls.platform.folder / "etc-ehi"
        cls.material.mkdir()
        shutil.copy(own.chain, cls.material / "server-chain.pem")
        shutil.copy(own.key, cls.material / "server.key")
        (cls.material / "server-both.pem").write_text(own.chain.read_text() + own.key.read_text())
        cls.platform.up()
        cls.platform.stop()
        shutil.copy(cls.platform.trust_chain, cls.material / "trust-chain.pem")

        cls.hosts = {kind: EhiHost(kind, cls.platform.folder / f"host-{kind}", cls.material)
                     for kind in KINDS if shutil.which(KINDS[kind].needs)}
        for host in cls.hosts.values():
            cls.addClassCleanup(host.stop)
            host.start()
        cls.platform.endpoints = [
            Endpoint(kind, host.url, cls.anchors, more=ADVICES.format(host.url.replace("/decide", "/advice"))
                     if KINDS[kind].behind else "") for kind, host in cls.hosts.items()]
        cls.platform.write_config()
        cls.platform.provision()
        cls.caller = cls.platform.enrol_internal("core-banking")
        cls.callers = cls.make_callers()

    @classmethod
    def make_callers(cls):
        """name: a credential that no host may let in. "twin" is the one they must: each other is one step from it."""
        ours = cls.maker.issuer_of(cls.platform.authority_folder, "production", "ehi")

        def leaf(name, issuer, identity, validity=VALID, extensions=TRANSPORT):
            return cls.maker.leaf(name, issuer, *subject_of(*identity, extensions), validity)

        def from_issuer(name, words, identity):
            # Each issuer_of() writes its key into one file, so the leaf is made at once.
            return leaf(name, cls.maker.issuer_of(cls.platform.authority_folder, *words), identity)

        callers = {
            "twin": leaf("twin", ours, EHI),
            "nobody": None,
            "expired": leaf("expired", ours, EHI, EXPIRED),
            "not yet valid": leaf("not-yet-valid", ours, EHI, NOT_YET_VALID),
            "a server's certificate": leaf("serving", ours, EHI, extensions=SERVER),
            "a signing certificate": leaf("signing", ours, EHI, extensions="keyUsage=critical,digitalSignature\n"
                                                                            "extendedKeyUsage=codeSigning\n"),
            "another caller of the provider": leaf("other-caller", ours, ("production", "provider", "batch")),
            "self-signed": cls.maker.self_signed("self-signed", *subject_of(*EHI)),
            "a look-alike of our CA": leaf("look-alike", cls.maker.ca("look-alike-ca", cls.subject_of_ca(ours)), EHI),
        }
        callers["the test environment"] = from_issuer("uat", ("uat", "ehi"), ("uat", "provider", "ehi"))
        callers["an internal service"] = cls.caller
        callers["another partner"] = cls.platform.enrol("production/beta/shop").transport
        return callers

    @classmethod
    def subject_of_ca(cls, issuer):
        said = material.openssl("x509", "-in", issuer.certificate, "-noout", "-subject", "-nameopt", "compat").decode()
        return said.partition("=")[2].strip()

    def attempt(self, host, caller, extra=()):
        body = ["-H", "Content-Type: application/json", "-d", '{"amount":"12.50"}']
        return clients.curl(self.platform.folder, host.url, self.anchors, caller, [*body, *extra])

    def test_the_sender_gets_through(self):
        for kind, host in self.hosts.items():
            with self.subTest(kind):
                testing.wait_until(lambda: self.platform.call_endpoint(kind, self.caller).status != 503, "the EHI sender")
                outcome = self.platform.call_endpoint(kind, self.caller)
                self.assertEqual(outcome.status, 200, outcome.output)
                said = json.loads(outcome.body)
                self.assertIs(said["approved"], True)
                self.assertIn("ehi", said["caller"])
                self.assertIn("provider", said["caller"])

    def test_the_application_takes_advices(self):
        for kind in (kind for kind in self.hosts if KINDS[kind].behind):
            with self.subTest(kind):
                testing.wait_until(lambda: self.platform.call_endpoint(kind, self.caller).status == 200, "the EHI sender")
                log = self.platform.records("ehi")
                mark = log.mark()
                outcome = self.platform.call_endpoint(f"{kind}/advices", self.caller)
                self.assertEqual(outcome.status, 202, outcome.output)
                record = log.next("ehi.advice_delivered", mark)
                self.assertEqual((record["endpoint"], record["attempt"]), (kind, 1))

    def test_nobody_else_does(self):
        for kind, host in self.hosts.items():
            for name, caller in self.callers.items():
                with self.subTest(kind, caller=name):
                    outcome = self.attempt(host, caller)
                    if name == "twin":
                        self.assertEqual(outcome.status, 200, outcome.output)
                    else:
                        self.assertIn(outcome.status, (0, 400, 403), outcome.output)
                        self.assertNotIn("approved", outcome.body)

    def test_a_header_is_no_credential(self):
        """What the client says about itself is overwritten or not asked."""
        spoofed = ["-H", "X-Caller: /CN=somebody"]
        for kind, host in self.hosts.items():
            with self.subTest(kind):
                outcome = self.attempt(host, self.callers["twin"], spoofed)
                self.assertEqual(outcome.status, 200, outcome.output)
                self.assertNotIn("somebody", outcome.body)

    def test_no_session_is_taken_up_again(self):
        """Whoever was let in once is looked at again: no host offers a session that skips the certificate."""
        twin = self.callers["twin"]
        for kind, host in self.hosts.items():
            for version in KINDS[kind].versions:
                with self.subTest(kind, version=version):
                    done = clients.run(["openssl", "s_client", "-connect", f"127.0.0.1:{host.port}", "-CAfile", self.anchors, version,
                                        "-cert", twin.certificate, "-key", twin.key, "-cert_chain", clients.issuers_file(twin),
                                        "-reconnect"], self.platform.folder, "")
                    talk = done.stdout.decode(errors="replace")
                    self.assertIn("New, TLSv1", talk, done.stderr.decode(errors="replace"))
                    self.assertNotIn("Reused, TLSv1", talk)


if __name__ == "__main__":
    testing.main()
