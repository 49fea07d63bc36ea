"""EHI: the provider's calls to a partner's unmodified nginx, which trusts only the provider's trust chain."""
import json
import socket
import time
import unittest

import path  # noqa: F401
from harness import clients, impostors
from harness import testing
from harness.material import Material
from harness.partner import PartnerServers
from harness.platform import Endpoint, Platform
from harness.raw import tcp_connect, tls_connect, read_to_end


class EhiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = Platform("127.0.0.1:1")
        cls.addClassCleanup(cls.platform.close)
        cls.maker = Material(cls.platform.folder / "material")
        cls.partner = PartnerServers(cls.platform.folder / "partner", cls.maker, cls.platform.trust_chain)
        cls.addClassCleanup(cls.partner.stop)
        cls.silent = socket.create_server(("127.0.0.1", 0))  # accepts and never answers
        cls.addClassCleanup(cls.silent.close)
        anchors = cls.partner.ca_file
        cls.platform.endpoints = [Endpoint(kind.replace("_", "-"), cls.partner.url(kind), anchors)
                                  for kind in cls.partner.credentials]
        cls.platform.endpoints += [
            Endpoint("silent", f"https://localhost:{cls.silent.getsockname()[1]}/", anchors, deadline="300ms"),
            Endpoint("absent", "https://localhost:1/", anchors),
        ]
        cls.platform.write_config()
        cls.platform.provision()
        cls.partner.start()
        cls.caller = cls.platform.enrol_internal("core-banking")
        testing.wait_until(lambda: cls.call("good").status == 200, "the EHI sender does not hear of the caller")

    @classmethod
    def call(cls, endpoint, credential=None):
        return cls.platform.call_endpoint(endpoint, credential or cls.caller)

    def test_the_partner_sees_the_provider(self):
        outcome = self.call("good")
        self.assertEqual(outcome.status, 200, outcome.output)
        self.assertIn("O=provider", json.loads(outcome.body)["caller"])
        self.assertIn("OU=production", json.loads(outcome.body)["caller"])

    def test_partners_server_certificates_that_are_not_good(self):
        for endpoint, reason, alert in (("expired", "expired", "certificate_expired"),
                                        ("other-name", "wrong_name", "bad_certificate"),
                                        ("unknown-ca", "unknown_issuer", "unknown_ca")):
            with self.subTest(endpoint):
                mark, log = self.partner.mark(), self.platform.records("ehi")
                begin = log.mark()
                outcome = self.call(endpoint)
                self.assertEqual(outcome.status, 502, outcome.output)
                self.assertEqual(json.loads(outcome.body)["reason"], reason)
                self.assertEqual(log.next("ehi.call_failed", begin)["reason"], reason)
                self.assertEqual(self.partner.alert(mark), alert)

    def test_the_partners_nginx_refuses_everybody_else(self):
        self.platform.create_application("production/beta/shop")
        code = self.platform.code_for("production/beta/shop")
        beta = self.platform.request_or_fail("transport", code, self.platform.folder / "beta")
        other = impostors.make(self.maker, self.platform.authority_folder, self.genuine()).other_ca
        for name, credential in (("no certificate", None), ("another CA's", other), ("another partner's", beta)):
            with self.subTest(name):
                outcome = clients.curl(self.platform.folder, self.partner.url("good"), self.partner.ca_file, credential)
                self.assertEqual(outcome.status, 400, outcome.output)

    def genuine(self):
        return self.platform.enrol("production/acme/payments").transport

    def test_a_silent_partner_is_a_failure_within_the_deadline(self):
        begun = time.monotonic()
        outcome = self.call("silent")
        self.assertEqual((outcome.status, json.loads(outcome.body)["code"]), (504, "ehi.timeout"))
        self.assertLess(time.monotonic() - begun, 2)

    def test_an_absent_partner_is_a_clear_failure(self):
        outcome = self.call("absent")
        self.assertEqual((outcome.status, json.loads(outcome.body)["code"]), (502, "ehi.unreachable"))
        self.assertEqual(self.call("nobody").status, 404)

    def test_the_local_side_demands_a_service_certificate(self):
        """Zero trust: being on the same machine is no credential."""
        port, chain = self.platform.ports["ehi"], self.platform.trust_chain
        outcome = clients.curl(self.platform.folder, f"https://localhost:{port}/v1/endpoints/good", chain, None, ["-d", "{}"])
        self.assertEqual((outcome.status, outcome.alert), (0, "certificate_required"))
        stranger = self.maker.self_signed("stranger", "/CN=core-banking/O=service/OU=internal")
        outcome = clients.curl(self.platform.folder, f"https://localhost:{port}/v1/endpoints/good", chain, stranger, ["-d", "{}"])
        self.assertEqual((outcome.status, outcome.alert), (0, "unknown_ca"))
        with tcp_connect(port) as stream:
            stream.sendall(b"POST /v1/endpoints/good HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
            self.assertNotIn(b"200 OK", read_to_end(stream))
        with tls_connect(port, chain, self.caller) as stream:
            stream.sendall(b"POST /v1/endpoints/good HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                           b"Content-Length: 2\r\n\r\n{}")
            self.assertIn(b"200 OK", read_to_end(stream))


if __name__ == "__main__":
    testing.main()
