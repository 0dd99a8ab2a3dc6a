"""The process that starts the others, bounds their time, and keeps the results."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facts import machine
from parts import PARTS, Part
from tables import FINE, line, markdown

Result = dict[str, Any]
_AT_ONCE = 4  # parts that compare run side by side, those that are timed alone
_SMALLEST = 15.0  # seconds: below that a part is not begun


@dataclass
class Board:
    """All results so far; written whenever one is added."""

    out: Path
    about: dict[str, Any]
    results: list[Result] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, result: Result) -> None:
        """Print a result and write all."""
        with self.lock:
            self.results.append(result)
            print(line(result), flush=True)
            order = {part.name: place for place, part in enumerate(PARTS)}
            self.results.sort(key=lambda known: order[known["part"]])
            whole = {**self.about, "parts": self.results}
            self.out.mkdir(parents=True, exist_ok=True)
            (self.out / "gpu_check.json").write_text(json.dumps(whole, indent=1) + "\n")
            (self.out / "gpu_check.md").write_text(markdown(whole))


def run_check(arguments: argparse.Namespace) -> int:
    """Run all parts; return 0 if none failed."""
    until = time.monotonic() + 60 * arguments.minutes
    about = machine(arguments.device, small=arguments.small)
    board = Board(arguments.out, about)
    print(f"{about['device']}, torch {about['torch']}; {arguments.minutes:g} minutes at most")
    chosen = [part for part in PARTS if part.name in arguments.only]
    alike = [part for part in chosen if part.kind == "agreement"]
    timed = [part for part in chosen if part.kind != "agreement"]

    def run(parts: Sequence[Part], threads: int | None = None) -> None:
        run_group(parts, arguments, until, board.add, threads)

    if arguments.small:  # a process each takes longer to start than to work
        run(alike, 1)
        run(timed, 1)
    else:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            share = max(1, (os.cpu_count() or 1) // _AT_ONCE)
            list(pool.map(lambda part: run([part], share), alike))
        for part in timed:
            run([part])
    wrong = [r["part"] for r in board.results if r["status"] not in FINE]
    verdict = f"not passed: {', '.join(wrong)}" if wrong else "all passed"
    print(f"{verdict}; results are in {board.out}/gpu_check.json and gpu_check.md")
    return 1 if wrong else 0


def run_group(
    parts: Sequence[Part],
    arguments: argparse.Namespace,
    until: float,
    tell: Callable[[Result], None],
    threads: int | None = None,
) -> None:
    """Run some parts in one process, within their time and what is left of the whole."""
    seconds = min(sum(part.seconds for part in parts), until - time.monotonic())
    if not parts:
        return
    if seconds < _SMALLEST:
        for part in parts:
            tell({"part": part.name, "status": "not run", "error": "no time was left"})
        return
    here = Path(__file__).parent
    options = ["--device", arguments.device, *(["--small"] if arguments.small else [])]
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        command = [sys.executable, str(here), "--child", str(results), *options]
        # Repetitions end before the process is ended.
        command += ["--seconds", f"{0.85 * seconds:.1f}", "--only", *(part.name for part in parts)]
        ended = run_bounded(command, seconds, threads)
        lines = results.read_text().splitlines() if results.exists() else []
    found = {result["part"]: result for result in map(json.loads, lines)}
    for part in parts:
        if part.name in found:
            tell(found[part.name])
        else:  # in this one the process ended; those behind it had none
            tell({"part": part.name, "status": "failed", "error": ended})
            ended = f"the process of an earlier part {ended}"


def run_bounded(command: list[str], seconds: float, threads: int | None = None) -> str:
    """Run a command; return how it ended, in a line. It has no child left after that time."""
    environment = dict(os.environ)
    if threads:
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env=environment
        )
        try:
            code = process.wait(seconds)
            ended = f"ended with code {code}" if code >= 0 else f"ended by signal {-code}"
        except subprocess.TimeoutExpired:
            ended = f"not done after {seconds:.0f} s"
        except BaseException:
            _end(process)
            raise
        _end(process)
        log.seek(0)
        last = [text.strip() for text in log.read().splitlines() if text.strip()][-1:]
    return ": ".join([ended, *(text[:300] for text in last)])


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):  # a hung driver: go on all the same
        process.wait(5)
