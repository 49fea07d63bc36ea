"""Reads the JSON log of a program: which record did this connection leave?"""
import json
from pathlib import Path

from harness.program import wait_until


class Records:
    def __init__(self, log):
        self.log = Path(log)

    def all(self, event=None, since=0):
        """The records behind byte `since`, with that event. Lines that are no JSON (a child's last words) are skipped."""
        records = []
        if not self.log.exists():
            return records
        with open(self.log, "rb") as log:
            log.seek(since)
            for line in log.read().split(b"\n")[:-1]:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if isinstance(record, dict) and (event is None or record.get("event") == event):
                    records.append(record)
        return records

    def mark(self):
        """Where the log ends now; for `since`."""
        return self.log.stat().st_size if self.log.exists() else 0

    def next(self, event, since, seconds=10):
        """The first record of that event behind `since`, waited for."""
        found = wait_until(lambda: self.all(event, since), f"no record '{event}' in {self.log}", seconds)
        return found[0]
