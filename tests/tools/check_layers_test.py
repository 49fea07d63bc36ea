"""tools/check-layers finds what it promises to find. Each row is a small source tree that passes but for one change."""
import importlib.machinery
import importlib.util
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOADER = importlib.machinery.SourceFileLoader("check_layers", str(ROOT / "tools" / "check-layers"))
check_layers = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_layers", LOADER))
LOADER.exec_module(check_layers)

NO_PRAGMA = "// a header that may be read twice\n"
# Headers are written with #pragma once as their first line.
GOOD = {
    "src/LAYERS": "0 base fmt/\n1 crypto openssl/evp.h\n1 net boost/asio\n2 tls openssl/ssl.h\n3 gateway\n3 ehi\n"
                  "never gateway crypto\n",
    "src/base/README.md": "# base\n",
    "src/base/a.h": "#include <string>\n#include <fmt/format.h>\n",
    "src/base/b.h": '#include "base/a.h"\n',
    "src/crypto/README.md": "# crypto\n",
    "src/crypto/key.h": '#include <openssl/evp.h>\n#include "base/a.h"\n',
    "src/net/README.md": "# net\n",
    "src/net/socket.h": '#include <sys/socket.h>\n#include <boost/asio/io_context.hpp>\n#include "base/b.h"\n',
    "src/net/socket_test.cpp": '#include <gtest/gtest.h>\n#include <openssl/ssl.h>\n#include "testing/pki.h"\n',
    "src/net/CMakeLists.txt": "countersign_module(net\n  SOURCES socket.cpp\n  USES base)\n",
    "src/gateway/README.md": "# gateway\n",
    "src/gateway/gateway.cpp": '#include "net/socket.h"\n',
    "apps/gateway.cpp": '#include "gateway/gateway.h"\n#include "options.h"\n',
}

# A module with folders of its own.
FOLDERS = {
    "src/LAYERS": GOOD["src/LAYERS"] + "within net low . high\n",
    "src/net/low/a.h": '#include "base/a.h"\n',
    "src/net/low/a.cpp": '#include "net/low/a.h"\n',
    "src/net/high/b.h": '#include "net/low/a.h"\n#include "net/socket.h"\n',
}

# name, the change, what the one problem must say
ROWS = [
    ("the tree as it is", {}, None),
    ("an upward import", {"src/base/a.h": '#include <fmt/format.h>\n#include "net/loop.h"\n'},
     "src/base/a.h:3: upward import: base (layer 0) must not use net (layer 1)"),
    ("a sideways import", {"src/crypto/key.h": '#include "net/socket.h"\n'},
     "src/crypto/key.h:2: sideways import: crypto (layer 1) must not use net (layer 1)"),
    ("an upward import in a test", {"src/net/socket_test.cpp": '#include "gateway/gateway.h"\n'},
     "src/net/socket_test.cpp:1: upward import"),
    ("an upward link", {"src/net/CMakeLists.txt": "countersign_module(net\n  USES base gateway LINKS lib)\n"},
     "src/net/CMakeLists.txt:2: upward import"),
    ("a forbidden import", {"src/gateway/gateway.cpp": '#include "crypto/key.h"\n'},
     "gateway must never reach crypto, but does: gateway -> crypto"),
    ("a forbidden import through another module",
     {"src/tls/README.md": "#", "src/tls/context.h": '#include "crypto/key.h"\n',
      "src/gateway/gateway.cpp": '#include "tls/context.h"\n'},
     "gateway must never reach crypto, but does: gateway -> tls -> crypto"),
    ("another module's library", {"src/gateway/gateway.cpp": "#include <openssl/ssl.h>\n"},
     "src/gateway/gateway.cpp:1: <openssl/ssl.h> belongs to tls alone"),
    ("an unknown library", {"src/net/socket.h": "\n#include <zlib/zlib.h>\n"},
     "src/net/socket.h:3: <zlib/zlib.h> is a library that src/LAYERS does not know"),
    ("a header of tests/ in a source", {"src/net/other.cpp": '#include "testing/pki.h"\n'},
     "src/net/other.cpp:1: \"testing/pki.h\" is of no module"),
    ("a header without its module's name", {"src/net/other.cpp": '#include "socket.h"\n'},
     'src/net/other.cpp:1: write "net/socket.h"'),
    ("its own header first", {"src/net/socket.cpp": '#include "net/socket.h"\n#include <vector>\n'}, None),
    ("its own header second", {"src/net/socket.cpp": '#include <vector>\n#include "net/socket.h"\n'},
     'src/net/socket.cpp:1: include "net/socket.h" first'),
    ("a header without #pragma once", {"src/net/socket.h": NO_PRAGMA}, "src/net/socket.h:1: write #pragma once"),
    ("headers in a circle", {"src/base/a.h": '#include "base/b.h"\n'},
     "headers include each other: base/a.h -> base/b.h -> base/a.h"),
    ("a module without README", {"src/net/README.md": None}, "src/net/README.md:1: is missing"),
    ("a README of 30 lines", {"src/net/README.md": "line\n" * 30}, None),
    ("a README of 31 lines", {"src/net/README.md": "line\n" * 31}, "src/net/README.md:31: 31 lines"),
    ("a header of 150 lines", {"src/net/socket.h": "\n" * 149}, None),
    ("a header of 151 lines", {"src/net/socket.h": "\n" * 150}, "src/net/socket.h:151: 151 lines; the limit is 150"),
    ("a source of 501 lines", {"src/net/long.cpp": "\n" * 501}, "src/net/long.cpp:501: 501 lines; the limit is 500"),
    ("folders of a module, downward", FOLDERS, None),
    ("folders of a module, upward", {**FOLDERS, "src/net/low/a.h": '#include "net/high/b.h"\n', "src/net/high/b.h": "\n"},
     "src/net/low/a.h:2: upward import within net: low must not use high"),
    ("a folder of a module, above what the module itself is", {**FOLDERS, "src/net/other.cpp": '#include "net/high/b.h"\n'},
     "src/net/other.cpp:1: upward import within net: . must not use high"),
    ("a folder that the row does not name", {**FOLDERS, "src/net/other/c.h": '#include "net/low/a.h"\n'},
     "src/net/other/c.h:2: its folder is not in the row 'within net'"),
    ("its own header second, in a folder", {**FOLDERS, "src/net/low/a.cpp": '#include <vector>\n#include "net/low/a.h"\n'},
     'src/net/low/a.cpp:1: include "net/low/a.h" first'),
    ("a module without a row", {"src/extra/a.h": "\n"}, "src/extra:1: this module has no row"),
]


def problems_of(tree):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name, content in tree.items():
            if content is not None:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                pragma = "#pragma once\n" if name.endswith(".h") else ""
                (root / name).write_text(content if content == NO_PRAGMA else pragma + content)
        return check_layers.Checker(root).check()


class CheckLayers(unittest.TestCase):
    def test_rows(self):
        for name, change, expected in ROWS:
            with self.subTest(name):
                problems = problems_of({**GOOD, **change})
                self.assertEqual(len(problems), 1 if expected else 0, problems)
                if expected:
                    self.assertIn(expected, problems[0])

    def test_a_broken_table_is_refused(self):
        for row in ["base", "0 base\n0 base", "never base", "0 base\nnever base unknown"]:
            with self.subTest(row), self.assertRaises(check_layers.TableError):
                problems_of({**GOOD, "src/LAYERS": row})


if __name__ == "__main__":
    unittest.main()
