"""An issuing CA follows another under load: clients with certificates of both shake hands without a pause through all four
states, and none is refused before the old one is retired; then only those of the old one are, with the reason. A crash at each
step is completed by asking again; a CA whose key was lost ends at once; an authority that shares the registry hears of it."""
import secrets
import signal
import socket
import ssl
import threading
import time
import unittest
from http.client import HTTPResponse

import path  # noqa: F401
from harness import clients, database, testing
from harness.fleet import Authority
from harness.platform import Failure, credential_in
from harness.program import wait_until

LINE = "production-transport"
NEXT = "production-transport-2"


class Load:
    """Handshakes and one request each, one after the other without a pause, until stopped."""

    def __init__(self, platform, credential):
        self.address = ("127.0.0.1", platform.ports["gateway"])
        self.context = ssl.create_default_context(cafile=platform.trust_chain)
        self.context.load_cert_chain(credential.chain, credential.key)
        self.answered = 0
        self.failures = []
        self.running = True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def once(self):
        with socket.create_connection(self.address, timeout=10) as plain:
            with self.context.wrap_socket(plain, server_hostname="localhost") as stream:
                stream.sendall(b"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answer = b""
                while chunk := stream.recv(65536):
                    answer += chunk
        if not answer.startswith(b"HTTP/1.1 200"):
            raise OSError(f"answered {answer[:60]!r}")

    def run(self):
        while self.running:
            try:
                self.once()
                self.answered += 1
            except OSError as error:
                self.failures.append((time.monotonic(), str(error)))
                time.sleep(0.01)

    def stop(self):
        self.running = False
        self.thread.join()


class Rotating(testing.PlatformTest):
    def ca(self, *words):
        return self.platform.admin("ca", *words)

    def refused(self, *words):
        """What an operator reads who is refused."""
        done = self.platform.run("admin", "ca", *words, "--data", self.platform.data)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stderr

    def state_of(self, name):
        return {ca["name"]: ca["state"] for ca in self.ca("list")["issuing_cas"]}[name]

    def is_believed(self, name):
        followers = [one for one in self.ca("show", name)["followers"] if one["concerned"]]
        return bool(followers) and all(one["holds"] for one in followers)

    def try_activate(self, name=NEXT):
        try:
            return self.ca("activate", name)["state"] == "active"
        except Failure:
            return False

    def issuer_of(self, credential):
        done = clients.run(["openssl", "x509", "-in", credential.certificate, "-noout", "-issuer"], self.platform.folder)
        return done.stdout.decode()

    def bring_to_active(self, line):
        name = self.ca("prepare", line)["name"]
        self.ca("certify", name)
        self.ca("distribute", name)
        wait_until(lambda: self.is_believed(name), "the gateway does not come to believe the new CA", 15)
        self.ca("activate", name)
        return name

    def wait_refused(self, credential):
        wait_until(lambda: self.curl(credential).status != 200, "the gateway still answers", 15)


class UnderLoadTest(Rotating):
    def load(self, credential):
        load = Load(self.platform, credential)
        self.addCleanup(load.stop)
        return load

    def assert_unharmed(self, *loads):
        for load in loads:
            before = load.answered
            wait_until(lambda: load.answered >= before + 20 or load.failures, "no handshakes", 20)
            self.assertEqual(load.failures, [])

    def idle_connection(self, credential):
        """A live one that asks nothing; whoever closes it, we see it."""
        context = ssl.create_default_context(cafile=self.platform.trust_chain)
        context.load_cert_chain(credential.chain, credential.key)
        stream = context.wrap_socket(socket.create_connection(("127.0.0.1", self.platform.ports["gateway"]), timeout=20),
                                     server_hostname="localhost")
        self.addCleanup(stream.close)
        self.ask(stream)
        return stream

    def ask(self, stream):
        """One request and the whole of its answer; the connection stays."""
        stream.sendall(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = HTTPResponse(stream)
        answer.begin()
        answer.read()
        self.assertEqual(answer.status, 200)

    def is_cut(self, stream):
        try:
            return stream.recv(65536) == b""
        except ConnectionError:
            return True

    def test_under_load(self):
        old = self.enrol("production/acme/payments")
        loads = [self.load(old.transport), self.load(old.transport)]
        self.assert_unharmed(*loads)

        prepared = self.ca("prepare", LINE, "--csr", self.platform.folder / "next.csr")
        self.assertEqual((prepared["name"], prepared["state"]), (NEXT, "waiting"))
        self.assertIn("BEGIN CERTIFICATE REQUEST", (self.platform.folder / "next.csr").read_text())
        self.assertEqual(self.ca("certify", NEXT)["state"], "prepared")
        self.assert_unharmed(*loads)

        self.assertEqual(self.ca("distribute", NEXT)["state"], "distributed")
        partner_chain = (self.platform.data / "partner-chain.pem").read_text()
        self.assertIn(self.ca("show", NEXT)["certificate"], partner_chain, "who downloads the trust chain has it")
        wait_until(lambda: self.is_believed(NEXT), "the gateway does not come to believe the new CA", 15)
        self.assert_unharmed(*loads)

        self.assertEqual(self.ca("activate", NEXT)["state"], "active")
        self.assertEqual(self.state_of(LINE), "superseded")
        new = self.enrol("production/acme/cards")
        self.assertIn("Transport Issuing CA G2", self.issuer_of(new.transport))
        self.assertNotIn("G2", self.issuer_of(old.transport))
        fresh = self.load(new.transport)
        self.assert_unharmed(*loads, fresh)
        # A renewal moves a partner over; what it held goes on beside it.
        self.assertIn("certificates of 'production-transport' are neither ended nor revoked", self.refused("retire", LINE))
        idle_old, idle_new = self.idle_connection(old.transport), self.idle_connection(new.transport)
        self.assert_unharmed(*loads, fresh)

        for load in loads:
            load.stop()
            self.assertEqual(load.failures, [], "refused before it was retired")
        log = self.platform.records("gateway")
        mark = log.mark()
        living = next(ca["living"] for ca in self.ca("list")["issuing_cas"] if ca["name"] == LINE)
        self.assertEqual(self.ca("retire", LINE, "--remaining", living)["state"], "retired")
        self.assertEqual(log.next("connection.cut", mark)["reason"], "issuer_withdrawn")
        self.assertTrue(self.is_cut(idle_old))
        outcome = self.curl(old.transport)
        self.assertNotEqual(outcome.status, 200)
        record = log.next("tls.refused", mark)
        self.assertEqual((record["reason"], record["alert"]), ("issuer_withdrawn", "certificate_revoked"))
        self.assert_unharmed(fresh)
        self.ask(idle_new)  # only those of the old CA were cut
        fresh.stop()
        self.assertEqual(fresh.failures, [])
        self.assertEqual({one["reason"] for one in log.all("tls.refused", mark)}, {"issuer_withdrawn"})
        self.assertNotIn(self.ca("show", LINE)["certificate"], (self.platform.data / "partner-chain.pem").read_text())

        # Restarts, the gateway's out of its copy alone, change nothing of it.
        self.platform.stop("gateway", "authority")
        self.platform.start("gateway")
        self.wait_refused(old.transport)
        self.assertEqual(self.curl(new.transport).status, 200)
        self.platform.start("authority")
        self.assertEqual(self.curl(new.transport).status, 200)


CA = "basicConstraints=critical,CA:TRUE,pathlen:{length}\nkeyUsage=critical,keyCertSign,cRLSign\n" \
     "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"


class RootsTest(UnderLoadTest):
    """A new root is made with OpenSSL where the old one's key is, vouched for by it, and everything moves over."""

    test_under_load = None  # the others' alone

    def openssl(self, *words):
        done = clients.run(["openssl", *words], self.platform.folder)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def sign(self, request, name, length, issuer=None):
        """A CA's certificate of `request`: by itself where there is no issuer (certificate, key, password's arguments)."""
        folder = self.platform.folder
        (folder / "ca.ext").write_text(CA.format(length=length))
        key = ["-signkey", folder / f"{name}.key"] if issuer is None else ["-CA", issuer[0], "-CAkey", issuer[1], *issuer[2]]
        out = folder / f"{name}.crt"
        self.openssl("x509", "-req", "-in", request, *key, "-out", out, "-days", 3000 if length else 2000, "-sha256", "-extfile", folder / "ca.ext",
                     "-set_serial", "0x1" + secrets.token_hex(15))
        return out

    def make_root(self, line):
        """The new root (certificate, key), and what the old one says of it."""
        folder, authority = self.platform.folder, self.platform.data / "authority"
        name = f"new-{line}"
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     folder / f"{name}.key", "-subj", f"/CN={line} root G2/O=Example Payments", "-out", folder / f"{name}.csr")
        root = self.sign(folder / f"{name}.csr", name, 1)
        old = (authority / "certificates" / f"{line}-root.pem", authority / "keys" / f"{line}-root.pem",
               ["-passin", f"file:{authority / 'passphrase'}"])
        cross = self.sign(folder / f"{name}.csr", f"{name}-cross", 1, old)
        return (root, folder / f"{name}.key", []), cross

    def change_over(self, line, root):
        name = self.ca("prepare", line, "--csr", self.platform.folder / f"{line}.csr")["name"]
        request = self.platform.folder / f"{line}.csr"
        certificate = self.sign(request, name, 0, root)
        self.assertEqual(self.ca("import", name, certificate)["state"], "prepared")
        self.ca("distribute", name)
        followers = [one for one in self.ca("show", name)["followers"] if one["concerned"]]
        if followers:
            wait_until(lambda: self.is_believed(name), "the gateway does not come to believe the new CA", 15)
        self.ca("activate", name, *(() if followers else ("--reason", "nobody judges these")))
        return name

    def test_a_new_root_for_partners(self):
        held = self.enrol("production/acme/of-the-old-root")
        load = self.load(held.transport)
        self.assert_unharmed(load)
        root, cross = self.make_root("partner")
        imported = self.platform.admin("roots", "import", "partner", root[0], "--cross", cross)
        self.assertEqual((imported["root"], imported["state"]), ("partner-2", "trusted"))
        chain = (self.platform.data / "partner-chain.pem").read_text()
        for one in self.platform.admin("roots", "list")["roots"]:
            if one["line"] == "partner":
                self.assertIn(one["certificate"], chain, "the trust chain shows both")
        self.assert_unharmed(load)

        lines = ["production-transport", "uat-transport", "production-signing", "uat-signing", "people"]
        for line in lines:
            self.change_over(line, root)
        moved = self.enrol("production/acme/of-the-new-root")
        fresh = self.load(moved.transport)
        self.assert_unharmed(load, fresh)
        load.stop()
        self.assertEqual(load.failures, [], "refused before anything was retired")

        states = {ca["name"]: ca for ca in self.ca("list")["issuing_cas"]}
        for ca in [name for name, one in states.items() if one.get("root") == "partner"]:
            if states[ca]["state"] in ("superseded", "distributed"):
                self.ca("retire", ca, "--remaining", states[ca]["living"])
        self.assertEqual(self.platform.admin("roots", "retire", "partner")["state"], "retired")
        self.wait_refused(held.transport)
        self.assert_unharmed(fresh)
        fresh.stop()
        self.assertEqual(fresh.failures, [])
        # The gateway comes up with the files as they are now, and out of its copy.
        self.platform.stop("gateway", "authority")
        self.platform.start("gateway")
        self.assertEqual(self.curl(moved.transport).status, 200)
        self.platform.start("authority")
        self.assertEqual(self.curl(moved.transport).status, 200)

    def test_a_new_root_for_the_provider(self):
        """Who believes the old root alone goes on to believe the authority, over the cross certificate that it presents."""
        before = self.platform.folder / "trust-chain-of-old.pem"
        before.write_text((self.platform.data / "trust-chain.pem").read_text())
        root, cross = self.make_root("provider")
        self.assertEqual(self.platform.admin("roots", "import", "provider", root[0], "--cross", cross)["root"], "provider-2")
        name = self.change_over("internal", root)
        self.assertEqual(self.state_of(name), "active")
        log = self.platform.records("authority")
        wait_until(lambda: any(one.get("of") == "server" for one in log.all("certificate.renewed", 0)),
                   "the authority does not renew its own certificate", 15)
        done = clients.run(self.platform.command("admin", "ca", "list", "--data", self.platform.data, "--authority",
                                                 f"localhost:{self.platform.ports['api']}", "--trust-chain", before),
                           self.platform.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        # The gateway, whose files name the old root alone as it read them, comes back to the authority, too.
        self.platform.stop("authority")
        self.platform.start("authority")
        held = self.enrol("production/acme/after-the-new-provider-root")
        self.assertEqual(self.curl(held.transport).status, 200)


class RotationTest(Rotating):
    def test_a_gateway_that_is_behind(self):
        self.ca("prepare", "production-signing")
        self.ca("certify", "production-signing-2")
        self.platform.stop("gateway", "ehi")
        self.ca("distribute", "production-signing-2")
        said = self.refused("activate", "production-signing-2")
        self.assertIn("urn:countersign:internal:service:gateway", said)
        self.platform.start("gateway")
        self.platform.start("ehi")
        wait_until(lambda: self.is_believed("production-signing-2"), "the gateway does not catch up", 15)
        self.assertEqual(self.ca("activate", "production-signing-2")["state"], "active")

    def test_a_lost_key(self):
        held = self.enrol("production/acme/lost")
        of_now = next(ca["name"] for ca in self.ca("list")["issuing_cas"] if ca["line"] == LINE and ca["state"] == "active")
        successor = self.bring_to_active(LINE)
        moved = self.enrol("production/acme/moved")
        log = self.platform.records("gateway")
        mark = log.mark()
        withdrawn = self.ca("withdraw", of_now, "--reason", "the backup tape with its key was lost")
        self.assertGreaterEqual(withdrawn["revoked"], 1)
        self.wait_refused(held.transport)
        self.assertEqual(log.next("tls.refused", mark)["reason"], "issuer_withdrawn")
        self.assertEqual(self.curl(moved.transport).status, 200)
        self.assertEqual(self.state_of(successor), "active")
        serial = self.platform.admin("list", "--application", "production/acme/lost", "--purpose", "transport")
        self.assertEqual(serial["certificates"][0]["revoked_for"], "ca_compromise")

    def test_the_platform_itself(self):
        """The CA of the gateway's, the sender's and the authority's own certificates."""
        served = lambda: clients.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.platform.ports['api']}"],
                                     self.platform.folder).stdout.decode()
        self.assertNotIn("Internal Issuing CA G2", served())
        self.bring_to_active("internal")
        wait_until(lambda: "Internal Issuing CA G2" in served(), "the authority keeps its old server certificate", 15)
        self.assertIn("remaining", self.refused("retire", "internal"))
        operator = self.platform.enrol_operator("bob")
        self.assertIn("Internal Issuing CA G2", self.issuer_of(credential_in(operator, "service")))


