"""tools/pack-units puts into one unit only what does not disturb each other. Each row is two sources that may be together but for
one change."""
import importlib.machinery
import importlib.util
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
LOADER = importlib.machinery.SourceFileLoader("pack_units", str(ROOT / "tools" / "pack-units"))
pack_units = importlib.util.module_from_spec(importlib.util.spec_from_loader("pack_units", LOADER))
LOADER.exec_module(pack_units)

HEADER = ("#pragma once\nnamespace ours::net {\nstruct Row {\n  int number;\n};\nclass Later;\nusing other::Two;\nint known(int);\n"
          "enum Plain : char { kPlain, kOther = 2 };\nnamespace wire {\nint deep();\n}\n}  // namespace ours::net\n")


def source(body, before="", space="ours::net"):
    return f"{before}namespace {space} {{\nnamespace {{\n{body}\n}}  // namespace\n}}  // namespace {space}\n"


# name, two sources, whether they may be in one unit
ROWS = [
    ("nothing of their own", "int a() { return 1; }\n", "int b() { return 2; }\n", True),
    ("names of their own", source("int one() { return 1; }"), source("int two() { return 2; }"), True),
    ("one function twice", source("int one() { return 1; }"), source("int one(long) { return 2; }"), False),
    ("one function twice, in two namespaces", source("int one() { return 1; }"),
     source("int one() { return 2; }", space="ours::tls"), True),
    ("one function twice, static", "static int one() { return 1; }\n", "static int one() { return 2; }\n", False),
    ("one constant twice", source("constexpr int kOne = 1;"), source("const std::map<int, long> kOne{{1, 2}};"), False),
    ("one array twice", source("const char kOne[] = {1};"), source("struct Part {\n  int x;\n} const kOne[] = {{2}};"), False),
    ("one type twice", source("class One {\n};"), source("struct One final : Base {\n  int x = 0;\n};"), False),
    ("one enumeration twice", source("enum class One : char { a };"), source("enum class One { b };"), False),
    ("one template twice", source("template <typename T, typename = std::vector<T>>\nT one(T x) { return x; }"),
     source("int one() { return 1; }"), False),
    ("one template that requires twice", source("template <typename T>\n  requires std::integral<T>\nT one(T x) { return x; }"),
     source("int one() { return 1; }"), False),
    ("one test suite, two tests", source("TEST(One, A) { f(); }"), source("TEST(One, B) { f(); }"), True),
    ("a constant that is one of a function's there", source("constexpr int kOne = 1;"),
     source("int two() {\n  const int kOne = 2;\n  return kOne;\n}"), False),
    ("an alias that is one of a function's there", source("using other::One;"), source("int two() {\n  using One = long;\n  return One{2};\n}"),
     False),
    ("a type that is only used there", source("using other::One;"), source("One two() { return One{2}; }", "using other::One;\n"), True),
    ("a constant that is a member there", source("constexpr int kOne = 1;"), source("int two() { return other.kOne + Other::kOne; }"), True),
    ("one name in functions only", source("int one() {\n  struct Part {};\n  const int both = 1;\n  return both;\n}"),
     source("int two() {\n  struct Part {};\n  const int both = 1;\n  return both;\n}"), True),
    ("a name after initialisers in braces", source("One::One() : a_{1}, b_(2) { f(); }\nint both() { return 1; }"),
     source("int both() { return 2; }"), False),
    ("a name after an operator", source("bool operator==(const A& a, const A& b) { return f(a, b); }\nint both() { return 1; }"),
     source("int both() { return 2; }"), False),
    ("a name that only a comment and a text have", source('// int one() {\nconst char* kText = "int one() {";'),
     source("int one() { return 2; }"), True),
    ("a name after raw text", source('const char* kText = R"(})";\nint both() { return 1; }'),
     source("int both() { return 2; }"), False),
    ("one alias", source("namespace fs = std::filesystem;\nusing other::One;"),
     source("namespace fs = std::filesystem;\nusing other::One;"), True),
    ("one alias for two", source("namespace fs = std::filesystem;"), source("namespace fs = ours::files;"), False),
    ("a using-declaration and a type", source("using other::One;"), source("class One {\n};"), False),
    ("a type of a header that the other includes", source("struct Row {\n};"), source("int two() { return 2; }", '#include "net/a.h"\n'),
     False),
    ("a function of a header's inner namespace", source("int deep(long) { return 1; }"), source("int two() { return 2; }", '#include "net/a.h"\n'),
     False),
    ("a function of a header's other namespace", source("int known(long) { return 1; }", space="ours::tls"),
     source("int two() { return 2; }", '#include "net/a.h"\n'), True),
    ("a macro that is left", "#define OURS 1\n", source("int two() { return 2; }"), False),
    ("a macro that is taken back", '#define OURS "a"\nint a = OURS;\n#undef OURS\n', source("int two() { return 2; }"), True),
    ("headers of others that do not go together", "#include <sqlite3.h>\n", "#include <soci/sqlite3/soci-sqlite3.h>\n", False),
    ("a function of a header that both include", source("int known(long) { return 1; }", '#include "net/a.h"\n'),
     source("int two() { return 2; }", '#include "net/a.h"\n'), True),
    ("a function of a header that both include and the other calls", source("int known(long) { return 1; }", '#include "net/a.h"\n'),
     source("int two() { return known(2); }", '#include "net/a.h"\n'), False),
    ("a constant of a header's plain enumeration", source("int kPlain = 3;"), source("int two() { return 2; }", '#include "net/a.h"\n'), False),
    ("an alias that a header has, too", source("using other::Two;"), source("int two() { return 2; }", '#include "net/a.h"\n'), True),
    ("what a header only announces", source("class Later {\n};"), source("int two() { return 2; }", '#include "net/a.h"\n'), True),
    ("all names of a namespace", source("using namespace other;"), source("int two() { return 2; }"), False),
    ("all names of a namespace, in a function", source("void f() {\n  using namespace other;\n}"),
     source("int two() { return 2; }"), True),
    ("literals", source("using namespace std::chrono_literals;"), source("int two() { return 2; }"), True),
]


class PackUnitsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        (self.root / "src" / "net").mkdir(parents=True)
        (self.root / "src" / "net" / "a.h").write_text(HEADER)

    def pack(self, texts, lines):
        paths = []
        for number, text in enumerate(texts):
            paths.append(self.root / "src" / "net" / f"{number}.cpp")
            paths[-1].write_text(text)
        units = pack_units.pack(pack_units.Tree(self.root), paths, lines)
        self.assertCountEqual([source for unit in units for source in unit], [str(path) for path in paths], "each is in one")
        return units

    def test_rows(self):
        for name, one, other, together in ROWS:
            for texts in ((one, other), (other, one)):
                with self.subTest(name):
                    self.setUp()
                    self.assertEqual(len(self.pack(texts, lines=10_000)), 1 if together else 2)

    def test_units_are_of_one_size(self):
        texts = ["\n" * 400] * 3 + ["\n" * 100] * 9
        units = self.pack(texts, lines=1200)
        self.assertEqual(len(units), 3)
        for unit in units:
            self.assertEqual(len(unit), 4, units)

    def test_the_order_of_the_list_does_not_matter(self):
        texts = [source(f"int own{number % 4}() {{ return 1; }}" + "\n" * 100 * number) for number in range(8)]
        packed = self.pack(texts, lines=1000)
        paths = [Path(source) for unit in reversed(packed) for source in unit]
        self.assertEqual(pack_units.pack(pack_units.Tree(self.root), paths, 1000), packed)


if __name__ == "__main__":
    unittest.main()
