"""Partners' servers of every kind, each run from its file in examples/ehi-host as a partner would, on a free port."""
import re
import socket
import sys
from pathlib import Path

from harness.program import Failure, Program, wait_until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "ehi-host"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class EhiHost:
    """One of KINDS. `material`: the folder with server-chain.pem, server.key, server-both.pem and trust-chain.pem."""

    def __init__(self, kind, folder, material):
        self.kind = kind
        self.folder = Path(folder)
        self.material = Path(material)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.application_port = free_port()
        self.programs = []

    @property
    def url(self):
        return f"https://localhost:{self.port}/decide"

    def start(self):
        if KINDS[self.kind].behind:
            self._run("application", [sys.executable, "-B", EXAMPLES / "application.py"], self.application_port)
        command = [self._configured(word) if str(word).startswith("@") else word for word in KINDS[self.kind].command]
        self._run(self.kind, command, self.port)
        return self

    def stop(self):
        for program in reversed(self.programs):
            program.stop() if KINDS[self.kind].behind else program.kill()  # Node, Java and Python have nothing to save

    def _run(self, name, command, port):
        variables = {"EHI_FOLDER": str(self.material), "EHI_PORT": str(self.port), "EHI_ADDRESS": "127.0.0.1",
                     "APPLICATION_PORT": str(self.application_port)}
        program = Program(name, command, self.folder, environment=variables)
        self.programs.append(program)

        def listens():
            if not program.running():
                raise Failure(f"{name} ended: {program.tail()} {self._logs()}")
            return answers(port)
        wait_until(listens, f"{name} does not listen; see {program.log}")

    def _logs(self):
        return " ".join(path.read_text(errors="replace")[-1000:] for path in self.folder.glob("*.log"))

    def _configured(self, name):
        """The example itself, with our folders and ports for those of a real host."""
        text = (EXAMPLES / name[1:]).read_text()
        for pattern, here in ((r"/etc/ehi/", f"{self.material}/"), (r"/(var/log|run)/ehi/", f"{self.folder}/"),
                              (r"127\.0\.0\.1:8080", f"127.0.0.1:{self.application_port}"),
                              (r"(listen |Listen |bind )(:?)443", rf"\g<1>127.0.0.1:{self.port}"),
                              (r"\*:443", f"127.0.0.1:{self.port}")):
            text = re.sub(pattern, here, text)
        if name == "@nginx.conf":
            temporary = "".join(f"  {kind}_temp_path {self.folder}/{kind};\n"
                                for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
            text = "daemon off;\n" + text.replace("http {\n", "http {\n" + temporary)
        path = self.folder / name[1:]
        path.write_text(text)
        return path


class Kind:
    def __init__(self, needs, command, behind=False, versions=("-tls1_2", "-tls1_3")):
        self.needs = needs  # the program without which it cannot be tried
        self.command = command
        self.behind = behind  # whether application.py stands behind it
        self.versions = versions  # of TLS that it speaks, as options of openssl


KINDS = {
    "nginx": Kind("nginx", ["nginx", "-c", "@nginx.conf"], behind=True),
    "haproxy": Kind("haproxy", ["haproxy", "-db", "-f", "@haproxy.cfg"], behind=True),
    "httpd": Kind("apache2", ["apache2", "-DFOREGROUND", "-f", "@httpd.conf"], behind=True),
    "node": Kind("node", ["node", EXAMPLES / "server.js"]),
    "java": Kind("java", ["java", EXAMPLES / "Server.java"], versions=("-tls1_3",)),
    "python": Kind("python3", [sys.executable, "-B", EXAMPLES / "server.py"], versions=("-tls1_3",)),
}
