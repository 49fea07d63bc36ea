"""A crowd: several gateways of one platform, many applications with many connections each, and what becomes of them when one is
revoked or suspended. Used by tests/e2e/revocation_test.py and bench/revocation.

    with Crowd(platform, gateways=3) as crowd:
        crowd.enrol(12)
        crowd.connect(25)
        effect = crowd.strike(crowd.applications[0], lambda: platform.admin("revoke", ...))
"""
import random
import selectors
import shutil
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field

from harness import h2
from harness.platform import Application
from harness.program import Failure, Program, wait_until
from harness.raw import status_of

REQUEST = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
PATIENCE_SECONDS = 30
KINDS = ("handshake", "resume", "request")


class Line:
    """One TLS connection of an application to a gateway."""

    def __init__(self, crowd, application, port, session=None, source=0):
        self.application = application
        plain = socket.socket()
        plain.settimeout(PATIENCE_SECONDS)
        plain.bind((f"127.0.{1 + source // 200 % 200}.{1 + source % 200}", 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            plain.connect(("127.0.0.1", port))
            self.stream = crowd.contexts[application.name, type(self)].wrap_socket(plain, server_hostname="localhost", session=session)
        except OSError:
            plain.close()
            raise

    def ask(self):
        """True when the request was answered 200; False when the connection ended, or says anything else."""
        try:
            return self._ask()
        except (OSError, ssl.SSLError):
            return False

    def _ask(self):
        self.stream.sendall(REQUEST)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = self.stream.recv(65536)
            if not piece:
                return False
            answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        left = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]) - len(body)
        while left > 0:
            piece = self.stream.recv(left)
            if not piece:
                return False
            left -= len(piece)
        return status_of(head) == 200

    def ended(self):
        """There is something to read, and nothing was asked."""
        return True

    def close(self):
        self.stream.close()


class H2Line(Line):
    """The same over HTTP/2."""

    def __init__(self, crowd, application, port, session=None, source=0):
        super().__init__(crowd, application, port, session, source)
        self.client, self.newest = h2.Client.over(self.stream), -1

    def _ask(self):
        self.newest += 2
        return self.client.ask(self.newest).status == 200

    def ended(self):
        """A frame may be late; the end is what counts."""
        return self.client.read() is None


class Probe:
    """Tries one thing at one gateway again and again, until it is refused. `last`: when the newest began that was let through."""

    def __init__(self, crowd, kind, application, port):
        self.last, self.refused = 0.0, False
        self.session = crowd.session_at(application, port) if kind == "resume" else None
        self.line = Line(crowd, application, port) if kind == "request" else None
        self.attempt = self.line.ask if self.line else lambda: crowd.comes_in(application, port, self.session)

    def repeat(self):
        """Two refusals are the end: one may be a connection that was cut in its beginning."""
        refusals, ends = 0, time.monotonic() + PATIENCE_SECONDS
        while refusals < 2 and time.monotonic() < ends:
            begun = time.monotonic()
            if self.attempt():
                self.last, refusals = begun, 0
            else:
                refusals += 1
        self.refused = refusals == 2
        if self.line:
            self.line.close()


@dataclass
class Effect:
    """Of one strike, in seconds since the command was begun: when the last thing began that still was let through, by kind, for each
    gateway; and when each idle connection of the application ended. `command`: how long the command took."""
    still: dict = field(default_factory=lambda: {kind: [] for kind in KINDS})
    closed: list = field(default_factory=list)
    command: float = 0


