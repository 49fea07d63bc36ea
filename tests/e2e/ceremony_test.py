"""Roots that never were on a network: an authority is established from a ceremony, another has its root taken offline and rotates
an issuing CA all the same, and a root's CRL takes a CA back where its certificate says."""
import hashlib
import os
import re
import signal
import subprocess
import time

import path  # noqa: F401
from harness import clients, testing
from harness.fleet import Authority
from harness.platform import programs_folder
from harness.program import Program, wait_until

PARTNER = ["uat-transport", "uat-signing", "production-transport", "production-signing", "people"]
PROVIDER = ["internal", "uat-ehi", "production-ehi"]
PASSPHRASE = "a passphrase of the roots"


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def head(title, out):
    return (f'[ceremony]\ntitle = "{title}"\nat = "{now()}"\nwitnesses = ["Ada", "Grace"]\nstate = "roots"\nout = "{out}"\n')


def root(name, title, more=""):
    return (f'[[roots]]\nname = "{name}"\ncommon_name = "Example Payments {title}"\norganisation = "Example Payments"\n'
            f'life = "7300d"\n{more}')


def certify(name, by, request, digest):
    return (f'[[certify]]\nname = "{name}"\nroot = "{by}"\nrequest = "{request}"\nspki_sha256 = "{digest}"\n'
            f'common_name = "Example Payments {name}"\norganisation = "Example Payments"\nlife = "3650d"\n')


def crl(of, more=""):
    return f'[[crls]]\nroot = "{of}"\nlife = "90d"\nurl = "http://pki.example/crl/{of}-0.crl"\n{more}'


