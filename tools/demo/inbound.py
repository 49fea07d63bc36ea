"""The cases in which a partner, or somebody who would like to pass for one, comes to the gateway."""
import json
import subprocess
import time

from harness import clients
from harness.program import Failure, wait_until
from report import Row

# What a client reads while it goes through the handshake (RFC 8446 figure 1), told as the four steps.
STEPS = [
    ("1. The gateway shows its certificate and asks for the client's.",
     ["(OUT), TLS handshake, Client hello", "(IN), TLS handshake, Server hello", "(IN), TLS handshake, Request CERT",
      "(IN), TLS handshake, Certificate"]),
    ("2. The client verifies it: issued under the trust chain, for this name, its key proved.",
     ["(IN), TLS handshake, CERT verify", "subject:", "issuer:", "SSL certificate verify ok"]),
    ("3. The client shows its Transport Certificate and signs to prove that it holds the key.",
     ["(OUT), TLS handshake, Certificate", "(OUT), TLS handshake, CERT verify", "(OUT), TLS handshake, Finished"]),
    ("4. The gateway verifies chain, purpose, registry and revocation, and only now lets the request in.",
     ["< HTTP/2 200", "< HTTP/1.1 200"]),
]


def valid(world, report):
    report.explain("A partner's application with the certificate that the authority issued. The upstream sees who it is.")
    row = Row("valid certificate", "200, identity seen by upstream")
    outcome = world.curl(world.acme.transport)
    report.command(outcome.command)
    for step, marks in STEPS:
        report.say(f"    {step}")
        lines = [line.strip() for line in outcome.output.splitlines() if any(mark in line for mark in marks)]
        for line in dict.fromkeys(lines):
            report.say(f"         {line}")
        row.check(lines, f"curl did not report the step: {step}")
    check_identity(world, row, outcome)
    report.saw(f"the upstream saw: {seen_by_upstream(outcome)}")
    outcome = world.s_client(world.acme.transport)
    report.command(outcome.command)
    check_identity(world, row, outcome)
    report.saw(f"HTTP status {outcome.status}; the upstream saw: {seen_by_upstream(outcome)}")
    return row


def seen_by_upstream(outcome):
    """environment/organisation/application, as the gateway told the upstream."""
    if outcome.status != 200:
        return "nothing"
    seen = json.loads(outcome.body)
    return f"{seen['environment']}/{seen['organisation']}/{seen['application']}"


def check_identity(world, row, outcome):
    row.check(outcome.status == 200, f"HTTP status {outcome.status}, {outcome.alert} {outcome.error}")
    row.check(seen_by_upstream(outcome) == world.acme.name, f"the upstream saw {seen_by_upstream(outcome)}")


def refusal(case, reason, alert, credential, why):
    """A case in which the gateway must refuse: both clients see `alert`, the log says `reason`, the upstream hears nothing."""

    def run(world, report):
        report.explain(why)
        row = Row(case, f"refused: {reason}")
        try_both(world, report, row, credential(world), reason, alert)
        return row

    return run


def try_both(world, report, row, credential, reason, alert):
    for client in (world.curl, world.s_client):
        try_refused(world, report, row, lambda: client(credential), reason, alert)


def try_refused(world, report, row, attempt, reason, alert):
    """One attempt that must be refused, seen from both ends."""
    log, mark, connections = world.gateway_log(), world.gateway_log().mark(), world.upstream.connections
    outcome = attempt()
    try:
        record = log.next("tls.refused", mark)
    except Failure:
        record = {"reason": "(no record)"}
    report.command(outcome.command)
    report.saw(f"client: {outcome.error}    alert: {outcome.alert or 'none'}")
    report.saw(f"gateway: reason={record['reason']}, {record.get('detail', '')}")
    row.saw(outcome.alert or "(none)", record["reason"])
    row.check(outcome.status == 0, f"the client got HTTP status {outcome.status}")
    row.check(outcome.alert == alert, f"the client saw the alert '{outcome.alert}', not '{alert}'")
    row.check(record["reason"] == reason, f"the log says '{record['reason']}', not '{reason}'")
    row.check(world.upstream.connections == connections, "the upstream was reached")


