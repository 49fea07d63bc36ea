"""`countersign check ehi`: each broken server gets exactly its finding, and the right ones get none."""
import concurrent.futures
import json
import shutil
import socket
import ssl
import threading
import time
import unittest

import path  # noqa: F401
from ehi_hosts_test import EHI, subject_of
from harness import clients, testing
from harness.broken_servers import NGINX, OPENSSL, BrokenServers
from harness.ehi_hosts import EhiHost
from harness.material import EXPIRED, SERVER, Material, openssl
from harness.platform import Platform
from harness.scripted_partner import ScriptedPartner

CHECKS_AT_ONCE = 4
CHECK_SECONDS = 120
WITHOUT_MANNERS = {"behaviour.keep_alive": "warn",
                   **{f"refuse.{name}": "fail" for name in ("other_environment", "other_caller", "revoked")}}
THROW_AWAYS = ("self_signed", "other_ca", "look_alike_issuer", "look_alike_root", "tampered")

# What `check ehi` must say of each: no more and no less.
FINDINGS = {
    "right": {},
    "missing intermediate": {"certificate.chain": "fail"},
    "chain out of order": {"certificate.order": "warn"},
    "needless certificate": {"certificate.order": "warn"},
    "other name": {"certificate.name": "fail"},
    "expired": {"certificate.validity": "fail"},
    "ends soon": {"certificate.validity": "warn"},
    "unknown CA": {"certificate.trust": "fail"},
    "self-signed": {"certificate.trust": "fail"},
    "certificate for clients": {"certificate.purpose": "fail"},
    "RSA of 1024 bits": {"certificate.strength": "fail"},
    "signed with SHA-1": {"certificate.strength": "fail"},
    "revoked by its staple": {"certificate.staple": "fail"},
    "TLS 1.0": {"protocol.old": "fail"},
    "TLS 1.2 alone": {"protocol.modern": "warn"},
    "no encryption": {"cipher.broken": "fail"},
    "anonymous": {"cipher.broken": "fail"},
    "no forward secrecy": {"cipher.forward_secrecy": "warn"},
    "small group": {"cipher.finite_field": "fail"},
    "asks nobody": {"client.asked": "fail"},
    "asks optionally": {"refuse.no_certificate": "fail"},
    "believes any CA": {"refuse.self_signed": "fail", "refuse.other_ca": "fail", "refuse.revoked": "fail"},
    "admits the whole chain": {"refuse.other_environment": "fail", "refuse.other_caller": "fail", "refuse.revoked": "fail"},
    "knows nothing of revocation": {"refuse.revoked": "fail"},
    "believes strangers": {"client.only_our_ca": "warn"},
    "another trust chain": {"client.names_our_ca": "fail", "client.accepts_ours": "fail"},
    "admits somebody else": {"client.accepts_ours": "fail"},
    "tickets": {"behaviour.resumption": "fail"},
    "session cache": {"behaviour.resumption": "fail"},
    "slow": {"behaviour.latency": "fail"},
    "closes each connection": {"behaviour.keep_alive": "warn"},
    "without TLS": {"reach.tls": "fail"},
    "redirects": {"behaviour.answer": "fail"},
    "no application": {"behaviour.answer": "warn"},
    # s_server answers one request a connection, and looks at no names and no CRLs.
    "right but for its manners": WITHOUT_MANNERS,
    "asks and does not look": {**WITHOUT_MANNERS, "refuse.no_certificate": "fail",
                               **{f"refuse.{name}": "fail" for name in (*THROW_AWAYS, "expired", "signing", "server_certificate")}},
    "TLS 1.1 alone": {"protocol.modern": "fail", "protocol.old": "fail", **WITHOUT_MANNERS},
}
SLOW_DEADLINE = "200ms"


class CheckEhiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = Platform("127.0.0.1:1")
        cls.addClassCleanup(cls.platform.close)
        cls.platform.up()
        cls.platform.stop()
        cls.maker = Material(cls.platform.folder / "material")
        cls.own, cls.test_credentials = cls.make_credentials()
        cls.servers = BrokenServers(cls.platform.folder / "broken", cls.maker, cls.platform.trust_chain, cls.make_crls())
        cls.addClassCleanup(cls.servers.stop)
        cls.servers.start()

    @classmethod
    def make_credentials(cls):
        """The provider's EHI certificate, and the folder of those that must be refused, by the throw-away authority's keys."""
        folder = cls.platform.folder / "test-credentials"
        folder.mkdir()

        def leaf(name, words, identity, validity=None, extensions=None):
            issuer = cls.maker.issuer_of(cls.platform.authority_folder, *words)
            said = subject_of(*identity, *([extensions] if extensions else []))
            made = cls.maker.leaf(name, issuer, *said, *([validity] if validity else []))
            shutil.copy(made.chain, folder / f"{name}.pem")
            shutil.copy(made.key, folder / f"{name}.key")
            return made

        ours = ("production", "ehi")
        leaf("expired", ours, EHI, EXPIRED)
        leaf("server", ours, EHI, extensions=SERVER)
        leaf("signing", ours, EHI, extensions="keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n")
        leaf("other-caller", ours, ("production", "provider", "batch"))
        leaf("revoked", ours, EHI)
        leaf("other-environment", ("uat", "ehi"), ("uat", "provider", "ehi"))
        own = leaf("own", ours, EHI)
        for suffix in ("pem", "key"):
            (folder / f"own.{suffix}").unlink()
        return own, folder

    @classmethod
    def make_crls(cls):
        """Of the issuing CA, which lists "revoked", and of the root above it: nginx wants both."""
        config = cls.maker.folder / "revoked.ca" / "openssl.cnf"
        crls = []
        for words, revoked in ((("production", "ehi"), cls.maker.folder / "revoked.pem"), (("provider", "root"), None)):
            issuer = cls.maker.issuer_of(cls.platform.authority_folder, *words)
            by = ("-config", config, "-cert", issuer.certificate, "-keyfile", issuer.key)
            if revoked:
                openssl("ca", *by, "-revoke", revoked)
            else:
                (config.parent / "index.txt").write_text("")
            crls.append(openssl("ca", *by, "-gencrl", "-crldays", "7").decode())
        path_of_crls = cls.platform.folder / "crls.pem"
        path_of_crls.write_text("".join(crls))
        return path_of_crls

    def check(self, url, *options, deadline="10s", test_credentials=None):
        """(exit code, the report)"""
        done = self.run_check(url, "--json", "--cert", self.own.chain, "--key", self.own.key, "--trust-chain",
                              self.platform.trust_chain, "--test-credentials", test_credentials or self.test_credentials,
                              "--deadline", deadline, "--patience", "20s", "--requests", "20", *options)
        self.assertIn(done.returncode, (0, 1), done.stderr.decode())
        return done.returncode, json.loads(done.stdout)

    def run_check(self, url, *options):
        command = [self.platform.programs / "countersign", "check", "ehi", url, "--anchors", self.servers.anchors, *options]
        return clients.run(command, self.platform.folder, seconds=CHECK_SECONDS)

    def assert_finds(self, name, report, expected):
        found = {one["id"]: one for one in report["findings"] if one["severity"] in ("fail", "warn")}
        self.assertEqual({name: one["severity"] for name, one in found.items()}, expected,
                         f"{name}: {json.dumps(list(found.values()), indent=1)}")
        for one in found.values():
            self.assertTrue(one["evidence"] and one["remedy"], one)

    def test_each_broken_server_gets_its_finding(self):
        self.assertEqual(set(FINDINGS), {*NGINX, *OPENSSL})
        with concurrent.futures.ThreadPoolExecutor(CHECKS_AT_ONCE) as pool:
            reports = {name: pool.submit(self.check, self.servers.url(name),
                                         deadline=SLOW_DEADLINE if name == "slow" else "10s") for name in FINDINGS}
        for name, expected in FINDINGS.items():
            with self.subTest(name):
                code, report = reports[name].result()
                self.assert_finds(name, report, expected)
                self.assertEqual(code, 1 if "fail" in expected.values() else 0)

    def test_the_right_hosts_pass(self):
        """Those of examples/ehi-host, as they are; revocation is the one thing that they leave to be added."""
        right, made = self.servers.credentials["right"], self.platform.folder / "etc-ehi"
        made.mkdir()
        shutil.copy(right.chain, made / "server-chain.pem")
        shutil.copy(right.key, made / "server.key")
        (made / "server-both.pem").write_text(right.chain.read_text() + right.key.read_text())
        shutil.copy(self.platform.trust_chain, made / "trust-chain.pem")
        known = self.platform.folder / "without-revoked"
        shutil.copytree(self.test_credentials, known, ignore=shutil.ignore_patterns("revoked.*"))
        body = self.platform.folder / "message.json"
        body.write_text('{"amount":"12.50"}')
        for kind, said in (("nginx", "nginx"), ("haproxy", "HAProxy"), ("node", "Node")):
            if not shutil.which(kind):
                continue
            host = EhiHost(kind, self.platform.folder / f"host-{kind}", made)
            self.addCleanup(host.stop)
            host.start()
            with self.subTest(kind):
                code, report = self.check(host.url, "--method", "POST", "--body", body, test_credentials=known)
                self.assert_finds(kind, report, {})
                self.assertEqual((code, report["verdict"]), (0, "pass"))
                self.assertEqual(report["server"], said)
                not_tried = [one["id"] for one in report["findings"] if one["severity"] == "not_tried"]
                self.assertEqual(not_tried, ["client.accepts_next", "refuse.revoked"])

    def test_the_next_ca(self):
        """A server that has the next root beside the one of today passes; one that has not is told, of that alone."""
        issuing = self.maker.ca("next-issuing", "/CN=Example Payments Production EHI Issuing CA 2")
        following = self.maker.leaf("next", issuing, *subject_of(*EHI))
        for name, cas, severity in (("today's alone", "", "fail"), ("both", issuing.certificate.read_text(), "pass")):
            with self.subTest(name):
                server = HostOfCas(self.servers.credentials["right"], self.platform.trust_chain.read_text() + cas,
                                   self.platform.folder / f"cas-{severity}.pem")
                with server:
                    _, report = self.check(f"https://localhost:{server.port}/", "--next-cert", following.chain, "--next-key",
                                           following.key)
                found = {one["id"]: one for one in report["findings"]}
                self.assertEqual(found["client.accepts_ours"]["severity"], "pass", found["client.accepts_ours"])
                self.assertEqual(found["client.accepts_next"]["severity"], severity, found["client.accepts_next"])
        self.assertIn("Issuing CA 2", found["client.accepts_next"]["evidence"])
        done = self.run_check("https://localhost/", "--next-cert", following.chain)
        self.assertEqual(done.returncode, 2, "--next-key goes with it")

    def test_what_is_not_tried_is_no_pass(self):
        done = self.run_check(self.servers.url("right"), "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        severities = {one["id"]: one["severity"] for one in json.loads(done.stdout)["findings"]}
        for name, severity in severities.items():
            tried = name.startswith(("reach.", "protocol.", "cipher.", "certificate.")) or name in ("client.asked",
                                                                                                "refuse.no_certificate")
            self.assertEqual(severity, "pass" if tried else "not_tried", name)

    def test_forms_and_exit_codes(self):
        page = self.platform.folder / "report.html"
        done = self.run_check(self.servers.url("missing intermediate"), "--html", page)
        said = done.stdout.decode()
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(said, r"FAIL +certificate.chain +missing: 'CN=Example Public Intermediate'.*http://127.0.0.1:1/")
        self.assertIn("In nginx: ssl_certificate server-chain.pem", said)
        html = page.read_text()
        self.assertIn("certificate.chain", html)
        self.assertNotIn("<script", html)
        nobody = self.run_check("https://127.0.0.1:1/")
        self.assertEqual(nobody.returncode, 3)
        self.assertIn("FAIL", nobody.stdout.decode())
        for url, options in (("http://localhost/", ()), ("https://localhost/", ("--cert", self.own.chain)),
                             ("https://localhost/", ("--test-credentials", self.platform.folder)),
                             ("https://localhost/", ("--body", page)), ("https://localhost/", ("--deadline", "soon"))):
            self.assertEqual(self.run_check(url, *options).returncode, 2, (url, options))

    def test_no_server_holds_it_up(self):
        """Silence, one byte at a time, heads without end, a chain without end: a report all the same, and in time."""
        right = self.servers.credentials["right"]
        endless_chain = self.platform.folder / "endless-chain.pem"
        endless_chain.write_text(right.certificate.read_text() + self.servers.issuer.certificate.read_text() * 300)
        for name, server in (("silent", HostileServer(lambda stream: time.sleep(60))),
                             ("slow", HostileServer(drip)),
                             ("endless head", HostileServer(endless_head, right.chain, right.key)),
                             ("endless chain", HostileServer(endless_head, endless_chain, right.key))):
            with self.subTest(name), server:
                begun = time.monotonic()
                done = self.run_check(f"https://localhost:{server.port}/", "--cert", self.own.chain, "--key", self.own.key,
                                      "--patience", "500ms", "--json")
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertLess(time.monotonic() - begun, 60)
                self.assertEqual(json.loads(done.stdout)["verdict"], "fail")


def drip(stream):
    while True:
        stream.sendall(b"\x16")
        time.sleep(0.1)


def endless_head(stream):
    stream.recv(4096)
    stream.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        stream.sendall(b"X-Endless: " + b"x" * 1000 + b"\r\n")


class HostOfCas:
    """Answers everybody whom these CAs vouch for."""

    def __init__(self, credential, cas, file):
        file.write_text(cas)
        self.partner = ScriptedPartner(credential, file)
        self.port = self.partner.port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.partner.close()


class HostileServer:
    """Does the same to everybody who connects; with a certificate, behind TLS."""

    def __init__(self, behave, chain=None, key=None):
        self.behave = behave
        self.context = None
        if chain:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(chain, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream):
        try:
            with stream:
                if self.context:
                    stream = self.context.wrap_socket(stream, server_side=True)
                self.behave(stream)
        except (OSError, ssl.SSLError):
            pass  # the check has had enough


if __name__ == "__main__":
    testing.main()
