"""gRPC through the gateway: a real client, a real server, HTTP/2 on both sides."""
import json
import shutil
import subprocess
import unittest
from pathlib import Path

import path  # noqa: F401
from harness import testing
from harness.program import Program, wait_until

PEERS = Path(__file__).resolve().parent / "peers"
PYTHON = "/usr/bin/python3"  # of Debian, which python3-grpcio is for


def has_grpc():
    return shutil.which(PYTHON) and subprocess.run([PYTHON, "-c", "import grpc"], capture_output=True, check=False).returncode == 0


@unittest.skipUnless(has_grpc(), "no gRPC here: apt-get install python3-grpcio")
class GrpcTest(testing.PlatformTest):
    policy = ('[[grants]]\nname = "hello"\nto = ["production/acme/*", "production/globex/*", "production/initech/*"]\n'
              'methods = ["GET"]\npaths = ["/hello"]\n'
              '[[grants]]\nname = "echo"\nto = ["production/acme/*", "production/globex/*"]\nmethods = ["POST"]\n'
              'paths = ["/test.Echo/**"]\n')

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")
        folder = cls.platform.folder
        cls.server = Program("grpc-server", [PYTHON, PEERS / "grpc_server.py", "--ready", folder / "grpc.ready"], folder,
                             folder / "grpc.ready")
        cls.addClassCleanup(cls.server.stop)
        port = cls.server.started()["port"]
        cls.platform.gateway_tables = (
            f'\n[[gateway.upstreams]]\nname = "echo"\naddresses = ["127.0.0.1:{port}"]\nprotocol = "http2"\n'
            '[[gateway.routes]]\npath = "/test.Echo"\nupstream = "echo"\n')
        cls.platform.stop("gateway")
        cls.platform.start("gateway")
        cls.settle(cls.acme.transport)
        cls.log = cls.platform.records("gateway")

    def client(self, who, *calls):
        port = self.platform.ports["gateway"]
        return [PYTHON, str(PEERS / "grpc_client.py"), f"localhost:{port}", str(self.platform.trust_chain),
                str(who.transport.chain), str(who.transport.key), *calls]

    def call(self, *calls, who=None):
        done = subprocess.run(self.client(who or self.acme, *calls), capture_output=True, text=True, timeout=100, check=False)
        outcomes = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(outcomes), len(calls), done.stdout + done.stderr)
        return outcomes if len(outcomes) > 1 else outcomes[0]

    def test_unary(self):
        for size in (1, 5, 100_000, 3_000_000):
            with self.subTest(size):
                self.assertEqual(self.call(f"unary:{size}"), {"call": f"unary:{size}", "ok": True, "bytes": size})

    def test_many_at_once(self):
        self.assertEqual(self.call("many:80")["answers"], 80)

    def test_server_streams(self):
        self.assertEqual(self.call("count:1000")["messages"], 1000)
        self.assertEqual(self.call("count:0")["messages"], 0)

    def test_both_stream(self):
        self.assertEqual(self.call("chat:50")["heard"], [f"heard {i}" for i in range(50)])

    def test_a_status_and_its_trailers_pass(self):
        outcome = self.call("fail")
        self.assertEqual((outcome["code"], outcome["details"]), ("NOT_FOUND", "no such thing: 100% gone"))
        self.assertIn(["x-why", "gone"], outcome["last"])
        self.assertEqual(self.call("unknown")["code"], "UNIMPLEMENTED", "a response that is a head alone")

    def test_nobody_forges_in_metadata(self):
        outcome = self.call("meta")
        seen = outcome["seen"]
        self.assertIn(["x-mine", "kept"], seen)
        self.assertEqual([value for name, value in seen if name == "x-countersign-application"], ["payments"])
        self.assertIn(["x-first", "1"], outcome["first"])
        self.assertIn(["x-last", "2"], outcome["last"])
        self.assertNotIn("forged", json.dumps(outcome))

    def test_a_deadline_is_the_clients_and_reaches_the_service(self):
        self.assertEqual(self.call("deadline")["code"], "DEADLINE_EXCEEDED")
        wait_until(lambda: "slow: given up" in self.server.log.read_text(), "the service goes on for nobody")

    def test_refusals_are_told_as_a_status(self):
        other = self.enrol("production/initech/orders")
        outcome = self.call("unary", who=other)
        self.assertEqual(outcome["code"], "PERMISSION_DENIED", outcome)
        self.assertIn("policy.not_granted", outcome["details"])

    def test_a_revocation_ends_a_stream_that_is_open(self):
        other = self.enrol("production/globex/orders")
        with subprocess.Popen(self.client(other, "hold"), stdout=subprocess.PIPE, text=True) as held:
            self.addCleanup(held.kill)
            self.assertEqual(json.loads(held.stdout.readline()), {"held": "heard 0"})
            self.platform.admin("revoke", testing.serial_of(other.transport), "--reason", "key_compromise")
            outcome = json.loads(held.stdout.readline())
            self.assertFalse(outcome["ok"])
        self.assertTrue(self.call("unary")["ok"], "nobody else is harmed")


if __name__ == "__main__":
    testing.main()
