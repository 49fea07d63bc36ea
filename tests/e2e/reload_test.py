"""The gateway's configuration changes while it runs: nobody's request is lost, and what is broken changes nothing.

COUNTERSIGN_RELOADS says how many reloads there are under load (100 unless it is set)."""
import os
import re
import signal
import time
from urllib.request import urlopen

import path  # noqa: F401
from harness import clients, load, testing
from harness.program import wait_until
from harness.raw import free_port, somebody_listens
from harness.upstream import Upstream

RELOADS = int(os.environ.get("COUNTERSIGN_RELOADS", "100"))


class ReloadTest(testing.PlatformTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platform.stop("gateway")
        cls.platform.start("gateway")  # on the ports it had: from now on they stand in its file
        cls.acme = cls.enrol("production/acme/payments")
        cls.second = Upstream()
        cls.addClassCleanup(cls.second.stop)

    def setUp(self):
        self.put_in_force()

    # --- helpers -------------------------------------------------------------------------------------------------------

    def status(self, target):
        with urlopen(f"http://127.0.0.1:{self.platform.ports['gateway_status']}{target}", timeout=10) as answer:
            return answer.read().decode()

    def metric(self, name):
        found = re.search(rf"^countersign_gateway_{re.escape(name)} (\d+)$", self.status("/metrics"), re.M)
        return int(found[1]) if found else None

    def write(self, keys="", tables=""):
        self.platform.gateway_keys, self.platform.gateway_tables = keys, tables
        self.platform.rewrite_config("gateway")

    def put_in_force(self, keys="", tables=""):
        """Waits until SIGHUP has made a new generation of it."""
        generation = self.metric("config_generation")
        self.write(keys, tables)
        self.hang_up()
        wait_until(lambda: self.metric("config_generation") > generation, "the configuration is not taken over")

    def hang_up(self):
        os.kill(self.platform.running["gateway"].pid, signal.SIGHUP)

    def route(self, where, upstream):
        return f'[[gateway.routes]]\npath = "{where}"\nupstream = "{upstream}"\naccess = "any_partner"\n'

    # --- tests ---------------------------------------------------------------------------------------------------------

    def test_a_route_and_its_upstream_change_on_an_open_connection(self):
        with load.Kept(self.platform, self.acme.transport) as kept:
            self.assertEqual(kept.get("/second"), 200)
            before = len(self.second.requests)
            self.put_in_force(tables=self.route("/second", self.second.address))
            self.assertEqual(kept.get("/second"), 200)
            self.assertEqual(len(self.second.requests), before + 1)
            self.assertEqual(kept.connections, 1)

    def test_a_file_that_changes_is_taken_over_without_a_signal(self):
        generation = self.metric("config_generation")
        self.write(keys='idle_time = "60s"')
        wait_until(lambda: self.metric("config_generation") > generation, "the file is not looked at")

    def test_broken_input_changes_nothing_and_says_so(self):
        for keys, named in (("idle_tme = \"1s\"", "idle_tme"), ("policy = \"nowhere.toml\"", "nowhere"),
                            ("server_certificate = \"nowhere.pem\"\nserver_key = \"nowhere.key\"", "nowhere"),
                            ("idle_time = [", "countersign")):
            with self.subTest(keys=keys):
                kept = self.metric('config_reloads_total{outcome="kept"}')
                generation = self.metric("config_generation")
                self.write(keys)
                self.hang_up()
                wait_until(lambda: self.metric('config_reloads_total{outcome="kept"}') > kept, "nothing was refused")
                self.assertEqual((self.metric("config_generation"), self.metric("config_last_reload_ok")), (generation, 0))
                self.assertIn(named, self.platform.records("gateway").all("gateway.reload_kept")[-1]["error"])
                self.assertIn(f"generation {generation} is in force", self.status("/ready"))
                self.assertEqual(self.curl(self.acme.transport).status, 200)
        self.put_in_force()
        self.assertEqual(self.metric("config_last_reload_ok"), 1)
        self.assertEqual(self.status("/ready"), "ready\n")

    def test_what_needs_a_restart_is_named(self):
        self.put_in_force(keys="workers = 3")
        record = wait_until(lambda: self.platform.records("gateway").all("gateway.needs_restart"), "nothing is said")[-1]
        self.assertEqual(record["keys"], "workers")
        self.assertEqual(self.curl(self.acme.transport).status, 200)

    def test_a_limit_holds_from_the_next_reload_on(self):
        self.put_in_force(keys="handshakes_per_second = 1")
        outcomes = [self.curl(self.acme.transport).status for _ in range(12)]
        self.assertIn(200, outcomes)
        self.assertIn(0, outcomes)
        self.put_in_force()
        self.assertEqual(self.curl(self.acme.transport).status, 200)

    def test_no_request_is_lost_by_reloads_under_load(self):
        with load.Load(self.platform, self.acme.transport) as running:
            begun = time.monotonic()
            for number in range(RELOADS):
                other = self.second.address if number % 2 else self.upstream.address
                self.put_in_force(keys=f"access_log = {'true' if number % 3 else 'false'}",
                                  tables=self.route("/second", other) + self.route(f"/n{number}", other))
            seconds = time.monotonic() - begun
        print(f"case=reloads reloads={RELOADS} seconds={seconds:.1f} {running.figures()}", flush=True)
        self.assertEqual(running.failures, [])
        for kind in ("fresh", "kept", "h2"):
            self.assertGreater(running.done[kind], RELOADS // 10, running.figures())


class ListenersChangeTest(testing.PlatformTest):
    """Sites and listeners that come, go, and ask for more."""
    gateway_listeners = """
[[gateway.listeners]]
name = "first"
listen = "127.0.0.1:0"
[[gateway.listeners.sites]]
names = ["localhost"]
[[gateway.listeners.sites]]
names = ["open.localhost"]
client_certificate = "optional"
[[gateway.routes]]
path = "/open"
upstream = "{upstream}"
client_certificate = "optional"
access = "anyone"
"""

    def change(self, old, new):
        config = self.platform.data / "gateway.toml"
        text = config.read_text()
        self.assertIn(old, text)
        fresh = self.platform.data / "gateway.new"
        fresh.write_text(text.replace(old, new))
        reloaded = len(self.platform.records("gateway").all("gateway.reloaded"))
        fresh.replace(config)
        os.kill(self.platform.running["gateway"].pid, signal.SIGHUP)
        wait_until(lambda: len(self.platform.records("gateway").all("gateway.reloaded")) > reloaded, "not reloaded")

    def test_changes(self):
        acme = self.enrol("production/acme/payments")
        port = self.platform.ports["gateway"]
        with load.Kept(self.platform, acme.transport) as known, load.Kept(self.platform, None, "open.localhost") as nobody:
            self.assertEqual((known.get("/hello"), nobody.get("/open")), (200, 200))
            self.change('names = ["open.localhost"]\nclient_certificate = "optional"', 'names = ["open.localhost"]')
            # Who showed no certificate must come again and show one; who is not affected notices nothing.
            wait_until(nobody.ended, "the connection goes on under a site that asks for more")
            self.assertEqual((known.get("/hello"), known.connections), (200, 1))
            self.change('names = ["open.localhost"]', 'names = ["gone.localhost"]')
            self.assertEqual((known.get("/hello"), known.connections), (200, 1))
            self.change('names = ["localhost"]', 'names = ["other.localhost"]')
            wait_until(known.ended, "the connection goes on though its site is gone")
        self.change('names = ["other.localhost"]', 'names = ["localhost"]')
        spare = free_port()
        self.change('[[gateway.listeners]]\nname = "first"',
                    f'[[gateway.listeners]]\nname = "second"\nlisten = "127.0.0.1:{spare}"\n[[gateway.listeners]]\nname = "first"')
        for at in (port, spare):
            url = f"https://localhost:{at}/hello"
            outcome = clients.curl(self.platform.folder, url, self.platform.trust_chain, acme.transport)
            self.assertEqual(outcome.status, 200, outcome.output)
        self.change(f'[[gateway.listeners]]\nname = "second"\nlisten = "127.0.0.1:{spare}"\n', "")
        wait_until(lambda: not somebody_listens(spare), "the listener that is gone still listens")
        self.assertEqual(clients.curl(self.platform.folder, f"https://localhost:{port}/hello", self.platform.trust_chain,
                                      acme.transport).status, 200)


if __name__ == "__main__":
    testing.main()