def revoked_while_connected(world, report):
    report.explain("A certificate is revoked while its connection is open: the connection ends at once, and no new one begins.")
    row = Row("revoked while connected", "cut, then refused: revoked")
    connection = LiveConnection(world, world.revoked.transport)
    report.command(connection.shown + "    # stays connected")
    try:
        row.check(connection.ask(), "the connection did not work before")
        report.saw("HTTP status 200; the connection stays open")
        mark = world.gateway_log().mark()
        begun = time.monotonic()
        revoke(world, report, world.revoked.transport)
        connection.wait_for_end()
        report.saw(f"the connection was cut {(time.monotonic() - begun) * 1000:.0f} ms after the command was given")
        record = world.gateway_log().next("connection.cut", mark)
        row.check(record["reason"] == "revoked", f"the record of the cut says '{record['reason']}'")
    except Failure as failure:
        row.check(False, str(failure))
    finally:
        connection.close()
    try_both(world, report, row, world.revoked.transport, "revoked", "certificate_revoked")
    return row


def revoke(world, report, credential):
    serial = serial_of(credential)
    report.command(f"countersign admin revoke {serial} --reason key_compromise")
    world.platform.admin("revoke", serial, "--reason", "key_compromise")


def serial_of(credential):
    done = clients.run(["openssl", "x509", "-in", credential.certificate, "-noout", "-serial"], ".")
    return done.stdout.decode().strip().partition("=")[2].lower()


