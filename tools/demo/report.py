"""How the demo speaks: what it does and runs, and the table at the end."""
import os
import textwrap
from dataclasses import dataclass, field

# Of what is no terminal: but for the table, which is left as wide as it is.
WIDTH = 80


@dataclass
class Row:
    """What became of one case: `alert` and `reason` are what was seen. `problems` is empty exactly when all was as expected."""
    case: str
    expected: str
    alert: str = ""
    reason: str = ""
    problems: list = field(default_factory=list)

    @property
    def passed(self):
        return not self.problems

    def saw(self, alert, reason):
        """Adds what one client saw; two clients that saw the same stand once in the table."""
        if alert not in self.alert.split(" / "):
            self.alert = " / ".join(filter(None, [self.alert, alert]))
        if reason not in self.reason.split(" / "):
            self.reason = " / ".join(filter(None, [self.reason, reason]))

    def check(self, holds, otherwise):
        if not holds:
            self.problems.append(otherwise)


def folded_command(command, width):
    """Over several lines that a shell takes as one: broken between words, never within quotes."""
    words, quotes = [""], 0
    for letter in command:
        quotes += letter in "'\""
        if letter == " " and quotes % 2 == 0:
            words.append("") if words[-1] else None
        else:
            words[-1] += letter
    lines = [words[0]]
    for number, word in enumerate(words[1:], 1):
        if word == "#":  # a remark is not continued
            remark = " ".join(words[number:])
            lines = [line for line in lines if line]
            fits = len(lines[-1]) + 2 + len(remark) <= width - 6
            return " \\\n      ".join(lines) + ("  " if fits else "\n    ") + remark
        if len(lines[-1]) + 1 + len(word) + 2 <= width - 6:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return " \\\n      ".join(lines)


class Report:
    def __init__(self, stream):
        self.stream = stream
        self.rows = []
        self.is_terminal = stream.isatty()
        self.width = os.get_terminal_size(stream.fileno()).columns or WIDTH if self.is_terminal else WIDTH

    def say(self, text=""):
        print(text, file=self.stream, flush=True)

    def heading(self, text):
        self.say(f"\n=== {text} " + "=" * max(0, self.width - len(text) - 5))

    def explain(self, text):
        self.say(textwrap.fill(" ".join(text.split()), self.width))

    def command(self, command):
        self.say(f"  $ {folded_command(command, self.width)}")

    def saw(self, text):
        self.say(textwrap.fill(text, self.width, initial_indent="    ", subsequent_indent="      ", break_long_words=False,
                               break_on_hyphens=False))

    def add(self, row):
        self.rows.append(row)
        for problem in row.problems:
            self.saw(f"NOT AS EXPECTED: {problem}")

    def table(self):
        header = ("case", "expected", "alert seen", "reason in the log", "result")
        cells = [header] + [(row.case, row.expected, row.alert or "-", row.reason or "-", "pass" if row.passed else "FAIL")
                            for row in self.rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]
        lines.insert(1, "  ".join("-" * width for width in widths))
        if not self.is_terminal or max(map(len, lines)) <= self.width:
            return "\n".join(lines)
        return "\n".join(self.block(header, row) for row in cells[1:])

    def block(self, header, cells):
        """A row that has no room beside its header."""
        lines = [f"{cells[-1]}  {cells[0]}"]
        for name, cell in list(zip(header, cells))[1:-1]:
            lines.append(textwrap.fill(cell, self.width, initial_indent=f"      {name + ':':<19}", subsequent_indent=" " * 25))
        return "\n".join(lines)

    def to_json(self):
        return {"passed": self.passed, "rows": [
            {"case": row.case, "expected": row.expected, "alert": row.alert, "reason": row.reason,
             "passed": row.passed, "problems": row.problems} for row in self.rows]}

    @property
    def passed(self):
        return bool(self.rows) and all(row.passed for row in self.rows)
