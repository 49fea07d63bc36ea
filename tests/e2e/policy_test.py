"""Who may use what: grants, addresses, limits, shadow mode, API keys, and reload without a lost request."""
import json
import re
import signal
import subprocess
import threading
from http.client import HTTPResponse
from urllib.request import urlopen

import path  # noqa: F401
from harness import clients, testing
from harness.program import wait_until
from harness.raw import tls_connect

# Every partner may ask for /hello: the tests' own way to see that a gateway knows somebody.
HELLO = """
[[grants]]
name = "hello"
to = ["production/*/*"]
methods = ["GET"]
paths = ["/hello"]
"""

PAYMENTS = HELLO + """
[[grants]]
name = "take-payments"
to = ["production/acme/*"]
methods = ["POST"]
paths = ["/v1/payments"]

[[grants]]
name = "delete-payments"
to = ["production/acme/shop"]
methods = ["DELETE"]
paths = ["/v1/payments/*"]
"""


class PolicyTest(testing.PlatformTest):
    policy = PAYMENTS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shop = cls.enrol("production/acme/shop")
        cls.backoffice = cls.enrol("production/acme/backoffice")
        cls.globex = cls.enrol("production/globex/till")

    def setUp(self):
        self.put_in_force(PAYMENTS)

    # --- helpers -------------------------------------------------------------------------------------------------------

    def metric(self, line):
        """The value of a metric, or None."""
        with urlopen(f"http://127.0.0.1:{self.platform.ports['gateway_status']}/metrics", timeout=10) as answer:
            found = re.search(r"^countersign_gateway_policy_" + re.escape(line) + r" (\d+)$", answer.read().decode(), re.M)
        return int(found[1]) if found else None

    def put_in_force(self, text):
        """Waits until the file watch has taken it over."""
        if (self.platform.data / "policy.toml").read_text() == text and not self.metric("file_broken"):
            return
        generation = self.metric("generation")
        self.platform.write_policy(text)
        wait_until(lambda: self.metric("generation") > generation, "the policy is not taken over")

    def ask(self, application, method="GET", target="/hello", extra=()):
        return self.curl(application.transport, target, ["-X", method, *extra])

    def assert_not_permitted(self, code, outcome, status=403):
        self.assertEqual(outcome.status, status, outcome.output[-1500:])
        problem = json.loads(outcome.body)
        self.assertEqual(problem["code"], f"policy.{code}")
        return problem

    def gateway(self, *words):
        command = [self.platform.programs / "countersign-gateway", *words]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=30)

    # --- grants --------------------------------------------------------------------------------------------------------

    def test_only_what_was_granted(self):
        self.assertEqual(self.ask(self.shop, "POST", "/v1/payments").status, 200)
        self.assertEqual(self.ask(self.backoffice, "POST", "/v1/payments").status, 200)
        self.assertEqual(self.ask(self.shop, "DELETE", "/v1/payments/7").status, 200)
        log = self.platform.records("gateway")
        mark, reached = log.mark(), self.upstream.begun
        problem = self.assert_not_permitted("not_granted", self.ask(self.backoffice, "DELETE", "/v1/payments/7"))
        self.assertIn("production/acme/backoffice asked for DELETE /v1/payments/7", problem["detail"])
        self.assertIn("ask the provider", problem["detail"])
        record = log.next("policy.refused", mark)
        self.assertEqual((record["application"], record["method"], record["path"]),
                         ("production/acme/backoffice", "DELETE", "/v1/payments/7"))
        self.assert_not_permitted("not_granted", self.ask(self.globex, "POST", "/v1/payments"))
        self.assert_not_permitted("not_granted", self.ask(self.shop, "PUT", "/v1/payments"))
        self.assert_not_permitted("not_granted", self.ask(self.shop, "POST", "/v1/payments/"))
        for spelling in ("/v1/%70ayments", "//v1/payments", "/v1//payments", "/v1/./payments"):
            self.assertEqual(self.ask(self.shop, "POST", spelling, ["--path-as-is"]).status, 400, spelling)
        self.assertEqual(self.upstream.begun, reached, "the upstream was asked")

    def test_a_decision_explained_offline(self):
        config = self.platform.data / "gateway.toml"
        asked = ("policy", "check", "--config", config, "--request", "DELETE localhost /v1/payments/7", "--as")
        permitted = self.gateway(*asked, "production/acme/shop")
        self.assertEqual(permitted.returncode, 0, permitted.stderr)
        self.assertIn("let through by grant 'delete-payments'", permitted.stdout)
        refused = self.gateway(*asked, "urn:countersign:production:acme:backoffice")
        self.assertEqual(refused.returncode, 1, refused.stderr)
        self.assertIn("refused: policy.not_granted", refused.stdout)
        self.assertIn("take-payments: no, it is for", refused.stdout)
        self.assertEqual(self.gateway(*asked, "uat/acme/shop").returncode, 2, "the gateway is for production")
        self.assertEqual(self.gateway("policy", "check", self.platform.data / "policy.toml").returncode, 0)

    def test_both_versions_of_http_ask(self):
        for version in ("--http1.1", "--http2"):
            permitted = self.ask(self.shop, "POST", "/v1/payments", [version])
            self.assertEqual(permitted.status, 200, version)
            self.assertIn("HTTP/2" if version == "--http2" else "HTTP/1.1", permitted.output)
            self.assert_not_permitted("not_granted", self.ask(self.backoffice, "DELETE", "/v1/payments/7", [version]))
            self.assertEqual(self.ask(self.shop, "POST", "/v1/%70ayments", [version]).status, 400, version)

    # --- addresses -----------------------------------------------------------------------------------------------------

    def test_an_address_narrows_down_and_never_admits(self):
        self.put_in_force(PAYMENTS + '[[partners]]\nwho = "production/acme"\nfrom = ["192.0.2.0/24"]\n')
        self.assert_not_permitted("wrong_address", self.ask(self.shop))
        self.assertEqual(self.ask(self.globex).status, 200)
        self.put_in_force(PAYMENTS + '[[partners]]\nwho = "production/*/*"\nfrom = ["127.0.0.0/8", "::1"]\n')
        self.assertEqual(self.ask(self.shop).status, 200)
        self.assert_not_permitted("not_granted", self.ask(self.globex, "POST", "/v1/payments"))
        self.assertEqual(self.curl(None).status, 0, "without a certificate there is not even a connection")

    # --- limits --------------------------------------------------------------------------------------------------------

    def test_a_rate_of_each_application(self):
        self.put_in_force(PAYMENTS + '[[partners]]\nwho = "production/acme/*"\nrequests_per_second = 1\nburst = 3\n')
        with testing.LiveConnection(self.platform, self.shop.transport) as connection:
            statuses = [connection.ask() for _ in range(10)]
        self.assertEqual(statuses[:3], [200] * 3)
        self.assertIn(429, statuses[3:])
        outcome = self.ask(self.shop)
        self.assert_not_permitted("too_fast", outcome, 429)
        self.assertRegex(outcome.output, r"(?mi)^< Retry-After: [1-9]\d*\r?$")
        self.assertEqual(self.ask(self.backoffice).status, 200, "somebody else's rate")
        refused = self.metric('refused_total{application="production/acme/shop",code="policy.too_fast"}')
        self.assertGreaterEqual(refused, 7)
        records = [one for one in self.platform.records("gateway").all("policy.refused") if one["code"] == "policy.too_fast"]
        self.assertLess(len(records), refused, "one record a refusal would fill the log")
        wait_until(lambda: self.ask(self.shop).status == 200, "time does not give it back")

    def test_requests_under_way_at_once(self):
        self.put_in_force(HELLO + '[[grants]]\nname = "held"\nto = ["production/acme/*"]\nmethods = ["GET"]\npaths = ["/held"]\n'
                          '[[partners]]\nwho = "production/acme"\nconcurrent = 1\n')
        self.upstream.release.clear()
        begun = self.upstream.begun
        with tls_connect(self.platform.ports["gateway"], self.platform.trust_chain, self.shop.transport) as stream:
            stream.sendall(b"GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n")
            wait_until(lambda: self.upstream.begun > begun, "the request does not reach the upstream")
            self.assert_not_permitted("too_many_at_once", self.ask(self.backoffice), 429)
            self.assertEqual(self.ask(self.globex).status, 200)
            self.upstream.release.set()
            answer = HTTPResponse(stream)
            answer.begin()
            self.assertEqual((answer.status, answer.read()), (200, b"secret"))
        wait_until(lambda: self.ask(self.backoffice).status == 200, "its place is not given back")

    def test_bytes_of_a_day(self):
        self.put_in_force(HELLO + '[[grants]]\nname = "bytes"\nto = ["production/globex/*"]\nmethods = ["GET"]\n'
                          'paths = ["/bytes/*"]\n[[partners]]\nwho = "production/globex/till"\nbytes_out_per_day = 5_000_000\n')
        self.assertEqual(self.ask(self.globex, target="/bytes/4000000", extra=["-o", "/dev/null"]).status, 200)
        self.assertEqual(self.ask(self.globex, target="/bytes/4000000", extra=["-o", "/dev/null"]).status, 200)
        self.assert_not_permitted("day_used_up", self.ask(self.globex), 429)
        self.put_in_force(PAYMENTS)
        self.assertEqual(self.ask(self.globex).status, 200)

    # --- modes ---------------------------------------------------------------------------------------------------------

    def test_observing_before_enforcing(self):
        observing = PAYMENTS + '[[partners]]\nwho = "production/globex"\nmode = "observe"\n'
        self.put_in_force(observing)
        log = self.platform.records("gateway")
        mark = log.mark()
        self.assertEqual(self.ask(self.globex, "POST", "/v1/payments").status, 200)
        self.assertEqual(log.next("policy.would_refuse", mark)["code"], "policy.not_granted")
        self.assertGreaterEqual(
            self.metric('would_refuse_total{application="production/globex/till",code="policy.not_granted"}'), 1)
        self.assert_not_permitted("not_granted", self.ask(self.backoffice, "DELETE", "/v1/payments/7"))
        self.put_in_force(PAYMENTS)
        self.assert_not_permitted("not_granted", self.ask(self.globex, "POST", "/v1/payments"))

    # --- API keys ------------------------------------------------------------------------------------------------------

    def make_key(self, application):
        """The key, and its digest."""
        made = self.gateway("policy", "key", application.name)
        self.assertEqual(made.returncode, 0, made.stderr)
        return re.search(r"countersign-key-\S+", made.stdout)[0], re.search(r'digests = \["(\w{64})"\]', made.stdout)[1]

    def test_an_api_key_beside_the_certificate(self):
        first, first_digest = self.make_key(self.shop)
        second, second_digest = self.make_key(self.shop)
        foreign, foreign_digest = self.make_key(self.backoffice)
        self.put_in_force(HELLO + f"""
[[grants]]
name = "pay-out"
to = ["production/acme/*"]
methods = ["POST"]
paths = ["/v1/payouts"]
api_key = true
[[api_keys]]
owner = "production/acme/shop"
digests = ["{first_digest}", "{second_digest}"]
[[api_keys]]
owner = "production/acme/backoffice"
digests = ["{foreign_digest}"]
""")

        def pay_out(application, *keys):
            extra = [word for key in keys for word in ("-H", f"X-Api-Key: {key}")]
            return self.ask(application, "POST", "/v1/payouts", [*options, *extra])

        for options in (["--http1.1"], ["--http2"]):
            self.assertEqual(pay_out(self.shop, first).status, 200)
            self.assertNotIn("x-api-key", [name.lower() for name, _ in self.upstream.requests[-1]["headers"]])
        self.assertEqual(pay_out(self.shop, second).status, 200, "the key that follows")
        self.assertEqual(pay_out(self.backoffice, foreign).status, 200)
        self.assert_not_permitted("api_key_missing", pay_out(self.shop))
        stolen = pay_out(self.backoffice, first)
        self.assert_not_permitted("api_key_refused", stolen)
        self.assertEqual(stolen.body, pay_out(self.backoffice, first + "x").body, "a foreign key and an unknown one")
        self.assert_not_permitted("api_key_refused", pay_out(self.shop, first, first))
        self.assert_not_permitted("not_granted", pay_out(self.globex, first))
        self.assertEqual(clients.curl(self.platform.folder, self.platform.gateway_url("/v1/payouts"), self.platform.trust_chain,
                                      None, ["-X", "POST", "-H", f"X-Api-Key: {first}"]).status, 0, "the key alone")
        self.assertNotIn(first, self.platform.records("gateway").log.read_text())

    # --- reload --------------------------------------------------------------------------------------------------------

    def test_the_next_request_of_a_live_connection_uses_the_new_policy(self):
        with testing.LiveConnection(self.platform, self.globex.transport) as connection:
            self.assertEqual(connection.ask(), 200)
            self.put_in_force(PAYMENTS.replace("production/*/*", "production/acme/*"))
            self.assertEqual(connection.ask(), 403)
            self.put_in_force(PAYMENTS)
            self.assertEqual(connection.ask(), 200)

    def test_a_broken_file_changes_nothing_and_is_told(self):
        generation = self.metric("generation")
        log = self.platform.records("gateway")
        mark = log.mark()
        self.platform.write_policy(PAYMENTS + '[[grants]]\nname = "x"\nto = ["production/acme"]\n')
        record = log.next("policy.kept", mark)
        self.assertIn("grants[4].to", record["error"])
        self.assertRegex(record["error"], r"line \d+")
        self.assertEqual((self.metric("generation"), self.metric("file_broken")), (generation, 1))
        self.assertEqual(self.ask(self.shop, "POST", "/v1/payments").status, 200)
        (self.platform.data / "policy.toml").unlink()
        self.platform.running["gateway"].process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(log.all("policy.kept", mark)) == 2, "a file that is gone is not told")
        self.assertEqual(self.ask(self.shop, "POST", "/v1/payments").status, 200)
        self.platform.write_policy(PAYMENTS)
        wait_until(lambda: self.metric("file_broken") == 0, "it is not mended")

    def test_a_signal_reads_it_at_once_and_no_request_is_lost(self):
        failures, asked, done = [], [0], threading.Event()

        def load():
            with testing.LiveConnection(self.platform, self.shop.transport) as connection:
                while not done.is_set():
                    status = connection.ask()
                    asked[0] += 1
                    if status != 200:
                        failures.append(status)

        workers = [threading.Thread(target=load) for _ in range(3)]
        for worker in workers:
            worker.start()
        generation = self.metric("generation")
        log = self.platform.records("gateway")
        reloads = 0
        while reloads < 100 or (asked[0] < 100 and reloads < 1000):
            reloads += 1
            mark = log.mark()
            self.platform.write_policy(PAYMENTS + f"# {reloads}\n")
            self.platform.running["gateway"].process.send_signal(signal.SIGHUP)
            log.next("policy.loaded", mark)
        done.set()
        for worker in workers:
            worker.join()
        self.assertEqual(failures, [])
        self.assertGreaterEqual(asked[0], 100)
        self.assertEqual(self.metric("generation"), generation + reloads)

    def test_without_a_right_policy_the_gateway_does_not_start(self):
        good = (self.platform.data / "policy.toml").read_text()
        self.platform.stop("gateway")
        try:
            self.platform.write_policy('mode = "sometimes"\n')
            gateway = self.platform.launch("gateway")
            self.assertEqual(gateway.process.wait(30), 2)
            self.assertIn("'mode' (line 1)", gateway.tail())
        finally:
            self.platform.running.pop("gateway", None)
            self.platform.write_policy(good)
            self.platform.start("gateway")
        self.settle(self.shop.transport)


if __name__ == "__main__":
    testing.main()
