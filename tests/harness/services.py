"""Unmodified servers as services behind the gateway, each with a list of the requests it saw: what is no request of the client's
would be in it, too.

    service = NodeService(folder).start()
    service.address     127.0.0.1:PORT
    service.seen()      ["GET /node/a", ...], malformed ones included
"""
import shutil
import signal
import sys
from pathlib import Path

from harness import nginx
from harness.partner import ReservedPort
from harness.program import STOP_SECONDS, Program, wait_until
from harness.raw import read_to_end, tcp_connect

PEERS = Path(__file__).resolve().parents[1] / "e2e" / "peers"
PROBE = b"GET /probe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def answers(port):
    try:
        with tcp_connect(port, 5) as stream:
            stream.sendall(PROBE)
            return read_to_end(stream).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


class Service:
    name = ""
    program_name = ""  # looked for before it is started

    def __init__(self, folder):
        self.folder = Path(folder) / f"service-{self.name}"
        self.folder.mkdir()
        self.port, self.program = 0, None

    @classmethod
    def is_there(cls):
        return shutil.which(cls.program_name) is not None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def seen(self):
        return [line for line in self._log().read_text(errors="replace").splitlines() if line and not line.endswith("/probe")]

    def finish(self):
        """Returns when all that came so far is in seen()."""

    def stop(self):
        self.program.stop()

    def _log(self):
        return self.program.log

    def _run(self, command):
        """A program of ours that says in a file on which port it listens."""
        ready = self.folder / "ready"
        self.program = Program(self.name, [*command, ready], self.folder, ready)
        self.port = self.program.started()["port"]
        return self


class NodeService(Service):
    name = program_name = "node"

    def start(self):
        return self._run(["node", "--no-warnings", "--insecure-http-parser", PEERS / "service.js"])


class PythonService(Service):
    name = "python"
    program_name = sys.executable

    def start(self):
        return self._run([sys.executable, "-B", PEERS / "service.py"])


class GunicornService(Service):
    """A server of Python that is used where it matters, in the version of Debian: it reads more than RFC 9112 lets it."""
    name = program_name = "gunicorn"

    def __init__(self, folder):
        super().__init__(folder)
        self.reserved = ReservedPort()
        self.port = self.reserved.number

    def start(self):
        command = ["gunicorn", "--worker-class", "gthread", "--threads", "8", "--keep-alive", "60", "--reuse-port", "--log-level",
                   "warning",
                   "--worker-tmp-dir", self.folder, "--bind", self.address, "--chdir", PEERS, "service_wsgi:app"]
        self.program = Program(self.name, command, self.folder, environment={"PYTHONDONTWRITEBYTECODE": "1"})
        wait_until(lambda: answers(self.port), f"gunicorn; see {self.folder}")
        return self

    def seen(self):
        return [line for line in super().seen() if not line.startswith("[")]  # its own messages

    def stop(self):
        self.program.stop()
        self.reserved.socket.close()


class NginxService(Service):
    """Answers at once and throws bodies away; logs when a request is over."""
    name = program_name = "nginx"

    def __init__(self, folder):
        super().__init__(folder)
        self.reserved = ReservedPort()
        self.port = self.reserved.number

    def start(self):
        config = self.folder / "nginx.conf"
        config.write_text(nginx.config(self.folder, _NGINX.format(folder=self.folder, port=self.port), connections=256))
        self.program = Program("nginx", ["nginx", "-p", self.folder, "-e", self.folder / "error.log", "-c", config], self.folder)
        wait_until(lambda: answers(self.port), f"nginx as a service; see {self.folder}")
        return self

    def stop(self):
        self.program.stop()
        self.reserved.socket.close()

    def finish(self):
        """It logs a request when it is over, which may be after its answer: it ends all, and is started again."""
        self.program.process.send_signal(signal.SIGQUIT)
        self.program.process.wait(STOP_SECONDS)
        self.start()

    def seen(self):
        """As the others: method and target."""
        return [" ".join(line.split(" ")[:2]) for line in super().seen() if "/probe" not in line]

    def _log(self):
        return self.folder / "access.log"


SERVICES = (NginxService, NodeService, PythonService, GunicornService)

_NGINX = """
  log_format line '$request';
  access_log {folder}/access.log line;
  keepalive_timeout 60s;
  server {{
    listen 127.0.0.1:{port} reuseport;
    location / {{ return 200 "nginx\\n"; }}
  }}
"""
