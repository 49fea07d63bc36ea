"""The sender's wire against real servers: which are refused, with which reason, and who sees it; HTTP/2, staples, signed
requests that somebody else verifies, XML answers; and a certificate that is replaced under load."""
import base64
import json
import shutil
import subprocess
import threading
import time
import unittest
import unittest.mock
from pathlib import Path

import path  # noqa: F401
from cryptography import x509
from harness import clients, message_signatures, scripted_partner, testing, webhook_receiver
from harness.faults import Faults
from harness.material import TRANSPORT, Material, Validity
from harness.odd_partners import OddPartners
from harness.platform import Endpoint, Platform
from harness.program import wait_until
from harness.scripted_partner import ScriptedPartner
from harness.webhook_receiver import WebhookReceiver

STAND_IN = '''breaker_failures = 1000
mode = "stand_in"
ack = ["/approved = true"]
'''
RULES = '''[[ehi.endpoints.rules]]
name = "small"
when = ["/amount <= 50.00"]
outcome = "approve"
body = '{"approved":true,"by":"rule"}'
'''
SMALL = '{"amount":"12.50"}'
SOAP = '''<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>%s</s:Body></s:Envelope>'''
DECISION = SOAP % '<d:Decision xmlns:d="urn:decision"><d:code>00</d:code></d:Decision>'
FAULT = SOAP % '<s:Fault><faultcode>s:Server</faultcode></s:Fault>'


