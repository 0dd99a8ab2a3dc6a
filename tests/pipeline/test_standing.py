"""Where a data set or a study stands, while others work in it."""

import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.cli.app import run
from faket.io.records import write_record
from faket.pipeline.progress_records import (
    Failed,
    making,
    making_path,
    new_making,
    read_progress,
    set_aside,
)
from faket.pipeline.standing import standing_of
from faket.pipeline.starting import workers_start


@pytest.fixture
def out(tmp_path):
    """Four of twenty tomograms, which took 60 s each."""
    folder = tmp_path / "out"
    facts = {"seconds": 60, "cpu_seconds": 60, "peak_rss_MB": 1}
    for index in range(4):
        model = folder / f"model_{index}"
        model.mkdir(parents=True)
        (model / "manifest.json").write_text("{}")
        (model / "run.json").write_text(json.dumps({"stages": {"painting": facts}}))
    (folder / "recipe.json").write_text(json.dumps({"tomograms": 20}))
    return folder


def begun(out, name, *, silent_s=0, **changes):
    """Leave a record, the last sign of which the drive dated so many seconds ago."""
    path = making_path(out, name)
    write_record(path, replace(new_making(name), **changes))
    os.utime(path, (time.time() - silent_s,) * 2)


def test_made_making_lost_and_failed(out, capsys):
    begun(out, "model_4")
    begun(out, "model_5", process="elsewhere.7.1", host="node5", pid=7, attempt=2)
    begun(out, "model_6", process="elsewhere.8.1", host="node5", pid=8, silent_s=999)
    begun(out, "model_3")  # finished a moment ago
    set_aside(out, Failed("model_7", "no room", 2, True, time.time(), "node5"))
    before = sorted(out.rglob("*"))
    found = standing_of(out)
    assert (found.made, found.total) == (4, 20)
    assert [one.name for one in found.making] == ["model_4", "model_5"]
    assert [one.name for one in found.lost] == ["model_6"]
    assert found.an_hour == 120
    assert found.seconds_left == 15 * 30  # all but those made and the one set aside
    assert run(["status", str(out)]) == 0
    told = capsys.readouterr().out.splitlines()
    counts = "4 of 20 made, 2 being made, 1 set aside, 120.0 an hour, about 8 min left"
    assert told[0].endswith(counts)
    assert f"process {os.getpid()} on" in told[1]
    assert told[2].endswith("process 7 on node5, for 0 s, attempt 2")
    assert "gave its last sign at" in told[3]
    assert told[4] == "  model_7: set aside after 2 tries: no room"
    assert run(["status", str(out), "--json"]) == 0
    (content,) = json.loads(capsys.readouterr().out)
    assert content["failed"][0]["reason"] == "no room"
    assert content["seconds_left"] == 450
    assert sorted(out.rglob("*")) == before


def test_reasons_are_in_the_words_of_the_command_that_makes_it(out, capsys):
    reason = "expected room; set `SpecimenConfig.on_full` = 'continue'"
    set_aside(out, Failed("model_7", reason, 2, True, time.time(), "node5"))
    assert run(["status", str(out)]) == 0
    told = capsys.readouterr().out
    assert told.endswith("expected room; set specimen.on_full = 'continue'\n")


def test_nobody_works_and_nothing_is_known(tmp_path, capsys):
    (tmp_path / "progress").mkdir()
    begun(tmp_path, "preparation")
    assert run(["status", str(tmp_path)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].endswith("0 of an unknown number made")
    assert told[1].startswith("  preparing: process ")
    assert run(["status", str(tmp_path / "nowhere")]) == 2
    assert "found no folder" in capsys.readouterr().err


def test_workers_that_start_are_told_and_make_nothing_yet(out, capsys):
    begun(out, "workers")
    assert run(["status", str(out)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].endswith("4 of 20 made")
    assert told[1].startswith(f"  workers start: process {os.getpid()} on")


@pytest.mark.parametrize("off_s", [-1e6, -300, 0, 300, 1e6])
@given(silent_s=st.floats(0, 1e5).filter(lambda value: abs(value - 180) > 20))
@settings(max_examples=20, deadline=None)
def test_whether_another_machine_works_is_told_by_the_clock_of_the_drive(off_s, silent_s):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        last = time.time() + off_s  # what the other machine's clock shows
        begun(out, "model_0", silent_s=silent_s, process="elsewhere.7.1", beat_at=last)
        found = standing_of(out)
        assert [len(found.making), len(found.lost)] == ([1, 0] if silent_s < 180 else [0, 1])
        assert [path.name for path in (out / "progress").iterdir()] == ["model_0.making.json"]


def test_the_drive_has_another_clock_than_this_machine(out, monkeypatch):
    begun(out, "model_4", process="elsewhere.7.1", silent_s=100)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert [one.name for one in standing_of(out).making] == ["model_4"]


def test_where_nothing_may_be_written_this_machines_clock_is_taken(out, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError

    begun(out, "model_4", process="elsewhere.7.1", silent_s=100)
    begun(out, "model_5", process="elsewhere.7.2", silent_s=999)
    monkeypatch.setattr(Path, "touch", refuse)
    assert [one.name for one in standing_of(out).lost] == ["model_5"]


def test_that_workers_start_is_forgotten_when_one_makes_something(tmp_path):
    with workers_start(tmp_path) as see:
        see()
        assert [one.name for one in read_progress(tmp_path).making] == ["workers"]
        with making(tmp_path, "model_0"):
            see()
            assert [one.name for one in read_progress(tmp_path).making] == ["model_0"]
        see()
    assert not list(tmp_path.iterdir())
    with workers_start(tmp_path):
        pass  # nothing was begun
    assert not list(tmp_path.iterdir())
