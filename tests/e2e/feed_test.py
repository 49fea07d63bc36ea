"""The gateway lives from the trust feed and its last copy on disk."""
import hashlib
import shutil

import path  # noqa: F401
from harness import testing
from harness.material import to_der
from harness.program import Program, wait_until


class FeedTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")
        cls.beta = cls.enrol("production/beta/shop")

    @property
    def copy(self):
        return self.platform.data / "gateway" / "trust-feed.json"

    def tearDown(self):
        for name in ("authority", "gateway"):
            if name not in self.platform.running:
                self.platform.start(name)
        self.settle(self.acme.transport)

    def wait_for_copy_with(self, credential):
        """The copy on disk names the certificate by its fingerprint."""
        fingerprint = hashlib.sha256(to_der(credential.certificate.read_text())).hexdigest()
        wait_until(lambda: self.copy.exists() and fingerprint in self.copy.read_text(), "the copy on disk stays behind")

    def test_starts_with_the_authority_down(self):
        self.wait_for_copy_with(self.acme.transport)
        self.platform.stop("gateway", "authority")
        self.platform.start("gateway")
        self.assert_seen_as(self.acme.name, self.curl(self.acme.transport))
        self.assert_refused("no_certificate", lambda: self.curl(None))

    def test_a_revocation_survives_a_restart_with_the_authority_down(self):
        refunds = self.enrol("production/acme/refunds").transport
        self.platform.admin("revoke", testing.serial_of(refunds), "--reason", "superseded")
        self.settle(refunds, status=0)
        self.platform.stop("gateway", "authority")
        self.platform.start("gateway")
        self.assert_refused("revoked", lambda: self.curl(refunds))
        self.assert_seen_as(self.acme.name, self.curl(self.acme.transport))

    def test_a_copy_that_could_not_be_written_never_loses_a_revocation(self):
        """As with a full disk: the revocation acts, is missing in the copy, and must not be passed over by the next change."""
        stolen = self.enrol("production/acme/chargebacks").transport
        self.wait_for_copy_with(stolen)
        aside = self.copy.rename(self.copy.with_name("aside"))
        self.copy.mkdir()  # nothing can be appended to a folder
        mark = self.platform.records("gateway").mark()
        self.platform.admin("revoke", testing.serial_of(stolen), "--reason", "superseded")
        self.settle(stolen, status=0)
        self.platform.records("gateway").next("feed.copy_failed", mark)
        self.copy.rmdir()
        aside.rename(self.copy)
        self.wait_for_copy_with(self.enrol("production/acme/late").transport)
        self.platform.stop("gateway", "authority")
        self.platform.start("gateway")
        self.assert_refused("revoked", lambda: self.curl(stolen))

    def test_a_restored_registry_does_not_bring_back_the_revoked(self):
        """An older registry counts other changes by the same numbers: a follower of the newer one must start afresh."""
        stolen = self.enrol("production/acme/terminals").transport
        self.wait_for_copy_with(stolen)
        folder, backup = self.platform.authority_folder, self.platform.folder / "backup"
        self.platform.stop("authority")
        shutil.copytree(folder, backup)
        self.platform.start("authority")
        self.wait_for_copy_with(self.enrol("production/acme/forgotten").transport)
        self.platform.stop("gateway", "authority")
        shutil.rmtree(folder)
        shutil.copytree(backup, folder)
        self.platform.start("authority")
        self.platform.admin("revoke", testing.serial_of(stolen), "--reason", "superseded")
        for number in range(3):  # past the last number that the gateway knows
            self.platform.enrol(f"production/acme/later-{number}")
        self.platform.start("gateway")
        self.settle(stolen, status=0)
        self.assert_refused("revoked", lambda: self.curl(stolen))

    def test_catches_up_when_the_authority_comes_back(self):
        self.platform.stop("authority")
        self.assert_seen_as(self.acme.name, self.curl(self.acme.transport))
        self.platform.start("authority")
        self.platform.admin("app", "suspend", self.beta.name)
        self.settle(self.beta.transport, status=0)
        self.assert_refused("suspended", lambda: self.curl(self.beta.transport))
        self.platform.admin("app", "resume", self.beta.name)
        self.settle(self.beta.transport)

    def test_without_any_trust_it_does_not_serve(self):
        """Law 4: neither a copy nor an authority, or a copy that is damaged: no weaker mode. (They wait for the authority a
        while; all three at once.)"""
        self.platform.stop("gateway", "authority")
        gateways = {name: self.launch_gateway_with_copy(name, content)
                    for name, content in (("none", None), ("empty", ""), ("damaged", '{"format":1,'))}
        for name, gateway in gateways.items():
            with self.subTest(f"copy: {name}"):
                self.assertNotIn(gateway.process.wait(60), (0, -6, -11), gateway.tail())
                self.assertFalse(gateway.ready_file.exists(), "it said that it serves")

    def launch_gateway_with_copy(self, name, content):
        """Another gateway beside the first, with that text as its copy of the feed (None: no copy)."""
        data = self.platform.data / f"gateway-{name}"
        shutil.copytree(self.platform.data / "gateway", data)
        copy = data / self.copy.name
        copy.unlink() if content is None else copy.write_text(content)
        config = self.platform.data / f"gateway-{name}.toml"
        config.write_text((self.platform.data / "gateway.toml").read_text().replace('data = "gateway"', f'data = "{data.name}"'))
        ready = self.platform.folder / f"gateway-{name}.ready"
        command = [self.platform.programs / "countersign-gateway", "--config", config, "--ready-file", ready]
        gateway = Program(data.name, command, self.platform.folder, ready)
        self.addCleanup(gateway.kill)
        return gateway

    def test_a_damaged_copy_is_replaced_from_the_authority(self):
        self.platform.stop("gateway")
        self.copy.write_text("damaged")
        self.platform.start("gateway")
        self.assert_seen_as(self.acme.name, self.curl(self.acme.transport))


if __name__ == "__main__":
    testing.main()