class Scene(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = Platform("127.0.0.1:1")
        cls.addClassCleanup(cls.platform.close)
        cls.platform.up()
        cls.platform.stop()
        cls.maker = Material(cls.platform.folder / "material")
        cls.partners = OddPartners(cls.platform.folder / "partners", cls.maker, cls.platform.trust_chain)
        cls.addClassCleanup(cls.partners.stop)
        cls.platform.ehi_keys = 'outbox_viewers = ["service/auditor"]\n'
        cls.platform.endpoints = [Endpoint("good", cls.partners.url("good"), cls.partners.anchors), *cls.make_endpoints()]
        cls.platform.write_config()
        cls.partners.start()
        cls.prepare()
        cls.platform.ports = {}
        for name in ("authority", "ehi"):
            cls.platform.start(name)
        cls.caller = cls.platform.enrol_internal("core-banking")
        cls.auditor = cls.platform.enrol_internal("auditor")
        testing.wait_until(lambda: cls.call("/v1/endpoints/good", ["-d", SMALL])[0] == 200, "the sender does not hear of the caller")

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def call(cls, path_, extra=(), credential=None):
        """(status, fields, body)"""
        url = f"https://localhost:{cls.platform.ports['ehi']}{path_}"
        done = clients.curl(cls.platform.folder, url, cls.platform.trust_chain, credential or cls.caller, extra)
        fields = {name.lower(): value for name, value in (line[2:].strip().split(": ", 1) for line in done.output.splitlines()
                                                          if line.startswith("< ") and ": " in line)}
        return done.status, fields, done.body

    @classmethod
    def decide(cls, endpoint, extra=(), body=SMALL):
        return cls.call(f"/v1/endpoints/{endpoint}", ["-H", "Content-Type: application/json", *extra, "-d", body])

    def metrics(self):
        return clients.run(["curl", "-s", f"http://127.0.0.1:{self.platform.ports['ehi_status']}/metrics"],
                           self.platform.folder).stdout.decode()


# server, keys of the endpoint, the code and the reason with which it is refused, and the server that is one step away and
# accepted with the same keys (or with those that come last).
REFUSED = (
    ("wrong-name", "", "ehi.refused", "wrong_name", "good"),
    ("expired", "", "ehi.refused", "expired", "good"),
    ("not-yet-valid", "", "ehi.refused", "not_yet_valid", "good"),
    ("self-signed", "", "ehi.refused", "self_signed", "good"),
    ("unknown-ca", "", "ehi.refused", "unknown_issuer", "good"),
    ("for-clients", "", "ehi.refused", "wrong_purpose", "good"),
    ("no-intermediate", "", "ehi.refused", "missing_intermediate", "whole-chain"),
    ("expired", "PIN", "ehi.refused", "expired", "good"),
    ("whole-chain", "PIN", "ehi.pin_mismatch", "", "good"),
    ("tls-1-1", "", "ehi.no_tls", "", "tls-1-2"),
    ("tls-1-0", "", "ehi.no_tls", "", "tls-1-2"),
    ("weak-cipher", "", "ehi.no_tls", "", "tls-1-2"),
    ("plaintext", "", "ehi.no_tls", "", "good"),
    ("redirect", "", "ehi.redirected", "", "good"),
    ("stapled-revoked", "", "ehi.refused", "revoked", "stapled"),
    ("stapled-by-1-2", "", "ehi.refused", "revoked", "stapled"),
    ("good", 'staple = "require"\n', "ehi.no_staple", "", "stapled"),
    ("must-unstapled", "", "ehi.no_staple", "", "must-stapled"),
)


class RefusedServersTest(Scene):
    @classmethod
    def make_endpoints(cls):
        endpoints = []
        pin = f'pins = ["{cls.partners.pin("good")}"]\n'
        for number, (server, keys, _, _, twin) in enumerate(REFUSED):
            more = keys.replace("PIN", pin)
            for name, at in ((f"bad-{number}", server), (f"twin-{number}", twin)):
                endpoints.append(Endpoint(name, cls.partners.url(at), cls.partners.anchors, "5s", STAND_IN + more + RULES))
        for name, server in (("off-revoked", "stapled-revoked"), ("off-must", "must-unstapled")):
            endpoints.append(Endpoint(name, cls.partners.url(server), cls.partners.anchors, "5s",
                                      STAND_IN + 'staple = "off"\n' + RULES))
        return [*endpoints, *cls.make_told_endpoints()]

    @classmethod
    def make_told_endpoints(cls):
        """Two whose organisation is named: one that is refused, and one that goes away and comes back."""
        cls.coming = ScriptedPartner(cls.partners.good, cls.platform.trust_chain)
        cls.addClassCleanup(cls.coming.close)
        cls.platform.authority_settings = (
            '[authority.notices]\ndanger_private_webhooks = true\n'
            f'webhook_ca_file = "{cls.partners.anchors}"\n')
        quick = 'organisation = "acme"\nmode = "decline"\nbreaker_failures = 2\nbreaker_pause = "100ms"\n'
        return [Endpoint("inside-refused", cls.partners.url("expired"), cls.partners.anchors, "2s", quick),
                Endpoint("inside-coming", cls.coming.url(), cls.partners.anchors, "2s", quick)]

    @classmethod
    def prepare(cls):
        cls.faults = Faults(below=cls.platform.data / "authority")
        cls.addClassCleanup(cls.faults.close)
        cls.platform.variables = cls.faults.variables

    def test_each_is_refused_with_its_reason_stood_in_for_and_seen(self):
        log = self.platform.records("ehi")
        for number, (server, keys, code, reason, twin) in enumerate(REFUSED):
            with self.subTest(server, keys=keys):
                mark = log.mark()
                status, fields, body = self.decide(f"bad-{number}")
                self.assertEqual((status, fields["x-countersign-decided-by"], fields["x-countersign-reason"],
                                  fields.get("x-countersign-refusal", "")), (200, "stand_in", code, reason), body)
                self.assertEqual(body, '{"approved":true,"by":"rule"}')
                record = log.next("ehi.call_failed", mark)
                self.assertEqual((record["endpoint"], record["code"], record.get("reason", "")), (f"bad-{number}", code, reason))
                self.assert_seen(f"bad-{number}", code, reason)
                status, fields, body = self.decide(f"twin-{number}")
                self.assertEqual((status, fields["x-countersign-decided-by"]), (200, "partner"), (twin, body))
                self.assertNotIn("trouble", self.endpoint(f"twin-{number}")["decisions"])

    def endpoint(self, name):
        return json.loads(self.call(f"/v1/endpoints/{name}", [], self.auditor)[2])

    def assert_seen(self, name, code, reason):
        """By whoever has to talk to the partner: what it is, since when, and what to do."""
        trouble = self.endpoint(name)["decisions"]["trouble"]
        self.assertEqual((trouble["code"], trouble.get("reason", "")), (code, reason))
        self.assertTrue(trouble["detail"])
        self.assertEqual(bool(trouble.get("remedy")), bool(reason))
        self.assertIn(trouble.get("remedy", ""), trouble["detail"])
        self.assertNotIn("countersign request", str(trouble))  # it mends what our authority issued, not a partner's server
        if code == "ehi.redirected" or code == "ehi.no_tls":
            return
        self.assertIn(f'server_refusals_total{{endpoint="{name}",use="decisions",code="{code}",reason="{reason}"}} 1', self.metrics())

    def test_the_partner_is_told_by_the_alert_and_by_the_advice(self):
        """Its own nginx says why it was refused, as soon as it is."""
        said = (self.partners.folder / "error.log")
        before = len(said.read_text(errors="replace"))
        self.decide("bad-1")
        wait_until(lambda: "alert certificate expired" in said.read_text(errors="replace")[before:], "the alert at the partner's")

    def test_staples_that_are_not_asked_for_do_not_count(self):
        for name in ("off-revoked", "off-must"):
            with self.subTest(name):
                self.assertEqual(self.decide(name)[1]["x-countersign-decided-by"], "partner")

    def test_the_partners_people_are_told(self):
        """By the command, by webhook, once; and nobody of the partner's reads what is the provider's own."""
        receiver = WebhookReceiver(self.partners.good)
        self.addCleanup(receiver.stop)
        self.platform.admin("org", "create", "acme")
        receiver.secret = self.platform.admin("contacts", "add", "acme", "--webhook", receiver.url)["secret"]
        log = self.platform.records("ehi")
        mark = log.mark()
        self.assertEqual(self.decide("inside-coming")[1]["x-countersign-decided-by"], "partner")
        log.next("ehi.server_unknown", mark)  # nobody has registered it yet
        refused = self.platform.admin("ehi-servers", "add", "acme", self.partners.url("expired"))["server"]
        coming = self.platform.admin("ehi-servers", "add", "acme", self.coming.url("/other"))["server"]
        maria = self.platform.enrol_person("acme", "maria")

        def own(*words):
            done = self.platform.run("own", *words, "--person", maria, "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout)

        def calls(server):
            return own("ehi-server", server).get("calls", {})

        def hooks(server):
            return [one["type"] for one in receiver.taken if one["ehi_server"]["server"] == server]

        self.coming.close()
        for _ in range(2):
            self.assertEqual(self.decide("inside-coming")[1]["x-countersign-decided-by"], "decline")
        wait_until(lambda: calls(coming).get("state") == "unreachable", "the partner reads that it is away", 30)
        self.faults.set(clock_seconds=70)  # more than the patience with a server that is away
        self.enterContext(unittest.mock.patch.object(webhook_receiver, "TOLERANCE_SECONDS", 3600))
        self.decide("inside-refused")
        wait_until(lambda: calls(refused).get("state") == "refused", "the partner reads that it is refused", 30)
        self.assertEqual((calls(refused)["code"], calls(refused)["reason"]), ("ehi.refused", "expired"))
        wait_until(lambda: hooks(coming) and hooks(refused), f"a webhook of each; {receiver.refused}", 60)
        self.coming.open()
        wait_until(lambda: calls(coming).get("state") == "up", "the partner reads that it is back", 30)
        self.faults.set(clock_seconds=70 + 610)  # and than the calm after which an outage is over
        wait_until(lambda: len(hooks(coming)) > 1, "a webhook that it is back", 60)
        self.assertEqual(hooks(coming), ["ehi_server.unreachable", "ehi_server.recovered"])
        self.assertEqual(hooks(refused), ["ehi_server.refused"])
        theirs = json.dumps([own("ehi-servers"), own("ehi-server", refused), own("ehi-server", coming), receiver.taken])
        self.assertNotIn("inside-", theirs)
        shown = self.platform.admin("ehi-servers", "show", "acme", refused)
        self.assertEqual((shown["reports"][0]["endpoint"], shown["outages"][0]["told"]), ("inside-refused", True))
        self.assertIn("expired", shown["reports"][0]["detail"])
        self.sender_is_looked_at_from_the_command_line()

    def sender_is_looked_at_from_the_command_line(self):
        where = ["--sender", f"localhost:{self.platform.ports['ehi']}", "--trust-chain", self.platform.trust_chain]
        for person, code in ((self.platform.folder / "auditor", 0), (self.platform.folder / "core-banking", 4)):
            done = subprocess.run(self.platform.command("ehi", "outbox", *where, "--operator", person), capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual(done.returncode, code, done.stderr)
        done = subprocess.run(self.platform.command("ehi", "endpoints", "inside-refused", *where, "--operator",
                                                    self.platform.folder / "auditor"), capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("ehi.refused expired since", done.stdout)

    def test_who_sees_endpoints(self):
        self.assertEqual(self.call("/v1/endpoints/nobody", [], self.auditor)[0], 404)
        names = [one["name"] for one in json.loads(self.call("/v1/endpoints", [], self.auditor)[2])["endpoints"]]
        self.assertIn("bad-0", names)


class Http2Test(Scene):
    @classmethod
    def make_endpoints(cls):
        return [Endpoint("shared", cls.partners.url("http2"), cls.partners.anchors, "5s"),
                Endpoint("alone", cls.partners.url("http2"), cls.partners.anchors, "5s", "http2 = false\n")]

    def over(self, endpoint):
        status, _, body = self.decide(endpoint)
        self.assertEqual(status, 200, body)
        return json.loads(body)["over"]

    def test_nginx_is_spoken_to_over_what_it_chooses(self):
        self.assertEqual(self.over("good"), "HTTP/1.1")
        self.assertEqual(self.over("shared"), "HTTP/2.0")
        self.assertEqual(self.over("alone"), "HTTP/1.1")

    def test_calls_at_once_share_a_connection(self):
        self.over("shared")
        mark = len(self.partners.requests())
        threads = [threading.Thread(target=self.over, args=("shared",)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen = self.partners.requests()[mark:]
        self.assertEqual(len(seen), 12)
        self.assertEqual(len({line[3] for line in seen}), 1)


class SignedTest(Scene):
    """A partner without mutual TLS checks who wrote the request, with keys from the provider's JWKS."""

    @classmethod
    def make_endpoints(cls):
        cls.partner = ScriptedPartner(cls.partners.good, cls.platform.trust_chain, mutual=False)
        cls.addClassCleanup(cls.partner.close)
        return [Endpoint(rule.replace("_", "-"), cls.partner.url("/decide?by=provider"), cls.partners.anchors, "5s",
                         f'sign = "{rule}"\nadvice_url = "{cls.partner.url("/advice")}"\n')
                for rule in ("rfc9421", "detached_jws", "legacy")]

    def signed(self, endpoint, body=SMALL):
        """The request as the partner got it."""
        key = f"{self.id()}-{endpoint}"
        wait_until(lambda: self.call(f"/v1/endpoints/{endpoint}/advices", ["-H", "Content-Type: application/json", "-H",
                                                                        f"Idempotency-Key: {key}", "-d", body])[0] == 202, "202")
        got = wait_until(lambda: self.partner.requests(key), "the partner's request")[0]
        decided = wait_until(lambda: self.decide(endpoint, body=body)[0] == 200, "a decision")
        self.assertTrue(decided)
        return got

    def jwks(self):
        url = self.platform.api_url("/oauth2/jwks/production/provider")
        return json.loads(clients.curl(self.platform.folder, url, self.platform.trust_chain).body)["keys"]

    def public_key(self, kid):
        jwk = next(one for one in self.jwks() if one["kid"] == kid)
        certificate = x509.load_der_x509_certificate(base64.b64decode(jwk["x5c"][0]))
        self.assertEqual(message_signatures.thumbprint(certificate.public_key()), kid)
        return certificate.public_key()

    def test_python_verifies_what_is_signed(self):
        got = self.signed("rfc9421")
        fields = list(got["fields"].items())
        params = got["fields"]["signature-input"]
        kid = params.partition('keyid="')[2].partition('"')[0]
        message = {"method": "POST", "url": self.partner.url("/advice"), "fields": fields}
        base = message_signatures.verify(self.public_key(kid), content=got["body"], **message)
        self.assertIsNotNone(base)
        for covered in ('"@method"', '"@target-uri"', '"content-digest"', '"idempotency-key"', '"x-countersign-attempt"',
                        '"content-type"'):
            self.assertIn(covered, base)
        self.assertIsNone(message_signatures.verify(self.public_key(kid), content=got["body"] + b" ", **message))
        elsewhere = {**message, "url": self.partner.url("/other")}
        self.assertIsNone(message_signatures.verify(self.public_key(kid), content=got["body"], **elsewhere))

    def test_python_verifies_the_content_alone(self):
        got = self.signed("detached-jws")
        text = got["fields"]["x-jws-signature"]
        kid = json.loads(message_signatures.from_b64url(text.partition(".")[0]))["kid"]
        self.assertTrue(message_signatures.verify_jws(self.public_key(kid), text, got["body"]))
        self.assertFalse(message_signatures.verify_jws(self.public_key(kid), text, got["body"] + b" "))
        got = self.signed("legacy")
        text = got["fields"]["x-signature"]
        kid = text.partition("k=")[2].partition(",")[0]
        self.assertTrue(message_signatures.verify_header(self.public_key(kid), text, got["body"]))
        self.assertFalse(message_signatures.verify_header(self.public_key(kid), text, got["body"] + b" "))

    @unittest.skipUnless(shutil.which("node"), "node is not installed")
    def test_node_verifies_them_all(self):
        vectors = []
        for endpoint, kind in (("rfc9421", "rfc9421"), ("detached-jws", "jws")):
            got = self.signed(endpoint)
            fields = [[name, value] for name, value in got["fields"].items()]
            params = got["fields"].get("signature-input", "").removeprefix("sig1=")
            request = {"method": "POST", "url": self.partner.url("/advice"), "fields": fields, "content": got["body"].decode()}
            vectors.append({"name": endpoint, "kind": kind, "key": "provider", "expect": "verified", "request": request})
            if kind == "rfc9421":
                components = params[1:params.index(")")].split(" ")
                vectors[-1]["signature_base"] = message_signatures.signature_base(
                    components, params, method="POST", url=request["url"], fields=list(got["fields"].items())).decode()
        jwk = {name: value for name, value in self.jwks()[0].items() if name in ("kty", "crv", "x", "y")}
        file = self.platform.folder / "vectors.json"
        peer = Path(__file__).resolve().parent / "peers" / "message_signature.js"
        for changed in (False, True):
            if changed:
                vectors[0]["request"]["fields"] = [[name, value.replace("application/json", "text/xml")]
                                                   for name, value in vectors[0]["request"]["fields"]]
            file.write_text(json.dumps({"keys": [{"name": "provider", "jwk": jwk}], "vectors": vectors}))
            done = subprocess.run(["node", peer, "check", file], capture_output=True, timeout=60)
            self.assertEqual(done.returncode != 0, changed, done.stderr.decode())

    def status(self, what):
        return clients.run(["curl", "-s", f"http://127.0.0.1:{self.platform.ports['ehi_status']}{what}"],
                           self.platform.folder).stdout.decode()

    def serial(self, name):
        chain = (self.platform.data / "ehi" / f"{name}.pem").read_bytes()
        return f"{x509.load_pem_x509_certificates(chain)[0].serial_number:032x}"

    def decides(self, endpoint):
        """The code of the failure, or who decided."""
        status, _, body = self.decide(endpoint)
        return "partner" if status == 200 else json.loads(body)["code"]

    def revoke(self, name):
        self.platform.admin("revoke", self.serial(name), "--reason", "key_compromise")

    def test_what_is_taken_back_is_used_no_more(self):
        """Comes last. The sender hears of it by the feed; nothing is sent, and it says why."""
        self.signed("rfc9421")
        self.assertEqual(self.status("/ready"), "ready\n")
        self.revoke("signing-production")
        wait_until(lambda: self.decides("rfc9421") == "ehi.no_signature", "nothing is signed any more", 15)
        self.assertIn("not calling: production signing certificate: revoked", self.status("/ready"))
        self.assertIn('own_certificate_used{environment="production",purpose="signing",which="first"} 0', self.status("/metrics"))
        self.assertEqual(self.decides("good"), "partner", "which needs no signature")
        self.revoke("ehi-production")
        wait_until(lambda: self.decides("good") == "ehi.no_certificate", "nobody is called any more", 15)
        self.assertIn("not calling: production ehi certificate: revoked", self.status("/ready"))
        self.assertEqual(len(self.platform.records("ehi").all("ehi.own_certificate_not_used")), 2)

        # Another identity of the provider's, which was kept for this.
        standby = self.platform.folder / "standby"
        self.platform.admin("app", "create", "production/provider/ehi-standby")
        code = self.platform.code_for("production/provider/ehi-standby", "--purpose", "ehi")
        made = self.platform.request_or_fail("ehi", code, standby)
        own = self.platform.data / "ehi"
        shutil.copy(made.key, own / "ehi-production-standby.key")
        shutil.copy(made.chain, own / "ehi-production-standby.pem")
        self.platform.stop("ehi")
        self.platform.ehi_keys += "standby_certificates = true\n"
        self.platform.rewrite_config("ehi")
        self.platform.start("ehi")
        wait_until(lambda: self.decides("good") == "partner", "the standby is used", 15)
        self.assertIn("on standby: production ehi certificate: revoked", self.status("/ready"))
        wait_until(lambda: self.decides("rfc9421") == "partner", "it has asked for a Signing Certificate of its own", 60)

    def test_the_certificate_was_asked_for_by_the_sender_itself(self):
        chain = self.platform.data / "ehi" / "signing-production.pem"
        wait_until(chain.exists, "the Signing Certificate")
        certificate = x509.load_pem_x509_certificates(chain.read_bytes())[0]
        name = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(name.get_values_for_type(x509.UniformResourceIdentifier), ["urn:countersign:production:provider:ehi"])
        with self.assertRaises(x509.ExtensionNotFound):
            certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)


class XmlTest(Scene):
    @classmethod
    def make_endpoints(cls):
        cls.partner = ScriptedPartner(cls.partners.good, cls.platform.trust_chain)
        cls.addClassCleanup(cls.partner.close)
        more = '''breaker_failures = 1000
mode = "decline"
decline_content_type = "text/xml"
decline_body = "<declined/>"
xml_namespaces = ["s=http://schemas.xmlsoap.org/soap/envelope/", "d=urn:decision"]
ack_xpath = ["/s:Envelope/s:Body/d:Decision/d:code = '00'", "not(//s:Fault)"]
advice_ack_xpath = ["//d:code"]
'''
        return [Endpoint("soap", cls.partner.url(), cls.partners.anchors, "5s", more)]

    def ask(self, answer, status=200):
        self.partner.manner = lambda stream, _: stream.sendall(scripted_partner.answer(status, answer.encode()))
        key = f"{self.id()}-{time.monotonic_ns()}"
        said = self.call("/v1/endpoints/soap", ["-H", "Content-Type: text/xml; charset=utf-8", "-H", 'SOAPAction: "urn:decide"',
                                                "-H", f"Idempotency-Key: {key}", "-d", SOAP % "<x/>"])
        return said, self.partner.requests(key)

    def test_soap_goes_through_and_comes_back_as_it_was(self):
        (status, fields, body), got = self.ask(DECISION)
        self.assertEqual((status, fields["x-countersign-decided-by"], body), (200, "partner", DECISION))
        self.assertEqual(got[0]["fields"]["soapaction"], '"urn:decide"')
        self.assertEqual(got[0]["fields"]["content-type"], "text/xml; charset=utf-8")
        self.assertEqual(got[0]["body"].decode(), SOAP % "<x/>")

    def test_what_is_no_acknowledgement_is_declined(self):
        bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + DECISION.partition("?>")[2]
        for name, answer in (("a fault", FAULT), ("another code", DECISION.replace("00", "05")), ("json", '{"code":"00"}'),
                             ("cut off", DECISION[:-10]), ("a doctype", bomb)):
            with self.subTest(name):
                (status, fields, body), _ = self.ask(answer)
                self.assertEqual((status, fields["x-countersign-decided-by"], fields["x-countersign-reason"], body),
                                 (200, "decline", "ehi.unacknowledged", "<declined/>"))


class RotationTest(Scene):
    """The provider's certificate is replaced under load: no call fails, and old connections are gone within a minute."""

    @classmethod
    def make_endpoints(cls):
        return [Endpoint("shared", cls.partners.url("http2"), cls.partners.anchors, "5s")]

    @classmethod
    def prepare(cls):
        cls.issuer = cls.maker.issuer_of(cls.platform.authority_folder, "production", "ehi")
        cls.install("first")

    @classmethod
    def install(cls, name):
        """One with a life of four minutes, so that its files are looked at every 20 seconds."""
        minute = 1 / 1440
        made = cls.maker.leaf(name, cls.issuer, "/CN=ehi/O=provider/OU=production",
                              TRANSPORT + "subjectAltName=URI:urn:countersign:production:provider:ehi\n",
                              Validity(-minute / 4, minute * 3.75))
        own = cls.platform.data / "ehi"
        shutil.copy(made.key, own / "ehi-production.key.next")
        (own / "ehi-production.pem.new").write_text(made.chain.read_text())
        (own / "ehi-production.pem.new").replace(own / "ehi-production.pem")
        return x509.load_pem_x509_certificate(made.certificate.read_bytes()).serial_number

    def test_no_call_fails_and_the_old_ones_drain(self):
        failed, stop = [], threading.Event()

        def load(endpoint):
            while not stop.is_set():
                status = self.decide(endpoint)[0]
                if status != 200:
                    failed.append((endpoint, status))

        threads = [threading.Thread(target=load, args=(endpoint,)) for endpoint in ("good", "good", "shared", "shared")]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: len(self.partners.requests()) > 20, "calls under way")
            serial = self.install("second")
            begun = time.monotonic()
            wait_until(lambda: int(self.partners.requests()[-1][2], 16) == serial, "the new certificate at the partner's",
                       seconds=60)
            mark = len(self.partners.requests())
            wait_until(lambda: len(self.partners.requests()) > mark + 40, "more calls")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertLess(time.monotonic() - begun, 60)
        self.assertEqual(failed, [])
        after = self.partners.requests()[mark + 8:]
        self.assertEqual({int(line[2], 16) for line in after}, {serial}, "no call with the old one any more")
        self.assertEqual({line[1] for line in after}, {"HTTP/1.1", "HTTP/2.0"})


if __name__ == "__main__":
    testing.main()
