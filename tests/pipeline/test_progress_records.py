"""Records of what is being made: read by anyone, left only by killed processes."""

import signal
import subprocess
import sys
import time
from dataclasses import replace

from faket.io.leftovers import this_process
from faket.pipeline import progress_records
from faket.pipeline.progress_records import (
    Failed,
    ProgressRecords,
    clear_failed,
    making,
    making_path,
    new_making,
    read_making,
    read_progress,
    set_aside,
    swept,
)

HOLD = """
import sys, time
from pathlib import Path
from faket.pipeline.progress_records import making
with making(Path(sys.argv[1]), "model_1"):
    print("begun", flush=True)
    time.sleep(60)
"""


def test_a_part_is_told_while_it_is_made_and_beats(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_records, "BEAT_S", 0.01)
    with making(tmp_path, "model_0", run="r", attempt=2):
        (first,) = read_progress(tmp_path).making
        assert (first.name, first.attempt, first.run) == ("model_0", 2, "r")
        assert first.writer == "alive"
        assert first.process == this_process()
        for _ in range(1000):
            now = read_making(making_path(tmp_path, "model_0"))
            if now is not None and now.beat > first.beat:
                break
            time.sleep(0.01)
        assert now is not None
        assert now.beat > first.beat
        assert now.since == first.since
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_is_known_as_dead(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "begun\n"
        assert [record.writer for record in read_progress(tmp_path).making] == ["alive"]
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    (left,) = read_progress(tmp_path).making
    assert (left.pid, left.writer, left.attempt) == (holder.pid, "dead", 1)
    elsewhere = replace(left, process="00000000.1.1")
    assert elsewhere.writer == "unknown"


def test_reasons_stay_until_they_are_cleared(tmp_path):
    failure = Failed("model_3", "why", 2, True, 1.0, "here")
    set_aside(tmp_path, failure)
    damaged = making_path(tmp_path, "model_4")
    damaged.write_text('{"name": "mod')
    assert read_progress(tmp_path) == ProgressRecords((), (failure,))
    damaged.unlink()
    assert clear_failed(tmp_path) == ("model_3",)
    assert list(tmp_path.iterdir()) == []
    assert read_progress(tmp_path / "absent") == ProgressRecords()


def test_a_record_has_its_writer(tmp_path):
    record = new_making("model_7")
    assert record.process.split(".")[1] == str(record.pid)


def test_a_record_that_a_killed_process_left_empty_is_removed(tmp_path):
    """Without hard links a record is first made and then written."""
    path = making_path(tmp_path, "thing")
    path.parent.mkdir()
    path.touch()
    unknown = path.with_name(f".part-00000000.1.1-00000000-{path.name}")
    unknown.touch()
    with swept(tmp_path, alone=False):
        assert path.exists()  # its maker may live on another machine
    unknown.unlink()
    machine = this_process().split(".")[0]
    path.with_name(f".part-{machine}.999999999.1-00000000-{path.name}").touch()
    with swept(tmp_path, alone=False):
        assert not path.exists()
    assert not list(tmp_path.iterdir())


def test_a_reason_stays_whatever_killed_processes_left(tmp_path):
    failure = Failed("model_3", "why", 2, True, 1.0, "here")
    set_aside(tmp_path, failure)
    (path,) = (tmp_path / "progress").iterdir()
    machine = this_process().split(".")[0]
    left = path.with_name(f".part-{machine}.999999999.1-00000000-{path.name}")
    for alone in (False, True):
        left.touch()
        with swept(tmp_path, alone=alone):
            assert read_progress(tmp_path).failed == (failure,)
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]
