"""A whole platform on throw-away data: authority, gateway and EHI sender, on free ports of loopback.

    with Platform(upstream=Upstream().address) as platform:
        acme = platform.enrol("production/acme/payments")
        clients.curl(platform.folder, platform.gateway_url("/hello"), platform.trust_chain, acme.transport)

`up()` runs them as people do, under `countersign up`. `start()` runs each alone, so that a test can kill one of them, start
it again on the same port, or give it an option; it needs a data folder that `up()` has made (provision() does both).
"""
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness import clients
from harness.material import Credential
from harness.program import Failure, Program
from harness.records import Records

ROOT = Path(__file__).resolve().parents[2]
PROVIDER = "Example Payments"


@dataclass(frozen=True)
class Endpoint:
    """A partner's server, as [[ehi.endpoints]] names it."""
    name: str
    url: str
    anchors: str
    deadline: str = "5s"
    more: str = ""  # more keys, and tables under it


@dataclass(frozen=True)
class Application:
    name: str  # production/acme/payments
    folder: Path
    transport: Credential
    signing: Credential


def programs_folder():
    folder = Path(os.environ.get("COUNTERSIGN_PROGRAMS") or ROOT / "build" / "dev" / "apps")
    folder = folder.resolve()
    if not (folder / "countersign").exists():
        raise Failure(f"{folder} does not hold the programs: build them first (./test or ./demo does)")
    return folder


