"""The EHI sender never loses an advice: partners that answer late, half, twice, garbage or never, kill -9 at every sync, a
full disk, a network that is cut; and servers that are not the partner's are refused with a reason, and stood in for."""
import errno
import itertools
import json
import signal
import socket
import subprocess
import threading
import time
import unittest

import path  # noqa: F401
from harness import clients, scripted_partner, testing
from harness.faults import Faults, SmallDisk
from harness.material import Material
from harness.partner import PartnerServers, ReservedPort
from harness.platform import Endpoint, Platform
from harness.program import wait_until
from harness.scripted_partner import ScriptedPartner

FAST = '''late_time = "1s"
breaker_failures = 1000
breaker_pause = "100ms"
advice_deadline = "500ms"
advice_pause = "100ms"
advice_longest_pause = "200ms"
'''
STAND_IN = FAST + '''mode = "stand_in"
ack = ["/code = 00"]
decline_body = '{"approved":false}'
'''
RULES = '''[[ehi.endpoints.rules]]
name = "small"
when = ["/amount <= 50.00", "/currency in GBP|EUR"]
outcome = "approve"
body = '{"approved":true,"by":"rule"}'
'''
SMALL, LARGE = '{"amount":"12.50","currency":"GBP"}', '{"amount":"99.00","currency":"GBP"}'
DISK = 4 << 20


class Answer:
    def __init__(self, outcome):
        self.status, self.body = outcome.status, outcome.body
        self.fields = {name.lower(): value for name, value in
                       (line[2:].strip().split(": ", 1) for line in outcome.output.splitlines()
                        if line.startswith("< ") and ": " in line)}

    @property
    def decided_by(self):
        return self.fields.get("x-countersign-decided-by")

    @property
    def reason(self):
        return self.fields.get("x-countersign-reason")


