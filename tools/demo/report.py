"""How the demo speaks: what it does and runs, and the table at the end."""
import textwrap
from dataclasses import dataclass, field

WIDTH = 118


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


class Report:
    def __init__(self, stream):
        self.stream = stream
        self.rows = []

    def say(self, text=""):
        print(text, file=self.stream, flush=True)

    def heading(self, text):
        self.say(f"\n=== {text} " + "=" * max(0, WIDTH - len(text) - 5))

    def explain(self, text):
        self.say(textwrap.fill(" ".join(text.split()), WIDTH))

    def command(self, command):
        self.say(f"  $ {command}")

    def saw(self, text):
        self.say(f"    {text}")

    def add(self, row):
        self.rows.append(row)
        for problem in row.problems:
            self.say(f"    NOT AS EXPECTED: {problem}")

    def table(self):
        header = ("case", "expected", "alert seen", "reason in the log", "result")
        cells = [header] + [(row.case, row.expected, row.alert or "-", row.reason or "-", "pass" if row.passed else "FAIL")
                            for row in self.rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join(lines)

    def to_json(self):
        return {"passed": self.passed, "rows": [
            {"case": row.case, "expected": row.expected, "alert": row.alert, "reason": row.reason,
             "passed": row.passed, "problems": row.problems} for row in self.rows]}

    @property
    def passed(self):
        return bool(self.rows) and all(row.passed for row in self.rows)
