"""The roles reversed (EHI): the provider calls a partner's server, an nginx that trusts only the provider's trust chain."""
import json

from harness import clients
from harness.program import Failure
from report import Row


def accepted(world, report):
    report.explain("An internal system asks the EHI sender to call acme. acme's nginx demands a certificate and verifies it by the "
                   "trust chain that acme downloaded; the EHI sender verifies nginx.")
    row = Row("EHI: our certificate at a partner's nginx", "200, caller is the provider")
    report.say(world.partner.shown_config())
    outcome = world.call_partner("good")
    report.command(outcome.command)
    report.saw(f"HTTP status {outcome.status}  {outcome.body.strip()[:1000]}")
    row.check(outcome.status == 200, f"HTTP status {outcome.status}: {outcome.body[:200]} {outcome.error}")
    if outcome.status == 200:
        caller = json.loads(outcome.body)["caller"]
        row.check("O=provider" in caller, f"nginx saw the caller {caller}")
    return row


def refused_by_nginx(case, words, credential, why):
    """Somebody else calls acme's nginx: it must refuse, in its own way (TLS is up, then 400)."""

    def run(world, report):
        report.explain(why)
        row = Row(case, "refused by the partner's nginx")
        mark = world.partner.mark()
        outcome = clients.curl(world.folder, world.partner.url("good"), world.partner.ca_file, credential(world))
        complaint = world.partner.last_complaint(mark)
        report.command(outcome.command)
        report.saw(f"HTTP status {outcome.status}; nginx: {complaint}")
        row.saw(f"none; HTTP {outcome.status}", f"nginx: {words}" if words in complaint else f"nginx: {complaint}")
        row.check(outcome.status == 400, f"HTTP status {outcome.status}, not 400")
        row.check(words in complaint, f"nginx did not say '{words}'")
        return row

    return run


def refused_by_us(case, kind, reason, alert, why):
    """The partner's server certificate is not good: the EHI sender must not say a word to it."""

    def run(world, report):
        report.explain(why)
        row = Row(case, f"refused by us: {reason}")
        log, mark, complaints = world.platform.records("ehi"), world.platform.records("ehi").mark(), world.partner.mark()
        outcome = world.call_partner(kind)
        try:
            record = log.next("ehi.call_failed", mark)
        except Failure:
            record = {"reason": "(no record)"}
        report.command(outcome.command)
        report.saw(f"HTTP status {outcome.status}  {outcome.body.strip()[:1000]}")
        report.saw(f"ehi: reason={record.get('reason')} {record.get('detail', '')}")
        seen = world.partner.alert(complaints)
        row.saw(f"{seen or 'none'} (at nginx)", record.get("reason", ""))
        row.check(outcome.status == 502, f"HTTP status {outcome.status}, not a clear failure")
        row.check(record.get("reason") == reason, f"the log says '{record.get('reason')}', not '{reason}'")
        row.check(seen == alert, f"nginx saw the alert '{seen}', not '{alert}'")
        return row

    return run


CASES = [
    ("The roles reversed: the provider calls a partner", accepted),
    ("A caller without certificate at the partner's nginx", refused_by_nginx(
        "EHI: caller without certificate", "no required SSL certificate", lambda world: None,
        "Somebody finds the address of acme's server and calls it.")),
    ("Another CA's certificate at the partner's nginx", refused_by_nginx(
        "EHI: caller of another CA", "certificate verify error", lambda world: world.impostors.other_ca,
        "The same with a certificate of another CA.")),
    ("Another partner poses as the provider", refused_by_nginx(
        "EHI: caller is another partner", "certificate verify error", lambda world: world.beta.transport,
        "beta's Transport Certificate is genuine, but the provider's trust chain vouches for the provider alone: partners are "
        "under another root.")),
    ("The partner's server certificate is expired", refused_by_us(
        "EHI: partner's certificate expired", "expired", "expired", "certificate_expired",
        "Before a byte of the call is sent, acme's server must have proved that it is acme's server.")),
    ("The partner's server certificate is for another name", refused_by_us(
        "EHI: partner's certificate for another name", "other_name", "wrong_name", "bad_certificate",
        "The certificate is genuine, but for elsewhere.example.")),
    ("The partner's server certificate is of an unknown CA", refused_by_us(
        "EHI: partner's certificate of unknown CA", "unknown_ca", "unknown_issuer", "unknown_ca",
        "A CA that this endpoint's anchors do not name.")),
]
