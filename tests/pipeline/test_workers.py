"""Worker processes end with the program, whatever ends it, and see none of its signals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faket.errors import InputError
from faket.io import failures
from faket.pipeline.workers import worker_processes

PROGRAM = """
import os, sys, time
from concurrent.futures import wait
from faket.io.folder_lock import folder_lock
from faket.io.atomic import atomic_path
from faket.pipeline.workers import worker_processes

def begin(): pass

def work(folder):
    with atomic_path(f"{folder}/{os.getpid()}") as temporary:
        temporary.write_text("half")
        while True:
            time.sleep(10)

if __name__ == "__main__":
    from faket.cli.signals import exit_code, stopping
    try:
        with stopping(), folder_lock(sys.argv[1]), worker_processes(2, begin) as workers:
            wait([workers.submit(work, sys.argv[1]) for _ in range(2)])
    except KeyboardInterrupt as stop:
        sys.exit(exit_code(stop))
"""


def processes_of(group: int) -> list[int]:
    """Every living process of a session."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == group and fields[0] != b"Z":
            found.append(int(place.name))
    return found


def until(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize(
    ("number", "whole_group", "code"),
    [
        (signal.SIGKILL, False, -signal.SIGKILL),
        (signal.SIGTERM, False, 143),
        (signal.SIGTERM, True, 143),
        (signal.SIGINT, True, 130),
        (signal.SIGHUP, True, 129),
    ],
)
def test_nobody_is_left(tmp_path, number, whole_group, code):
    program, out = tmp_path / "program.py", tmp_path / "out"
    program.write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, program, out], start_new_session=True, stderr=subprocess.PIPE
    ) as parent:
        try:
            assert until(lambda: len(list(out.glob(".part-*"))) == 2)
            (os.killpg if whole_group else os.kill)(parent.pid, number)
            assert until(lambda: parent.poll() is not None)
            assert until(lambda: not processes_of(parent.pid))
        finally:
            for process in processes_of(parent.pid):
                os.kill(process, signal.SIGKILL)
        assert parent.returncode == code
        assert b"Traceback" not in parent.stderr.read()
    if number == signal.SIGKILL:
        assert len(list(out.glob(".part-*"))) == 2
    else:
        assert not out.exists()


def test_a_killed_worker_is_one_line():
    with (
        pytest.raises(InputError, match="found one killed"),
        worker_processes(2, time.sleep, 0.0) as pool,
    ):
        pool.submit(signal.raise_signal, signal.SIGKILL).result()


def test_notices_of_workers_are_told_by_the_command(caplog, tmp_path):
    """Whoever tells them can then write JSON, or leave a bar of progress whole."""
    path = tmp_path / "a.mrc"
    with worker_processes(2, time.sleep, 0.0) as pool:
        for future in [pool.submit(failures.notice, path, f"odd {i}") for i in range(2)]:
            future.result()
        assert until(lambda: len(caplog.messages) == 2)
    assert sorted(caplog.messages) == [f"{path}: odd 0", f"{path}: odd 1"]
