"""Standard output and error that are closed, full or no longer read."""

import os
import sys
from contextlib import suppress

BROKEN_PIPE = 141  # 128 + SIGPIPE, what a shell reports of other programs


def open_streams() -> None:
    """Stand in for streams that the shell has closed, so that no file takes their place."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def drop_output() -> None:
    """Let what is still to be printed go nowhere, for nobody takes it."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
