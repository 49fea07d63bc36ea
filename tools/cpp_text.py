"""What the tools read in the text of a C++ source, without a compiler: its includes, and what it declares at namespace scope.

No parser of C++: it reads the style of this project (clang-format, one declaration a statement, no macro that opens a brace),
and takes what it does not understand for a statement without a name.
"""
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

COMMENT_OR_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>]+)>|"([^"]+)")', re.M)
MACRO = re.compile(r"^[ \t]*#[ \t]*(define|undef)[ \t]+(\w+)", re.M)
TOKEN = re.compile(r"[A-Za-z_]\w*|::|->|\S")
WORD = re.compile(r"[A-Za-z_]\w*$")
CLOSING = {"(": ")", "{": "}", "[": "]"}
TEST_MACROS = {"TEST", "TEST_F", "TEST_P", "INSTANTIATE_TEST_SUITE_P", "TYPED_TEST_SUITE", "TYPED_TEST"}
# Words before a parenthesis that is not the one of a function's parameters.
NO_NAMES = {"decltype", "alignas", "__attribute__", "explicit", "noexcept", "requires", "static_assert"}

# Words before a name that is no declaration, and what follows one that is.
NO_TYPES = {"return", "co_return", "co_await", "co_yield", "case", "else", "new", "throw", "namespace", "goto"}
AFTER_A_NAME = set("=;,(){}[:")


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def code_of(text):
    """The text without comments and literals, every line where it was."""
    return COMMENT_OR_TEXT.sub(blank, text)


@dataclass(frozen=True)
class Name:
    """One declaration: `text` is all of it where another of the same text does no harm (an alias, a using-declaration)."""
    space: str  # countersign::net; without the unnamed ones
    name: str
    kind: str  # function, variable, type, forward (a type that is not defined here), alias
    own: bool  # of this file alone: in an unnamed namespace, static, or an alias
    text: str = ""


@dataclass
class Declarations:
    names: list = field(default_factory=list)
    spaces: set = field(default_factory=set)  # namespaces that are opened
    directives: set = field(default_factory=set)  # using namespace ..., outside of functions


