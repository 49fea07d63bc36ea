"""Revocation and suspension with several gateways and hundreds of live connections: no gateway lets the application in, back in on a
session, or ask anything more; its connections end; and nobody else notices. bench/revocation measures how soon, with thousands."""
import path  # noqa: F401
from harness import testing
from harness.crowd import Crowd
from harness.program import wait_until

GATEWAYS, APPLICATIONS, CONNECTIONS = 3, 8, 38


class RevocationTest(testing.PlatformTest):
    gateway_listeners = """
[[gateway.listeners]]
name = "gateway"
listen = "127.0.0.1:0"
resumption = "stateful"
"""

    def test_it_acts_at_every_gateway_and_on_nobody_else(self):
        with Crowd(self.platform, GATEWAYS) as crowd:
            crowd.enrol(APPLICATIONS)
            crowd.connect(CONNECTIONS)
            admin = self.platform.admin
            strikes = [(crowd.applications[0], lambda one: admin("revoke", testing.serial_of(one.transport), "--reason",
                                                                 "key_compromise")),
                       (crowd.applications[3], lambda one: admin("app", "suspend", one.name)),
                       (crowd.applications[7], lambda one: admin("revoke", testing.serial_of(one.transport), "--reason",
                                                                 "superseded"))]
            for application, command in strikes:
                with self.subTest(application.name):
                    effect = crowd.strike(application, lambda: command(application))
                    self.assertEqual(len(effect.closed), CONNECTIONS)
                    for port in crowd.ports:
                        self.assertFalse(crowd.comes_in(application, port))
            crowd.check_others()
            self.assertEqual(crowd.errors, [])
            self.assertEqual(len(crowd.lines), (APPLICATIONS - len(strikes)) * CONNECTIONS)
            self.platform.admin("app", "resume", strikes[1][0].name)
            for port in crowd.ports:
                wait_until(lambda port=port: crowd.comes_in(strikes[1][0], port), "it stays out after its suspension")


if __name__ == "__main__":
    testing.main()
