"""`countersign up`: the whole platform on one machine, by one command, started again and again on the same data."""
import contextlib
import json
import os
import signal
import socket
import sqlite3
import stat
import unittest
from pathlib import Path

import path  # noqa: F401
from harness import clients, testing
from harness.material import openssl, split_pem
from harness.platform import Platform
from harness.program import Program, wait_until
from harness.upstream import Upstream


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def program_of(pid):
    """By its command line, which can be read also where its memory cannot."""
    try:
        return Path(os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0])).name
    except (FileNotFoundError, ProcessLookupError):  # it ended just now
        return ""


def environment_of(pid):
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except PermissionError:  # a program that keeps its memory private does not show it to its own user
        return b""


class UpTest(unittest.TestCase):
    def setUp(self):
        self.upstream = Upstream()
        self.addCleanup(self.upstream.stop)
        self.platform = Platform(self.upstream.address)
        self.addCleanup(self.platform.close)
        self.platform.up()

    def curl(self, credential):
        return clients.curl(self.platform.folder, self.platform.gateway_url(), self.platform.trust_chain, credential)

    def settle(self, credential):
        wait_until(lambda: self.curl(credential).status == 200, "the gateway does not answer")

    def children(self):
        programs = {program_of(pid): pid for pid in children_of(self.platform.running["up"].pid)}
        return {name: pid for name, pid in programs.items() if name}

    def test_a_second_run_continues_the_first(self):
        acme = self.platform.enrol("production/acme/payments").transport
        self.settle(acme)
        status = f"http://127.0.0.1:{self.platform.ports['authority_status']}/ca/partner-root.cer"
        self.assertEqual(clients.curl(self.platform.folder, status).status, 200)
        trust = self.platform.trust_chain.read_text()
        children = self.children()
        self.assertEqual(set(children), {"countersign-authority", "countersign-gateway", "countersign-ehi"})
        self.platform.stop("up")
        for pid in children.values():
            self.assertFalse(Path(f"/proc/{pid}").exists(), "a child outlived it")
        self.platform.up()
        self.assertEqual(self.platform.trust_chain.read_text(), trust, "a new root was made")
        self.settle(acme)

    def test_no_program_leaves_its_memory_in_a_core_dump(self):
        for name, pid in self.children().items():
            limits = Path(f"/proc/{pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0 ", name)

    def test_the_operators_key_may_be_kept_elsewhere(self):
        self.platform.stop("up")
        (self.platform.authority_folder / "operator").rename(self.platform.folder / "safe")
        self.platform.up()
        acme = self.platform.run("admin", "org", "create", "acme", "--data", self.platform.data, "--operator",
                                 self.platform.folder / "safe")
        self.assertEqual(acme.returncode, 0, acme.stderr)

    def test_another_operator_uses_the_files_as_requested(self):
        self.platform.create_application("internal/operator/alice")
        code = self.platform.code_for("internal/operator/alice")
        self.platform.request_or_fail("service", code, self.platform.folder / "alice")
        orgs = self.platform.run("admin", "org", "list", "--operator", self.platform.folder / "alice")
        self.assertEqual(orgs.returncode, 0, orgs.stderr)
        nobody = self.platform.run("admin", "org", "list", "--operator", self.platform.folder / "bob")
        for name in ("admin.pem", "admin.key", "service-chain.pem", "service.key"):
            self.assertIn(name, nobody.stderr)

    def test_a_wildcard_may_be_the_first_server_name(self):
        self.platform.stop("up")
        config = self.platform.data / "countersign.toml"
        config.write_text(config.read_text().replace('["localhost"', '["*.example.com", "localhost"'))
        self.platform.up()
        self.assertIn("does not name '*.example.com'", self.platform.running["up"].tail())
        self.platform.stop("up")
        log = self.platform.folder / "up.log"
        log.write_text("")
        self.platform.up()
        self.assertNotIn("certificate for", log.read_text(), "what is good was obtained once more")

    def test_ctrl_c_stops_everything(self):
        children = self.children()
        up = self.platform.running.pop("up")
        up.process.send_signal(signal.SIGINT)
        self.assertEqual(up.process.wait(30), 0)
        self.assertFalse([pid for pid in children.values() if Path(f"/proc/{pid}").exists()])
        self.assertFalse((self.platform.data / "up.json").exists())

    def test_a_program_that_dies_is_started_again(self):
        acme = self.platform.enrol("production/acme/payments").transport
        self.settle(acme)
        for name in ("countersign-gateway", "countersign-authority"):
            with self.subTest(name):
                old = self.children()[name]
                os.kill(old, signal.SIGKILL)
                wait_until(lambda: self.children().get(name) not in (None, old), f"{name} is not started again")
                wait_until(self.note_addresses_and_ask(acme), "the gateway does not answer again")

    def test_one_that_cannot_start_again_does_not_stop_the_others(self):
        acme = self.platform.enrol("production/acme/payments").transport
        self.settle(acme)
        config = self.platform.data / "countersign.toml"
        config.write_text(config.read_text().replace("[ehi]", "[ehi]\nno_such_key = 1"))
        os.kill(self.children()["countersign-ehi"], signal.SIGKILL)
        up = self.platform.running["up"]
        wait_until(lambda: "it is DOWN" in up.tail() or not up.running(), "it does not say that the sender is down")
        self.assertTrue(up.running(), up.tail())
        self.assertIn("no_such_key", up.tail())
        self.assertIn('"up.failing"', (self.platform.data / "log" / "up.log").read_text())
        self.assertEqual(set(self.children()), {"countersign-authority", "countersign-gateway"})
        self.settle(acme)

    def note_addresses_and_ask(self, credential):
        def ask():
            self.platform.note_ports_of_up()
            return self.curl(credential).status == 200
        return ask

    def test_no_child_outlives_a_killed_up(self):
        children = self.children()
        self.platform.running.pop("up").kill()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children.values()), "a child outlived it")

    def test_a_partner_starts_from_the_roots_fingerprint(self):
        self.platform.create_application("production/acme/payments")
        fingerprint = self.platform.admin("enrol", "production/acme/payments")["root_sha256"]
        chain = self.platform.folder / "fetched.pem"
        fetch = self.platform.command("trust-chain", "--data", "nowhere", "--out", chain, "--authority",
                                      f"localhost:{self.platform.ports['api']}", "--fingerprint")
        wrong = clients.run([*fetch, "00" * 32], self.platform.folder)
        self.assertEqual(wrong.returncode, 1, wrong.stderr)
        self.assertFalse(chain.exists())
        right = clients.run([*fetch, fingerprint.upper()], self.platform.folder)
        self.assertEqual(right.returncode, 0, right.stderr)
        gateway = f"localhost:{self.platform.ports['gateway']}"
        for how in (["--fingerprint", fingerprint], ["--trust-chain", self.platform.trust_chain]):
            slip = clients.run(self.platform.command("trust-chain", "--authority", gateway, "--json", *how), self.platform.folder)
            self.assertEqual((slip.returncode, json.loads(slip.stderr)["code"]), (1, "authority.another_server"), slip.stderr)
        self.assertIn(fingerprint, right.stdout.decode())
        self.assertEqual(chain.read_text(), self.platform.trust_chain.read_text())

    def test_the_trust_chain_is_there_in_every_form(self):
        pems = split_pem(self.platform.trust_chain.read_text())
        password = self.platform.folder / "password"
        password.write_text("changeit\n")
        reading = {"p7b": ("pkcs7", "-print_certs"), "p12": ("pkcs12", "-nokeys", "-passin", f"file:{password}")}
        for form, reader in reading.items():
            with self.subTest(form):
                saved = self.platform.folder / f"trust-chain.{form}"
                options = ("--password-file", password) if form == "p12" else ()
                done = self.platform.run("trust-chain", "--data", self.platform.data, "--out", saved, "--format", form, *options)
                self.assertEqual(done.stdout.count("SHA-256"), len(pems), done.stdout + done.stderr)
                self.assertEqual(split_pem(openssl(*reader, "-in", saved).decode()), pems)

    def test_the_audit_log_is_read_verified_and_acknowledged(self):
        self.platform.create_application("production/acme/payments")
        records = self.platform.admin("audit", "list", "--after", "1", "--limit", "1000")["records"]
        self.assertEqual(records[0]["sequence"], 2)
        self.assertIn("application.created", [record["action"] for record in records])
        verified = self.platform.admin("audit", "verify")
        self.assertEqual(verified, {"intact": True, "records": records[-1]["sequence"]})
        nothing_to_say = self.platform.run("admin", "audit", "acknowledge", "--data", self.platform.data)
        self.assertIn("audit.intact", nothing_to_say.stderr)

        self.platform.stop("up")
        with contextlib.closing(sqlite3.connect(self.platform.authority_folder / "registry.db")) as registry:
            for trigger in registry.execute("select name from sqlite_master where type = 'trigger'").fetchall():
                registry.execute(f"drop trigger {trigger[0]}")
            registry.execute("update audit set actor = 'somebody else' where sequence = 3")
            registry.commit()
        self.platform.up()
        broken = self.platform.run("admin", "audit", "verify", "--data", self.platform.data)
        self.assertEqual(broken.returncode, 1, broken.stderr)
        self.assertIn("BROKEN", broken.stdout)
        self.platform.admin("audit", "acknowledge")
        self.assertTrue(self.platform.admin("audit", "verify")["intact"])

    def test_one_at_a_time(self):
        second = clients.run(self.platform.command("up", "--data", self.platform.data), self.platform.folder)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("up.running", second.stderr.decode())

    def test_secrets_are_for_the_owner_alone(self):
        secrets = [*self.platform.data.rglob("*.key"), *self.platform.data.rglob("keys/*.pem"),
                   *self.platform.data.rglob("passphrase"), *self.platform.data.rglob("registry.db")]
        self.assertGreater(len(secrets), 8)
        for file in secrets:
            self.assertEqual(stat.S_IMODE(file.stat().st_mode) & 0o077, 0, file)
        for file in self.platform.data.rglob("keys/*.pem"):
            self.assertIn("ENCRYPTED", file.read_text(), file)


