"""Thousands of connections that never become anything: handshakes that fail and such as never begin. Partners come in meanwhile, the
gateway's memory stays what it is, and its metrics count them. bench/storm does so a million times."""
import multiprocessing
import re
import ssl
import threading

import path  # noqa: F401
from harness import clients, testing
from harness.program import wait_until
from harness.raw import tls_connect
from harness.storm import Storm, address_of, connect_from, flood, room_for

HALF_OPEN = 10_000
LEAST_ROOM = 3_000
FAILING = 5_000
FLOOD = 8_000
GROWTH_KILOBYTES = 8 * 1024


class StormTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        cls.room = room_for(HALF_OPEN)
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")
        cls.gateway = cls.platform.running["gateway"]

    def setUp(self):
        self.live = testing.LiveConnection(self.platform, self.acme.transport)
        self.addCleanup(self.live.stream.close)
        self.before = self.counted()

    def tearDown(self):
        self.assertTrue(self.gateway.running(), self.gateway.tail())
        self.assertEqual(self.curl(self.acme.transport).status, 200, "service does not go on")

    def counted(self):
        """Handshakes by outcome, those refused by reason included."""
        text = clients.curl(self.platform.folder, f"http://127.0.0.1:{self.platform.ports['gateway_status']}/metrics").body
        counts = {name: int(value) for name, value in re.findall(r'gateway_handshakes_total\{outcome="(\w+)"\} (\d+)', text)}
        counts["refused"] = sum(int(value) for value in re.findall(r"gateway_refusals_total\{[^}]*\} (\d+)", text))
        return counts

    def more(self, *outcomes):
        now = self.counted()
        return sum(now[one] - self.before[one] for one in outcomes)

    def comes_in(self):
        """A partner's new connection and request. Whoever is unlucky in a flood tries again."""
        try:
            with testing.LiveConnection(self.platform, self.acme.transport) as connection:
                return connection.ask() == 200
        except (OSError, ssl.SSLError):
            return False

    def while_partners_come_and_go(self, work):
        """`work` in a thread of its own. Meanwhile those who are connected are served, and partners come in, though not at each try."""
        thread = threading.Thread(target=work)
        thread.start()
        came = tries = 0
        while thread.is_alive():
            self.assertEqual(self.live.ask(), 200, "a connection that was there is harmed")
            tries += 1
            came += self.comes_in()
        thread.join()
        print(f"partners came in {came} times of {tries}")
        self.assertGreater(came, 0, "partners are locked out")
        wait_until(self.comes_in, "partners are locked out for good")
        return came, tries

    def half_open(self, address_for):
        """Connections that say nothing, half a ClientHello, or all of it and nothing more; each held until all are there."""
        if self.room < LEAST_ROOM:
            self.skipTest(f"no more than {self.room} files may be open here: ulimit -n")
        held, hello = [], Storm.client_hello()
        said = (b"", hello[:40], hello)

        def open_all():
            for number in range(self.room):
                plain = connect_from(address_for(number), self.platform.ports["gateway"])
                held.append(plain)
                try:
                    plain.sendall(said[number % len(said)])
                except OSError:
                    pass  # it was turned away already

        self.while_partners_come_and_go(open_all)
        self.assertEqual(len(held), self.room)
        for plain in held:
            plain.close()
        wait_until(lambda: self.more("shed", "failed") >= self.room, "some are not counted")
        return self.more("shed")

    def test_half_open_from_one_address(self):
        """64 of them at once; the rate of one address turns away most."""
        log = self.platform.records("gateway")
        mark = log.mark()
        self.assertGreater(self.half_open(lambda _: "127.0.0.2"), self.room // 2)
        records = len(log.all("tls.shed", mark))
        self.assertTrue(0 < records < 20, f"{records} records")  # ever more rarely

    def test_half_open_from_many_addresses(self):
        """1,024 at once in all; the oldest give way."""
        self.assertGreater(self.half_open(lambda number: address_of(number, network=2)), self.room // 2)

    def test_more_handshakes_than_there_is_time_for(self):
        """From many addresses: some newcomers are turned away, partners among them, but what is begun is finished."""
        floods = [multiprocessing.Process(target=flood, args=(self.platform.ports["gateway"], 10 + one, FLOOD)) for one in range(2)]
        for one in floods:
            one.start()
        came, tries = self.while_partners_come_and_go(lambda: [one.join() for one in floods])
        # How many depends on what else this machine does; with the oldest given up first it was one of nine.
        self.assertGreater(came * 6, tries, "nearly all are turned away")

    def test_failing_handshakes_leave_nothing_behind(self):
        storm = Storm(self.platform, self.acme.transport)
        storm.blow(FAILING // 5)  # what is needed once for ever
        memory = self.gateway.memory_kilobytes()
        self.while_partners_come_and_go(lambda: storm.blow(FAILING - FAILING // 5))
        wait_until(lambda: self.more("shed", "failed", "refused") >= FAILING, "some are not counted")
        grown = self.gateway.memory_kilobytes() - memory
        print(f"{grown} KiB more than after the first of them, {memory} KiB")
        self.assertLess(grown, GROWTH_KILOBYTES)
        with tls_connect(self.platform.ports["gateway"], self.platform.trust_chain, self.acme.transport) as stream:
            self.assertIsNotNone(stream.cipher())


if __name__ == "__main__":
    testing.main()
