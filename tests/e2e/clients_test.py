"""Unmodified clients of every sort: 200 with a certificate; the right failure without one."""
import json
import shutil
import socket
import ssl
import unittest
from pathlib import Path

import path  # noqa: F401
from harness import clients, testing
from harness.raw import tls_connect

PEERS = Path(__file__).resolve().parent / "peers"
PASSWORD = "correct horse"


def need(command, package):
    if not shutil.which(command):
        raise unittest.SkipTest(f"{command} is not installed (apt-get install {package})")


class ClientTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        password = cls.platform.folder / "p12.password"
        password.write_text(PASSWORD + "\n")
        cls.p12 = cls.platform.folder / "acme.p12"
        cls.acme = cls.enrol("production/acme/payments", ("--p12", cls.p12, "--p12-password-file", password))

    def both(self, client, words):
        """`client(credential)`: with the certificate 200, without it a failure that says one of `words`."""
        self.assert_seen_as("production/acme/payments", client(self.acme.transport))
        outcome = self.assert_refused("no_certificate", lambda: client(None))
        self.assertTrue(any(word in outcome.output for word in words), outcome.output)

    def test_curl(self):
        self.both(self.curl, ["certificate required"])
        self.assertEqual(self.curl(None).alert, "certificate_required")

    def test_openssl(self):
        self.both(self.s_client, ["SSL alert number 116"])
        self.both(lambda credential: self.s_client(credential, ["-tls1_2"]), ["SSL alert number 40"])

    def test_gnutls(self):
        need("gnutls-cli", "gnutls-bin")
        self.both(self.gnutls, ["Certificate is required"])

    def gnutls(self, credential):
        command = ["gnutls-cli", "--port", self.platform.ports["gateway"], "--x509cafile", self.platform.trust_chain, "localhost"]
        if credential:
            command += ["--x509certfile", credential.chain, "--x509keyfile", credential.key]
        done = clients.run(command, self.platform.folder, "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        output = done.stdout.decode() + done.stderr.decode()
        return clients.Outcome("gnutls-cli", done.returncode, 200 if "HTTP/1.1 200" in output else 0, output=output)

    def test_python(self):
        self.both(self.python, ["TLSV13_ALERT_CERTIFICATE_REQUIRED", "certificate required"])

    def python(self, credential):
        try:
            with tls_connect(self.platform.ports["gateway"], self.platform.trust_chain, credential) as stream:
                stream.sendall(b"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answer = stream.recv(65536).decode()
                return clients.Outcome("python", 0, int(answer.split()[1]), output=answer)
        except (ssl.SSLError, socket.error) as error:
            return clients.Outcome("python", 1, output=str(error))

    def test_python_requests(self):
        try:
            import requests
        except ImportError:
            raise unittest.SkipTest("python3-requests is not installed") from None

        def call(credential):
            try:
                answer = requests.get(self.platform.gateway_url(), verify=str(self.platform.trust_chain), timeout=30,
                                      cert=credential and (str(credential.chain), str(credential.key)))
                return clients.Outcome("requests", 0, answer.status_code)
            except requests.exceptions.RequestException as error:
                return clients.Outcome("requests", 1, output=str(error))

        self.both(call, ["TLSV13_ALERT_CERTIFICATE_REQUIRED", "certificate required"])

    def test_node(self):
        need("node", "nodejs")
        self.both(self.node, ["CERTIFICATE_REQUIRED", "certificate required"])

    def node(self, credential):
        files = [credential.chain, credential.key] if credential else []
        return self.peer(["node", PEERS / "call.js", self.platform.gateway_url(), self.platform.trust_chain, *files])

    def test_java(self):
        need("javac", "default-jdk-headless")
        self.both(self.java, ["certificate_required"])

    def java(self, credential):
        files = [self.p12, PASSWORD] if credential else []
        return self.peer(["java", PEERS / "Call.java", self.platform.gateway_url(), self.platform.trust_chain, *files])

    def peer(self, command):
        """Our small programs print {"status": N} or {"error": TEXT}."""
        done = clients.run(command, self.platform.folder)
        output = done.stdout.decode() + done.stderr.decode()
        try:
            status = json.loads(done.stdout).get("status", 0)
        except ValueError:
            status = 0
        return clients.Outcome(str(command[0]), done.returncode, status, output=output)


if __name__ == "__main__":
    testing.main()