class CeremonyTest(testing.PlatformTest):
    authority_settings = ""

    def hold(self, folder, text, *options, passphrase=PASSPHRASE):
        file = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:8]}.toml"
        file.write_text(text)
        environment = {**os.environ, "COUNTERSIGN_PASSPHRASE": passphrase}
        return subprocess.run([programs_folder() / "countersign", "ceremony", file, *options], capture_output=True, text=True,
                              env=environment, timeout=120, check=False)

    def test_an_authority_is_established_from_it(self):
        new = Authority(self.platform.programs, "")
        self.addCleanup(new.close)
        new.more = 'ceremony = "exchange"\n'
        new.write_config()
        exchange = new.folder / "exchange"
        first = None
        for _ in range(2):  # it may be started as often as one likes
            waiting = subprocess.run([self.platform.programs / "countersign-authority", "--config", new.config], capture_output=True,
                                     text=True, timeout=60, check=False)
            self.assertNotEqual(waiting.returncode, 0)
            self.assertIn("authority.awaits_ceremony", waiting.stderr)
            requests = {file.name: file.read_bytes() for file in sorted(exchange.glob("*.csr"))}
            self.assertEqual(len(requests), 8)
            first = first or requests
            self.assertEqual(requests, first, "the requests stay")
        digests = dict(line.split() for line in (exchange / "keys.sha256").read_text().splitlines())
        text = head("The first one", "../exchange-out") + root("partner-root", "Partner Root CA") + root("provider-root", "Provider Root CA")
        for by, names in (("partner-root", PARTNER), ("provider-root", PROVIDER)):
            text += "".join(certify(name, by, f"{name}.csr", digests[name]) for name in names)
        text += crl("partner-root") + crl("provider-root")
        checked = self.hold(exchange, text, "--check")
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertIn("THIS IS A CHECK", checked.stdout)
        held = self.hold(exchange, text)
        self.assertEqual(held.returncode, 0, held.stderr)
        self.assertIn("12 signatures", held.stdout)
        again = self.hold(exchange, text)
        self.assertIn("ceremony.done", again.stderr)
        out = new.folder / "exchange-out"
        for file in out.glob("*.pem"):
            (exchange / file.name).write_bytes(file.read_bytes())
        new.start()
        self.assertFalse((new.data / "keys" / "partner-root.pem").exists(), "it never had a root's key")
        chain = new.folder / "trust-chain.pem"
        outcome = clients.curl(new.folder, f"https://localhost:{new.ports['api']}/v1/health", chain)
        self.assertEqual(outcome.status, 200, outcome.output)
        verified = clients.run(["openssl", "verify", "-CAfile", out / "partner-root.pem", out / "uat-transport.pem"], new.folder)
        self.assertEqual(verified.returncode, 0, verified.stdout)
        admin = self.platform.command("admin", "ca", "certify", "uat-transport", "--data", new.folder, "--authority",
                                      f"localhost:{new.ports['api']}", "--trust-chain", chain)
        self.assertNotEqual(clients.run(admin, new.folder).returncode, 0)

    def test_a_root_is_taken_offline(self):
        folder = self.platform.folder / "offline"
        roots = folder / "roots"
        roots.mkdir(parents=True)
        keys = self.platform.authority_folder / "keys"
        (keys / "partner-root.pem").rename(roots / "partner-root.key")
        certificate = self.platform.authority_folder / "certificates" / "partner-root.pem"
        (roots / "partner-root.pem").write_bytes(certificate.read_bytes())
        passphrase = (self.platform.authority_folder / "passphrase").read_text().strip()
        self.platform.stop("authority")
        self.platform.start("authority")

        prepared = self.platform.admin("ca", "prepare", "uat-signing", "--csr", folder / "next.csr")
        refused = self.platform.run("admin", "ca", "certify", prepared["name"], "--data", self.platform.data)
        self.assertIn("root.offline", refused.stderr)
        spki = clients.run(["sh", "-c", f"openssl req -in {folder}/next.csr -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum"],
                           folder).stdout.decode().split()[0]
        wrong = self.hold(folder, head("wrong", "wrong") + certify("uat-signing-2", "partner-root", "next.csr", "0" * 64),
                          passphrase=passphrase)
        self.assertIn("ceremony.key", wrong.stderr)
        held = self.hold(folder, head("next", "one") + certify("uat-signing-2", "partner-root", "next.csr", spki), passphrase=passphrase)
        self.assertEqual(held.returncode, 0, held.stderr)
        self.assertEqual(self.platform.admin("ca", "import", prepared["name"], folder / "one" / "uat-signing-2.pem")["state"], "prepared")
        self.assertEqual(self.platform.admin("ca", "distribute", prepared["name"])["state"], "distributed")

        # The old one is taken back.
        old = self.platform.admin("ca", "show", "uat-signing")["serial"]
        listed = f'least_number = 2\n[[crls.withdrawn]]\nserial = "{old}"\nreason = "superseded"\nat = "{now()}"\n'
        held = self.hold(folder, head("back", "two") + crl("partner-root", listed), passphrase=passphrase)
        self.assertEqual(held.returncode, 0, held.stderr)
        made = folder / "two" / "partner-root.crl.pem"
        self.platform.admin("ca", "import-crl", "partner", made)
        served = f"http://127.0.0.1:{self.platform.ports['authority_status']}/crl/partner-root-0.crl"
        expected = clients.run(["openssl", "crl", "-in", made, "-outform", "DER"], folder).stdout

        def is_served():
            clients.curl(folder, served, extra=["-o", folder / "served.crl"])
            return (folder / "served.crl").read_bytes() == expected

        wait_until(is_served, "the imported CRL is not served", 15)
        again = self.platform.run("admin", "ca", "import-crl", "provider", made, "--data", self.platform.data)
        self.assertIn("crl.foreign", again.stderr)

    def test_cut_off_by_kill(self):
        """kill -9 at some moment: the same file completes it, with one key and the same bytes."""
        folder = self.platform.folder / "killed"
        folder.mkdir()
        text = head("killed", "out") + root("partner-root", "Partner Root CA", 'key = "rsa4096"\n') + crl("partner-root")
        (folder / "plan.toml").write_text(text)
        environment = {"COUNTERSIGN_PASSPHRASE": PASSPHRASE}
        for _ in range(5):
            one = Program("ceremony", [self.platform.programs / "countersign", "ceremony", folder / "plan.toml"], folder, None, environment)
            wait_until(lambda: (folder / "roots" / "journal.jsonl").exists() or not one.running(), "it does not begin", 20)
            if not one.running():
                break
            one.process.send_signal(signal.SIGKILL)
            one.process.wait(10)
        done = subprocess.run([self.platform.programs / "countersign", "ceremony", folder / "plan.toml"], capture_output=True, text=True,
                              env={**os.environ, **environment}, timeout=120, check=False)
        self.assertTrue(done.returncode == 0 or "ceremony.done" in done.stderr, done.stderr)
        made = (folder / "out" / "partner-root.pem").read_text()
        self.assertEqual(made, (folder / "roots" / "partner-root.pem").read_text())
        parts = re.findall(r'"event":"intent".*?"number":"([^"]+)"', (folder / "roots" / "journal.jsonl").read_text())
        self.assertEqual(len(set(parts)), 2, "one certificate, one CRL, whatever was repeated")


if __name__ == "__main__":
    testing.main()