class LiveConnection:
    """openssl s_client, kept open: one request can be sent after the other."""

    def __init__(self, world, credential):
        host = f"localhost:{world.platform.ports['gateway']}"
        command = ["openssl", "s_client", "-quiet", "-connect", host, "-CAfile", world.platform.trust_chain,
                   "-cert", credential.certificate, "-key", credential.key]
        self.shown = f"openssl s_client -quiet -connect {host} -CAfile data/trust-chain.pem -cert ... -key ..."
        self.output = world.folder / "live-connection.txt"
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=open(self.output, "wb"),
                                        stderr=subprocess.DEVNULL)

    def ask(self):
        self.process.stdin.write(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.process.stdin.flush()
        return wait_until(lambda: b"200 OK" in self.output.read_bytes(), "no answer on the open connection")

    def wait_for_end(self):
        wait_until(lambda: self.process.poll() is not None, "the connection was not cut", 10)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


def suspended(world, report):
    report.explain("The provider suspends the application: its certificate is good, but opens nothing until it is resumed.")
    row = Row("suspended application", "refused: suspended; resumed: 200")
    report.command(f"countersign admin app suspend {world.acme.name}")
    world.platform.admin("app", "suspend", world.acme.name)
    world.settle(world.acme.transport, status=0)
    try_both(world, report, row, world.acme.transport, "suspended", "certificate_unknown")
    report.command(f"countersign admin app resume {world.acme.name}")
    world.platform.admin("app", "resume", world.acme.name)
    world.settle(world.acme.transport)
    report.saw("resumed: HTTP status 200 again")
    return row


def stolen_token(world, report):
    report.explain("acme's application proves itself with its Signing Certificate and gets an access token. On its own connections "
                   "the token is good; on those of another application of acme's, or of beta, it opens nothing.")
    row = Row("token of another application", "refused: token_wrong_application")
    report.command(f"countersign admin clients set {world.acme.name} --scope payments:read")
    world.platform.admin("clients", "set", world.acme.name, "--scope", "payments:read")
    report.command(f"countersign token --issuer {world.issuer} --out acme > token")
    got = subprocess.run(world.platform.command("token", "--issuer", world.issuer, "--out", world.acme.folder), capture_output=True,
                         text=True, timeout=60)
    row.check(got.returncode == 0, f"no token was given: {got.stderr}")
    bearer = ["-H", "Authorization: Bearer " + got.stdout.strip()]
    own = world.curl(world.acme.transport, "/payments", bearer)
    row.check(own.status == 200, f"HTTP status {own.status} on its own connection")
    report.saw(f"on a connection of {world.acme.name}: HTTP status {own.status}")
    for thief in (world.revoked, world.beta):
        mark, requests = world.gateway_log().mark(), len(world.upstream.requests)
        outcome = world.curl(thief.transport, "/payments", bearer)
        record = world.gateway_log().next("token.refused", mark)
        report.saw(f"on a connection of {thief.name}: HTTP status {outcome.status}, {record['code']}")
        row.saw(f"none; HTTP {outcome.status}", record["code"].removeprefix("oauth."))
        row.check(outcome.status == 401 and record["code"] == "oauth.token_wrong_application", f"{outcome.status} {record['code']}")
        row.check(len(world.upstream.requests) == requests, "the upstream was reached")
    return row


def man_in_the_middle(world, report):
    report.explain("Now the client must notice: somebody else answers in the gateway's place, with a certificate of his own. "
                   "Nothing of the client's request, and no signature of its key, reaches him.")
    row = Row("man in the middle", "refused by the client")
    impostor = world.man_in_the_middle
    folder, trust, credential = world.folder, world.platform.trust_chain, world.acme.transport
    for client in (lambda: clients.curl(folder, f"https://localhost:{impostor.port}/hello", trust, credential),
                   lambda: clients.s_client(folder, impostor.port, trust, credential)):
        outcome = client()
        report.command(outcome.command)
        report.saw(f"client: {outcome.error}")
        row.check("self-signed certificate in certificate chain" in outcome.error, "it was not the issuer that it minded")
        row.check(outcome.exit_status != 0 and outcome.status == 0, "the client went on talking")
    row.check(impostor.handshakes == 0 and impostor.received == b"", "the man in the middle got something")
    wait_until(lambda: len(impostor.alerts) == 2, "the man in the middle saw no alert")
    for alert in impostor.alerts:
        row.saw(alert.lower().partition("alert_")[2] + " (from the client)", "")
        row.check("UNKNOWN_CA" in alert, f"the client sent the alert {alert}")
    return row


CASES = [
    ("A partner connects", valid),
    ("No certificate", refusal("no certificate", "no_certificate", "certificate_required", lambda world: None,
                               "A client without certificate, as every scanner of the Internet is one.")),
    ("Self-signed", refusal("self-signed", "self_signed", "unknown_ca", lambda world: world.impostors.self_signed,
                            "A certificate with all the right names, which vouches for itself.")),
    ("Another CA", refusal("other CA", "unknown_issuer", "unknown_ca", lambda world: world.impostors.other_ca,
                           "The right names again, issued by another CA that calls itself like ours.")),
    ("Expired", refusal("expired", "expired", "certificate_expired", lambda world: world.impostors.expired,
                        "A genuine certificate of yesterday.")),
    ("Not yet valid", refusal("not yet valid", "not_yet_valid", "bad_certificate", lambda world: world.impostors.not_yet_valid,
                              "A genuine certificate of tomorrow.")),
    ("Tampered", refusal("tampered", "bad_signature", "decrypt_error", lambda world: world.impostors.tampered,
                         "acme's certificate, with the organisation's name changed to 'apex' in it.")),
    ("A Signing Certificate", refusal("Signing Certificate for transport", "wrong_purpose", "unsupported_certificate",
                                      lambda world: world.acme.signing,
                                      "Genuine, but made to sign messages. A key that leaks from there opens no connection.")),
    ("A certificate without its private key", refusal(
        "certificate without its private key", "proof_failed", "decrypt_error", lambda world: world.impostors.without_key,
        "Certificates are public: everybody may have a copy. Who does not hold the private key fails at the proof.")),
    ("A stolen token", stolen_token),
    ("Suspended", suspended),
    ("Revoked while connected", revoked_while_connected),
    ("A man in the middle", man_in_the_middle),
]
