"""What every end-to-end test file starts from, and ends with: testing.main()."""
import socket
import subprocess
import sys
import time
import unittest
from http.client import HTTPResponse

from harness import clients
from harness.partner import ReservedPort
from harness.platform import Platform
from harness.program import wait_until
from harness.raw import tls_connect
from harness.upstream import Upstream

SKIPPED = 77  # what ctest takes for "could not be run here"
SETTLE_SECONDS = 15


class PlatformTest(unittest.TestCase):
    """Has one platform for all tests of the class: programs run each alone, with an upstream that counts."""

    authority_settings = ""  # more of [authority], as TOML
    policy = ""  # of the gateway, as TOML; empty: no policy file, and every partner may use the route
    keeps_status_port = False  # the responder is where certificates of the first start say it is
    gateway_listeners = ""  # [[gateway.listeners]] and more routes, as TOML; empty: one listener

    @classmethod
    def setUpClass(cls):
        cls.upstream = Upstream()
        cls.addClassCleanup(cls.upstream.stop)
        cls.platform = Platform(cls.upstream.address, registry=cls.make_registry())
        cls.platform.authority_settings = cls.authority_settings
        if cls.keeps_status_port:
            reserved = ReservedPort(socket.SO_REUSEADDR)
            cls.addClassCleanup(reserved.socket.close)
            cls.platform.fixed_ports["authority_status"] = reserved.number
        if cls.policy:
            cls.platform.write_policy(cls.policy)
        cls.platform.gateway_listeners = cls.gateway_listeners.replace("{upstream}", cls.upstream.address)
        cls.platform.write_config()
        cls.addClassCleanup(cls.platform.close)
        cls.prepare()
        cls.platform.provision()

    @classmethod
    def prepare(cls):
        """Puts into the platform's data folder what the configuration names, before the first start."""

    @classmethod
    def make_registry(cls):
        """The URI of the registry; empty: a file."""
        return ""

    @classmethod
    def enrol(cls, application, options=()):
        """An application that the gateway knows already: it hears of changes a moment later."""
        enrolled = cls.platform.enrol(application, options=options)
        cls.settle(enrolled.transport)
        return enrolled

    @classmethod
    def curl(cls, credential, path="/hello", extra=()):
        return clients.curl(cls.platform.folder, cls.platform.gateway_url(path), cls.platform.trust_chain, credential, extra)

    @classmethod
    def s_client(cls, credential, extra=()):
        return clients.s_client(cls.platform.folder, cls.platform.ports["gateway"], cls.platform.trust_chain, credential,
                                extra=extra)

    @classmethod
    def settle(cls, credential, status=200):
        wait_until(lambda: cls.curl(credential).status == status, f"the gateway does not come to answer {status}", SETTLE_SECONDS)

    def assert_refused(self, reason, attempt):
        """`attempt` gets no answer, the log says why, and nothing reaches the upstream. Its outcome."""
        log = self.platform.records("gateway")
        mark, connections = log.mark(), self.upstream.connections
        outcome = attempt()
        self.assertEqual(outcome.status, 0, outcome.output)
        record = log.next("tls.refused", mark)
        self.assertEqual(record["reason"], reason, record)
        self.assertEqual(self.upstream.connections, connections, "the upstream was reached")
        return outcome

    def assert_seen_as(self, application, outcome):
        """The request was answered, and the upstream was told of this application."""
        self.assertEqual(outcome.status, 200, outcome.output)
        seen = self.upstream.requests[-1]
        self.assertEqual("/".join((seen["environment"], seen["organisation"], seen["application"])), application)


class LiveConnection:
    """One TLS connection to the gateway that stays open between requests."""

    def __init__(self, platform, credential):
        self.stream = tls_connect(platform.ports["gateway"], platform.trust_chain, credential)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def ask(self, path="/hello"):
        """One request; the status of its answer, which is read to its end."""
        self.stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = HTTPResponse(self.stream)
        answer.begin()
        answer.read()
        return answer.status

    def ends(self):
        """Waits for the other side to end it; False when it never does."""
        try:
            return self.stream.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True


def start(command, folder):
    """A child whose end the caller awaits with communicate()."""
    return subprocess.Popen([str(word) for word in command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def pause(seconds):
    """Only for tests whose point is to strike at an arbitrary moment."""
    time.sleep(seconds)


def serial_of(credential):
    done = clients.run(["openssl", "x509", "-in", credential.certificate, "-noout", "-serial"], ".")
    return done.stdout.decode().strip().partition("=")[2].lower()


def main():
    """Runs the tests named on the command line (default: all of the file). Skips are printed, and a run that did nothing else
    ends with status 77."""
    result = unittest.main(module="__main__", exit=False, verbosity=2).result
    for test, reason in result.skipped:
        print(f"SKIPPED {test.id()}: {reason}")
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if len(result.skipped) >= result.testsRun else 0)
