"""Requests that the gateway and a service could read differently, against nginx, Node and Python behind it: no service ever sees a
request that was not asked, ambiguous ones are answered 400 and end their connection, and others are served meanwhile."""
import re
import ssl
from collections import Counter

import path  # noqa: F401
from harness import h2, smuggling, testing
from harness.raw import read_to_end, tls_connect
from harness.services import SERVICES
from harness.smuggling import BODY, FOLLOWER, LAST, addressed, target


class SmugglingTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.services = {}
        for kind in SERVICES:
            if kind.is_there():
                service = kind(cls.platform.folder).start()
                cls.addClassCleanup(service.stop)
                cls.services[kind.name[:3]] = service
        cls.platform.gateway_tables = "".join(
            f'\n[[gateway.routes]]\npath = "/{name}"\nupstream = "{service.address}"\naccess = "any_partner"\n'
            for name, service in cls.services.items())
        cls.platform.stop("gateway")
        cls.platform.start("gateway")
        cls.acme = cls.enrol("production/acme/payments")
        cls.globex = cls.enrol("production/globex/orders")

    def setUp(self):
        self.neighbours = testing.LiveConnection(self.platform, self.globex.transport)
        self.addCleanup(self.neighbours.stream.close)
        self.before = {name: len(service.seen()) for name, service in self.services.items()}
        self.bounds, self.names = {}, {}  # of each target: how often it may be seen; its row

    def exchange(self, name, sent):
        """The final statuses of all answers until the gateway ends the connection; then a neighbour is served."""
        with tls_connect(self.platform.ports["gateway"], self.platform.trust_chain, self.acme.transport) as stream:
            try:
                stream.sendall(sent)
            except (ConnectionError, ssl.SSLError):
                pass  # it had enough of us before we were done
            received = read_to_end(stream)
        self.assertEqual(self.neighbours.ask(f"/{name}/neighbour"), 200, "a neighbour is harmed")
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received) if status != b"100"]

    def expect(self, place, row, least, most):
        self.bounds[place] = (least, most)
        self.names[place] = row

    def assert_seen(self):
        """All that the services saw during this test is what was expected."""
        for name, service in self.services.items():
            service.finish()
            seen = Counter(line.split(" ")[-1] for line in service.seen()[self.before[name]:] if not line.endswith("/neighbour"))
            for place in set(seen) | {one for one in self.bounds if one.startswith(f"/{name}/")}:
                least, most = self.bounds.get(place, (0, 0))
                with self.subTest(service=service.name, row=self.names.get(place), target=place):
                    self.assertTrue(least <= seen[place] <= most, f"seen {seen[place]} times, not {least} to {most}")

    def test_messages_that_can_be_read_in_two_ways(self):
        twins = {}
        for name in self.services:
            for number, pair in enumerate(smuggling.pairs()):
                with self.subTest(pair.name, service=name):
                    statuses = self.exchange(name, addressed(pair.wrong + FOLLOWER, name, number))
                    self.assertEqual(statuses, [400])
                self.expect(target(name, "t", number), pair.name, 0, 1 if pair.where == BODY else 0)
                twins.setdefault((pair.right, pair.last), pair.name)
            for number, ((right, last), row) in enumerate(twins.items(), 500):
                with self.subTest(f"twin of {row}", service=name):
                    statuses = self.exchange(name, addressed(right + FOLLOWER, name, number))
                    self.assertEqual(statuses, [200] if last else [200, 200])
                self.expect(target(name, "t", number), f"twin of {row}", 1, 1)
                self.expect(target(name, "s", number), f"twin of {row}", 0 if last else 1, 0 if last else 1)
        self.assert_seen()

    def test_one_request_whatever_is_hidden_in_it(self):
        for name in self.services:
            for number, row in enumerate(smuggling.served()):
                with self.subTest(row.name, service=name):
                    statuses = self.exchange(name, addressed(row.sent + LAST, name, number))
                    self.assertIn(statuses, [[200, 200], [200]] if row.large else [[200, 200]])
                self.expect(target(name, "t", number), row.name, 1, 1)
                self.expect(target(name, "e", number), row.name, 0 if row.large else 1, 1)
        self.assert_seen()

    def test_bodies_that_a_hasty_service_leaves_on_the_connection(self):
        """Where a request is not usual to have a body, a service may answer without a look at it, and take it for the next request."""
        chunks = b"Transfer-Encoding: chunked"
        sized = smuggling.SIZED
        for name in self.services:
            for number, (method, field, body) in enumerate([(method, *rest) for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS")
                                                            for rest in ((sized, smuggling.SMUGGLED),
                                                                         (chunks, smuggling.IN_A_CHUNK))]):
                row = f"{method.decode()} {field.decode()}"
                with self.subTest(row, service=name):
                    sent = smuggling.ask(field, method=method, body=body).replace(smuggling.T, smuggling.T + b"/careless")
                    self.assertIn(self.exchange(name, addressed(sent + LAST, name, number)), [[200, 200], [200]])
                self.expect(target(name, "t", number) + "/careless", row, 1, 1)
                self.expect(target(name, "e", number), row, 0, 1)
        self.assert_seen()

    def exchange_h2(self, name, number, row):
        """The answer; then others are served, on the same connection and beside it."""
        def here(value):
            return addressed(value if isinstance(value, bytes) else value.encode(), name, number)

        with h2.Client(self.platform.ports["gateway"], self.platform.trust_chain, self.acme.transport) as client:
            fields = [(field, here(value)) for field, value in row.fields]
            if row.body is None:
                client.send(h2.headers(1, fields))
            else:
                client.send(h2.headers(1, fields, h2.END_HEADERS), h2.frame(h2.DATA, h2.END_STREAM, 1, here(row.body)))
            answer = client.answer(1)
            self.assertEqual(client.ask(3, [(field, here(value)) for field, value in smuggling.h2_base(path=smuggling.END)]).status,
                             200)
        self.assertEqual(self.neighbours.ask(f"/{name}/neighbour"), 200, "a neighbour is harmed")
        return answer

    def test_requests_of_http2_stay_one(self):
        for name in self.services:
            for number, row in enumerate(smuggling.h2_rows()):
                with self.subTest(row.name, service=name):
                    answer = self.exchange_h2(name, number, row)
                    self.assertTrue(answer.reset == h2.PROTOCOL_ERROR or answer.status == 400, answer)
                self.expect(target(name, "t", number), row.name, 0, 1 if row.begun else 0)
                self.expect(target(name, "e", number), row.name, 1, 1)
            for number, row in enumerate(smuggling.h2_served(), 500):
                with self.subTest(row.name, service=name):
                    self.assertEqual(self.exchange_h2(name, number, row).status, 200)
                self.expect(target(name, "t", number), row.name, 1, 1)
                self.expect(target(name, "e", number), row.name, 1, 1)
        self.assert_seen()


if __name__ == "__main__":
    testing.main()
