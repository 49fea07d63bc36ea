"""tools/check-includes finds what it promises to find. Each row is a small source tree that passes but for one change."""
import importlib.machinery
import importlib.util
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOADER = importlib.machinery.SourceFileLoader("check_includes", str(ROOT / "tools" / "check-includes"))
check_includes = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_includes", LOADER))
LOADER.exec_module(check_includes)

GOOD = {
    "src/base/a.h": "#pragma once\n#include <map>\n#include <string>\nstd::map<std::string, int> all();\n",
    "src/base/b.h": '#pragma once\n#include "base/a.h"\n',
    "src/base/a.cpp": '#include "base/a.h"\n#include <algorithm>\nauto x = std::ranges::find(all(), std::string_view());\n',
    "src/net/c.cpp": '#include "base/b.h"\nstd::string text; std::size_t size; auto y = std::move(text);\n',
    "src/net/d.cpp": '// std::vector\n#include <chrono>\nauto z = "std::vector"; std::chrono::seconds wait;\n',
    "src/net/c_test.cpp": '#include <gtest/gtest.h>\nTEST(A, B) { std::vector<int> row; EXPECT_TRUE(row.empty()); }\n',
    "tests/testing/pki.h": "#include <optional>\n",
    "src/tls/peer.h": "#pragma once\nnamespace ours::tls {\nclass Peer {};\nconstexpr int kMost = 3;\nPeer made(int age);\n}\n",
    "src/tls/late.h": "#pragma once\nnamespace ours::tls {\nclass Peer;\nvoid keep(const Peer& peer);\n}\n",
    "src/tls/late.cpp": '#include "tls/late.h"\nnamespace ours::tls {\nvoid keep(const Peer& peer) { put(&peer); }\n}\n',
    "src/tls/peer.cpp": '#include "tls/peer.h"\nnamespace ours::tls {\nauto twice(const Peer& one) { return made(kMost); }\n}\n',
    "src/tls/own.cpp": "namespace ours::tls {\nclass Peer {};\nPeer made() { return {}; }\nauto x = made();\n}\n",
    "src/gate/use.cpp": '#include "tls/peer.h"\nnamespace ours::gate {\nauto peer = tls::made(tls::kMost);\n}\n',
    "src/gate/member.cpp": "namespace ours::gate {\nauto peer = other.made(other::kMost) + other->made(3);\n}\n",
    "tests/other.cpp": '#include "testing/pki.h"\nstd::optional<int> found = std::nullopt;\n',
}

# name, the change, what the one problem must say
ROWS = [
    ("the tree as it is", {}, None),
    ("a header that nobody includes", {"src/base/a.h": "#include <map>\nstd::map<std::string, int> all();\n",
                                       "src/net/c.cpp": "std::size_t size;\n",
                                       "src/base/a.cpp": '#include <algorithm>\nauto x = std::ranges::find(1, 2);\n'},
     "src/base/a.h:2: std::string wants #include <string>"),
    ("an algorithm", {"src/base/a.cpp": '#include "base/a.h"\n\nauto x = std::ranges::find(all(), 1);\n'},
     "src/base/a.cpp:3: std::ranges::find wants #include <algorithm>"),
    ("what another file includes", {"src/net/c.cpp": "std::string text;\n"},
     "src/net/c.cpp:1: std::string wants #include <string>"),
    ("only a comment includes it", {"tests/other.cpp": '// #include <optional>\nstd::optional<int> found;\n'},
     "tests/other.cpp:2: std::optional wants #include <optional>"),
    ("a name without a header", {"src/net/d.cpp": "std::vektor<int> row;\n"},
     "src/net/d.cpp:1: std::vektor is not in the table"),
    ("a clock", {"src/net/d.cpp": "std::chrono::seconds wait;\n"},
     "src/net/d.cpp:1: std::chrono wants #include <chrono>"),
    ("a library", {"src/net/c_test.cpp": "\nTEST(A, B) {}\n"},
     "src/net/c_test.cpp:2: TEST( wants an #include <gtest/...>"),
    ("a library below another name", {"src/net/d.cpp": "boost::asio::io_context context;\n"},
     "src/net/d.cpp:1: boost::asio:: wants an #include <boost/asio...>"),
    ("a function of ours, once a header", {"src/gate/use.cpp": "namespace ours::gate {\nauto peer = tls::made(tls::kMost);\n}\n"},
     'src/gate/use.cpp:2: tls::made wants #include "tls/peer.h"'),
    ("with its whole name", {"src/gate/use.cpp": "auto peer = ours::tls::made(3);\n"},
     'src/gate/use.cpp:1: ours::tls::made wants #include "tls/peer.h"'),
    ("a constant of ours in its own namespace", {"src/tls/peer.cpp": "namespace ours::tls {\nint most() { return kMost; }\n}\n"},
     'src/tls/peer.cpp:2: kMost wants #include "tls/peer.h"'),
    ("a function of ours in its own namespace", {"src/tls/peer.cpp": "namespace ours::tls {\nauto one() { return made(3); }\n}\n"},
     'src/tls/peer.cpp:2: made wants #include "tls/peer.h"'),
    ("a type of ours in its own namespace", {"src/tls/peer.cpp": "namespace ours::tls {\nint of(Peer peer) { return 3; }\n}\n"},
     'src/tls/peer.cpp:2: Peer wants #include "tls/peer.h"'),
    ("a type that is only announced, by value", {"src/tls/late.cpp": '#include "tls/late.h"\nnamespace ours::tls {\nPeer peer;\n}\n'},
     'src/tls/late.cpp:3: Peer wants #include "tls/peer.h"'),
]


class CheckIncludesTest(unittest.TestCase):
    def test_rows(self):
        for name, change, expected in ROWS:
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                for path, text in (GOOD | change).items():
                    (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
                    (Path(folder) / path).write_text(text)
                problems = check_includes.problems_of(Path(folder))
                self.assertEqual(problems == [], expected is None, problems)
                if expected is not None:
                    self.assertEqual(len(problems), 1, problems)
                    self.assertIn(expected, problems[0])


if __name__ == "__main__":
    unittest.main()
