"""Shows the whole path on throw-away data; ./demo builds and calls it.

usage: demo.py [--stay] [--json]
"""
import argparse
import json
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import inbound  # noqa: E402  (the path comes first)
import outbound  # noqa: E402
from harness.program import Failure  # noqa: E402
from report import Report, Row  # noqa: E402
from world import World  # noqa: E402


def main():
    options = parse_arguments()
    report = Report(sys.stderr if options.json else sys.stdout)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    try:
        with World(report.say) as world:
            show(world, report)
            finish(report, options, time.monotonic() - begun)
            if options.stay:
                stay(world, report)
    except Failure as failure:
        report.say(f"\nThe demo could not go on: {failure}")
        return 1
    except KeyboardInterrupt:
        report.say("\nstopped")
        return 130
    return 0 if report.passed else 1


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./demo", description="Shows the whole path on throw-away data.")
    parser.add_argument("--stay", action="store_true", help="stay up at the end and say what to try")
    parser.add_argument("--json", action="store_true", help="the table as JSON on standard output")
    return parser.parse_args()


def show(world, report):
    report.heading("The platform starts")
    report.explain("An authority with a new root, a gateway, an EHI sender; a small REST service behind the gateway; two partners, "
                   "acme and beta, enrolled with one-time codes; an nginx that is acme's server. All on free ports of this machine, "
                   f"all data in {world.folder}, removed at the end. Commands are shown as run in that folder.")
    report.command("countersign up --data data")
    world.begin()
    tell_enrolment(world, report)
    for title, run in inbound.CASES + outbound.CASES:
        report.heading(title)
        report.add(guarded(title, run, world, report))


def tell_enrolment(world, report):
    ports = world.platform.ports
    report.saw(f"authority API at localhost:{ports['api']}, gateway at localhost:{ports['gateway']}, EHI sender at "
               f"localhost:{ports['ehi']}")
    report.say("\nHow acme was enrolled:")
    report.command("countersign admin org create acme")
    report.command(f"countersign admin app create {world.acme.name}")
    report.command(f"countersign admin enrol {world.acme.name}    # prints a one-time code")
    report.command("countersign request transport --code cse_... --out acme    # the key is made here and stays here")
    report.command("countersign request signing --code cse_... --out acme")


def guarded(title, run, world, report):
    """A case that breaks down is a failed row, and the others still run."""
    try:
        return run(world, report)
    except Exception as error:  # whatever it is: the table must show it
        traceback.print_exc(file=report.stream)
        row = Row(title, "")
        row.check(False, f"{type(error).__name__}: {error}")
        return row


def finish(report, options, seconds):
    report.heading("What happened")
    report.say(report.table())
    good = sum(row.passed for row in report.rows)
    report.say(f"\n{good} of {len(report.rows)} cases as expected, in {seconds:.0f} s")
    if options.json:
        print(json.dumps(report.to_json(), indent=2), flush=True)


def stay(world, report):
    report.heading("Still up")
    report.say(f"cd {world.folder}")
    report.say(world.curl(world.acme.transport).command.replace("-sSv", "-v") + "    # 200")
    report.say(world.curl(None).command.replace("-sSv", "-v") + "    # alert certificate_required")
    report.say(f"{world.platform.programs}/countersign admin list --data data")
    report.say(f"{world.platform.programs}/countersign admin app suspend {world.acme.name} --data data    # then curl again")
    report.say("tail -f data/log/gateway.log")
    report.say("\nCtrl-C ends it and removes the folder.")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
