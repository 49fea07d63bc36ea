"""Renewal by partners, by hand and by the agent: old and new overlap, and whatever dies, a key and its chain match."""
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import time
import urllib.request

import path  # noqa: F401
from harness import clients, testing
from harness.clients import run
from harness.platform import credential_in
from harness.program import Program, wait_until
from harness.records import Records

PROFILES = """
[[authority.profiles]]
environment = "production"
purpose = "transport"
life = "1h"
"""
REFUSED, UNAVAILABLE, DENIED = 1, 3, 4
# Certificates begin five minutes before they are issued. So this is due at once, over and over; and the other after 2 s.
ALWAYS_DUE, SOON_DUE = "1s", "302s"


def public_key(command, file):
    return run(["openssl", *command, "-in", file, "-pubkey" if command[0] == "x509" else "-pubout"], ".").stdout


class RenewalTest(testing.PlatformTest):
    authority_settings = PROFILES

    def renew(self, application, *options, purpose="transport", folder=None):
        return self.platform.run("renew", purpose, "--out", folder or application.folder, "--json", *options)

    def renewed(self, application, *options):
        done = self.renew(application, "--force", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def assert_matching_pair(self, folder):
        """The chain's key is in transport.key, or beside it, from where the next start takes it."""
        wanted = public_key(["x509", "-noout"], folder / "transport-chain.pem")
        self.assertIn(b"PUBLIC KEY", wanted)
        keys = [folder / "transport.key", folder / "transport.key.next"]
        self.assertIn(wanted, [public_key(["pkey"], key) for key in keys if key.exists()])

    # --- by hand -------------------------------------------------------------------------------------------------------

    def test_old_and_new_overlap_until_the_old_one_is_revoked(self):
        acme = self.enrol("production/acme/payments")
        before = testing.serial_of(acme.transport)
        stale = self.platform.folder / "stale"
        shutil.copytree(acme.folder, stale)
        self.assertEqual(json.loads(self.renew(acme).stdout)["status"], "not_due")
        answer = self.renewed(acme)
        self.assertEqual((answer["status"], answer["replaces"]), ("renewed", before))
        old, new = credential_in(acme.folder, "transport-previous"), credential_in(acme.folder, "transport")
        self.assertEqual((testing.serial_of(old), testing.serial_of(new)), (before, answer["serial"]))
        self.settle(new)
        self.assert_seen_as(acme.name, self.curl(old))
        self.assert_seen_as(acme.name, self.curl(new))
        with testing.LiveConnection(self.platform, old) as on_old, testing.LiveConnection(self.platform, new) as on_new:
            self.assertEqual((on_old.ask(), on_new.ask()), (200, 200))
            self.platform.admin("revoke", before, "--reason", "superseded")
            self.assertTrue(on_old.ends())
            self.assertEqual(on_new.ask(), 200)
        self.assert_refused("revoked", lambda: self.curl(old))
        refused = self.renew(acme, "--force", folder=stale)
        self.assertEqual((refused.returncode, "renewal.not_accepted" in refused.stderr), (DENIED, True), refused.stderr)
        self.assert_seen_as(acme.name, self.curl(new))

    def test_a_stolen_old_certificate_renews_nothing_once_its_successor_is_seen(self):
        acme = self.enrol("production/acme/stolen")
        stolen = self.platform.folder / "thief"
        shutil.copytree(acme.folder, stolen)
        self.renewed(acme)
        self.renewed(acme)  # shows the first successor to the authority
        refused = self.renew(acme, "--force", folder=stolen)
        self.assertEqual((refused.returncode, "renewal.superseded" in refused.stderr), (DENIED, True), refused.stderr)

    def test_a_successor_seen_at_the_gateway_counts_as_well(self):
        acme = self.enrol("production/acme/seen")
        stolen = self.platform.folder / "gateway-thief"
        shutil.copytree(acme.folder, stolen)
        serial = self.renewed(acme)["serial"]
        self.settle(credential_in(acme.folder, "transport"))
        wait_until(lambda: self.is_seen(serial), "the authority is not told of the successor")
        refused = self.renew(acme, "--force", folder=stolen)
        self.assertEqual((refused.returncode, "renewal.superseded" in refused.stderr), (DENIED, True), refused.stderr)

    def is_seen(self, serial):
        registry = sqlite3.connect(self.platform.authority_folder / "registry.db")
        try:
            return registry.execute("SELECT 1 FROM certificates WHERE serial = ? AND first_seen_at IS NOT NULL",
                                    (serial,)).fetchone()
        finally:
            registry.close()

    def test_signing_is_renewed_with_the_transport_certificate(self):
        acme = self.enrol("production/acme/signing")
        done = self.renew(acme, "--force", purpose="signing")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["replaces"], testing.serial_of(credential_in(acme.folder, "signing-previous")))
        self.assertEqual(json.loads(done.stdout)["urn"], "urn:countersign:production:acme:signing")

    def test_a_kind_of_key_may_be_chosen_and_stays_otherwise(self):
        acme = self.enrol("production/acme/keys", ("--key-type", "p384"))
        self.renewed(acme)
        self.assertIn(b"P-384", run(["openssl", "pkey", "-in", acme.folder / "transport.key", "-noout", "-text"], ".").stdout)
        self.renewed(acme, "--key-type", "ed25519")
        self.assertIn(b"ED25519", run(["openssl", "pkey", "-in", acme.folder / "transport.key", "-noout", "-text"], ".").stdout)

    def test_nothing_to_renew_is_said(self):
        done = self.platform.run("renew", "transport", "--out", self.platform.folder)
        self.assertIn("renewal.nothing", done.stderr)

    # --- the agent -----------------------------------------------------------------------------------------------------

    def configure(self, application, renew_after="", name="agent"):
        """agent.toml for one folder, with a hook that notes the serial it is told."""
        config = self.platform.folder / f"{application.folder.name}-{name}.toml"
        hooks = application.folder / "hooks"
        after = f'danger_renew_after = "{renew_after}"\n' if renew_after else ""
        config.write_text(
            f'[agent]\nstatus = "127.0.0.1:0"\nfirst_retry = "1s"\n\n[[certificates]]\ndir = "{application.folder}"\n'
            f'authority = "localhost:{self.platform.ports["api"]}"\ntrust_chain = "{self.platform.trust_chain}"\n'
            f'hook = ["sh", "-c", "echo $COUNTERSIGN_SERIAL >> \\"$0\\"", "{hooks}"]\n{after}')
        return config, hooks

    def agent(self, config):
        ready = config.with_suffix(".ready")
        return Program(config.stem, self.platform.command("agent", "--config", config, "--ready-file", ready),
                       self.platform.folder, ready)

    def once(self, config):
        return subprocess.run(self.platform.command("agent", "--config", config, "--once"), cwd=self.platform.folder,
                              capture_output=True, text=True, timeout=60)

    def test_renews_over_and_over_and_the_service_never_notices(self):
        acme = self.enrol("production/acme/agent")
        config, hooks = self.configure(acme, SOON_DUE)
        agent = self.agent(config)
        try:
            status = agent.started()["status"]

            def ask(target):
                with urllib.request.urlopen(f"http://{status}{target}", timeout=10) as answer:
                    return answer.read().decode()

            wait_until(lambda: hooks.exists() and len(hooks.read_text().split()) >= 2, "two renewals", 60)
            self.assertEqual(ask("/live"), "live\n")
            self.assertEqual(ask("/ready"), "ready\n")
            self.assertRegex(ask("/metrics"), r'renewals_total\{[^}]*outcome="renewed"\} [2-9]')
            twin = subprocess.run(agent.command, cwd=self.platform.folder, capture_output=True, text=True, timeout=30)
            self.assertEqual((twin.returncode, "agent.locked" in twin.stderr), (REFUSED, True), twin.stderr)
            by_hand = self.renew(acme, "--force")
            self.assertIn("renewal.locked", by_hand.stderr)
            began = time.monotonic()
            self.assertEqual(agent.stop(), 0)
            self.assertLess(time.monotonic() - began, 1.5)
        finally:
            agent.kill()
        told = hooks.read_text().split()
        self.assertEqual(len(told), len(set(told)), "the hook ran once for each certificate")
        records = Records(agent.log).all("certificate.renewed")
        self.assertEqual(told, [one["serial"] for one in records][:len(told)])
        self.settle(credential_in(acme.folder, "transport"))
        self.settle(credential_in(acme.folder, "transport-previous"))

    def test_killed_at_any_moment_it_leaves_a_matching_pair(self):
        acme = self.enrol("production/acme/killed")
        config, hooks = self.configure(acme, ALWAYS_DUE)
        moments = random.Random(20261125)
        for _ in range(20):
            agent = self.agent(config)
            testing.pause(moments.uniform(0.0, 0.12))
            self.assertEqual(agent.kill(), -signal.SIGKILL)
            self.assert_matching_pair(acme.folder)
        done = self.once(config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((acme.folder / "transport.key.next").exists())
        new = credential_in(acme.folder, "transport")
        self.assertEqual(hooks.read_text().split()[-1], testing.serial_of(new))
        self.settle(new)
        self.assert_seen_as(acme.name, self.curl(new))

    def test_a_full_disk_at_any_file_leaves_a_matching_pair(self):
        """Stood in for by a limit to the size of files, in blocks of 512 bytes: the key fits in, the chain does not."""
        acme = self.enrol("production/acme/full")
        before = testing.serial_of(acme.transport)
        config, hooks = self.configure(acme, ALWAYS_DUE)
        command = self.platform.command("agent", "--config", config, "--once")
        for blocks in (0, 1, 2, 3):
            with self.subTest(blocks=blocks):
                limited = ["sh", "-c", f'trap "" XFSZ; ulimit -f {blocks}; exec "$@"', "sh", *command]
                done = subprocess.run(limited, cwd=self.platform.folder, capture_output=True, text=True, timeout=60)
                self.assertEqual((done.returncode, "file.unwritable" in done.stderr), (UNAVAILABLE, True), done.stderr)
                self.assert_matching_pair(acme.folder)
                self.assertEqual(testing.serial_of(credential_in(acme.folder, "transport")), before)
        done = self.once(config)
        self.assertEqual(done.returncode, 0, done.stderr)
        new = credential_in(acme.folder, "transport")
        self.assertEqual(hooks.read_text().split(), [testing.serial_of(new)])
        listed = self.platform.admin("list", "--application", acme.name, "--purpose", "transport")["certificates"]
        self.assertEqual(len(listed), 2, "each try asked for the same key, and got the same certificate")
        self.settle(new)

    def test_waits_for_an_authority_that_is_away(self):
        acme = self.enrol("production/acme/patient")
        before = testing.serial_of(acme.transport)
        config, _ = self.configure(acme, ALWAYS_DUE)
        self.platform.stop("authority")
        try:
            done = self.once(config)
            self.assertEqual((done.returncode, "authority.unreachable" in done.stderr), (UNAVAILABLE, True), done.stderr)
        finally:
            self.platform.start("authority")
        self.assertEqual(testing.serial_of(credential_in(acme.folder, "transport")), before)
        self.assertEqual(self.once(config).returncode, 0)
        self.assertNotEqual(testing.serial_of(credential_in(acme.folder, "transport")), before)

    def test_does_nothing_before_it_is_due(self):
        acme = self.enrol("production/acme/fresh")
        before = testing.serial_of(acme.transport)
        config, hooks = self.configure(acme)
        done = self.once(config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(testing.serial_of(credential_in(acme.folder, "transport")), before)
        self.assertFalse(hooks.exists())

    def test_a_certificate_renewed_by_hand_is_brought_into_use(self):
        acme = self.enrol("production/acme/hand")
        config, hooks = self.configure(acme)
        self.assertEqual(self.once(config).returncode, 0)
        serial = self.renewed(acme)["serial"]
        self.assertEqual(self.once(config).returncode, 0)
        self.assertEqual(self.once(config).returncode, 0)
        self.assertEqual(hooks.read_text().split(), [serial])


class RefusedRenewalTest(testing.PlatformTest):
    """What today's policy does not allow is refused with its reason, and changes nothing of what is held; when it is mended the
    same command renews."""
    authority_settings = PROFILES

    def renew(self, application):
        return self.platform.run("renew", "transport", "--out", application.folder, "--force")

    def assert_refused_with(self, code, application, words):
        before = testing.serial_of(credential_in(application.folder, "transport"))
        done = self.renew(application)
        self.assertEqual((done.returncode, f"({code})" in done.stderr), (DENIED, True), done.stderr)
        self.assertIn(words, done.stderr, "and what to do")
        self.assertEqual(testing.serial_of(credential_in(application.folder, "transport")), before)
        listed = self.platform.admin("list", "--application", application.name, "--purpose", "transport")["certificates"]
        self.assertEqual([one["serial"] for one in listed], [before])

    def assert_renews(self, application):
        done = self.renew(application)
        self.assertEqual(done.returncode, 0, done.stderr)

    def put_next_key(self, application, key):
        shutil.copy(key, application.folder / "transport.key.next")

    def test_of_a_suspended_organisation(self):
        asked = self.enrol("production/globex/suspended")
        self.platform.admin("org", "suspend", "globex")
        self.assert_refused_with("renewal.suspended", asked, "resume")
        self.platform.admin("org", "resume", "globex")
        self.assert_renews(asked)

    def test_of_a_suspended_application(self):
        asked = self.enrol("production/acme/suspended")
        self.platform.admin("app", "suspend", asked.name)
        self.assert_refused_with("renewal.suspended", asked, "resume")
        self.platform.admin("app", "resume", asked.name)
        self.assert_renews(asked)

    def test_under_a_profile_that_was_tightened(self):
        asked = self.enrol("production/acme/tightened")
        settings = self.platform.authority_settings
        for keys, purpose in (('["p384"]', "transport"), ('["p256"]', "transport")):
            self.platform.stop("authority")
            self.platform.authority_settings = settings.replace('life = "1h"', f'life = "1h"\nkey_types = {keys}')
            self.platform.start("authority")
            if "p384" in keys:
                self.assert_refused_with("key.not_allowed", asked, "p384")
            else:
                self.assert_renews(asked)

    def test_with_the_key_that_is_held(self):
        """The command makes a new one whatever happens; so the call itself."""
        asked = self.enrol("production/acme/reused")
        for key, code in ((asked.transport.key, "key.reused"), (self.make_key("fresh"), "")):
            csr = run(["openssl", "req", "-new", "-key", key, "-subj", "/CN=x"], self.platform.folder).stdout.decode()
            answer = clients.curl(self.platform.folder, self.platform.api_url("/v1/renewals"), self.platform.trust_chain,
                                  asked.transport, ["-d", json.dumps({"purpose": "transport", "csr": csr})])
            if code:
                self.assertEqual((answer.status, json.loads(answer.body)["code"]), (403, code), answer.output)
            else:
                self.assertEqual(answer.status, 201, answer.output)

    def make_key(self, name):
        key = self.platform.folder / f"{name}.key"
        run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key], self.platform.folder)
        return key

    def test_with_a_key_of_another_organisation(self):
        asked, other = self.enrol("production/acme/mine"), self.enrol("production/initech/theirs")
        self.put_next_key(asked, other.transport.key)
        self.assert_refused_with("key.in_use", asked, "new key")
        (asked.folder / "transport.key.next").unlink(missing_ok=True)
        self.assert_renews(asked)

    def test_with_a_key_that_was_reported_as_stolen(self):
        asked, lost = self.enrol("production/acme/careful"), self.enrol("production/acme/careless")
        self.platform.admin("revoke", testing.serial_of(lost.transport), "--reason", "key_compromise")
        self.put_next_key(asked, lost.transport.key)
        self.assert_refused_with("key.compromised", asked, "new key")
        (asked.folder / "transport.key.next").unlink(missing_ok=True)
        self.assert_renews(asked)


if __name__ == "__main__":
    testing.main()
