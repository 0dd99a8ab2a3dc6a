"""The process that runs parts, one after the other, and notes each one's result as a line."""

import argparse
import importlib
import json
import time
import traceback
from dataclasses import dataclass
from typing import Any

from parts import PARTS

Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What a part is given.

    Attributes
    ----------
    device : {"cuda", "cpu"}
    small : bool
        Toy sizes.
    until : float
        Of ``time.monotonic``: repetitions are to end by then.
    """

    device: str
    small: bool
    until: float

    def left(self) -> float:
        """Return the seconds that are left."""
        return self.until - time.monotonic()


def run_parts(arguments: argparse.Namespace) -> None:
    """Run the parts in turn, and append each one's result to the file."""
    until = time.monotonic() + arguments.seconds
    task = Task(arguments.device, arguments.small, until)
    for part in PARTS:
        if part.name not in arguments.only:
            continue
        start = time.monotonic()
        try:
            rows = getattr(importlib.import_module(part.kind), part.name)(task)
            result = {"part": part.name, "status": status_of(rows), "rows": rows}
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = " ".join(f"{type(error).__name__}: {error}".split())[:500]
            place = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
            result = {"part": part.name, "status": "failed", "error": f"{text} ({place})"}
            traceback.print_exc()
        result["wall_s"] = round(time.monotonic() - start, 2)
        with open(arguments.child, "a") as file:
            file.write(json.dumps(result) + "\n")


def status_of(rows: list[Row]) -> str:
    """Return "passed", "failed" where a row is beyond what is allowed, "CPU only", "left out"."""
    if any(row.get("left_out") for row in rows):
        return "left out"
    if any(row.get("cpu_only") for row in rows):
        return "CPU only"
    return "passed" if all(row.get("agrees", True) for row in rows) else "failed"
