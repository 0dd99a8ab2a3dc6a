"""Time and memory of each stage, which are recorded for the run, not for the data."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

_FACTS = ("seconds", "cpu_seconds", "peak_rss_MB")


@dataclass
class Clock:
    """Seconds, seconds of all cores, and peak memory of each stage of one tomogram.

    A stage may have several parts, whose seconds add up. On Linux, where the peak can be reset, it
    is that of the stage; elsewhere that of the process so far.
    """

    stages: dict[str, dict[str, float]] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the body."""
        _reset_peak()
        start, cpu_start = time.perf_counter(), time.process_time()
        yield
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        before = self.stages.get(name, dict.fromkeys(_FACTS, 0.0))
        self.stages[name] = {
            "seconds": round(before["seconds"] + seconds, 3),
            "cpu_seconds": round(before["cpu_seconds"] + cpu_seconds, 3),
            "peak_rss_MB": max(before["peak_rss_MB"], round(_peak_MB())),
        }


def _reset_peak() -> None:
    with suppress(OSError):  # elsewhere the peak of the process is reported
        Path("/proc/self/clear_refs").write_text("5")


def _peak_MB() -> float:
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 2**10)
