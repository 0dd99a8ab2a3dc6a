"""One of many makes what all need, without locks or clocks that agree; a dead one is replaced."""

import os
import threading
import time
from dataclasses import replace

import pytest

from faket.errors import InputError
from faket.pipeline import made_once
from faket.pipeline.made_once import make_once
from faket.pipeline.progress_records import making_path, new_making, write_progress

_ELSEWHERE = "00000000.1.1"  # a process of another machine


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(made_once, "_POLL_S", 0.005)


def nothing(*line):
    pass


@pytest.mark.parametrize("links", [True, False])
def test_many_begin_and_one_makes(tmp_path, monkeypatch, links):
    if not links:

        def refuse(*paths):
            raise PermissionError(1, "Operation not permitted")  # as FAT and some network drives

        monkeypatch.setattr(os, "link", refuse)
    made, made_by = tmp_path / "made", list[int]()

    def make():
        made_by.append(threading.get_ident())
        time.sleep(0.05)
        (tmp_path / "part").write_text("whole")
        (tmp_path / "part").rename(made)  # as all that is made once appears

    def work():
        make_once(tmp_path, "thing", made.exists, make, alone=False, say=nothing)
        assert made.read_text() == "whole"

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made_by) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_who_beats_is_waited_for_whatever_the_clocks_say(tmp_path, monkeypatch):
    """Its clock is a day behind; each of its beats is news, and its silence is measured here."""
    monkeypatch.setattr(made_once, "STALE_S", 0.2)
    path = making_path(tmp_path, "thing")
    there = replace(new_making("thing"), process=_ELSEWHERE, since=0.0, beat_at=0.0)
    made, said, ended = list[float](), list[tuple[str, int, int]](), time.monotonic() + 0.6

    def beat():
        now = there
        while time.monotonic() < ended:
            write_progress(path, now)
            now = replace(now, beat=now.beat + 1)
            time.sleep(0.02)

    write_progress(path, there)
    thread = threading.Thread(target=beat)
    thread.start()
    make_once(
        tmp_path,
        "thing",
        lambda: bool(made),
        lambda: made.append(time.monotonic()),
        alone=False,
        say=lambda what, done, total: said.append((what, done, total)),
    )
    thread.join()
    assert made[0] > ended + 0.1
    assert len(said) == 1
    assert "waiting for process" in said[0][0]
    assert said[0][1:] == (0, 0)  # a notice


@pytest.mark.parametrize("process", ["dead", "elsewhere"])
def test_leftovers_of_the_killed_are_taken_over_at_once(tmp_path, process):
    """On this machine because its process is gone; on another if nobody else can be at work."""
    here = new_making("thing")
    machine, pid, started = here.process.split(".")
    gone = f"{machine}.{pid}.{int(started) + 1}" if process == "dead" else _ELSEWHERE
    write_progress(making_path(tmp_path, "thing"), replace(here, process=gone))
    made = []
    make_once(
        tmp_path,
        "thing",
        lambda: bool(made),
        lambda: made.append(1),
        alone=process == "elsewhere",
        say=nothing,
    )
    assert made == [1]
    assert list(tmp_path.iterdir()) == []


def test_a_claim_begun_meanwhile_is_given_back(tmp_path):
    """Two find the same dead record; the second must not remove what the first then begins."""
    path = making_path(tmp_path, "thing")
    dead, living = replace(new_making("thing"), process=_ELSEWHERE), new_making("thing")
    write_progress(path, living)
    made_once._remove(path, dead)
    assert made_once.read_making(path) == living
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_who_fails_lets_the_next_begin(tmp_path):
    def fail():
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            make_once(tmp_path, "thing", lambda: False, fail, alone=False, say=nothing)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_its_line(tmp_path, monkeypatch):
    def full(path, record):
        raise InputError(f"{path.parent}: expected 1 kB of free disk space, found none; free space")

    monkeypatch.setattr(made_once, "write_progress", full)
    with pytest.raises(InputError, match="free disk space"):
        make_once(tmp_path, "thing", lambda: False, nothing, alone=False, say=nothing)
