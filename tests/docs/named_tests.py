"""named_tests.py ROOT PAGE...: every test that a page names, in a table whose last column is called `test`, is there.

A name is `Suite.Test` of GoogleTest, `Class.test_name` of Python, or a file, from the root or from src.
"""
import re
import sys
from pathlib import Path


def names_in(page):
    """What stands in backticks in the last column of tables of tests."""
    of_tests = False
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        of_tests = bool(cells) and (of_tests or cells[-1] == "test")
        if of_tests:
            yield from re.findall(r"`([^`]+)`", cells[-1])


def tests_of(root):
    """Suite.Test and Class.test_name of everything under src and tests."""
    found = set()
    for source in [*root.glob("src/**/*_test.cpp"), *root.glob("tests/**/*_test.cpp")]:
        found.update(".".join(one) for one in re.findall(r"^TEST(?:_[FP])?\((\w+),\s*(\w+)\)", source.read_text(), re.M))
    for source in root.glob("tests/e2e/*_test.py"):
        suite = ""
        for line in source.read_text().splitlines():
            begins = re.match(r"class (\w+)|    def (test_\w+)", line)
            suite = begins[1] if begins and begins[1] else suite
            if begins and begins[2]:
                found.add(f"{suite}.{begins[2]}")
    return found


def main(root, pages):
    tests, missing, seen = tests_of(root), [], 0
    for page in pages:
        for name in names_in(root / page):
            seen += 1
            if name not in tests and not (root / name).is_file() and not (root / "src" / name).is_file():
                missing.append(f"{page}: there is no test {name}")
    print("\n".join(missing) or f"{seen} tests are named, and all are there")
    return 1 if missing or not seen else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