class Bench(unittest.TestCase):
    """One sender, one scripted partner, and an nginx with certificates that are not good."""

    small_disk = False

    @classmethod
    def more_keys(cls):
        """Of [ehi], besides those of all these tests."""
        return ""

    @classmethod
    def setUpClass(cls):
        cls.platform = Platform("127.0.0.1:1")
        cls.addClassCleanup(cls.platform.close)
        cls.maker = Material(cls.platform.folder / "material")
        cls.nginx = PartnerServers(cls.platform.folder / "nginx", cls.maker, cls.platform.trust_chain)
        cls.addClassCleanup(cls.nginx.stop)
        cls.platform.ehi_keys = 'outbox_viewers = ["service/auditor"]\noutbox_operators = ["operator/admin"]\n' + cls.more_keys()
        if cls.small_disk:
            (cls.platform.data / "ehi").mkdir(mode=0o700)
            cls.disk = SmallDisk(cls.platform.data / "ehi", DISK)
            cls.addClassCleanup(cls.disk.close)
        cls.platform.up()
        cls.platform.stop()
        cls.partner = ScriptedPartner(cls.nginx.credentials["good"], cls.platform.trust_chain)
        cls.addClassCleanup(cls.partner.close)
        cls.primary = ReservedPort()  # nobody listens there, until a test does
        cls.addClassCleanup(cls.primary.socket.close)
        cls.plain = socket.create_server(("127.0.0.1", 0))
        cls.addClassCleanup(cls.plain.close)
        threading.Thread(target=cls.answer_plain, daemon=True).start()
        cls.make_endpoints()
        cls.platform.write_config()
        cls.faults = Faults(cls.platform.data)
        cls.addClassCleanup(cls.faults.close)
        cls.enterClassContext(cls.faults.only(cls.platform.data / "ehi" / "outbox.db"))
        cls.nginx.start()
        cls.platform.variables = cls.faults.variables
        cls.platform.ports = {}
        for name in ("authority", "ehi"):
            cls.platform.start(name)
        cls.caller = cls.platform.enrol_internal("core-banking")
        cls.auditor = cls.platform.enrol_internal("auditor")
        cls.numbers = itertools.count(1)
        testing.wait_until(lambda: cls.decide("plain", SMALL).status == 200, "the sender does not hear of the caller")

    @classmethod
    def make_endpoints(cls):
        anchors = cls.nginx.ca_file
        scripted = cls.partner.url()
        pin = 'pins = ["sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]\n'
        cls.platform.endpoints = [
            Endpoint("plain", scripted, anchors),
            Endpoint("acme", scripted, anchors, "10s", STAND_IN + RULES),
            Endpoint("impatient", scripted, anchors, "300ms", STAND_IN + RULES),
            Endpoint("declining", scripted, anchors, "300ms", FAST + 'mode = "decline"\ncallers = ["service/core-banking"]\n'),
            Endpoint("mortal", scripted, anchors, "300ms", FAST + 'advice_keep = "1m"\n'),
            Endpoint("guarded", scripted, anchors, "300ms", FAST + 'callers = ["service/somebody-else"]\n'),
            Endpoint("pinned", scripted, anchors, "2s", STAND_IN + pin + RULES),
            Endpoint("speaks-plain", f"https://localhost:{cls.plain.getsockname()[1]}/", anchors, "2s", STAND_IN + RULES),
            Endpoint("two-sites", "https://localhost:1/", anchors, "2s",
                     f'recovery_url = "{cls.partner.url("/recovery")}"\nmode = "decline"\nsource = "127.0.0.1"\n' + FAST),
            Endpoint("returning", f"https://localhost:{cls.primary.number}/", anchors, "2s",
                     f'recovery_url = "{cls.partner.url("/recovery")}"\nmode = "decline"\n'
                     + FAST.replace("breaker_failures = 1000", "breaker_failures = 2")),
        ] + [Endpoint(kind.replace("_", "-"), cls.nginx.url(kind), anchors, "2s", STAND_IN + RULES)
             for kind in cls.nginx.credentials if kind not in ("good", "http2")]

    @classmethod
    def answer_plain(cls):
        while True:
            try:
                connection, _ = cls.plain.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" + b'{"code":"00"}')

    def setUp(self):
        self.partner.manner = None

    @classmethod
    def call(cls, path, credential, extra=(), port=None):
        url = f"https://localhost:{port or cls.platform.ports['ehi']}{path}"
        return Answer(clients.curl(cls.platform.folder, url, cls.platform.trust_chain, credential, extra))

    @classmethod
    def decide(cls, endpoint, body, key=""):
        fields = ["-H", f"Idempotency-Key: {key}"] if key else []
        return cls.call(f"/v1/endpoints/{endpoint}", cls.caller, ["-H", "Content-Type: application/json", *fields, "-d", body])

    @classmethod
    def advise(cls, endpoint, body, key, order="", port=None):
        fields = ["-H", f"X-Countersign-Order: {order}"] if order else []
        return cls.call(f"/v1/endpoints/{endpoint}/advices", cls.caller,
                        ["-H", "Content-Type: application/json", "-H", f"Idempotency-Key: {key}", *fields, "-d", body], port)

    def outbox(self, query="", credential=None):
        said = self.call(f"/v1/outbox{query}", credential or self.auditor)
        return json.loads(said.body)["messages"]

    def key(self):
        return f"{self.id().rpartition('.')[2]}-{next(self.numbers)}"

    def await_advice(self, key):
        """That the partner has it as an advice, and the sender knows."""
        wait_until(lambda: [m for m in self.outbox("?state=delivered&limit=1000") if m["idempotency_key"] == key],
                   f"the advice {key} is not delivered")
        return self.partner.requests(key)

    def restart(self):
        self.platform.running["ehi"].kill()
        self.platform.start("ehi")