class Platform:
    def __init__(self, upstream, endpoints=(), environment="production", registry=""):
        self.programs = programs_folder()
        self.folder = Path(tempfile.mkdtemp(prefix="countersign-"))
        self.data = self.folder / "data"
        self.data.mkdir()
        self.log_folder = self.data / "log"
        self.upstream = upstream
        self.endpoints = list(endpoints)
        self.environment = environment
        self.registry = registry  # a PostgreSQL URI; empty: a file
        self.fixed_ports = {}  # of these, those that stay the same from the first start on
        self.ports = {}  # api, internal, authority_status, gateway, gateway_status, ehi, ehi_status
        self.running = {}  # name: Program
        self.ready = {}  # name: what its ready file says
        self.authority_settings = ""  # more of [authority], tables under it included
        self.policy = ""  # name of a policy file in the data folder; empty: every partner may use the route
        self.gateway_listeners = ""  # [[gateway.listeners]] and more routes, instead of the one listener
        self.gateway_keys = ""  # more of [gateway]
        self.gateway_tables = ""  # its upstreams, and routes beside the one of all tests
        self.ehi_keys = ""  # more of [ehi]
        self.variables = {}  # of the environment, besides our own
        self.write_config()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Stops everything and removes the folder."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def write_config(self):
        """countersign.toml, once more after `endpoints` changed. Every port that is not fixed is left to the system."""
        self._write_config(self.data / "countersign.toml", self.fixed_ports)

    def rewrite_config(self, name):
        """The configuration of one program that runs, anew and in one step, with the ports that it has."""
        new = self.data / f"{name}.new"
        self._write_config(new, self.ports)
        new.replace(self.data / f"{name}.toml")

    def write_policy(self, text):
        """The gateway's policy, in one step. Before the first start it also makes the route one that asks for grants."""
        self.policy = "policy.toml"
        written = self.data / "policy.new"
        written.write_text(text)
        written.replace(self.data / self.policy)

    # --- running -----------------------------------------------------------------------------------------------------

    def up(self, environment=None):
        """`countersign up`, as people run it. `environment`: variables besides our own."""
        command = [self.programs / "countersign", "up", "--data", self.data]
        self.running["up"] = Program("up", command, self.folder, self.data / "up.json",
                                     {**self.variables, **(environment or {})})
        self._note_ports(self.running["up"].started())
        return self

    def provision(self):
        """Makes the data folder with `countersign up`, then runs each program alone."""
        self.up()
        self.stop()
        self.ports = dict(self.fixed_ports)
        for name in ("authority", "gateway", "ehi"):
            self.start(name)
        return self

    def start(self, name, *options):
        """Starts authority, gateway or ehi alone; the authority first, since the others must know its port. A second start
        listens where the first did."""
        self.launch(name, *options)
        return self.await_ready(name)

    def launch(self, name, *options, by=(), pass_fds=()):
        """start() without waiting until the program serves. `by`: words of a command that runs the one behind them."""
        config = self.data / f"{name}.toml"
        self._write_config(config, self.ports)
        ready = self.folder / f"{name}.ready"
        command = [*by, self.programs / f"countersign-{name}", "--config", config, "--ready-file", ready, *options]
        self.running[name] = Program(name, command, self._folder_of_logs(), ready, self.variables, pass_fds)
        return self.running[name]

    def await_ready(self, name):
        said = self.running[name].started()
        renamed = {"listen": name, "status": f"{name}_status"}
        self._note_ports({renamed.get(key, key): value for key, value in said.items()})
        return self.running[name]

    def stop(self, *names):
        """SIGTERM to those (default: all), the data planes first."""
        order = ["up", "gateway", "ehi", "authority"]
        for name in sorted(names or list(self.running), key=order.index):
            status = self.running.pop(name).stop()
            if status != 0:
                raise Failure(f"{name} ended with status {status} when asked to stop; see {self.log_folder}")

    def records(self, name):
        """The log of authority, gateway or ehi."""
        return Records(self._folder_of_logs() / f"{name}.log")

    # --- addresses and files -------------------------------------------------------------------------------------------

    def gateway_url(self, path="/hello", host="localhost"):
        return f"https://{host}:{self.ports['gateway']}{path}"

    def api_url(self, path):
        return f"https://localhost:{self.ports['api']}{path}"

    @property
    def trust_chain(self):
        return self.data / "trust-chain.pem"

    @property
    def authority_folder(self):
        return self.data / "authority"

    @property
    def operator(self):
        """The operator's credential, for calls of the API with other clients."""
        folder = self.authority_folder / "operator"
        return Credential(folder / "admin.pem", folder / "admin.key", folder / "admin.pem")

    # --- the command ---------------------------------------------------------------------------------------------------

    def command(self, *words):
        """What a person would type, as a list."""
        return [str(self.programs / "countersign"), *[str(word) for word in words]]

    def run(self, *words, folder=None):
        """Runs the command against this authority. Never fails: look at returncode, stdout and stderr (text)."""
        where = ["--authority", f"localhost:{self.ports['api']}", "--trust-chain", self.trust_chain]
        return subprocess.run(self.command(*words, *where), cwd=folder or self.folder, capture_output=True, text=True, timeout=60)

    def admin(self, *words):
        """An operator's command; what it printed as JSON."""
        done = self.run("admin", *words, "--data", self.data, "--json")
        if done.returncode != 0:
            raise Failure(f"countersign admin {' '.join(str(w) for w in words)}: status {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def request(self, purpose, code, out, *options):
        return self.run("request", purpose, "--code", code, "--out", out, *options)

    def create_application(self, application):
        """Makes `environment/organisation/application`, its organisation too where it is new."""
        environment, organisation, _ = application.split("/")
        if environment == "internal":
            self.admin("app", "create", application)  # the platform's own organisations are there from the start
            return
        known = [one["id"] for one in self.admin("org", "list")["organisations"]]
        if organisation not in known:
            self.admin("org", "create", organisation)
        self.admin("app", "create", application)

    def code_for(self, application, *options):
        return self.admin("enrol", application, *options)["code"]

    def enrol(self, application, folder=None, options=()):
        """A new application with both certificates, the way a partner gets them."""
        self.create_application(application)
        code = self.code_for(application)
        out = Path(folder or self.folder / application.replace("/", "-"))
        made = [self.request_or_fail(purpose, code, out, options if purpose == "transport" else ())
                for purpose in ("transport", "signing")]
        return Application(application, out, *made)

    def enrol_person(self, organisation, name, *roles):
        """Somebody of a partner's, who looks unless told otherwise: the folder for `--person`."""
        application, folder = f"internal/{organisation}/{name}", self.folder / name
        self.create_application(application)
        self.request_or_fail("person", self.code_for(application), folder)
        if roles:
            self.admin("people", "set", organisation, name, *itertools.chain(*(("--role", role) for role in roles)))
        return folder

    def enrol_internal(self, name):
        """An internal system's credential, with which it may call the EHI sender."""
        application = f"internal/service/{name}"
        self.create_application(application)
        code = self.code_for(application, "--purpose", "service")
        return self.request_or_fail("service", code, self.folder / name)

    def enrol_operator(self, name, *roles):
        """A second operator, an administrator unless told otherwise: the folder for `--operator`."""
        application = f"internal/operator/{name}"
        self.create_application(application)
        self.admin("operators", "set", name, *itertools.chain(*(("--role", role) for role in roles or ["administrator"])))
        folder = self.folder / f"operator-{name}"
        self.request_or_fail("service", self.code_for(application), folder)
        return folder

    def call_endpoint(self, endpoint, credential, body='{"amount":"12.50"}'):
        """What an internal system does to have a partner called: POST to the EHI sender, which demands its certificate."""
        url = f"https://localhost:{self.ports['ehi']}/v1/endpoints/{endpoint}"
        return clients.curl(self.folder, url, self.trust_chain, credential,
                            ["-H", "Content-Type: application/json", "-d", body])

    def request_or_fail(self, purpose, code, out, options=()):
        done = self.request(purpose, code, out, *options)
        if done.returncode != 0:
            raise Failure(f"countersign request {purpose}: status {done.returncode}\n{done.stderr}")
        return credential_in(out, purpose)

    # --- inside --------------------------------------------------------------------------------------------------------

    def _folder_of_logs(self):
        self.log_folder.mkdir(exist_ok=True)
        return self.log_folder

    def note_ports_of_up(self):
        """After `countersign up` restarted something: with port 0 it may be elsewhere now."""
        running = self.data / "up.json"
        if running.exists():
            self._note_ports(json.loads(running.read_text()))

    def _note_ports(self, said):
        for key, address in said.items():
            port = str(address).rpartition(":")[2]
            if ":" in str(address) and port.isdigit():
                self.ports[key] = int(port)

    def _write_config(self, path, ports):
        def here(key):
            return f'"127.0.0.1:{ports.get(key, 0)}"'

        endpoints = "".join(
            f'\n[[ehi.endpoints]]\nname = "{one.name}"\nenvironment = "{self.environment}"\nurl = "{one.url}"\n'
            f'deadline = "{one.deadline}"\nanchors = "{one.anchors}"\n{one.more}\n' for one in self.endpoints)
        path.write_text(_CONFIG.format(
            gateway_listeners=self.gateway_listeners, gateway_listen="" if self.gateway_listeners else f"listen = {here('gateway')}",
            provider=PROVIDER, registry=self.registry, authority_settings=self.authority_settings, environment=self.environment, upstream=self.upstream,
            endpoints=endpoints, ehi_keys=self.ehi_keys, access='access = "policy"' if self.policy else 'access = "any_partner"',
            policy=f'policy = "{self.policy}"' if self.policy else "",
            gateway_keys=self.gateway_keys, gateway_tables=self.gateway_tables,
            authority=f"localhost:{ports.get('internal', 0)}", api=here("api"), internal=here("internal"),
            authority_status=here("authority_status"),
            gateway_status=here("gateway_status"), ehi=here("ehi"), ehi_status=here("ehi_status")))


def credential_in(folder, purpose):
    folder = Path(folder)
    return Credential(folder / f"{purpose}.pem", folder / f"{purpose}.key", folder / f"{purpose}-chain.pem")


_CONFIG = """[provider]
name = "{provider}"

[authority]
data = "authority"
registry = "{registry}"
api = {api}
internal = {internal}
status_listen = {authority_status}
server_names = ["localhost", "127.0.0.1"]
{authority_settings}
[gateway]
data = "gateway"
{gateway_listen}
status = {gateway_status}
environment = "{environment}"
authority = "{authority}"
trust_chain = "trust-chain.pem"
{policy}
{gateway_keys}
[[gateway.routes]]
host = "*"
path = "/"
upstream = "{upstream}"
{access}
{gateway_listeners}
{gateway_tables}
[ehi]
data = "ehi"
listen = {ehi}
status = {ehi_status}
authority = "{authority}"
trust_chain = "trust-chain.pem"
{ehi_keys}
{endpoints}"""
