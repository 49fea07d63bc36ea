"""The gateway under a service manager: sockets that it opened before (LISTEN_FDS), and what it is told (NOTIFY_SOCKET)."""
import json
import os
import signal
import socket
import sys
import time

import path  # noqa: F401
from harness import clients, testing
from harness.program import wait_until

# What a service manager does between fork and exec: descriptors from 3 on, and whom they are meant for.
LAUNCHER = """
import os, sys
given = json.loads(sys.argv[1])
for place, descriptor in enumerate(given["descriptors"]):
    os.dup2(descriptor, 100 + place)
for place in range(len(given["descriptors"])):
    os.dup2(100 + place, 3 + place)
    os.close(100 + place)
os.environ.update(LISTEN_PID=given.get("process") or str(os.getpid()), LISTEN_FDS=str(len(given["descriptors"])))
if given["names"] is not None:
    os.environ["LISTEN_FDNAMES"] = ":".join(given["names"])
os.execv(sys.argv[2], sys.argv[2:])
"""


class ActivationTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls.enrol("production/acme/payments")
        cls.log = cls.platform.records("gateway")
        cls.launcher = cls.platform.folder / "launcher.py"
        cls.launcher.write_text("import json" + LAUNCHER)

    def setUp(self):
        self.stop()
        self.mark = self.log.mark()
        # The manager's: open before the gateway and after it.
        self.listening = socket.create_server(("127.0.0.1", self.platform.ports["gateway"]), backlog=100)
        self.addCleanup(self.listening.close)

    def tearDown(self):
        self.stop()
        self.platform.variables, self.platform.gateway_keys = {}, ""

    def stop(self):
        """The gateway, where there is one; one that ended by itself is forgotten."""
        gateway = self.platform.running.get("gateway")
        if gateway and gateway.running():
            self.platform.stop("gateway")
        self.platform.running.pop("gateway", None)

    def launch(self, sockets, names=(), process=None):
        """The gateway with these sockets, as a service manager starts it."""
        given = {"descriptors": [one.fileno() for one in sockets], "names": names, "process": process}
        return self.platform.launch("gateway", by=[sys.executable, self.launcher, json.dumps(given)], pass_fds=given["descriptors"])

    def start(self, *arguments, **options):
        self.launch(*arguments, **options)
        return self.platform.await_ready("gateway")

    def ask(self):
        return self.curl(self.acme.transport).status

    def gateway_that_fails(self, *arguments, **options):
        program = self.launch(*arguments, **options)
        self.assertEqual(program.process.wait(30), 2, program.tail())
        return program.tail()

    # --- sockets --------------------------------------------------------------------------------------------------------

    def test_the_socket_is_taken_by_name_or_address(self):
        for names in (["gateway"], ["countersign-gateway.socket"], None):
            with self.subTest(names=names):
                self.start([self.listening], names)
                wait_until(lambda: self.ask() == 200, "it does not serve")
                self.stop()

    def test_who_comes_before_it_is_served(self):
        """That is what the socket is for: it waits while nobody is there, at the first start and between two."""
        for _ in range(2):
            waiting = testing.start(
                ["curl", "-sS", "--fail", "--cacert", self.platform.trust_chain, "--cert", self.acme.transport.chain, "--key",
                 self.acme.transport.key, self.platform.gateway_url()], self.platform.folder)
            testing.pause(0.3)  # so that it knocks before anybody is there
            self.assertIsNone(waiting.poll())
            self.start([self.listening], ["gateway"])
            said, complained = waiting.communicate(timeout=20)
            self.assertEqual((waiting.returncode, json.loads(said)["application"]), (0, "payments"), complained)
            self.stop()

    def test_several_workers_share_it(self):
        self.platform.gateway_keys = "workers = 3"
        self.start([self.listening], ["gateway"])
        self.settle(self.acme.transport)
        self.assertEqual([self.ask() for _ in range(10)], [200] * 10)

    def test_the_status_too(self):
        status = socket.create_server(("127.0.0.1", self.platform.ports["gateway_status"]))
        self.addCleanup(status.close)
        self.start([status, self.listening], ["status", "gateway"])
        answer = clients.curl(self.platform.folder, f"http://127.0.0.1:{self.platform.ports['gateway_status']}/live")
        self.assertEqual(answer.status, 200)

    def test_what_fits_nowhere_stops_it(self):
        """Nobody would accept there, or by rules that are another listener's."""
        stray = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(stray.close)
        self.assertIn("belongs to no listener", self.gateway_that_fails([self.listening, stray], ["gateway", "stray"]))
        self.assertIn("must say the same", self.gateway_that_fails([stray], ["gateway"]))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            self.assertIn("net.not_listening", self.gateway_that_fails([other], ["gateway"]))

    def test_those_of_another_process_are_left_alone(self):
        """As a child of what was meant: it opens its own, which here is taken."""
        self.assertIn("net.listen", self.tail_of_failed(process="1"))

    def tail_of_failed(self, process):
        program = self.launch([self.listening], ["gateway"], process=process)
        self.assertNotEqual(program.process.wait(30), 0)
        return program.tail()

    def test_a_hand_over_goes_on_with_it(self):
        """The socket stays the manager's: a successor has it from its predecessor, and the manager still holds it."""
        self.platform.gateway_keys = 'handover = "handover.sock"\ndrain_time = "2s"'
        first = self.start([self.listening], ["gateway"])
        self.settle(self.acme.transport)
        taken = len(self.log.all("handover.taken"))
        first.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: len(self.log.all("handover.taken")) > taken, f"not taken over: {first.tail()}")
        self.assertEqual(first.process.wait(30), 0)
        self.assertEqual(self.ask(), 200)
        successor = self.log.all("handover.successor_started")[-1]["process"]
        self.end(successor)
        self.start([self.listening], ["gateway"])
        self.assertEqual(self.ask(), 200)

    def end(self, process):
        os.kill(process, signal.SIGTERM)
        wait_until(lambda: self.log.all("gateway.stopped", self.mark)[1:], "the successor does not end")

    # --- what the manager is told --------------------------------------------------------------------------------------

    def test_the_manager_hears_of_each_state(self):
        where = self.platform.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(where))
            manager.settimeout(20)

            def hear():
                return dict(line.split("=", 1) for line in manager.recv(4096).decode().splitlines())

            self.platform.variables = {"NOTIFY_SOCKET": str(where)}
            self.start([self.listening], ["gateway"])
            gateway = self.platform.running["gateway"]
            self.assertEqual(hear(), {"READY": "1", "MAINPID": str(gateway.pid)})
            gateway.process.send_signal(signal.SIGHUP)
            reloading = hear()
            self.assertEqual(reloading["RELOADING"], "1")
            self.assertLess(abs(int(reloading["MONOTONIC_USEC"]) - time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000), 10**7)
            self.assertEqual(hear()["READY"], "1")
            self.stop()
            self.assertEqual(hear(), {"STOPPING": "1"})


if __name__ == "__main__":
    testing.main()