class OutboxTest(Bench):
    def test_partners_that_do_not_answer_as_they_must(self):
        for manner, reason in ((scripted_partner.late, "ehi.timeout"), (scripted_partner.never, "ehi.timeout"),
                               (scripted_partner.half, "ehi.unreachable"), (scripted_partner.garbage, "ehi.bad_answer"),
                               (scripted_partner.twice, "ehi.unacknowledged"), (scripted_partner.away, "ehi.unreachable"),
                               (scripted_partner.failing, "ehi.unacknowledged"),
                               (scripted_partner.elsewhere, "ehi.redirected")):
            with self.subTest(manner.__name__):
                key = self.key()
                self.partner.manner = manner
                begun = time.monotonic()
                said = self.decide("impatient" if reason == "ehi.timeout" else "acme", SMALL, key)
                self.assertLess(time.monotonic() - begun, 5)
                self.assertEqual((said.status, said.decided_by, said.reason, said.body),
                                 (200, "stand_in", reason, '{"approved":true,"by":"rule"}'))
                # Of an answer to an advice only the status is asked: one that came twice may have been enough already.
                states = [m["state"] for m in self.outbox("?limit=1000") if m["idempotency_key"] == key]
                self.assertIn(states, (["waiting"], ["delivered"]) if manner is scripted_partner.twice else (["waiting"],))
                self.partner.manner = None
                got = self.await_advice(key)
                self.assertEqual(got[-1]["fields"]["x-countersign-outcome"], "approve")
                self.assertEqual(got[-1]["body"].decode(), SMALL)
                attempts = [int(one["fields"]["x-countersign-attempt"]) for one in got]
                self.assertEqual(attempts, sorted(set(attempts)), "each attempt has a number of its own")
                self.assertGreater(attempts[-1], 1)

    def test_a_late_answer_is_recorded_only(self):
        log = self.platform.records("ehi")
        mark = log.mark()
        self.partner.manner = scripted_partner.late
        self.assertEqual(self.decide("declining", SMALL, self.key()).decided_by, "decline")
        self.assertEqual(log.next("ehi.late_answer", mark)["endpoint"], "declining")

    def test_what_no_rule_fits_is_declined(self):
        self.partner.manner = scripted_partner.failing
        said = self.decide("acme", LARGE, self.key())
        self.assertEqual((said.decided_by, said.body), ("decline", '{"approved":false}'))

    def test_an_answer_in_time_is_the_partners(self):
        said = self.decide("acme", SMALL)
        self.assertEqual((said.status, said.decided_by, said.body), (200, "partner", scripted_partner.GOOD.decode()))

    def test_servers_that_are_not_the_partners(self):
        log = self.platform.records("ehi")
        for endpoint, reason, detail in (("expired", "ehi.refused", "expired"), ("other-name", "ehi.refused", "wrong_name"),
                                         ("unknown-ca", "ehi.refused", "unknown_issuer"),
                                         ("pinned", "ehi.pin_mismatch", None), ("speaks-plain", "ehi.no_tls", None)):
            with self.subTest(endpoint):
                mark, key = log.mark(), self.key()
                said = self.decide(endpoint, SMALL, key)
                self.assertEqual((said.status, said.decided_by, said.reason), (200, "stand_in", reason), said.body)
                record = log.next("ehi.call_failed", mark)
                self.assertEqual(record.get("reason"), detail)
                self.assertEqual(self.partner.requests(key), [])

    def test_the_recovery_site_answers_when_the_primary_is_not_there(self):
        said = self.decide("two-sites", SMALL, key := self.key())
        self.assertEqual(said.decided_by, "partner", said.body)
        self.assertIn("/recovery", self.partner.requests(key)[0]["line"])

    def test_a_primary_that_goes_is_left_and_come_back_to(self):
        log = self.platform.records("ehi")
        mark = log.mark()
        for _ in range(2):
            self.assertEqual(self.decide("returning", SMALL).decided_by, "partner")
        self.assertEqual(log.next("ehi.failed_over", mark)["site"], "primary")
        primary = ScriptedPartner(self.nginx.credentials["good"], self.platform.trust_chain, self.primary.number)
        self.addCleanup(primary.close)
        log.next("ehi.failed_back", mark)
        self.assertEqual(self.decide("returning", SMALL, key := self.key()).decided_by, "partner")
        self.assertEqual(len(primary.requests(key)), 1)
        self.assertEqual(self.partner.requests(key), [])

    def test_killed_at_every_sync(self):
        """Whatever was answered with 202 reaches the partner; what was not can be sent again with its key."""
        point, died = 0, True
        while died:
            point += 1
            key = self.key()
            self.faults.set(die_before=point)
            accepted = self.advise("acme", SMALL, key).status == 202
            if accepted:
                self.quiet(key)
            died = self.faults.get("die_before") == 0
            self.faults.set(die_before=0)
            with self.subTest(point=point):
                if died:
                    self.assertEqual(self.platform.running["ehi"].process.wait(30), -signal.SIGKILL)
                    self.platform.start("ehi")
                if not accepted:
                    self.assertEqual(self.advise("acme", SMALL, key).status, 202)
                attempts = [int(one["fields"]["x-countersign-attempt"]) for one in self.await_advice(key)]
                self.assertEqual(attempts, sorted(set(attempts)), "no two attempts with one number")
        self.assertGreater(point, 3, "accepted, claimed, settled")

    def test_a_disk_that_fails(self):
        """What cannot be synced is not accepted, and can be sent again with its key when the disk is well."""
        for fault in ("sync_error", "write_error"):
            with self.subTest(fault):
                waits, key = self.key(), self.key()
                self.partner.manner = scripted_partner.failing
                self.assertEqual(self.advise("acme", SMALL, waits).status, 202)
                with self.faults.on(**{fault: errno.EIO}):
                    refused = self.advise("acme", SMALL, key)
                    self.assertEqual((refused.status, json.loads(refused.body)["code"]), (503, "outbox.unavailable"))
                    said = self.decide("acme", SMALL, self.key())
                    self.assertEqual((said.status, said.decided_by), (503, "nobody"))
                self.partner.manner = None
                self.assertEqual(self.advise("acme", SMALL, key).status, 202)
                self.await_advice(key)
                self.await_advice(waits)

    def quiet(self, key):
        """Until the message is delivered or the sender is dead."""
        def over():
            if not self.platform.running["ehi"].running():
                return True
            try:
                return [m for m in self.outbox("?state=delivered&limit=1000") if m["idempotency_key"] == key]
            except (KeyError, ValueError):
                return False
        wait_until(over, f"the advice {key} is neither delivered nor is the sender dead")

    def test_killed_while_many_are_under_way(self):
        keys = [self.key() for _ in range(30)]
        self.partner.manner = lambda stream, request: (time.sleep(0.05), stream.sendall(scripted_partner.answer()))[1]
        for number, key in enumerate(keys):
            self.assertEqual(self.advise("acme", SMALL, key, order=f"o{number % 2}").status, 202)
            if number in (7, 15, 23):
                self.restart()
        for key in keys:
            self.await_advice(key)
        for parity in (0, 1):
            ordered = [key for number, key in enumerate(keys) if number % 2 == parity]
            self.assertEqual([key for key in self.partner.order if key in ordered], ordered)

    def test_a_network_that_is_cut(self):
        log, mark = self.platform.records("ehi"), self.platform.records("ehi").mark()
        self.partner.close()
        key = self.key()
        said = self.decide("acme", SMALL, key)
        self.assertEqual((said.decided_by, said.reason), ("stand_in", "ehi.unreachable"))
        log.next("ehi.advice_failed", mark)
        self.restart()
        self.partner.open()
        self.await_advice(key)

    def test_dead_letters_are_an_operators(self):
        self.partner.manner = scripted_partner.failing
        key = self.key()
        self.assertEqual(self.advise("mortal", SMALL, key).status, 202)
        self.platform.stop("ehi")
        self.faults.set(clock_seconds=120)
        self.addCleanup(self.faults.set, clock_seconds=0)
        self.platform.start("ehi")
        dead = wait_until(lambda: self.outbox("?state=dead&endpoint=mortal"), "the message does not die")
        self.assertEqual(dead[0]["idempotency_key"], key)
        record = self.platform.records("ehi").all("ehi.advice_dead")[-1]
        self.assertEqual(record["key"], key)
        number = dead[0]["id"]
        for credential, method, path_, status in ((self.auditor, "POST", f"/{number}/replay", 403),
                                                  (self.auditor, "DELETE", f"/{number}", 403),
                                                  (self.caller, "GET", "", 403),
                                                  (self.caller, "GET", f"/{number}", 403),
                                                  (self.platform.operator, "GET", f"/{number}", 200),
                                                  (self.platform.operator, "GET", "/0", 404),
                                                  (self.platform.operator, "GET", "/x", 404),
                                                  (self.platform.operator, "GET", "?limit=0", 400)):
            self.assertEqual(self.call(f"/v1/outbox{path_}", credential, ["-X", method]).status, status, (method, path_))
        self.assertIn(key, self.command("show", number))
        self.assertIn("mortal", self.command("dead-letters", "mortal"))
        self.partner.manner = None
        self.assertEqual(self.command("replay", number), "1 replayed\n")
        self.await_advice(key)
        self.assertEqual(self.call(f"/v1/outbox/{number}", self.platform.operator, ["-X", "DELETE"]).status, 409)
        self.assertEqual(self.command("replay", "--endpoint", "mortal"), "0 replayed\n")

    def command(self, *words):
        where = ["--sender", f"localhost:{self.platform.ports['ehi']}", "--data", self.platform.data]
        done = subprocess.run(self.platform.command("ehi", *words, *where), capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_who_may_call(self):
        self.assertEqual(self.decide("guarded", SMALL).status, 403)
        self.assertEqual(self.advise("guarded", SMALL, self.key()).status, 403)
        self.assertEqual(self.decide("declining", SMALL).status, 200)

    def test_two_senders_do_not_share_an_outbox(self):
        first = self.platform.running["ehi"]
        second = self.platform.launch("ehi")
        self.platform.running["ehi"] = first
        self.assertNotEqual(second.process.wait(60), 0)
        self.assertIn("outbox.in_use", second.tail())

    def test_metrics(self):
        self.decide("acme", SMALL)
        said = clients.run(["curl", "-s", f"http://127.0.0.1:{self.platform.ports['ehi_status']}/metrics"],
                           self.platform.folder).stdout.decode()
        for line in ('countersign_ehi_decisions_total{endpoint="acme",decided_by="partner"}',
                     'countersign_ehi_call_seconds{endpoint="acme",use="decisions",quantile="0.99"}',
                     'countersign_ehi_site_up{endpoint="two-sites",use="decisions",site="recovery"} 1',
                     'countersign_ehi_outbox_messages{endpoint="acme",state="waiting"}'):
            self.assertIn(line, said)


class DiskTest(Bench):
    small_disk = True

    def test_a_full_disk_accepts_nothing_and_loses_nothing(self):
        key, later = self.key(), self.key()
        self.partner.manner = scripted_partner.failing
        self.assertEqual(self.advise("acme", SMALL, key).status, 202)
        with self.disk.full():
            big = '{"pad":"' + "x" * 60000 + '"}'
            refused = self.advise("acme", big, later)
            self.assertEqual((refused.status, json.loads(refused.body)["code"]), (503, "outbox.unavailable"))
            said = self.decide("acme", big, self.key())
            self.assertEqual((said.status, said.decided_by), (503, "nobody"), said.body)
            self.assertEqual(json.loads(said.body)["code"], "ehi.undecided")
            self.partner.manner = None
            said = self.decide("acme", SMALL)
            self.assertEqual(said.decided_by, "partner", "a partner's answer needs no outbox")
        self.await_advice(key)
        self.assertEqual(self.advise("acme", SMALL, later).status, 202)
        self.await_advice(later)


if __name__ == "__main__":
    testing.main()
