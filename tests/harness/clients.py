"""Runs unmodified clients and reads from their own output what they saw."""
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.material import split_pem

CLIENT_SECONDS = 30

# RFC 8446 section 6.2 and RFC 5246 section 7.2.
ALERTS = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow", 40: "handshake_failure",
    42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired",
    46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error",
    51: "decrypt_error", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error", 112: "unrecognized_name",
    116: "certificate_required", 120: "no_application_protocol",
}


@dataclass
class Outcome:
    command: str
    exit_status: int
    status: int = 0  # of HTTP; 0: no answer came
    body: str = ""
    alert: str = ""  # the fatal alert that the server sent
    alert_sent: str = ""  # the fatal alert that the client sent
    error: str = ""  # the client's own words
    output: str = ""

    @property
    def ok(self):
        return self.status == 200


def run(command, folder, stdin="", seconds=CLIENT_SECONDS):
    return subprocess.run([str(word) for word in command], cwd=folder, input=stdin.encode(), capture_output=True,
                          timeout=seconds)


def curl(folder, url, trust=None, credential=None, extra=()):
    """curl as a partner would call it. Paths are shortened to what they are in `folder`."""
    command = ["curl", "-sSv"]
    command += ["--cacert", _short(trust, folder)] if trust else ["-k"]
    if credential:
        command += ["--cert", _short(credential.chain, folder), "--key", _short(credential.key, folder)]
    command += [*extra, url]
    done = run(command, folder)
    talk = done.stderr.decode(errors="replace")
    status = re.findall(r"^< HTTP/[\d.]+ (\d+)", talk, re.M)
    return Outcome(
        command=shlex.join(str(word) for word in command), exit_status=done.returncode,
        status=int(status[-1]) if status else 0, body=done.stdout.decode(errors="replace"),
        alert=_curl_alert(talk, "IN"), alert_sent=_curl_alert(talk, "OUT"),
        error=_last(talk, r"^curl: \(\d+\) (.*)$"), output=talk)


def s_client(folder, port, trust, credential=None, path="/hello", extra=(), host="localhost"):
    """openssl s_client with one request on its standard input."""
    command = ["openssl", "s_client", "-quiet", "-verify_return_error", "-connect", f"{host}:{port}", "-servername", host,
               "-CAfile", _short(trust, folder)]
    if credential:
        command += ["-cert", _short(credential.certificate, folder), "-key", _short(credential.key, folder)]
        issuers = issuers_file(credential)
        command += ["-cert_chain", _short(issuers, folder)] if issuers else []
    command += list(extra)
    request = f"GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n"
    done = run(command, folder, request.encode().decode("unicode_escape"))
    talk, answer = done.stderr.decode(errors="replace"), done.stdout.decode(errors="replace")
    status = re.search(r"^HTTP/[\d.]+ (\d+)", answer)
    number = re.search(r"SSL alert number (\d+)", talk)
    return Outcome(
        command=f"printf '{request}' | {shlex.join(str(word) for word in command)}", exit_status=done.returncode,
        status=int(status.group(1)) if status else 0, body=answer.partition("\r\n\r\n")[2],
        alert=_name(number.group(1)) if number else "", error=_last(talk, r"^verify error:.*$")
        or _last(talk, r":error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):"), output=talk)


def issuers_file(credential):
    """What vouches for the leaf, as s_client wants it: without the leaf. None where nothing does."""
    issuers = split_pem(credential.chain.read_text())[1:]
    if not issuers:
        return None
    path = credential.chain.with_name(credential.chain.stem + "-issuers.pem")
    path.write_text("".join(issuers))
    return path


def _short(path, folder):
    path, folder = Path(path).resolve(), Path(folder).resolve()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _curl_alert(talk, direction):
    """curl -v names a fatal alert as level * 256 + number."""
    numbers = re.findall(rf"\({direction}\), TLS alert, [^(]*\((\d+)\)", talk)
    fatal = [int(number) & 255 for number in numbers if int(number) >> 8 == 2]
    return _name(fatal[-1]) if fatal else ""


def _name(number):
    return ALERTS.get(int(number), f"alert {number}")


def _last(text, pattern):
    found = re.findall(pattern, text, re.M)
    return found[-1].strip() if found else ""
