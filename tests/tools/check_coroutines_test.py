"""tools/check-coroutines: each refused form, and its accepted twin."""
import unittest
from importlib.machinery import SourceFileLoader
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check-coroutines"
check = SourceFileLoader("check_coroutines", str(TOOL)).load_module()

REFUSED = {
    "await in the first branch": "auto x = fresh ? co_await a() : co_await b();",
    "await in the second branch": "auto x = fresh ? a() : co_await b();",
    "over two lines": "auto x = fresh\n  ? co_await a()\n  : b();",
    "capturing lambda": "auto f = [this](Request r) -> net::Task<void> { co_await g(r); };",
    "capturing lambda without parameters": "spawn([&x] { co_return; });",
}
ACCEPTED = {
    "an if instead": "Result x;\nif (fresh) x = co_await a();\nelse x = co_await b();",
    "a ternary as argument": "co_await wait(write ? Ready::write : Ready::read, deadline);",
    "a lambda that calls a coroutine": "auto f = [this](Request r) { return g(std::move(r)); };",
    "a lambda without captures": "auto f = [](Request r) -> net::Task<void> { co_await g(r); };",
    "in a comment": "// x ? co_await a() : b()",
    "in a text": 'log("x ? co_await a() : b()");',
}


class CheckCoroutines(unittest.TestCase):
    def test_refused(self):
        for name, text in REFUSED.items():
            with self.subTest(name):
                self.assertTrue(list(check.problems_in(text)))

    def test_accepted(self):
        for name, text in ACCEPTED.items():
            with self.subTest(name):
                self.assertEqual(list(check.problems_in(text)), [])


if __name__ == "__main__":
    unittest.main()