class CrashTest(Rotating):
    STEPS = {
        "prepare": ["after_ca_claim", "after_ca_key", "after_ca_change"],
        "certify": ["after_ca_record", "after_ca_sign", "after_ca_change"],
        "distribute": ["after_ca_change"],
        "activate": ["after_ca_change"],
        "retire": ["after_ca_change"],
    }

    def crash(self, step, *words):
        """kill -9 in the middle of the call; then the same call once more, which completes it."""
        self.platform.stop("authority")
        self.platform.start("authority", "--danger-crash-at", step)
        done = self.platform.run("admin", "ca", *words, "--data", self.platform.data)
        self.assertNotEqual(done.returncode, 0, f"{words} survived {step}")
        self.assertEqual(self.platform.running["authority"].process.wait(30), -signal.SIGKILL)
        self.platform.running.pop("authority")
        self.platform.start("authority")
        return self.ca(*words)

    def test_every_step(self):
        line, following = "uat-transport", "uat-transport-2"
        words = {
            "prepare": ["prepare", line],
            "certify": ["certify", following],
            "distribute": ["distribute", following],
            "activate": ["activate", following],
            "retire": ["retire", line],
        }
        for verb, steps in self.STEPS.items():
            for step in steps:
                with self.subTest(f"{verb} {step}"):
                    if (verb, step) not in [("prepare", "after_ca_claim"), ("certify", "after_ca_record")] and len(steps) > 1:
                        # The call before has completed it: take another CA to its beginning.
                        self.ca("cancel", following)
                        following = self.begin_anew(verb, line, words)
                    if verb == "activate":
                        wait_until(lambda: self.is_believed(following), "the gateway does not come to believe it", 20)
                    self.crash(step, *words[verb])
        states = {ca["name"]: ca["state"] for ca in self.ca("list")["issuing_cas"] if ca["line"] == line}
        self.assertEqual((states[line], states[following]), ("retired", "active"))
        self.assertEqual(self.platform.admin("audit", "verify")["intact"], True)

    def begin_anew(self, verb, line, words):
        number = 1 + max(ca["generation"] for ca in self.ca("list")["issuing_cas"] if ca["line"] == line)
        following = f"{line}-{number}"
        for name in ("certify", "distribute", "activate"):
            words[name][1] = following
        if verb == "certify":
            self.ca("prepare", line)
        return following


