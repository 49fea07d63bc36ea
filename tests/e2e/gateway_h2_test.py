"""HTTP/2 at the gateway with real clients: curl, nghttp, h2load; and by hand what they cannot be made to do."""
import base64
import json
import re
import shutil
import signal
import struct

import path  # noqa: F401
from harness import h2, testing
from harness.clients import run
from harness.material import to_der
from harness.program import wait_until
from harness.raw import tls_connect

MEGABYTE = 1024 * 1024
OURS = ("x-countersign-application", "x-countersign-organisation", "x-countersign-environment", "client-cert",
        "client-cert-chain", "x-forwarded-for", "x-forwarded-proto", "x-real-ip", "forwarded")


class GatewayH2Test(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")
        cls.globex = cls.enrol("production/globex/orders")

    def client(self, who=None, **options):
        client = h2.Client(self.platform.ports["gateway"], self.platform.trust_chain, (who or self.acme).transport, **options)
        self.addCleanup(client.close)
        return client

    def curl_h2(self, path="/hello", extra=()):
        return self.curl(self.acme.transport, path, ["--http2", *extra])

    def seen(self, name):
        return [value for key, value in self.upstream.requests[-1]["headers"] if key.lower().replace("_", "-") == name]

    def test_alpn_chooses(self):
        rows = [(["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["http/1.1"], "http/1.1"), ([], None)]
        for offered, chosen in rows:
            with self.subTest(offered=offered), tls_connect(self.platform.ports["gateway"], self.platform.trust_chain,
                                                            self.acme.transport, protocols=offered) as stream:
                self.assertEqual(stream.selected_alpn_protocol(), chosen)
        outcome = self.s_client(self.acme.transport, ["-alpn", "spdy/3"])
        self.assertEqual((outcome.status, outcome.alert), (0, "no_application_protocol"))

    def test_curl(self):
        outcome = self.curl_h2()
        self.assert_seen_as(self.acme.name, outcome)
        self.assertIn("HTTP/2 200", outcome.output)
        record = self.platform.records("gateway").all("request")[-1]
        self.assertEqual(record["protocol"], "HTTP/2")
        self.assertEqual(self.curl_h2(extra=["-I"]).status, 200)
        self.assertEqual(self.curl_h2(extra=["-X", "DELETE"]).status, 200)
        self.assertEqual(self.seen("client-cert")[0].strip(":"),
                         base64.b64encode(to_der(self.acme.transport.certificate.read_text())).decode())

    def test_bodies_of_any_size_in_constant_memory(self):
        self.curl_h2()
        before = self.platform.running["gateway"].memory_kilobytes()
        large = self.platform.folder / "large"
        with open(large, "wb") as file:
            file.truncate(100 * MEGABYTE)
        outcome = self.curl_h2(extra=["-T", str(large)])
        self.assertEqual(outcome.status, 200, outcome.output[-2000:])
        self.assertEqual(self.upstream.requests[-1]["body_bytes"], 100 * MEGABYTE)
        self.assertEqual(self.curl_h2(extra=["-T", "-"]).status, 200)  # of no length: of none, here
        outcome = self.curl_h2(f"/bytes/{100 * MEGABYTE}", ["-o", "/dev/null", "-w", "%{size_download}"])
        self.assertEqual(int(outcome.body), 100 * MEGABYTE)
        self.assertLess(self.platform.running["gateway"].memory_kilobytes() - before, 32 * 1024)

    def test_nghttp(self):
        if not shutil.which("nghttp"):
            self.skipTest("nghttp is not there")
        key, chain = self.acme.transport.key, self.acme.transport.chain
        done = run(["nghttp", "--no-verify-peer", f"--cert={chain}", f"--key={key}", "-n", "-s", "-m", "50",
                    self.platform.gateway_url("/hello")], ".")
        self.assertEqual(len(re.findall(r" 200 +\S+ /hello", done.stdout.decode())), 50, done.stdout[-2000:])

    def test_identity_fields_from_outside_are_removed_in_every_spelling(self):
        client = self.client()
        stream = 1
        for name in OURS:
            for spelling in (name, name.replace("-", "_"), name.replace("-", ".")):
                with self.subTest(spelling):
                    answer = client.ask(stream, [*h2.GET, (spelling, "forged"), (spelling, "forged")])
                    stream += 2
                    self.assertEqual(answer.status, 200)
                    self.assertNotIn("forged", json.dumps(self.upstream.requests[-1]["headers"]))
        for name in ("X-Countersign-Application", "CLIENT-CERT"):  # upper case is no field of HTTP/2
            with self.subTest(name):
                answer = client.ask(stream, [*h2.GET, (name, "forged")])
                stream += 2
                self.assertEqual(answer.reset, h2.PROTOCOL_ERROR)
        with self.subTest("in trailers"):
            client.send(h2.headers(stream, h2.POST, h2.END_HEADERS), h2.frame(h2.DATA, 0, stream, b"ab"),
                        h2.headers(stream, [(name, "forged") for name in OURS]))
            self.assertEqual(client.answer(stream).status, 200)
            self.assertNotIn("forged", json.dumps(self.upstream.requests[-1]["headers"]))
        self.assert_seen_as(self.acme.name, self.curl_h2())

    def test_the_name_of_the_handshake_holds_for_every_stream(self):
        """421 for another host than the SNI (RFC 9110 section 15.5.20), and what is no host at all is reset."""
        client = self.client()
        before = len(self.upstream.requests)
        rows = [("another host", {"authority": "elsewhere.example"}, 421), ("a host below", {"authority": "a.localhost"}, 421),
                ("a path out", {"path": "/a/../b"}, 400), ("an encoded slash", {"path": "/a%2fb"}, 400),
                ("the asterisk", {"path": "*", "method": "OPTIONS"}, 400)]
        for number, (name, changes, status) in enumerate(rows):
            with self.subTest(name):
                answer = client.ask(1 + 2 * number, h2.replaced(h2.GET, **changes))
                self.assertEqual(answer.status, status)
                self.assertEqual(json.loads(answer.body)["status"], status)
        self.assertEqual(len(self.upstream.requests), before)
        for number, authority in enumerate(("localhost", "LOCALHOST", "localhost.", "localhost:8443")):
            with self.subTest(authority):
                self.assertEqual(client.ask(101 + 2 * number, h2.replaced(h2.GET, authority=authority)).status, 200)

    def test_many_at_once_on_one_connection(self):
        client = self.client()
        streams = list(range(1, 161, 2))
        client.send(*[h2.headers(stream, h2.GET) for stream in streams])
        answers = client.answers(streams)
        self.assertEqual({answer.status for answer in answers.values()}, {200})

    def test_a_client_that_stops_asking_does_not_hold_up_its_other_streams(self):
        client = self.client(preface=h2.hello((h2.INITIAL_WINDOW_SIZE, 8000)))
        client.polite = False
        client.send(h2.frame(h2.SETTINGS, h2.ACK, 0), h2.headers(1, h2.replaced(h2.GET, path=f"/bytes/{MEGABYTE}")))
        client.send(h2.headers(3, h2.GET))
        self.assertEqual(client.answer(3).status, 200)

    def test_half_a_response_does_not_look_whole(self):
        """The stream is reset; its neighbours are answered."""
        client = self.client()
        client.send(h2.headers(1, h2.replaced(h2.GET, path="/broken")), h2.headers(3, h2.GET))
        answers = client.answers([1, 3])
        self.assertEqual(answers[1].reset, h2.INTERNAL_ERROR)
        self.assertEqual(answers[3].status, 200)

    def test_a_body_is_invited(self):
        client = self.client()
        client.send(h2.headers(1, [*h2.POST, ("expect", "100-continue")], h2.END_HEADERS))
        while (got := client.read()).type != h2.HEADERS:
            pass
        self.assertEqual((h2.status_in(got.payload), got.flags & h2.END_STREAM), (100, 0))
        client.send(h2.frame(h2.DATA, h2.END_STREAM, 1, b"at last"))
        self.assertEqual(client.answer(1).status, 200)
        self.assertEqual(self.upstream.requests[-1]["body_bytes"], 7)

    def test_an_answer_before_the_body_is_there(self):
        """The client is told to stop sending (RFC 9113 section 8.1), and its connection goes on."""
        client = self.client()
        client.send(h2.headers(1, h2.replaced(h2.POST, path="/a/../b"), h2.END_HEADERS), h2.frame(h2.DATA, 0, 1, b"begun"))
        self.assertEqual(client.answer(1).status, 400)
        while (got := client.read()).type != h2.RST_STREAM:
            pass
        self.assertEqual(got.payload, b"\0\0\0\0")
        self.assertEqual(client.ask(3).status, 200)

    def test_our_own_answers_are_bounded(self):
        client = self.client()
        statuses, stream = [], 1
        while len(statuses) < 300:
            answer = client.ask(stream, h2.replaced(h2.GET, path="/a/../b"))
            if answer.closed or not answer.status:
                break
            statuses.append(answer.status)
            stream += 2
        self.assertEqual(set(statuses), {400})
        self.assertLessEqual(len(statuses), 100)

    def test_revocation_ends_the_connection_of_that_application_only(self):
        victim, other = self.enrol("production/initech/reports"), self.client(self.globex)
        self.assertEqual(other.ask(1).status, 200)
        client = self.client(victim)
        self.assertEqual(client.ask(1).status, 200)
        self.upstream.release.clear()
        begun = self.upstream.begun
        client.send(h2.headers(3, h2.replaced(h2.GET, path="/held")))
        wait_until(lambda: self.upstream.begun > begun, "the upstream was never asked")
        self.platform.admin("revoke", testing.serial_of(victim.transport), "--reason", "key_compromise")
        answer = client.answer(3)
        self.assertEqual((answer.body, answer.closed), (b"", True))
        self.assertIn(h2.GOAWAY, [frame.type for frame in client.seen] + [frame.type for frame in iter(client.read, None)])
        self.assertEqual(other.ask(3).status, 200)
        self.upstream.release.set()

    def test_draining_finishes_what_was_begun(self):
        client = self.client()
        idle = self.client()
        self.assertEqual(idle.ask(1).status, 200)
        self.upstream.release.clear()
        begun = self.upstream.begun
        client.send(h2.headers(1, h2.replaced(h2.GET, path="/held")))
        wait_until(lambda: self.upstream.begun > begun, "the upstream was never asked")
        gateway = self.platform.running["gateway"]
        gateway.process.send_signal(signal.SIGTERM)
        first = wait_until(lambda: (lambda got: got if got.type == h2.GOAWAY else None)(client.read()), "no GOAWAY")
        self.assertEqual(struct.unpack(">II", first.payload[:8]), (0x7FFFFFFF, h2.NO_ERROR), "nothing is left out yet")
        client.send(h2.headers(3, h2.GET))  # it crosses that GOAWAY
        self.assertEqual(idle.goaway(), h2.NO_ERROR)
        self.upstream.release.set()
        answers = client.answers([1, 3])
        self.assertEqual((answers[1].body, answers[1].reset), (b"secret", None), "its head came before")
        self.assertEqual(answers[3].status, 200)
        while client.read() is not None:
            pass
        last = [frame for frame in client.seen if frame.type == h2.GOAWAY][-1]
        self.assertEqual(struct.unpack(">II", last.payload[:8]), (3, h2.NO_ERROR))
        gateway.process.wait(30)
        self.platform.stop("gateway")
        self.platform.start("gateway")
        self.settle(self.acme.transport)


if __name__ == "__main__":
    testing.main()
