"""JSON Web Tokens made by hand, good and bad: openssl signs, so that no library of ours or anybody's is in between."""
import base64
import hashlib
import hmac
import json
import subprocess
import tempfile
import time
import uuid
from pathlib import Path


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def payload(token):
    """What a token says, unchecked."""
    return json.loads(from_b64url(token.split(".")[1]))


def header(token):
    return json.loads(from_b64url(token.split(".")[0]))


def sign(key, algorithm, data):
    """The signature of JWS over bytes. `key`: a file of openssl's, or bytes for HS256."""
    if algorithm == "none":
        return b""
    if algorithm == "HS256":
        return hmac.new(key, data, hashlib.sha256).digest()
    with tempfile.NamedTemporaryFile() as content:
        content.write(data)
        content.flush()
        if algorithm == "EdDSA":
            command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", content.name]
        else:
            command = ["openssl", "dgst", "-sha256", "-sign", key]
            command += ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"] if algorithm == "PS256" else []
            command += [content.name]
        made = subprocess.run([str(word) for word in command], check=True, capture_output=True).stdout
    return _raw(made) if algorithm == "ES256" else made


def make(key, algorithm, claims, head=None):
    head = {"alg": algorithm, "typ": "JWT", **(head or {})}
    head = {name: value for name, value in head.items() if value is not None}
    content = b64url(json.dumps(head).encode()) + "." + b64url(json.dumps(claims).encode())
    return content + "." + b64url(sign(key, algorithm, content.encode()))


def assertion_claims(client, audience, **changes):
    now = int(time.time())
    claims = {"iss": client, "sub": client, "aud": audience, "jti": str(uuid.uuid4()), "iat": now, "exp": now + 60, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def thumbprint(key):
    """RFC 7638, of the public half of an EC P-256 key file."""
    text = subprocess.run(["openssl", "pkey", "-in", str(key), "-pubout", "-outform", "DER"], check=True,
                          capture_output=True).stdout
    x, y = text[-64:-32], text[-32:]
    members = json.dumps({"crv": "P-256", "kty": "EC", "x": b64url(x), "y": b64url(y)}, separators=(",", ":"))
    return b64url(hashlib.sha256(members.encode()).digest())


def certificate_thumbprint(pem_file):
    """x5t#S256 of the first certificate in a file."""
    der = subprocess.run(["openssl", "x509", "-in", str(Path(pem_file)), "-outform", "DER"], check=True,
                         capture_output=True).stdout
    return b64url(hashlib.sha256(der).digest())


def _raw(der):
    """ECDSA's two numbers, each of 32 bytes, from DER."""
    assert der[0] == 0x30
    at, numbers = 2, []
    for _ in range(2):
        length = der[at + 1]
        numbers.append(der[at + 2:at + 2 + length].lstrip(b"\0").rjust(32, b"\0"))
        at += 2 + length
    return b"".join(numbers)