@unittest.skipUnless(database.programs_folder(), "no PostgreSQL under /usr/lib/postgresql")
class FleetRotationTest(database.OnPostgresql, Rotating):
    def test_another_authority_hears_of_it(self):
        other = Authority(self.platform.programs, self.database.uri)
        self.addCleanup(other.close)
        other.take_keys_of(self.platform.authority_folder)
        other.start()
        self.ca("prepare", LINE)
        self.ca("certify", NEXT)
        self.ca("distribute", NEXT)
        wait_until(lambda: self.is_believed(NEXT), "the gateway does not come to believe the new CA", 15)
        self.assertIn("lack the key", self.refused("activate", NEXT))
        key = f"keys/{NEXT}.pem"
        (other.data / key).write_bytes((self.platform.authority_folder / key).read_bytes())
        (other.data / key).chmod(0o600)
        wait_until(lambda: self.try_activate(), "the key that was copied is not noticed", 20)
        self.platform.create_application("production/acme/elsewhere")
        code = self.platform.code_for("production/acme/elsewhere")
        command = self.platform.command("request", "transport", "--code", code, "--out", self.platform.folder / "elsewhere",
                                        "--authority", f"localhost:{other.ports['api']}", "--trust-chain", self.platform.trust_chain)
        done = clients.run(command, self.platform.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("G2", self.issuer_of(credential_in(self.platform.folder / "elsewhere", "transport")))
        self.ca("retire", LINE)
        chain = f"https://localhost:{other.ports['api']}/v1/trust-chain?of=partner"
        old = self.ca("show", LINE)["certificate"]
        wait_until(lambda: old not in clients.curl(self.platform.folder, chain, self.platform.trust_chain).body,
                   "the other authority goes on to hand out the retired CA", 15)


if __name__ == "__main__":
    testing.main()