class Reader:
    def __init__(self, code):
        self.tokens = TOKEN.findall(DIRECTIVE.sub(blank, code))
        self.at = 0
        self.open = []  # one entry a namespace that is open: "" for an unnamed one, None for what makes no namespace
        self.found = Declarations()

    def token(self, ahead=0):
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else ""

    def after_closing(self, at):
        """The place behind the bracket that closes the one at `at`."""
        opening, closing, depth = self.tokens[at], CLOSING[self.tokens[at]], 0
        while at < len(self.tokens):
            depth += (self.tokens[at] == opening) - (self.tokens[at] == closing)
            at += 1
            if depth == 0:
                break
        return at

    def after_angles(self, at):
        """The place behind the > that closes the < at `at`."""
        depth = 0
        while at < len(self.tokens):
            token = self.tokens[at]
            if token in CLOSING:
                at = self.after_closing(at)
                continue
            depth += (token == "<") - (token == ">")
            at += 1
            if depth == 0:
                break
        return at

    def to_semicolon(self):
        while self.token() and self.token() != ";":
            self.at = self.after_closing(self.at) if self.token() in CLOSING else self.at + 1
        self.at += 1

    def add(self, name, kind, own=False, text=""):
        space = "::".join(part for part in self.open if part)
        self.found.names.append(Name(space, name, kind, own or "" in self.open, text))

    def read(self):
        while self.token():
            self.read_statement()
        return self.found

    def read_statement(self):
        first = self.token()
        if first == "}":
            self.at += 1
            if self.open:
                self.open.pop()
        elif first == ";" or (first == "inline" and self.token(1) == "namespace"):
            self.at += 1
        elif first == "namespace":
            self.read_namespace()
        elif first == "extern" and self.token(1) == "{":  # "C"
            self.open.append(None)
            self.at += 2
        elif first == "using":
            self.read_using()
        elif first in TEST_MACROS:
            self.read_test()
        elif first == "template":
            self.at = self.after_angles(self.at + 1)
            if self.token() == "requires":
                self.read_requirement()
        elif first == "enum" or (first in ("struct", "class", "union") and self.is_type()):
            self.read_type()
        else:
            self.read_other()

    def read_requirement(self):
        """Behind a requires-clause: that is one name with its arguments, or one pair of parentheses."""
        self.at += 1
        if self.token() == "(":
            self.at = self.after_closing(self.at)
            return
        while WORD.match(self.token()) and self.token(1) == "::":
            self.at += 2
        self.at += 1
        if self.token() == "<":
            self.at = self.after_angles(self.at)

    def read_namespace(self):
        end = self.at + 1
        while self.tokens[end] not in ("{", "="):
            end += 1
        name = "".join(self.tokens[self.at + 1:end])
        if self.tokens[end] == "{":
            self.open.append(name)
            self.found.spaces.add("::".join(part for part in self.open if part))
            self.at = end + 1
        else:
            start = self.at
            self.to_semicolon()
            self.add(name, "alias", own=True, text=" ".join(self.tokens[start:self.at]))

    def read_using(self):
        start = self.at
        self.to_semicolon()
        words = self.tokens[start:self.at - 1]
        text = " ".join(words)
        if words[1:2] == ["namespace"]:
            self.found.directives.add("".join(words[2:]))
        elif words[2:3] == ["="]:
            self.add(words[1], "type", text=text)
        else:
            self.add(words[-1], "alias", own=True, text=text)

    def read_test(self):
        end = self.after_closing(self.at + 1)
        arguments = self.tokens[self.at + 2:end - 1]
        self.add("_".join(arguments[0:3:2] + ["Test"]), "type")
        self.at = end
        self.at = self.after_closing(self.at) if self.token() == "{" else self.at + 1

    def is_type(self):
        """Whether what begins here declares a type, and is no use of one as in `struct tm when;`."""
        at = self.at + 1
        while at < len(self.tokens) and self.tokens[at] not in ("{", ";", "(", "=", ":"):
            at += 1
        return at < len(self.tokens) and self.tokens[at] in ("{", ";", ":") and at - self.at <= 8

    def read_type(self):
        plain = self.token() == "enum" and self.token(1) not in ("class", "struct")
        self.at += 1
        if self.token() in ("class", "struct"):
            self.at += 1
        while self.token() in CLOSING:  # attributes
            self.at = self.after_closing(self.at)
        name = self.token()
        qualified = self.token(1) == "::"
        while self.token() and self.token() not in ("{", ";"):
            self.at += 1
        if name not in ("{", ":") and not qualified:
            self.add(name, "type" if self.token() == "{" else "forward")
        if self.token() == "{":
            start, self.at = self.at, self.after_closing(self.at)
            if plain:
                self.add_enumerators(self.tokens[start:self.at])
            if self.token() != ";":  # } const kRows[] = {...};
                self.read_other()
                return
        self.at += 1

    def add_enumerators(self, tokens):
        for before, token in zip(tokens, tokens[1:]):
            if before in ("{", ",") and WORD.match(token):
                self.add(token, "variable")

    def read_other(self):
        """A function, a variable, or what is not understood."""
        start, name, kind = self.at, "", ""
        while self.token() and self.token() not in (";", "}"):
            token, before = self.token(), self.tokens[self.at - 1] if self.at > start else ""
            if token == "operator":
                self.at += 1
                while self.token() and self.token() != "(":
                    self.at += 1
                if self.token(1) == ")" and self.token(2) == "(":
                    self.at += 2
                kind = "operator"
                break
            if token == "<" and WORD.match(before):
                self.at = self.after_angles(self.at)
            elif token == "(" and (before in NO_NAMES or not WORD.match(before)):
                self.at = self.after_closing(self.at)
            elif token == "[" and self.token(1) == "[":
                self.at = self.after_closing(self.at)
            elif token in ("(", "=", "{", "["):
                kind = "function" if token == "(" else "variable"
                break
            else:
                self.at += 1
        before = self.at - 1
        if before >= start and self.tokens[before] == ">":  # a specialisation: another one declared the name
            before = -1
        if kind != "operator" and before > start and WORD.match(self.tokens[before]):
            if self.tokens[before - 1] not in ("::", "~"):
                name = self.tokens[before]
        words = self.tokens[start:max(start, before)]
        if name:
            self.add(name, kind or "variable", own="static" in words)
        if kind in ("function", "operator"):
            self.after_function()
        else:
            self.to_semicolon()

    def after_function(self):
        """From the parenthesis of its parameters behind its body, or behind the semicolon of what has none."""
        initialisers = False
        while self.token() and self.token() != ";":
            token, before = self.token(), self.tokens[self.at - 1]
            if token == "{" and not (initialisers and (WORD.match(before) or before == ">")):
                self.at = self.after_closing(self.at)
                return
            initialisers = initialisers or token == ":"
            self.at = self.after_closing(self.at) if token in CLOSING else self.at + 1
        self.at += 1


@dataclass
class Source:
    path: Path
    code: str
    includes: list  # (header of others or "", header of ours or "")
    declared: Declarations

    def words(self):
        """The names that are used or declared without a qualification."""
        tokens = TOKEN.findall(DIRECTIVE.sub(blank, self.code))
        return {token for before, token in zip([""] + tokens, tokens) if WORD.match(token) and before not in (".", "->", "::")}

    def declared_anywhere(self):
        """The names that are declared in whatever scope, and some that only look like it."""
        tokens = TOKEN.findall(DIRECTIVE.sub(blank, self.code))
        return {token for before, token, after in zip(tokens, tokens[1:], tokens[2:])
                if WORD.match(token) and before not in NO_TYPES and after in AFTER_A_NAME and (WORD.match(before) or before in "*&>")}

    def leaves_macros(self):
        found = set()
        for what, name in MACRO.findall(self.code):
            (found.add if what == "define" else found.discard)(name)
        return bool(found)


class Tree:
    """The sources below a root, each read once."""

    def __init__(self, root):
        self.root = Path(root)

    @staticmethod
    @cache
    def is_file(path):
        return path.is_file()

    @cache
    def source(self, path):
        text = path.read_text(errors="replace")
        code = code_of(text)
        return Source(path, code, INCLUDE.findall(text), Reader(code).read())

    def find(self, including, name):
        """The header of ours that `name` means, or None."""
        for folder in (including.parent, self.root / "src", self.root / "tests"):
            if self.is_file(folder / name):
                return folder / name
        return None

    def include_name(self, header):
        """How a source includes a header of ours."""
        for folder in (self.root / "src", self.root / "tests"):
            if header.is_relative_to(folder):
                return header.relative_to(folder)
        return header.name

    @cache
    def headers_of(self, path):
        """The headers of ours that `path` includes, itself or through others of them."""
        found = set()
        for _, ours in self.source(path).includes:
            header = self.find(path, ours) if ours else None
            if header:
                found |= {header} | self.headers_of(header)
        return found
