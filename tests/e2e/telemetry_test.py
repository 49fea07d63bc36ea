"""Spans of the gateway at a collector: of requests under whatever version of HTTP, and of handshakes that were refused; what becomes
of them when the collector is slow, gone, or somebody else; and that they come and go with the configuration."""
import json
import re
import signal
import time

import path  # noqa: F401
from harness import clients, testing
from harness.collector import Collector
from harness.material import SERVER, Material
from harness.program import wait_until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


class TelemetryTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platform.stop("gateway")
        cls.platform.start("gateway")  # on the ports it had: from now on they stand in its file
        cls.acme = cls.enrol("production/acme/payments")
        maker = Material(cls.platform.folder / "collector")
        cls.ca = maker.ca("collector-ca", "/CN=Collector CA")
        cls.server = maker.leaf("collector", cls.ca, "/CN=collector", SERVER + "subjectAltName=DNS:localhost\n")
        cls.ours = maker.leaf("gateway", cls.ca, "/CN=gateway", "extendedKeyUsage=clientAuth\n")
        cls.collector = Collector(cls.server, clients=cls.ca.certificate)
        cls.addClassCleanup(cls.collector.stop)
        cls.traces = 0

    def setUp(self):
        self.log = self.platform.records("gateway")
        self.tell()

    def tearDown(self):
        self.assertEqual(self.collector.complaints, [])

    def table(self, more="", collector=None, **keys):
        """[gateway.telemetry] for the collector that asks who we are."""
        said = {"endpoint": (collector or self.collector).url, "ca_file": self.ca.certificate, "certificate": self.ours.chain,
                "key": self.ours.key, **keys}
        return "\n[gateway.telemetry]\n" + "".join(f"{key} = {json.dumps(str(value))}\n" for key, value in said.items()) + more

    def tell(self, table=None, keys=""):
        """The running gateway is configured so; "": no telemetry."""
        self.platform.gateway_keys = keys
        self.platform.gateway_tables = self.table() if table is None else table
        mark = self.log.mark()
        self.platform.rewrite_config("gateway")
        self.platform.running["gateway"].process.send_signal(signal.SIGHUP)
        self.log.next("gateway.reloaded", mark)

    def next_trace(self):
        type(self).traces += 1
        return f"{self.traces:032x}"

    def ask(self, trace, where="/hello", flags="01", extra=(), credential=None):
        return self.curl(credential or self.acme.transport, where, ["-H", f"traceparent: 00-{trace}-{PARENT}-{flags}", *extra])

    def span(self, trace):
        (span,) = wait_until(lambda: self.collector.of_trace(trace), "no span comes")
        return span

    def counts(self):
        text = clients.curl(self.platform.folder, f"http://127.0.0.1:{self.platform.ports['gateway_status']}/metrics").body
        return {name: int(value) for name, value in re.findall(r'telemetry_spans_total\{outcome="(\w+)"\} (\d+)', text)}

    # --- what a span says ----------------------------------------------------------------------------------------------

    def test_a_request_is_a_span_between_caller_and_upstream(self):
        for protocol, version in (("--http1.1", "1.1"), ("--http2", "2")):
            with self.subTest(protocol):
                trace, before = self.next_trace(), time.time_ns()
                outcome = self.ask(trace, "/hello?secret=1", extra=[protocol, "-H", "tracestate: vendor=1"])
                self.assertEqual(outcome.status, 200)
                span = self.span(trace)
                seen = next(value for name, value in json.loads(outcome.body)["headers"] if name.lower() == "traceparent")
                self.assertEqual(seen, f"00-{trace}-{span['spanId']}-01")
                self.assertEqual((span["parentSpanId"], span["flags"], span["status"], span["name"]), (PARENT, 0x301, {}, "GET /"))
                self.assertEqual(span["traceState"], "vendor=1")
                self.assertTrue(before - 10**9 < int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]) < time.time_ns() + 10**9)
                said = span["attributes"]
                self.assertNotIn("secret", json.dumps(span))
                for key, value in {"http.request.method": "GET", "url.path": "/hello", "url.scheme": "https", "http.route": "/",
                                   "http.response.status_code": 200, "server.address": "localhost", "client.address": "127.0.0.1",
                                   "network.protocol.version": version, "tls.protocol.version": "1.3", "tls.resumed": False,
                                   "countersign.organisation": "acme", "countersign.application": "payments",
                                   "countersign.environment": "production", "countersign.tls": "mutual"}.items():
                    self.assertEqual(said[key], value, key)
                self.assertEqual(said["countersign.serial"].lower(), testing.serial_of(self.acme.transport).lower())
        self.assertEqual(self.collector.resources[-1]["service.name"], "countersign-gateway")

    def test_a_trace_begins_here(self):
        mark = self.log.mark()
        self.assertEqual(self.curl(self.acme.transport, "/begins").status, 200)
        trace = self.log.next("request", mark)["trace"]
        span = self.span(trace)
        self.assertNotIn("parentSpanId", span)

    def test_a_refusal_says_why(self):
        trace = self.next_trace()
        self.assertEqual(self.ask(trace, extra=["-H", "Host: elsewhere.example"]).status, 421)
        span = self.span(trace)
        self.assertEqual((span["attributes"]["countersign.refusal"], span["attributes"]["http.response.status_code"], span["status"]),
                         ("gateway.misdirected", 421, {}))

    def test_a_refused_handshake_is_a_span(self):
        def refused():
            return [span for span in list(self.collector.spans) if span["name"] == "TLS handshake"]

        before = len(refused())
        self.assertEqual(self.curl(None).status, 0)
        wait_until(lambda: len(refused()) > before, "no span of the refusal")
        span = refused()[-1]
        self.assertEqual((span["status"]["code"], span["attributes"]["countersign.refusal"], span["attributes"]["tls.established"]),
                         (2, "no_certificate", False))
        self.assertNotIn("countersign.organisation", span["attributes"])
        certificate = testing.serial_of(self.acme.transport)
        beta = self.enrol("production/beta/payments")
        self.platform.admin("revoke", testing.serial_of(beta.transport), "--reason", "key_compromise")
        self.settle(beta.transport, status=0)
        wait_until(lambda: any(span["attributes"]["countersign.refusal"] == "revoked" for span in refused()), "no span of the revoked")
        revoked = next(span for span in refused() if span["attributes"]["countersign.refusal"] == "revoked")
        self.assertEqual(revoked["attributes"]["countersign.organisation"], "beta")
        self.assertNotEqual(revoked["attributes"]["countersign.serial"], certificate)

    def test_an_upstream_that_is_gone_is_an_error(self):
        self.tell(self.table() + '\n[[gateway.routes]]\npath = "/gone"\nupstream = "127.0.0.1:1"\naccess = "any_partner"\n')
        trace = self.next_trace()
        status = self.ask(trace, "/gone").status
        self.assertIn(status, (502, 503))
        span = self.span(trace)
        self.assertEqual((span["status"]["code"], span["name"], span["attributes"]["http.response.status_code"]), (2, "GET /gone", status))
        self.assertEqual(span["attributes"]["error.type"], span["attributes"]["countersign.refusal"])

    # --- which are exported --------------------------------------------------------------------------------------------

    def test_sampling(self):
        low, high = f"{'1' * 18}{'0' * 13}1", f"{'1' * 18}{'f' * 14}"  # the random part decides
        rows = [("parent", 0, "01", True, True), ("parent", 100, "00", False, False), ("ratio", 0, "01", False, False),
                ("ratio", 50, "01", True, False), ("ratio", 100, "01", True, True), ("ratio", 100, "00", False, False)]
        for sampling, percent, flags, of_low, of_high in rows:
            with self.subTest(sampling=sampling, percent=percent, flags=flags):
                self.tell(self.table(sampling=sampling), keys=f"trace_sample_percent = {percent}")
                self.collector.spans.clear()
                for trace in (low, high):
                    self.assertEqual(self.ask(trace, flags=flags).status, 200)
                self.tell()
                last = self.next_trace()
                self.ask(last)
                self.span(last)
                self.assertEqual((bool(self.collector.of_trace(low)), bool(self.collector.of_trace(high))), (of_low, of_high))

    def test_it_comes_and_goes_with_the_configuration(self):
        self.tell("")
        silent, loud = self.next_trace(), self.next_trace()
        self.assertEqual(self.ask(silent).status, 200)
        other = Collector()
        self.addCleanup(other.stop)
        self.tell(f'\n[gateway.telemetry]\nendpoint = "{other.url}"\nservice_name = "edge"\n')
        self.assertEqual(self.ask(loud).status, 200)
        wait_until(lambda: other.of_trace(loud), "the new collector gets nothing")
        self.assertEqual((self.collector.of_trace(silent), other.of_trace(silent), other.complaints), ([], [], []))
        self.assertEqual(other.resources[-1]["service.name"], "edge")

    # --- collectors that do not do what they should ---------------------------------------------------------------------

    def test_a_collector_that_is_busy_gets_it_again(self):
        for status in (429, 503):
            trace = self.next_trace()
            self.collector.statuses = [status]
            self.assertEqual(self.ask(trace).status, 200)
            self.assertEqual(len(wait_until(lambda: self.collector.of_trace(trace), "it is not sent again")), 1)

    def test_what_a_collector_refuses_is_not_sent_again(self):
        before, calls, trace = self.counts(), self.collector.calls, self.next_trace()
        self.collector.statuses = [400]
        self.ask(trace)
        wait_until(lambda: self.counts()["failed"] > before["failed"], "it is not counted")
        after = self.next_trace()
        self.ask(after)
        self.span(after)
        self.assertEqual((self.collector.of_trace(trace), self.collector.calls), ([], calls + 2))

    def test_what_it_did_not_want_is_counted(self):
        before = self.counts()["rejected"]
        self.collector.answer = '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no"}}'
        self.ask(self.next_trace())
        wait_until(lambda: self.counts()["rejected"] == before + 1, "it is not counted")
        self.collector.answer = "{}"

    def test_somebody_else_gets_nothing(self):
        maker = Material(self.platform.folder / "impostor")
        impostor = Collector(maker.self_signed("localhost", "/CN=localhost", SERVER + "subjectAltName=DNS:localhost\n"))
        self.addCleanup(impostor.stop)
        mark, trace = self.log.mark(), self.next_trace()
        self.tell(self.table(collector=impostor))
        self.assertEqual(self.ask(trace).status, 200)
        self.assertIn("transfer.untrusted", self.log.next("telemetry.failing", mark)["error"])
        self.assertEqual(impostor.calls, 0)
        self.tell()  # and what waited goes to who it was meant for
        self.span(trace)

    def test_requests_do_not_wait_for_a_collector(self):
        """That the queue is bounded is shown by observe/telemetry_test.cpp."""
        mark = self.log.mark()
        self.tell(self.table(endpoint="https://127.0.0.1:1/v1/traces"))
        with testing.LiveConnection(self.platform, self.acme.transport) as connection:
            self.assertEqual([connection.ask() for _ in range(300)], [200] * 300)
        self.log.next("telemetry.failing", mark)

    # --- the end --------------------------------------------------------------------------------------------------------

    def test_what_waits_at_the_end_is_sent(self):
        trace = self.next_trace()
        self.assertEqual(self.ask(trace).status, 200)
        self.platform.stop("gateway")
        self.assertEqual(len(self.collector.of_trace(trace)), 1)
        self.platform.start("gateway")
        self.settle(self.acme.transport)

    def test_connections_to_the_collector_are_kept(self):
        before, calls = len(self.collector.connections), self.collector.calls
        for _ in range(3):
            trace = self.next_trace()
            self.ask(trace)
            self.span(trace)
        self.assertGreaterEqual(self.collector.calls, calls + 3)
        self.assertLessEqual(len(self.collector.connections), before + 1)


if __name__ == "__main__":
    testing.main()
