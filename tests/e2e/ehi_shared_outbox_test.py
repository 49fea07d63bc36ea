"""Senders that share an outbox in PostgreSQL: one that is killed, a database that is restarted or has no room, both under
load; and a network that is cut between a sender and its partner. Every advice arrives, and those with one order in it."""
import itertools
import json
import os
import pwd
import secrets
import shutil
import socket
import tempfile
import threading
import time
import unittest

import ehi_outbox_test as single
import path  # noqa: F401
from harness import database, scripted_partner, testing
from harness.faults import SmallDisk
from harness.material import SERVER
from harness.networks import CutNetwork
from harness.platform import Endpoint
from harness.program import Program, wait_until
from harness.scripted_partner import ScriptedPartner

ORDERS, MESSAGES = 4, 25  # so many threads, and messages of each
DATABASE_DISK = 192 << 20
TAKEN_OVER_SECONDS = 60


class Bench(single.Bench):
    """Two senders, one database."""

    @classmethod
    def setUpClass(cls):
        if database.programs_folder() is None:
            raise unittest.SkipTest("no PostgreSQL under /usr/lib/postgresql")
        cls.make_database()
        super().setUpClass()
        cls.second = None
        cls.start_second()

    @classmethod
    def make_database(cls):
        cls.database = database.Postgresql()
        cls.addClassCleanup(cls.database.close)

    @classmethod
    def more_keys(cls):
        return f'outbox = "{cls.database.uri}"\n'

    @classmethod
    def make_endpoints(cls):
        anchors, scripted = cls.nginx.ca_file, cls.partner.url()
        cls.platform.endpoints = [Endpoint("plain", scripted, anchors),
                                  Endpoint("acme", scripted, anchors, "10s", single.STAND_IN + single.RULES)]

    @classmethod
    def start_second(cls):
        """With a folder, and a configuration, of its own."""
        data = cls.platform.data
        if cls.second is None:
            shutil.copytree(data / "ehi", data / "ehi-two")
            cls.addClassCleanup(lambda: cls.second.kill())
        here = f'"127.0.0.1:{{}}"'
        text = (data / "ehi.toml").read_text().replace('data = "ehi"', 'data = "ehi-two"')
        for name in ("ehi", "ehi_status"):
            text = text.replace(here.format(cls.platform.ports[name]), here.format(0))
        (data / "ehi-two.toml").write_text(text)
        ready = cls.platform.folder / "ehi-two.ready"
        cls.second = Program("ehi-two", [cls.platform.programs / "countersign-ehi", "--config", data / "ehi-two.toml",
                                         "--ready-file", ready], cls.platform.log_folder, ready)
        cls.second_port = int(cls.second.started()["listen"].rpartition(":")[2])
        testing.wait_until(lambda: cls.call("/v1/outbox", cls.auditor, port=cls.second_port).status == 200,
                           "the second sender does not hear of the auditor")

    def load(self, fault):
        """Threads, one an order, that send one message after the other, each until somebody has accepted it; `fault` happens
        meanwhile. The keys of each order, as they were accepted."""
        accepted = [[] for _ in range(ORDERS)]
        name = self.key()
        trouble = []

        def send(order):
            ports = itertools.cycle((self.platform.ports["ehi"], self.second_port))
            for number in range(MESSAGES):
                key = f"{name}-{order}-{number}"
                deadline = time.monotonic() + TAKEN_OVER_SECONDS
                while self.advise("acme", single.SMALL, key, f"{name}-{order}", next(ports)).status != 202:
                    if time.monotonic() > deadline:
                        trouble.append(f"nobody takes {key}")
                        return
                    time.sleep(0.02)
                accepted[order].append(key)

        threads = [threading.Thread(target=send, args=(order,)) for order in range(ORDERS)]
        for thread in threads:
            thread.start()
        wait_until(lambda: sum(map(len, accepted)) >= ORDERS * MESSAGES // 4, "no load comes about", 60)
        fault()
        for thread in threads:
            thread.join()
        self.assertEqual(trouble, [])
        return accepted

    def await_all(self, accepted):
        expected = {key for keys in accepted for key in keys}

        def delivered():
            after, done = 0, set()
            while page := self.outbox(f"?endpoint=acme&state=delivered&limit=1000&after={after}"):
                done |= {message["idempotency_key"] for message in page}
                after = page[-1]["id"]
            return expected <= done

        wait_until(delivered, "not every advice is delivered", TAKEN_OVER_SECONDS)
        for keys in accepted:
            self.assertEqual([key for key in self.partner.order if key in set(keys)], keys, "the order of one order key")
        for key in expected:
            attempts = [int(one["fields"]["x-countersign-attempt"]) for one in self.partner.requests(key)]
            self.assertEqual(attempts, sorted(set(attempts)), "no two attempts with one number")


class SharedOutboxTest(Bench):
    def setUp(self):
        super().setUp()
        # Long enough that some are always under way.
        self.partner.manner = lambda stream, request: (time.sleep(0.03), stream.sendall(scripted_partner.answer()))[1]

    def test_both_deliver(self):
        self.await_all(self.load(lambda: None))
        kept = self.database.psql("SELECT state, COUNT(*) FROM countersign_outbox.messages WHERE state <> 1 GROUP BY state")
        self.assertEqual(kept.strip(), "")

    def test_one_of_two_is_killed_under_load(self):
        def kill():
            self.second.kill()

        self.addCleanup(self.start_second)
        self.await_all(self.load(kill))

    def test_the_database_is_restarted_under_load(self):
        def restart():
            self.database.kill()  # as a power cut does
            said = self.advise("acme", single.SMALL, self.key())
            self.assertEqual((said.status, json.loads(said.body)["code"]), (503, "outbox.unavailable"))
            self.assertNotIn("127.0.0.1", said.body, "who calls need not know where the database is")
            said = self.decide("acme", single.SMALL)
            self.assertEqual(said.decided_by, "partner", "a partner's answer needs no outbox")
            self.database.start()

        self.await_all(self.load(restart))

    def test_what_one_took_the_other_shows_and_replays(self):
        self.partner.manner = scripted_partner.failing
        key = self.key()
        self.assertEqual(self.advise("acme", single.SMALL, key, port=self.second_port).status, 202)
        message = wait_until(lambda: [m for m in self.outbox("?limit=1000") if m["idempotency_key"] == key], "it is not shown")[0]
        self.assertEqual(self.advise("acme", single.SMALL, key).body.count('"repeated":true'), 1)
        said = self.call(f"/v1/outbox/{message['id']}/replay", self.platform.operator, ["-X", "POST"])
        self.assertEqual(said.status, 200, said.body)
        self.partner.manner = None
        self.await_advice(key)


class DatabaseDiskTest(Bench):
    @classmethod
    def make_database(cls):
        owner = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None
        cls.place = tempfile.mkdtemp(prefix="countersign-outbox-")
        cls.addClassCleanup(shutil.rmtree, cls.place, True)
        cls.disk = SmallDisk(cls.place, DATABASE_DISK, owner)
        cls.addClassCleanup(cls.disk.close)
        cls.database = database.Postgresql(cls.place, log=tempfile.mkstemp(prefix="countersign-log-")[1])
        cls.addClassCleanup(cls.database.kill)

    def test_a_database_without_room_accepts_nothing_and_loses_nothing(self):
        key = self.key()
        self.partner.manner = scripted_partner.failing
        self.assertEqual(self.advise("acme", single.SMALL, key).status, 202)
        big = '{"pad":"' + secrets.token_hex(50000) + '"}'  # which nothing makes smaller
        refused = None
        with self.disk.full():
            for number in range(400):  # what PostgreSQL has set aside goes first
                refused = self.advise("acme", big, f"{key}-{number}")
                if refused.status != 202:
                    break
        self.assertEqual((refused.status, json.loads(refused.body)["code"]), (503, "outbox.unavailable"))
        if not self.database.process or self.database.process.poll() is not None:
            self.database.process = None
            self.database.start()  # a full disk of the write-ahead log ends it
        self.partner.manner = None
        wait_until(lambda: self.advise("acme", single.SMALL, key + "-later").status == 202, "it does not recover", 60)
        self.await_advice(key)
        self.await_advice(key + "-later")


class DistantPartner(ScriptedPartner):
    def __init__(self, network, *material):
        self.network = network
        super().__init__(*material)

    def listen(self, port):
        return self.network.listen(port)

    def url(self, path="/decide"):
        return f"https://{self.network.far_address}:{self.port}{path}"


class NetworkTest(single.Bench):
    """One sender with a file, a partner in another name space."""

    @classmethod
    def setUpClass(cls):
        cls.network = CutNetwork()
        cls.addClassCleanup(cls.network.close)
        super().setUpClass()

    @classmethod
    def make_endpoints(cls):
        credential = cls.maker.leaf("distant", cls.maker.ca("distant-ca", "/CN=Distant CA"), "/CN=distant",
                                    SERVER + f"subjectAltName=IP:{cls.network.far_address}\n")
        cls.partner = DistantPartner(cls.network, credential, cls.platform.trust_chain)
        cls.addClassCleanup(cls.partner.close)
        anchors = cls.maker.folder / "distant-ca.pem"
        fast = single.STAND_IN + single.RULES
        cls.platform.endpoints = [Endpoint("plain", cls.partner.url(), anchors),
                                  Endpoint("acme", cls.partner.url(), anchors, "400ms", fast)]

    def test_a_cable_that_is_pulled(self):
        log = self.platform.records("ehi")
        self.assertEqual(self.decide("acme", single.SMALL).decided_by, "partner", "a warm connection")
        keys = [self.key() for _ in range(6)]
        mark = log.mark()
        with self.network.cut():
            for number, key in enumerate(keys):
                self.assertEqual(self.advise("acme", single.SMALL, key, order="one").status, 202)
                begun = time.monotonic()
                said = self.decide("acme", single.SMALL, f"{key}-decision")
                self.assertLess(time.monotonic() - begun, 2.5, "the deadline, curl's own start, and a sync of the disk")
                self.assertEqual(said.decided_by, "stand_in")
                self.assertIn(said.reason, ("ehi.timeout", "ehi.unreachable"))
                if number == 2:
                    self.restart()  # what the dead one had under way counts as well
            log.next("ehi.advice_failed", mark)
        for key in keys:
            self.await_advice(key)
            self.await_advice(f"{key}-decision")
        self.assertEqual([key for key in self.partner.order if key in keys], keys)

    def test_nothing_of_the_machine_is_reached(self):
        """The name space is one of its own: the far end is the only neighbour."""
        with self.assertRaises(OSError):
            socket.create_connection(("192.0.2.1", 9), timeout=0.5)


if __name__ == "__main__":
    testing.main()
