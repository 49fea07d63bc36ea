"""What the benchmarks in Python share: the programs they run, and figures."""
import json
import os
import subprocess

from harness.platform import ROOT

PROGRAMS = ("countersign", "countersign-authority", "countersign-gateway", "countersign-ehi")


def build():
    """The release programs, unless COUNTERSIGN_PROGRAMS names others."""
    if os.environ.get("COUNTERSIGN_PROGRAMS"):
        return
    tree = ROOT / "build" / "release"
    if not (tree / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", tree, "--target", *PROGRAMS], check=True, stdout=subprocess.DEVNULL)
    os.environ["COUNTERSIGN_PROGRAMS"] = str(tree / "apps")


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def summary(name, seconds):
    """In milliseconds."""
    return {f"{name}_p50_ms": round(quantile(seconds, 0.5) * 1000), f"{name}_p99_ms": round(quantile(seconds, 0.99) * 1000),
            f"{name}_max_ms": round(max(seconds) * 1000)}


def say(figures, as_json):
    print(json.dumps(figures) if as_json else " ".join(f"{key}={value}" for key, value in figures.items()), flush=True)