class FirstRunTest(unittest.TestCase):
    def test_a_busy_port_is_explained_and_the_retry_may_choose_another(self):
        platform = Platform("127.0.0.1:9")
        self.addCleanup(platform.close)
        data, ready = platform.folder / "fresh", platform.folder / "ready.json"
        ready.write_text('{"of": "an earlier run"}')
        busy = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(busy.close)
        command = platform.command("up", "--data", data, "--provider", "Bank", "--ready-file", ready, *(
            word for name in ("api", "internal", "status", "gateway", "gateway-status", "ehi-status") for word in (f"--{name}-port", 0)))
        first = clients.run([*command, "--ehi-port", str(busy.getsockname()[1])], platform.folder)
        self.assertEqual(first.returncode, 3, first.stderr)
        for word in (b"ehi.listen", b"--ehi-port"):
            self.assertIn(word, first.stderr)
        self.assertFalse(ready.exists(), "it says that something serves")
        self.assertFalse((data / "authority").exists(), "something was started")
        again = Program("fresh", [*command, "--ehi-port", "0"], platform.folder, ready)
        platform.running["up"] = again
        again.started()
        platform.stop("up")
        self.assertFalse(ready.exists(), "it says that something serves")
        late = clients.run([*command, "--ehi-port", "1"], platform.folder)
        self.assertIn(b"up.setting", late.stderr)


class PassphraseTest(unittest.TestCase):
    def test_the_environment_tells_the_passphrase_to_the_authority_alone(self):
        with Platform("127.0.0.1:9") as platform:
            platform.up({"COUNTERSIGN_PASSPHRASE": "open-sesame-4711"})
            self.assertFalse((platform.authority_folder / "passphrase").exists(), "it was not used")
            children = children_of(platform.running["up"].pid)
            self.assertEqual(len(children), 3)
            for pid in children:  # the authority has wiped it after reading
                self.assertNotIn(b"open-sesame", environment_of(pid), program_of(pid))


if __name__ == "__main__":
    testing.main()
