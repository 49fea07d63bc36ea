"""The stage of the demo: the platform, a partner called acme, another called beta, and what impostors bring along."""
import shutil

from harness import clients, impostors, material
from harness.man_in_the_middle import ManInTheMiddle
from harness.partner import PartnerServers
from harness.platform import Endpoint, Platform
from harness.program import wait_until
from harness.raw import free_port
from harness.upstream import Upstream

ACME = "production/acme/payments"
ACME_REVOKED = "production/acme/refunds"
BETA = "production/beta/shop"
SETTLE_SECONDS = 15
TOKEN_ROUTE = """
[[gateway.routes]]
path = "/payments"
upstream = "{upstream}"
access = "any_partner"
token = "required"
[[gateway.listeners]]
name = "main"
listen = "127.0.0.1:{port}"
"""


class World:
    def __init__(self, say):
        self.say = say
        self.upstream = Upstream()
        self.platform = Platform(self.upstream.address)
        port = free_port()  # who has a token checks where it came from, so the gateway's name must be known first
        self.issuer = f"https://localhost:{port}"
        self.platform.authority_settings = f'[authority.oauth]\nissuer = "{self.issuer}"\n'
        self.platform.gateway_listeners = TOKEN_ROUTE.format(upstream=self.upstream.address, port=port)
        self.folder = self.platform.folder
        self.material = material.Material(self.folder / "impostors")
        self.partner = PartnerServers(self.folder / "partner", self.material, self.platform.trust_chain)
        self.man_in_the_middle = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.partner.stop()
        if self.man_in_the_middle:
            self.man_in_the_middle.stop()
        self.platform.close()
        self.upstream.stop()

    def begin(self):
        """Starts the platform and enrols the partners."""
        self.platform.endpoints = [Endpoint(f"acme-{kind.replace('_', '-')}", self.partner.url(kind), self.partner.ca_file)
                                   for kind in self.partner.credentials]
        self.platform.write_config()
        self.platform.up()
        self.partner.start()
        self.enrol_partners()
        self.make_impostors()

    def enrol_partners(self):
        self.acme = self.platform.enrol(ACME, self.folder / "acme")
        self.revoked = self.platform.enrol(ACME_REVOKED, self.folder / "acme-refunds")
        self.beta = self.platform.enrol(BETA, self.folder / "beta")
        shutil.copy(self.platform.trust_chain, self.acme.folder / "trust-chain.pem")
        self.core_banking = self.platform.enrol_internal("core-banking")
        for application in (self.acme, self.revoked, self.beta):
            self.settle(application.transport)

    def make_impostors(self):
        self.impostors = impostors.make(self.material, self.platform.authority_folder, self.acme.transport)
        pretender = impostors.server_pretender(self.material, self.impostors.other_issuer)
        self.man_in_the_middle = ManInTheMiddle(pretender.chain, pretender.key)

    def curl(self, credential, path="/hello", extra=()):
        return clients.curl(self.folder, self.platform.gateway_url(path), self.platform.trust_chain, credential, extra)

    def s_client(self, credential, path="/hello"):
        return clients.s_client(self.folder, self.platform.ports["gateway"], self.platform.trust_chain, credential, path)

    def settle(self, credential, status=200):
        """Waits until the gateway has heard about a change: it follows the authority within a moment."""
        wait_until(lambda: self.curl(credential).status == status, "the gateway does not hear of a change", SETTLE_SECONDS)

    def gateway_log(self):
        return self.platform.records("gateway")

    def call_partner(self, kind):
        """An internal system asks the EHI sender to call one of acme's servers."""
        return self.platform.call_endpoint(f"acme-{kind.replace('_', '-')}", self.core_banking)
