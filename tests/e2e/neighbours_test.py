"""Clients that have always one more request ready, and one that has a single one, on the same worker: how many of theirs are served
before its own? The gateway is stopped while they send, so that all of it is there at once; its log then says the order."""
import os
import signal

import path  # noqa: F401
from harness import h2, testing
from harness.raw import tls_connect

GREEDY = 3  # connections
EACH = 90  # requests; with a hundred that we answer ourselves a connection ends
ROW = 32  # operations of a socket before others have their turn: each answer of a pipeline is one
WRITE = 70  # answers of this kind to streams that fit into one write, 16 KiB: they are made before others have their turn


class NeighboursTest(testing.PlatformTest):
    @classmethod
    def prepare(cls):
        cls.platform.gateway_keys = "workers = 1"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")
        cls.globex = cls.enrol("production/globex/orders")

    def connect(self, who, protocols=()):
        stream = tls_connect(self.platform.ports["gateway"], self.platform.trust_chain, who.transport, protocols=protocols)
        self.addCleanup(stream.close)
        return stream

    def ask_once(self, who):
        """A connection on which the gateway has answered already: newcomers wait for their turn, and are to."""
        stream = self.connect(who)
        stream.sendall(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertTrue(stream.recv(65536).startswith(b"HTTP/1.1 200"))
        return stream

    def pipeline(self):
        stream = self.ask_once(self.acme)
        return lambda: stream.sendall(b"GET /greedy HTTP/1.1\r\nHost: elsewhere\r\n\r\n" * EACH)

    def streams(self):
        client = h2.Client.over(self.connect(self.acme, ["h2"]))
        self.assertEqual(client.ask(1).status, 200)
        fields = h2.replaced(h2.GET, path="/greedy", authority="elsewhere")
        return lambda: client.send(*[h2.headers(3 + 2 * number, fields) for number in range(EACH)])

    def test_requests_that_cost_nothing_do_not_go_before_anothers(self):
        """They are answered 421, by the gateway itself: nothing else would make it look at other connections."""
        for name, make, most in (("pipelines", self.pipeline, ROW), ("streams", self.streams, WRITE)):
            with self.subTest(name):
                greedy = [make() for _ in range(GREEDY)]
                neighbour = self.ask_once(self.globex)
                log, gateway = self.platform.records("gateway"), self.platform.running["gateway"]
                mark = log.mark()
                os.kill(gateway.pid, signal.SIGSTOP)
                try:
                    for send in greedy:
                        send()
                    neighbour.sendall(b"GET /neighbour HTTP/1.1\r\nHost: elsewhere\r\n\r\n")
                finally:
                    os.kill(gateway.pid, signal.SIGCONT)
                testing.wait_until(lambda: len(log.all("request", mark)) > GREEDY * EACH, "some are not answered")  # noqa: B023
                paths = [record["path"] for record in log.all("request", mark)]
                self.assertEqual((paths.count("/greedy"), paths.count("/neighbour")), (GREEDY * EACH, 1))
                self.assertLessEqual(paths.index("/neighbour"), GREEDY * most)


if __name__ == "__main__":
    testing.main()
