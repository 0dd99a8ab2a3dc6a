"""Worker processes end with the program, whatever ends it, and see none of its signals."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.errors import InputError
from faket.io import failures
from faket.pipeline import executors
from faket.pipeline.executors import Workplace, open_executor
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


def test_processes_that_start_early_get_the_work():
    with worker_processes(2, time.sleep, 0.0) as pool:
        pool.start()
        early = {child.pid for child in multiprocessing.active_children()}
        assert len(early) == 2
        done = [pool.submit(os.kill, pid, 0) for pid in early]  # each process sees both
        assert [future.result() for future in done] == [None, None]
        assert {child.pid for child in multiprocessing.active_children()} == early


def test_an_error_waits_for_work_but_not_for_processes_that_start(tmp_path):
    slow, done = tmp_path / "slow", tmp_path / "done"

    def early():
        with worker_processes(2, exec, later(20, slow)) as pool:
            pool.start()
            raise InputError("a mistake")

    def at_work():
        with worker_processes(2, time.sleep, 0.0) as pool:
            pool.submit(exec, later(1, done))
            raise InputError("a mistake")

    with pytest.raises(InputError, match="a mistake"):
        early()
    assert not slow.exists()
    with pytest.raises(InputError, match="a mistake"):
        at_work()
    assert done.exists()
    assert not multiprocessing.active_children()


def later(seconds: float, path: Path) -> str:
    """Code that writes a file after so many seconds."""
    return f"import time, pathlib; time.sleep({seconds}); pathlib.Path({str(path)!r}).touch()"


@given(cores=st.integers(1, 256), workers=st.integers(2, 256))
@settings(deadline=None)
def test_workers_share_the_cores(cores, workers):
    """Nearly all cores are used, and no more than a third more threads than there are cores."""
    told = []

    @contextmanager
    def stand_in(places, begin, threads):
        told.append(threads)
        yield None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executors, "worker_processes", stand_in)
        patch.setattr(os, "cpu_count", lambda: cores)
        with open_executor(Workplace(workers=workers), print):
            pass
    (threads,) = told
    assert threads >= 1
    if workers <= cores:
        assert 2 / 3 <= threads * workers / cores <= 4 / 3
