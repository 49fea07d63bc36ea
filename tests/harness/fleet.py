"""One of several authorities that share a registry: countersign-authority alone, on a folder of its own."""
import shutil
import tempfile
from pathlib import Path

from harness.program import Program

CONFIG = """[provider]
name = "Example Payments"
[authority]
data = "authority"
{more}registry = "{registry}"
api = "127.0.0.1:{api}"
internal = "127.0.0.1:{internal}"
status_listen = "127.0.0.1:{authority_status}"
server_names = ["localhost", "127.0.0.1"]
{tables}"""


class Authority:
    """countersign-authority alone, on a folder of its own. `registry`: a PostgreSQL URI; empty: a file. `variables`: of its
    environment, besides our own. A second start listens where the first did."""

    def __init__(self, programs, registry, variables=None):
        self.programs = programs
        self.registry = registry
        self.variables = variables or {}
        self.folder = Path(tempfile.mkdtemp(prefix="countersign-fleet-"))
        self.data = self.folder / "authority"
        self.config = self.folder / "countersign.toml"
        self.more = ""  # lines for its section of the configuration
        self.tables = ""  # under it
        self.process = None
        self.ports = {"api": 0, "internal": 0, "authority_status": 0}

    def write_config(self):
        self.config.write_text(CONFIG.format(registry=self.registry, more=self.more, tables=self.tables, **self.ports))

    def launch(self, *options):
        self.write_config()
        ready = self.folder / "ready"
        command = [self.programs / "countersign-authority", "--config", self.config, "--ready-file", ready, *options]
        self.process = Program("authority", command, self.folder, ready, self.variables)
        return self

    def start(self, *options):
        said = self.launch(*options).process.started()
        self.ports = {key: int(address.rpartition(":")[2]) for key, address in said.items()}
        return self

    def take_keys_of(self, data):
        """What an operator does for an authority that joins."""
        shutil.rmtree(self.data / "keys", ignore_errors=True)
        self.data.mkdir(mode=0o700, exist_ok=True)
        shutil.copytree(data / "keys", self.data / "keys")
        shutil.copy(data / "passphrase", self.data / "passphrase")

    def close(self):
        if self.process is not None:
            self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
