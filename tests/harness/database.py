"""A real PostgreSQL for one test: made in a temporary folder, on a free port of loopback with a password, and gone with the
test however that ends.

    with Postgresql() as database:
        Platform(upstream, registry=database.uri)
        database.rows("SELECT serial FROM certificates")
"""
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from harness.program import Failure, wait_until

PR_SET_PDEATHSIG = 1
ROOM = 1 << 30


def programs_folder():
    """The newest that Debian has installed; None: there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


class Postgresql:
    """`fsync` is on: what is confirmed is kept, as the authority demands. In memory, where there is room, it costs nothing.
    `folder`: an empty one, for that; `log`: a file elsewhere. `variables`: of its environment, besides our own."""

    def __init__(self, folder=None, variables=None, log=None):
        self.programs = programs_folder()
        if self.programs is None:
            raise Failure("no PostgreSQL under /usr/lib/postgresql")
        self.folder = Path(folder or self._make_folder())
        self.variables = variables or {}
        self.log = Path(log or self.folder / "log")
        self.password = secrets.token_hex(12)
        self.port = free_port()
        self.process = None
        self._as_user = {}
        if os.geteuid() == 0:  # the server refuses to be root
            user = pwd.getpwnam("postgres")
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        try:
            self._make()
            self.start()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _make_folder():
        memory = Path("/dev/shm")
        in_memory = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
        return tempfile.mkdtemp(prefix="countersign-pg-", dir=memory if in_memory else None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def uri(self):
        return f"postgresql://countersign:{self.password}@127.0.0.1:{self.port}/countersign"

    def _make(self):
        secret = self.folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)
        self.tool("initdb", "-D", self.folder / "data", "-U", "countersign", "--pwfile", secret, "--auth-local=trust",
                  "--auth-host=scram-sha-256", "-N", "--encoding=UTF8", "--locale=C.UTF-8")
        with open(self.folder / "data" / "postgresql.auto.conf", "a", encoding="utf-8") as settings:
            settings.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = '{self.folder}'\n"
                           "shared_buffers = 16MB\nmax_wal_size = 64MB\n")

    def tool(self, name, *words):
        """Runs one of PostgreSQL's programs beside the server; what it wrote."""
        return self.run(self.programs / name, *words)

    def run(self, *words):
        command = [str(word) for word in words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120, **self._as_user)
        if done.returncode != 0:
            raise Failure(f"{command[0]}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(self.programs / "postgres"), "-D", str(self.folder / "data")], stdout=log,
                                            stderr=log, cwd=self.folder, start_new_session=True, preexec_fn=die_with_parent,
                                            env={**os.environ, **self.variables}, **self._as_user)
        wait_until(self._answers, f"PostgreSQL does not start; see {self.log}")
        if "countersign" not in self.tool("psql", "-At", "-h", self.folder, "-p", self.port, "-U", "countersign", "-c",
                                          "SELECT datname FROM pg_database", "postgres").split():
            self.tool("createdb", "-h", self.folder, "-p", self.port, "-U", "countersign", "-T", "template0", "countersign")

    def _answers(self):
        if self.process.poll() is not None:
            raise Failure(f"PostgreSQL ended:\n{self.log.read_text()[-2000:]}")
        command = [str(self.programs / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port), "-d", "postgres"]
        return subprocess.run(command, check=False).returncode == 0

    def prove_itself_as(self, name):
        """From its next start on it speaks TLS with a certificate for `name`; the file with the CA's."""
        authority, key, certificate = (self.folder / file for file in ("ca.pem", "data/server.key", "data/server.crt"))
        self.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=DB CA",
                 "-keyout", self.folder / "ca.key", "-out", authority)
        self.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                 f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-addext", "basicConstraints=critical,CA:FALSE", "-CA",
                 authority, "-CAkey", self.folder / "ca.key", "-keyout", key, "-out", certificate)
        with open(self.folder / "data" / "postgresql.auto.conf", "a", encoding="utf-8") as settings:
            settings.write("ssl = on\n")
        authority.chmod(0o644)
        return authority

    def stop(self):
        """As an administrator does: sessions are ended."""
        self._end(signal.SIGINT)

    def kill(self):
        """As a power cut does."""
        self._end(signal.SIGQUIT)

    def _end(self, how):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(30)
        self.process = None

    def psql(self, sql, database="countersign"):
        return self.tool("psql", "-X", "-q", "-At", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", self.port, "-U",
                         "countersign", "-c", f"SET search_path = countersign; {sql}", database)

    def rows(self, sql):
        """Tuples of text."""
        return [tuple(line.split("\t")) for line in self.psql(sql).splitlines()]


class OnPostgresql:
    """Before a testing.PlatformTest: its registry is on a PostgreSQL of its own, `database`."""

    @classmethod
    def make_registry(cls):
        cls.database = Postgresql()
        cls.addClassCleanup(cls.database.close)
        return cls.database.uri
