"""Credentials that must be refused, each one step away from a genuine one."""
from dataclasses import dataclass

from harness import material
from harness.material import Credential, Issuer


@dataclass(frozen=True)
class Impostors:
    self_signed: Credential
    other_ca: Credential
    expired: Credential
    not_yet_valid: Credential
    tampered: Credential
    without_key: Credential
    issuer: Issuer  # our own issuing CA, as a thief would have it
    other_issuer: Issuer  # another CA that calls itself like ours


def make(maker, authority_folder, genuine):
    """`maker`: a Material. `genuine`: the Transport Certificate of production/acme/payments."""
    subject, extensions = material.transport_subject("acme", "payments")
    ours = maker.issuer_of(authority_folder, "production", "transport")
    other = maker.ca("other-ca", "/CN=Example Payments Production Transport Issuing CA")
    return Impostors(
        self_signed=maker.self_signed("self-signed", subject, extensions),
        other_ca=maker.leaf("other", other, subject, extensions),
        expired=maker.leaf("expired", ours, subject, extensions, material.EXPIRED),
        not_yet_valid=maker.leaf("not-yet-valid", ours, subject, extensions, material.NOT_YET_VALID),
        tampered=maker.tampered("tampered", genuine, b"acme", b"apex"),
        without_key=maker.without_its_key("stolen", genuine),
        issuer=ours,
        other_issuer=other,
    )


def server_pretender(maker, other_issuer):
    """A server certificate for localhost that no trust chain of ours vouches for."""
    return maker.leaf("pretender", other_issuer, "/CN=localhost", material.SERVER + "subjectAltName=DNS:localhost\n")
