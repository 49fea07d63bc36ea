"""Revocation as the outside sees it: the CRL that a certificate names, and OCSP, asked by openssl, curl and GnuTLS. All agree
before and after a revocation; numbers rise through restarts and kill -9."""
import base64
import json
import re
import signal
import sqlite3
import urllib.error
import urllib.request

import path  # noqa: F401
from harness import clients, testing
from harness.partner import ReservedPort
from harness.program import Program, wait_until

CRL_SECONDS = 10  # from a revocation to the CRL that lists it


_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  ssl_certificate {server}/server.pem;
  ssl_certificate_key {server}/server.key;
  ssl_client_certificate {chain};
  ssl_verify_client on;
  ssl_verify_depth 2;
  ssl_session_tickets off;
  server {{
    listen 127.0.0.1:{crl} ssl reuseport;
    ssl_crl {crls};
    location / {{ return 200 "in\\n"; }}
  }}
  server {{
    listen 127.0.0.1:{ocsp} ssl reuseport;
    ssl_ocsp leaf;
    location / {{ return 200 "in\\n"; }}
  }}
}}
"""


class StatusTest(testing.PlatformTest):
    def setUp(self):
        self.folder = self.platform.folder
        self.chain = self.platform.data / "partner-chain.pem"

    # --- what a certificate says, and what is served there ------------------------------------------------------------

    def run_client(self, *command):
        done = clients.run(command, self.folder)
        return done.returncode, (done.stdout + done.stderr).decode(errors="replace")

    def place_of(self, credential, extension):
        _, text = self.run_client("openssl", "x509", "-in", credential.certificate, "-noout", "-ext", extension)
        return re.findall(r"URI:(\S+)", text)

    def crl_url(self, credential):
        urls = self.place_of(credential, "crlDistributionPoints")
        self.assertEqual(len(urls), 1, urls)
        return urls[0]

    def ocsp_url(self, credential):
        return next(url for url in self.place_of(credential, "authorityInfoAccess") if url.endswith("/ocsp"))

    def status(self, where):
        return f"http://127.0.0.1:{self.platform.ports['authority_status']}{where}"

    def fetch_crl(self, credential):
        """The shard that the certificate names, as PEM; its number and text."""
        der, pem = self.folder / "shard.crl", self.folder / "shard.pem"
        outcome = clients.curl(self.folder, self.crl_url(credential), extra=["-o", der])
        self.assertEqual(outcome.status, 200, outcome.output)
        status, text = self.run_client("openssl", "crl", "-inform", "DER", "-in", der, "-CAfile", self.chain, "-text",
                                       "-crlnumber", "-out", pem)
        self.assertEqual(status, 0, text)
        self.assertIn("verify OK", text)
        text += pem.read_text()
        return int(re.search(r"crlNumber=0x([0-9A-Fa-f]+)", text).group(1), 16), text

    def issuer_of(self, credential):
        path = clients.issuers_file(credential)
        return path

    # --- what each client makes of it ------------------------------------------------------------------------------------

    def ask_openssl_ocsp(self, credential, *options):
        _, text = self.run_client("openssl", "ocsp", "-issuer", self.issuer_of(credential), "-cert", credential.certificate,
                                  "-url", self.ocsp_url(credential), "-CAfile", self.chain, *options)
        self.assertIn("Response verify OK", text)
        self.assertNotIn("WARNING", text)
        return re.search(r"\.pem: (good|revoked|unknown)", text).group(1)

    def ask_by_get(self, credential):
        """RFC 6960 appendix A.1, with curl; the answer is verified by openssl."""
        request, answer = self.folder / "request.der", self.folder / "answer.der"
        issuer = self.issuer_of(credential)
        self.run_client("openssl", "ocsp", "-issuer", issuer, "-cert", credential.certificate, "-no_nonce", "-reqout", request)
        text = base64.b64encode(request.read_bytes()).decode().replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        outcome = clients.curl(self.folder, f"{self.ocsp_url(credential)}/{text}", extra=["-o", answer])
        self.assertEqual(outcome.status, 200, outcome.output)
        self.assertRegex(outcome.output, r"(?i)< content-type: application/ocsp-response")
        self.assertRegex(outcome.output, r"(?i)< cache-control: max-age=\d+, public")
        _, said = self.run_client("openssl", "ocsp", "-respin", answer, "-issuer", issuer, "-cert", credential.certificate,
                                  "-CAfile", self.chain, "-no_nonce")
        self.assertIn("Response verify OK", said)
        return re.search(r"\.pem: (good|revoked|unknown)", said).group(1)

    def ask_gnutls_ocsp(self, credential):
        status, text = self.run_client("ocsptool", f"--ask={self.ocsp_url(credential)}", "--load-cert", credential.certificate,
                                       "--load-issuer", self.issuer_of(credential), "--nonce")
        self.assertEqual(status, 0, text)
        self.assertIn("Verifying OCSP Response: Success", text)
        return re.search(r"Certificate Status: (\w+)", text).group(1)

    def verify_with_crl(self, credential):
        """openssl verify with the shard of the certificate: good or revoked."""
        status, text = self.run_client("openssl", "verify", "-crl_check", "-extended_crl", "-CAfile", self.chain, "-CRLfile",
                                       self.folder / "shard.pem", credential.certificate)
        if status == 0:
            return "good"
        self.assertIn("certificate revoked", text)
        return "revoked"

    def verify_with_gnutls(self, credential):
        status, text = self.run_client("certtool", "--verify-crl", "--load-ca-certificate", self.issuer_of(credential), "--infile",
                                       self.folder / "shard.pem")
        self.assertEqual(status, 0, text)
        self.assertIn("Verified", text)
        _, listed = self.run_client("certtool", "--crl-info", "--infile", self.folder / "shard.pem")
        return "revoked" if testing.serial_of(credential) in listed.lower().replace(":", "") else "good"

    def verdicts(self, credential):
        self.fetch_crl(credential)
        return {"openssl ocsp, nonce": self.ask_openssl_ocsp(credential),
                "openssl ocsp, no nonce": self.ask_openssl_ocsp(credential, "-no_nonce"),
                "openssl ocsp, SHA-256": self.ask_openssl_ocsp_sha256(credential),
                "curl, GET": self.ask_by_get(credential),
                "ocsptool": self.ask_gnutls_ocsp(credential),
                "openssl verify": self.verify_with_crl(credential),
                "certtool": self.verify_with_gnutls(credential)}

    def ask_openssl_ocsp_sha256(self, credential):
        _, text = self.run_client("openssl", "ocsp", "-issuer", self.issuer_of(credential), "-sha256", "-cert",
                                  credential.certificate, "-url", self.ocsp_url(credential), "-CAfile", self.chain)
        self.assertIn("Response verify OK", text)
        return re.search(r"\.pem: (good|revoked|unknown)", text).group(1)

    def revoke(self, credential, reason="key_compromise"):
        self.platform.admin("revoke", testing.serial_of(credential), "--reason", reason)

    def await_listed(self, credential):
        serial = testing.serial_of(credential)
        return wait_until(lambda: serial.upper().lstrip("0") in self.fetch_crl(credential)[1].upper() and self.fetch_crl(credential),
                          "the CRL does not list the revoked certificate", CRL_SECONDS)

    # --- tests -------------------------------------------------------------------------------------------------------------

    def test_everybody_agrees_before_and_after_a_revocation(self):
        partner = self.platform.enrol("production/acme/agreed")
        other = self.platform.enrol("production/acme/bystander")
        wait_until(lambda: self.ask_openssl_ocsp(partner.transport) == "good", "the new certificate is not known", CRL_SECONDS)
        before, _ = self.fetch_crl(partner.transport)
        self.assertEqual(set(self.verdicts(partner.transport).values()), {"good"}, self.verdicts(partner.transport))

        self.revoke(partner.transport)
        number, text = self.await_listed(partner.transport)
        self.assertGreater(number, before)
        self.assertIn("Key Compromise", text)
        verdicts = self.verdicts(partner.transport)
        self.assertEqual(set(verdicts.values()), {"revoked"}, verdicts)
        for certificate in (partner.signing, other.transport):
            verdicts = self.verdicts(certificate)
            self.assertEqual(set(verdicts.values()), {"good"}, verdicts)

    def test_the_issuers_certificate_is_where_the_leaf_says(self):
        partner = self.platform.enrol("production/acme/issuer")
        url = next(url for url in self.place_of(partner.transport, "authorityInfoAccess") if url.endswith(".cer"))
        outcome = clients.curl(self.folder, url, extra=["-o", self.folder / "issuer.cer"])
        self.assertEqual(outcome.status, 200)
        self.assertRegex(outcome.output, r"(?i)< content-type: application/pkix-cert")
        _, served = self.run_client("openssl", "x509", "-inform", "DER", "-in", self.folder / "issuer.cer", "-noout", "-fingerprint")
        _, known = self.run_client("openssl", "x509", "-in", self.issuer_of(partner.transport), "-noout", "-fingerprint")
        self.assertEqual(served, known)

    def test_the_providers_own_certificate_can_be_checked_with_its_chain(self):
        """What a partner's server would do: both chains have their roots' CRLs too."""
        for chain, root in ((self.chain, "partner-root"), (self.platform.trust_chain, "provider-root")):
            der = self.folder / "root.crl"
            self.assertEqual(clients.curl(self.folder, self.status(f"/crl/{root}-0.crl"), extra=["-o", der]).status, 200)
            status, text = self.run_client("openssl", "crl", "-inform", "DER", "-in", der, "-CAfile", chain, "-noout")
            self.assertIn("verify OK", text)
            self.assertEqual(status, 0)

    def test_a_serial_that_was_never_issued_is_unknown(self):
        partner = self.platform.enrol("production/acme/unknown")
        _, text = self.run_client("openssl", "ocsp", "-issuer", self.issuer_of(partner.transport), "-serial", "0x0123456789abcdef",
                                  "-url", self.ocsp_url(partner.transport), "-CAfile", self.chain)
        self.assertIn("Response verify OK", text)
        self.assertIn("unknown", text)
        _, text = self.run_client("openssl", "ocsp", "-issuer", self.platform.trust_chain, "-serial", "0x01", "-url",
                                  self.ocsp_url(partner.transport), "-CAfile", self.chain)
        self.assertIn("unauthorized", text, "a root is nobody's to speak for")

    def test_numbers_rise_through_a_restart(self):
        partner = self.platform.enrol("production/acme/restart")
        first, _ = self.fetch_crl(partner.transport)
        self.platform.stop("authority")
        self.platform.start("authority")
        again, _ = self.fetch_crl(partner.transport)
        self.assertEqual(again, first, "nothing was due")
        self.revoke(partner.transport, "superseded")
        number, _ = self.await_listed(partner.transport)
        self.assertGreater(number, first)

    def test_kill_between_record_and_publish_leaves_no_duplicate(self):
        for step in ("after_crl_record", "after_crl_sign", "after_crl_publish"):
            with self.subTest(step):
                self.kill_at(step)
        numbers = []
        for (detail,) in self.rows("SELECT detail FROM audit WHERE action = 'crl.recorded'"):
            numbers += json.loads(detail)["crls"]
        self.assertEqual(len(numbers), len(set(numbers)), "a number was used twice")

    def kill_at(self, step):
        partner = self.platform.enrol(f"production/acme/{step.replace('_', '-')}")
        before, _ = self.fetch_crl(partner.transport)
        self.platform.stop("authority")
        self.platform.start("authority", "--danger-crash-at", step)
        self.revoke(partner.transport)
        self.assertEqual(self.platform.running["authority"].process.wait(30), -signal.SIGKILL)
        self.platform.running.pop("authority")
        self.platform.start("authority")
        number, _ = self.await_listed(partner.transport)
        self.assertGreater(number, before)
        recorded = self.rows("SELECT number, published_number FROM crls WHERE issuer || '-' || shard || '.crl' = ?",
                             self.crl_url(partner.transport).rpartition("/")[2])
        self.assertEqual(recorded, [(number, number)])

    def rows(self, query, *arguments):
        connection = sqlite3.connect(self.platform.authority_folder / "registry.db")
        try:
            return connection.execute(query, arguments).fetchall()
        finally:
            connection.close()

    def test_nginx_with_the_crl_and_with_ocsp(self):
        """What docs/partner-status.md says of nginx: ssl_crl with shard and root, and ssl_ocsp leaf."""
        partner = self.platform.enrol("production/acme/nginx")
        other = self.platform.enrol("production/acme/nginx-other")
        wait_until(lambda: self.ask_openssl_ocsp(partner.transport) == "good", "the new certificate is not known", CRL_SECONDS)
        crls = self.folder / "crls.pem"

        def write_crls():
            """Two shards and the root's: the verifier chooses."""
            text = ""
            for credential in (partner.transport, other.transport):
                self.fetch_crl(credential)
                text += (self.folder / "shard.pem").read_text()
            der = self.folder / "root.crl"
            clients.curl(self.folder, self.status("/crl/partner-root-0.crl"), extra=["-o", der])
            _, root = self.run_client("openssl", "crl", "-inform", "DER", "-in", der)
            crls.write_text(text + root[root.index("-----BEGIN"):])

        write_crls()
        ports = {"crl": ReservedPort(), "ocsp": ReservedPort()}
        for port in ports.values():
            self.addCleanup(port.socket.close)
        config = self.folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=self.folder, chain=self.chain, crls=crls, server=self.platform.data / "gateway",
                                        crl=ports["crl"].number, ocsp=ports["ocsp"].number))
        nginx = Program("nginx", ["nginx", "-p", self.folder, "-e", self.folder / "nginx-error.log", "-c", config], self.folder)
        self.addCleanup(nginx.kill)

        def call(kind, credential):
            return clients.curl(self.folder, f"https://localhost:{ports[kind].number}/", self.platform.trust_chain, credential).status

        for kind in ports:
            for credential in (partner.transport, other.transport):
                wait_until(lambda kind=kind, credential=credential: call(kind, credential) == 200,
                           f"nginx with {kind} does not let a good certificate in; see {self.folder}/nginx-error.log")
        self.revoke(partner.transport)
        self.await_listed(partner.transport)
        write_crls()
        nginx.process.send_signal(signal.SIGHUP)
        for kind in ports:
            wait_until(lambda kind=kind: call(kind, partner.transport) == 400, f"nginx with {kind} lets a revoked certificate in")
            self.assertEqual(call(kind, other.transport), 200, kind)

    def test_what_is_no_request_harms_nobody(self):
        def post(body, kind="application/ocsp-request"):
            request = urllib.request.Request(self.status("/ocsp"), data=body, headers={"Content-Type": kind})
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as refused:
                return refused.code, b""

        malformed = bytes.fromhex("30030a0101")
        for body in (b"", b"\x30", b"\x00" * 8000, bytes(range(256)) * 16, b"GET / HTTP/1.1\r\n\r\n"):
            self.assertEqual(post(body), (200, malformed), body[:20])
        self.assertEqual(post(b"x" * 20_000)[0], 413)
        self.assertEqual(post(b"x", "text/plain")[0], 415)
        self.assertEqual(post(b"")[0], 200, "and it goes on to serve")


if __name__ == "__main__":
    testing.main()
