"""A gateway is replaced by the next one while it serves: every request gets its answer, whatever becomes of the successor."""
import os
import signal
import socket
import ssl
import stat
import threading
import time

import path  # noqa: F401
from harness import load, testing
from harness.program import Program, wait_until
from harness.raw import tcp_connect

HANDOVERS = int(os.environ.get("COUNTERSIGN_HANDOVERS", "10"))


class HandoverTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platform.stop("gateway")
        cls.platform.gateway_keys = 'handover = "handover.sock"\nworkers = 2\ndrain_time = "15s"'
        cls.platform.start("gateway")
        cls.acme = cls.enrol("production/acme/payments")
        cls.addClassCleanup(cls.end_all)
        cls.started = 0

    @classmethod
    def end_all(cls):
        """A successor is no child of ours, or not the one that the platform knows."""
        wait_until(lambda: len(cls.serving()) <= 1, "two gateways serve")

    @classmethod
    def records(cls, event):
        return cls.platform.records("gateway").all(event)

    @classmethod
    def serving(cls):
        """Process ids of the gateways of this platform."""
        config = str(cls.platform.data / "gateway.toml").encode()
        found = []
        for folder in os.listdir("/proc"):
            try:
                with open(f"/proc/{folder}/cmdline", "rb") as file:
                    if folder.isdigit() and config in file.read().split(b"\0"):
                        found.append(int(folder))
            except OSError:
                continue
        return found

    def launch(self):
        """A successor, beside the one that runs: to the same log."""
        command = self.platform.running["gateway"].command
        return Program("gateway", command, self.platform.log_folder, None, self.platform.variables)

    def hand_over(self):
        before, taken = self.platform.running["gateway"], len(self.records("handover.taken"))
        successor = self.launch()
        wait_until(lambda: len(self.records("handover.taken")) > taken, f"not taken over: {successor.tail()}")
        self.platform.running["gateway"] = successor
        return before

    # --- tests ---------------------------------------------------------------------------------------------------------

    def test_no_request_is_lost(self):
        with load.Load(self.platform, self.acme.transport, slow_seconds=5) as running:
            begun = time.monotonic()
            for _ in range(HANDOVERS):
                before = self.hand_over()
                self.assertEqual(before.process.wait(30), 0, "it did not drain")
            seconds = time.monotonic() - begun
        print(f"case=handovers handovers={HANDOVERS} seconds={seconds:.1f} {running.figures()}", flush=True)
        self.assertEqual(running.failures, [])
        for kind in ("fresh", "kept", "h2", "slow"):
            self.assertGreater(running.done[kind], 0, running.figures())

    def test_a_successor_that_is_killed_on_the_way_costs_nothing(self):
        struck = 0
        with load.Load(self.platform, self.acme.transport) as running:
            for moment in range(40):
                before, done = self.platform.running["gateway"], len(self.records("handover.done"))
                successor = self.launch()
                testing.pause(moment / 200)
                successor.process.send_signal(signal.SIGSTOP)
                testing.pause(0.1)  # for what it has said already to be heard
                if len(self.records("handover.done")) == done:
                    successor.kill()
                    struck += 1
                    self.assertTrue(before.running())
                    continue
                successor.process.send_signal(signal.SIGCONT)  # it was too quick: then it is a hand-over like any other
                self.platform.running["gateway"] = successor
                self.assertEqual(before.process.wait(30), 0)
        print(f"case=killed struck={struck} {running.figures()}", flush=True)
        self.assertEqual(running.failures, [])
        self.assertGreater(struck, 0)
        self.hand_over().process.wait(30)

    def test_a_successor_that_ends_at_any_step_costs_nothing(self):
        serves = self.platform.running["gateway"]
        with load.Load(self.platform, self.acme.transport) as running:
            for steps in (("hello 1 4711",), ("hello 1 4711", "ready"), ("hello 1 4711", "ready", "what?")):
                failed = len(self.records("handover.failed"))
                connection = self.connect()
                for step in steps:
                    connection.send(step.encode())
                    if step == "hello 1 4711":
                        said = self.until_end(connection)
                    if step == "ready":
                        self.assertEqual(connection.recv(100), b"go")
                connection.close()
                wait_until(lambda: len(self.records("handover.failed")) > failed, "the loss is not noticed")
        self.assertEqual(running.failures, [])
        self.assertEqual(len(said), 2, said)  # the listener and the status
        self.assertTrue(serves.running())
        self.hand_over().process.wait(30)

    def connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(str(self.platform.data / "handover.sock"))
        connection.settimeout(10)
        return connection

    def until_end(self, connection):
        """What is handed over: the texts; the descriptors are closed."""
        said = []
        while True:
            text, descriptors, _, _ = socket.recv_fds(connection, 4096, 64)
            for descriptor in descriptors:
                os.close(descriptor)
            if text == b"end":
                return said
            self.assertTrue(text.startswith(b"door "), text)
            said.append(text.decode())

    def test_what_is_no_successor_gets_nothing(self):
        for said in (b"", b"hello", b"hello 2 1", b"hello 1 -5", b"ready", b"x" * 5000):
            with self.subTest(said=said[:20]):
                failed = len(self.records("handover.failed"))
                connection = self.connect()
                if said:
                    connection.send(said)
                connection.settimeout(10)
                if not said:
                    connection.close()
                wait_until(lambda: len(self.records("handover.failed")) > failed, "it is not refused")
                connection.close()
        self.assertEqual(self.curl(self.acme.transport).status, 200)

    def test_the_socket_is_ours_alone(self):
        mode = os.stat(self.platform.data / "handover.sock").st_mode
        self.assertEqual((stat.S_ISSOCK(mode), stat.S_IMODE(mode)), (True, 0o600))

    def test_a_configuration_that_is_broken_leaves_the_old_one(self):
        config = self.platform.data / "gateway.toml"
        good = config.read_text()
        before = self.platform.running["gateway"]
        config.write_text(good.replace('data = "gateway"', 'data = "gateway"\nworkers = 0'))
        successor = self.launch()
        self.assertEqual(successor.process.wait(30), 2)
        config.write_text(good)
        self.assertTrue(before.running())
        self.assertEqual(self.curl(self.acme.transport).status, 200)

    def test_more_and_fewer_workers(self):
        config = self.platform.data / "gateway.toml"
        good = config.read_text()
        try:
            with load.Load(self.platform, self.acme.transport) as running:
                for workers in (1, 3, 2):
                    fresh = self.platform.data / "gateway.new"
                    fresh.write_text(good.replace("workers = 2", f"workers = {workers}"))
                    fresh.replace(config)
                    before = self.hand_over()
                    before.process.wait(30)
        finally:
            config.write_text(good)
        self.assertEqual(running.failures, [])

    def test_a_signal_starts_the_successor(self):
        """And the service manager is told which process it is now."""
        before = self.platform.running["gateway"]
        folder = self.platform.folder
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(folder / "notify"))
            manager.settimeout(20)
            self.platform.variables = {"NOTIFY_SOCKET": str(folder / "notify")}
            self.hand_over().process.wait(30)
            self.assertIn("READY=1", manager.recv(4096).decode())
            first = self.platform.running["gateway"]
            os.kill(first.pid, signal.SIGUSR2)
            said = {}
            while "MAINPID" not in said or "READY" in said and int(said["MAINPID"]) == first.pid:
                said = dict(line.split("=", 1) for line in manager.recv(4096).decode().splitlines())
            successor = int(said["MAINPID"])
            self.assertNotEqual(successor, first.pid)
            self.assertEqual(first.process.wait(30), 0)
            self.assertEqual(self.curl(self.acme.transport).status, 200)
            self.platform.variables = {}
            self.hand_over()  # to one that is a child of ours again
            wait_until(lambda: successor not in self.serving(), "the successor does not end")
        self.assertFalse(before.running())

    def test_connections_that_wait_are_answered(self):
        """And those that the old one has accepted, and of which it has not heard a word: it answers them while it drains."""
        before = self.platform.running["gateway"]
        self.assertEqual(self.curl(self.acme.transport).status, 200)
        waiting = [tcp_connect(self.platform.ports["gateway"]) for _ in range(20)]
        self.hand_over()
        results = []

        def ask(plain):
            context = ssl.create_default_context(cafile=str(self.platform.trust_chain))
            context.load_cert_chain(str(self.acme.transport.chain), str(self.acme.transport.key))
            with context.wrap_socket(plain, server_hostname="localhost") as stream:
                stream.sendall(b"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                results.append(stream.recv(12))

        threads = [threading.Thread(target=ask, args=(plain,)) for plain in waiting]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(results, [b"HTTP/1.1 200"] * len(waiting))
        before.process.wait(30)


if __name__ == "__main__":
    testing.main()