class Crowd:
    def __init__(self, platform, gateways=3):
        self.platform = platform
        self.programs = [platform.running["gateway"]]
        self.ports = [platform.ports["gateway"]]
        self.applications, self.contexts, self.lines = [], {}, []
        self.selector = selectors.DefaultSelector()
        self.errors = []  # what happened to somebody who was not meant
        for number in range(1, gateways):
            self._add_gateway(number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for line in self.lines:
            line.close()
        for program in self.programs[1:]:
            program.stop()

    def _add_gateway(self, number):
        """Another one, with what the first has, on a port of its own."""
        data = self.platform.data / f"gateway-{number}"
        shutil.copytree(self.platform.data / "gateway", data)
        config = self.platform.data / f"{data.name}.toml"
        text = (self.platform.data / "gateway.toml").read_text().replace('data = "gateway"', f'data = "{data.name}"')
        for key in ("gateway", "gateway_status"):
            text = text.replace(f'"127.0.0.1:{self.platform.ports[key]}"', '"127.0.0.1:0"')
        config.write_text(text)
        ready = self.platform.folder / f"{data.name}.ready"
        program = Program(data.name, [self.platform.programs / "countersign-gateway", "--config", config, "--ready-file", ready],
                          self.platform.log_folder,
                          ready)
        self.programs.append(program)
        self.ports.append(int(program.started()["listen"].rpartition(":")[2]))

    def enrol(self, count):
        for number in range(count):
            application = self._enrol_one(f"production/acme-{number // 10}/app-{number}")
            for kind, protocol in ((Line, "http/1.1"), (H2Line, "h2")):
                context = ssl.create_default_context(cafile=str(self.platform.trust_chain))
                context.load_cert_chain(str(application.transport.chain), str(application.transport.key))
                context.set_alpn_protocols([protocol])
                self.contexts[application.name, kind] = context
            self.applications.append(application)
        for port in self.ports:  # each has heard of the last
            wait_until(lambda port=port: self.comes_in(self.applications[-1], port), "a gateway does not know the applications")

    def _enrol_one(self, name):
        """With a Transport Certificate only."""
        self.platform.create_application(name)
        folder = self.platform.folder / name.replace("/", "-")
        transport = self.platform.request_or_fail("transport", self.platform.code_for(name), folder)
        return Application(name, folder, transport, None)

    def comes_in(self, application, port, session=None):
        """A connection and a request; with `session`: on that one, and only then."""
        try:
            line = Line(self, application, port, session, random.randrange(20000))
        except (OSError, ssl.SSLError):
            return False
        with line.stream:
            return (session is None or line.stream.session_reused) and line.ask()

    def session_at(self, application, port):
        line = Line(self, application, port)
        with line.stream:
            if not line.ask():
                raise Failure("no session: the request was not answered")
            return line.stream.session

    def connect(self, each):
        """So many connections of every application, over all gateways in turn, every second one of HTTP/2."""
        for application in self.applications:
            for number in range(each):
                kind = H2Line if number % 2 else Line
                line = kind(self, application, self.ports[number % len(self.ports)], source=len(self.lines))
                self.lines.append(line)
                self.selector.register(line.stream, selectors.EVENT_READ, line)
                if not line.ask():
                    raise Failure(f"connection {len(self.lines)} of {application.name} is not served")

    # --- one strike ---------------------------------------------------------------------------------------------------

    def strike(self, application, command):
        """Runs `command`, which ends `application`, while it comes in, comes back and asks at every gateway, and others ask, too."""
        effect, over = Effect(), threading.Event()
        probes = [(kind, Probe(self, kind, application, port)) for port in self.ports for kind in KINDS]
        threads = [threading.Thread(target=probe.repeat) for _, probe in probes]
        threads.append(threading.Thread(target=self._others_ask, args=(application, over)))
        for thread in threads:
            thread.start()
        wait_until(lambda: all(probe.last for _, probe in probes), "what is to be refused is not let in before")
        begun = time.monotonic()
        command()
        effect.command = time.monotonic() - begun
        effect.closed = [max(0.0, when - begun) for when in self._await_end(application)]
        for thread in threads[:-1]:
            thread.join()
        over.set()
        threads[-1].join()
        for kind, probe in probes:
            effect.still[kind].append(max(0.0, probe.last - begun))
            if not probe.refused:
                raise Failure(f"{application.name} is still let in: {kind}")
        self.applications.remove(application)
        return effect

    def _others_ask(self, application, over):
        mine = [line for line in self.lines if line.application is not application]
        while not over.is_set():
            line = random.choice(mine)
            if not line.ask():
                self.errors.append(f"a request of {line.application.name} failed")

    def _await_end(self, application):
        """When each of its idle connections ended."""
        waiting = {line for line in self.lines if line.application is application}
        ended, gives_up = [], time.monotonic() + PATIENCE_SECONDS
        while waiting and time.monotonic() < gives_up:
            for key, _ in self.selector.select(0.1):
                if key.data in waiting and key.data.ended():
                    ended.append(time.monotonic())
                    waiting.remove(key.data)
                    self.selector.unregister(key.fileobj)
                    key.data.close()
                    self.lines.remove(key.data)
        if waiting:
            raise Failure(f"{len(waiting)} connections of {application.name} are still open")
        return ended

    def check_others(self):
        """One request on each connection that is left; what went wrong is in errors."""
        self.errors += [f"a connection of {line.application.name} does not go on" for line in self.lines if not line.ask()]
