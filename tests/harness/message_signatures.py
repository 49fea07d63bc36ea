"""HTTP message signatures (RFC 9421), detached JWS and `k=KEY, s=SIGNATURE` in plain Python on `cryptography`: nothing of ours,
so that what ours signs is checked, and signed, by somebody else. Also the Python client of docs/message-signatures.md."""
import base64
import hashlib
import json
import re
import time
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def thumbprint(public_key):
    """RFC 7638."""
    return b64url(hashlib.sha256(json.dumps(jwk(public_key), separators=(",", ":"), sort_keys=True).encode()).digest())


def jwk(public_key):
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        numbers, size = public_key.public_numbers(), public_key.curve.key_size // 8
        return {"crv": {256: "P-256", 384: "P-384"}[public_key.curve.key_size], "kty": "EC",
                "x": b64url(numbers.x.to_bytes(size, "big")), "y": b64url(numbers.y.to_bytes(size, "big"))}
    if isinstance(public_key, rsa.RSAPublicKey):
        numbers = public_key.public_numbers()
        return {"e": b64url(numbers.e.to_bytes(3, "big")), "kty": "RSA",
                "n": b64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big"))}
    raw = public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": b64url(raw)}


def http_algorithm(key):
    public = key.public_key() if hasattr(key, "public_key") else key
    if isinstance(public, rsa.RSAPublicKey):
        return "rsa-pss-sha512"
    if isinstance(public, ec.EllipticCurvePublicKey):
        return {256: "ecdsa-p256-sha256", 384: "ecdsa-p384-sha384"}[public.curve.key_size]
    return "ed25519"


def _hash_of(public):
    return hashes.SHA384() if public.curve.key_size == 384 else hashes.SHA256()


PSS = {"rsa-pss-sha512": hashes.SHA512, "PS256": hashes.SHA256}


def raw_sign(key, algorithm, message):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = key.curve.key_size // 8
        r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(_hash_of(key.public_key()))))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if algorithm in PSS:
        digest = PSS[algorithm]()
        return key.sign(message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def raw_verify(public, algorithm, message, signature):
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, message)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            size = public.curve.key_size // 8
            if len(signature) != 2 * size:
                return False
            der = utils.encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))
            public.verify(der, message, ec.ECDSA(_hash_of(public)))
        elif algorithm in PSS:
            digest = PSS[algorithm]()
            public.verify(signature, message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        else:
            public.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        return True
    except InvalidSignature:
        return False


def content_digest(content):
    return "sha-256=:" + base64.b64encode(hashlib.sha256(content).digest()).decode() + ":"


def component_value(name, method, url, fields, status=None, request_fields=()):
    """Of the components that Countersign asks for; a name may end in ;req."""
    bare, of_request = name.removesuffix(";req"), name.endswith(";req")
    bare = bare.strip('"')
    parts = urlsplit(url)
    if bare == "@method":
        return method
    if bare == "@target-uri":
        authority = parts.netloc.lower().removesuffix(":443")
        return f"{parts.scheme}://{authority}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")
    if bare == "@status":
        return str(status)
    source = request_fields if of_request else fields
    values = [value.strip() for field, value in source if field.lower() == bare]
    if not values:
        raise KeyError(name)
    return ", ".join(values)


def signature_base(components, params, **message):
    lines = [f"{name}: {component_value(name, **message)}" for name in components]
    return "\n".join([*lines, f'"@signature-params": {params}']).encode()


def sign(key, method, url, headers, content=None, cover=(), created=None, nonce=None, keyid=None):
    """The fields to add to a request: Content-Digest, Signature-Input, Signature."""
    added = []
    components = ['"@method"', '"@target-uri"', *(f'"{name}"' for name in cover)]
    if content is not None:
        added.append(("Content-Digest", content_digest(content)))
        components.append('"content-digest"')
    params = f"({' '.join(components)});created={int(created or time.time())}"
    params += f';nonce="{nonce}"' if nonce else ""
    params += f';keyid="{keyid or thumbprint(key.public_key())}"'
    base = signature_base(components, params, method=method, url=url, fields=[*headers, *added])
    signature = base64.b64encode(raw_sign(key, http_algorithm(key), base)).decode()
    return [*added, ("Signature-Input", f"sig1={params}"), ("Signature", f"sig1=:{signature}:")]


def verify(public, method, url, fields, content=None, status=None, request_fields=()):
    """Of the one signature of a message that Countersign signed: its base, or None where it does not hold."""
    find = {name.lower(): value for name, value in fields}
    label, params = find["signature-input"].split("=", 1)
    components = re.findall(r'"[^"]*"(?:;req)?', params[:params.index(")")])
    base = signature_base(components, params, method=method, url=url, fields=fields, status=status,
                          request_fields=request_fields)
    named = re.search(r';alg="([^"]+)"', params)
    signature = base64.b64decode(find["signature"].removeprefix(f"{label}=:").removesuffix(":"))
    if not raw_verify(public, named[1] if named else http_algorithm(public), base, signature):
        return None
    if content is not None:
        name, _, digest = find["content-digest"].partition("=")
        if hashlib.new(name.replace("-", ""), content).digest() != base64.b64decode(digest.strip(":")):
            return None
    return base.decode()


def verify_jws(public, text, content):
    header, _, signature = text.partition("..")
    claims = json.loads(from_b64url(header))
    payload = content if claims.get("b64") is False else b64url(content).encode()
    return raw_verify(public, claims["alg"], header.encode() + b"." + payload, from_b64url(signature))


def sign_jws(key, algorithm, content, keyid=None):
    claims = {"alg": algorithm, "kid": keyid or thumbprint(key.public_key()), "b64": False, "crit": ["b64"]}
    header = b64url(json.dumps(claims).encode())
    return f"{header}..{b64url(raw_sign(key, algorithm, header.encode() + b'.' + content))}"


def verify_header(public, text, content):
    """ECDSA is in DER here, as most libraries write it."""
    signature = base64.b64decode(dict(part.strip().split("=", 1) for part in text.split(","))["s"])
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, content)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, content, ec.ECDSA(_hash_of(public)))
        else:
            public.verify(signature, content, padding.PKCS1v15(), hashes.SHA256())
        return True
    except InvalidSignature:
        return False
