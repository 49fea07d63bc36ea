"""Certificates that should not be believed, made with the openssl command from throw-away keys.

Expired and not yet valid certificates are only convincing when our own issuing CA signed them. The authority would never
do that, so issuer_of() takes the issuing key of a *throw-away* data folder out of its encryption, as a thief with the
passphrase could. It never touches data that anybody else made.
"""
import base64
import re
import secrets
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from harness.program import Failure

TRANSPORT = "keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"
SERVER = "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
CA = "keyUsage=critical,keyCertSign,cRLSign\n"


@dataclass(frozen=True)
class Credential:
    """Files: the leaf, its key, and the leaf with what vouches for it."""
    certificate: Path
    key: Path
    chain: Path


@dataclass(frozen=True)
class Issuer:
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Validity:
    """In days from now."""
    begins: float = -1
    ends: float = 30


VALID = Validity()
EXPIRED = Validity(begins=-30, ends=-1)
NOT_YET_VALID = Validity(begins=1, ends=30)


def openssl(*arguments, stdin=None):
    done = subprocess.run(["openssl", *[str(a) for a in arguments]], input=stdin, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise Failure(f"openssl {' '.join(str(a) for a in arguments)}:\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def to_der(pem):
    """The first certificate of a PEM text."""
    block = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", pem, re.S)
    return base64.b64decode(block.group(1))


def to_pem(der, label="CERTIFICATE"):
    text = base64.encodebytes(der).decode().replace("\n", "")
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return f"-----BEGIN {label}-----\n" + "\n".join(lines) + f"\n-----END {label}-----\n"


def split_pem(pem):
    return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", pem, re.S)


class Material:
    """Makes files in `folder`, each under a name of its own."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def key(self, name, algorithm=("EC", "-pkeyopt", "ec_paramgen_curve:P-256")):
        path = self.folder / f"{name}.key"
        openssl("genpkey", "-algorithm", *algorithm, "-out", path)
        path.chmod(0o600)
        return path

    def self_signed(self, name, subject, extensions="", validity=VALID):
        """A certificate that vouches for itself."""
        key = self.key(name)
        return self._write(name, key, subject, extensions, validity, issuer=None)

    def ca(self, name, subject):
        made = self.self_signed(name, subject, CA + "basicConstraints=critical,CA:TRUE\n", Validity(-1, 3650))
        return Issuer(made.certificate, made.key)

    def leaf(self, name, issuer, subject, extensions, validity=VALID):
        return self._write(name, self.key(name), subject, extensions, validity, issuer)

    def csr(self, name, subject="/CN=anything", algorithm=("EC", "-pkeyopt", "ec_paramgen_curve:P-256")):
        """(CSR file, key file)"""
        key = self.key(name, algorithm)
        path = self.folder / f"{name}.csr"
        openssl("req", "-new", "-key", key, "-subj", subject, "-out", path)
        return path, key

    def _write(self, name, key, subject, extensions, validity, issuer):
        """By `openssl ca`, the one command of OpenSSL 3.0 that takes both dates."""
        work = self.folder / f"{name}.ca"
        work.mkdir(exist_ok=True)
        (work / "index.txt").write_text("")
        (work / "index.txt.attr").write_text("unique_subject = no\n")
        (work / "openssl.cnf").write_text(_CONFIG.format(folder=work, extensions=extensions))
        csr, certificate = work / "leaf.csr", self.folder / f"{name}.pem"
        openssl("req", "-new", "-config", work / "openssl.cnf", "-key", key, "-subj", subject, "-out", csr)
        by = ("-selfsign", "-keyfile", key) if issuer is None else ("-cert", issuer.certificate, "-keyfile", issuer.key)
        openssl("ca", "-config", work / "openssl.cnf", "-batch", "-notext", "-preserveDN", "-in", csr, "-out", certificate,
                "-startdate", _date(validity.begins), "-enddate", _date(validity.ends), *by)
        chain = self.folder / f"{name}-chain.pem"
        chain.write_text(certificate.read_text() + ("" if issuer is None else issuer.certificate.read_text()))
        return Credential(certificate, key, chain)

    def tampered(self, name, genuine, old, new):
        """`genuine` with `old` (bytes) replaced by `new` of the same length everywhere, still under its old signature."""
        assert len(old) == len(new)
        pems = split_pem(genuine.chain.read_text())
        der = to_der(pems[0])
        if old not in der:
            raise Failure(f"{genuine.certificate} does not contain {old!r}")
        return self.with_leaf(name, to_pem(der.replace(old, new)), genuine)

    def with_leaf(self, name, pem, genuine):
        """A credential of the leaf `pem` with the key and issuers of `genuine`."""
        certificate, chain = self.folder / f"{name}.pem", self.folder / f"{name}-chain.pem"
        certificate.write_text(pem)
        chain.write_text(pem + "".join(split_pem(genuine.chain.read_text())[1:]))
        return Credential(certificate, genuine.key, chain)

    def without_its_key(self, name, genuine):
        """A stolen certificate (P-256) and a key file that claims to be its key, but holds another secret.

        Clients compare only the public half that the key file names (RFC 5915) and so go on to sign with the wrong secret:
        the server has to notice.
        """
        public = openssl("x509", "-in", genuine.certificate, "-pubkey", "-noout")
        point = openssl("pkey", "-pubin", "-outform", "DER", stdin=public)[-65:]
        secret = (1 + secrets.randbelow(2**255)).to_bytes(32, "big")
        der = (bytes.fromhex("30770201010420") + secret + bytes.fromhex("a00a06082a8648ce3d030107a144034200") + point)
        key = self.folder / f"{name}.key"
        key.write_text(to_pem(der, "EC PRIVATE KEY"))
        key.chmod(0o600)
        return Credential(genuine.certificate, key, genuine.chain)

    def issuer_of(self, authority_folder, *words):
        """The issuing CA of a throw-away authority whose subject has all `words`, its key in the clear."""
        authority = Path(authority_folder)
        certificate = next((path for path in sorted((authority / "certificates").glob("*.pem"))
                            if all(word.lower() in _subject(path).lower() for word in words)), None)
        if certificate is None:
            raise Failure(f"no issuing CA with {words} in its name in {authority / 'certificates'}")
        wanted = openssl("x509", "-in", certificate, "-pubkey", "-noout")
        for encrypted in sorted((authority / "keys").glob("*.pem")):
            opened = ("pkey", "-in", encrypted, "-passin", f"file:{authority / 'passphrase'}")
            if openssl(*opened, "-pubout") == wanted:
                key = self.folder / "stolen-issuing.key"
                openssl(*opened, "-out", key)
                key.chmod(0o600)
                return Issuer(certificate, key)
        raise Failure(f"no key of {certificate} in {authority / 'keys'}")


def transport_subject(organisation, application, environment="production"):
    """The subject and extensions that the authority writes into a Transport Certificate."""
    urn = f"urn:countersign:{environment}:{organisation}:{application}"
    return (f"/CN={application}/O={organisation}/OU={environment}", TRANSPORT + f"subjectAltName=URI:{urn}\n")


def _subject(path):
    return openssl("x509", "-in", path, "-noout", "-subject").decode()


def _date(days):
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")


_CONFIG = """
[req]
distinguished_name = names
[names]
[ca]
default_ca = this
[this]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = extensions
copy_extensions = none
[any]
commonName = optional
organizationName = optional
organizationalUnitName = optional
[extensions]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
{extensions}
"""
