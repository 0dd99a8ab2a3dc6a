"""What this machine has for workers: cores, and memory that is free."""

import os
from contextlib import suppress
from pathlib import Path

_MEMORY = Path("/proc/meminfo")
_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_memory_MB() -> float | None:
    """Return the memory that processes can still take (MiB); None where nobody tells.

    That of the machine, or what is left of the limit of a container or batch job, if it is less.
    """
    found = []
    with suppress(OSError, ValueError, IndexError):
        text = _MEMORY.read_text()
        found.append(int(text.split("MemAvailable:")[1].split()[0]) / 2**10)
    for group in _groups():
        with suppress(OSError, ValueError):  # "max": no limit
            most = int((group / "memory.max").read_text())
            found.append((most - int((group / "memory.current").read_text())) / 2**20)
    return min(found, default=None)


def _groups() -> list[Path]:
    """Return the control groups (version 2) of this process: a job's limit is that of its own."""
    own = ""
    with suppress(OSError, IndexError):
        own = _OWN_GROUP.read_text().split("0::/")[1].splitlines()[0]
    group = _GROUPS / own
    return [group, *(parent for parent in group.parents if parent.is_relative_to(_GROUPS))]
