"""The GPU check itself: it runs without a GPU and from the source tree alone, and is bounded."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECK = ROOT / "scripts" / "gpu_check"
# Neither on the machine with the GPU nor, therefore, behind any part of the check.
ABSENT = ("mrcfile", "gemmi", "zarr", "pydantic", "cyclopts", "rich", "matplotlib", "hypothesis")


@pytest.fixture
def modules(monkeypatch):
    """The check's own modules, which know each other by their bare names."""
    for path in (CHECK, ROOT / "benchmarks"):
        monkeypatch.syspath_prepend(str(path))
    names = (
        "child", "parent", "parts", "shares", "tables", "facts", "inputs", "agreement", "whole",
    )  # fmt: skip
    loaded = {name: __import__(name) for name in names}
    yield SimpleNamespace(**loaded)
    for name in (*names, "bench_microscope", "speed"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A run at toy size on a Python without the packages that the other machine lacks."""
    folder = tmp_path_factory.mktemp("bare")
    blocked = folder / "site"
    blocked.mkdir()
    for name in ABSENT:
        (blocked / f"{name}.py").write_text(f"raise ImportError('{name} is not to be needed')\n")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    out = folder / "out"
    done = subprocess.run(
        [sys.executable, str(CHECK), "--device", "cpu", "--small", "--out", str(out)],
        env={**environment, "PYTHONPATH": str(blocked), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        cwd=folder,
    )
    return done, out


def test_every_part_passes_at_toy_size_without_the_packages_of_the_command_line(bare, modules):
    done, out = bare
    assert done.returncode == 0, done.stdout + done.stderr
    whole = json.loads((out / "gpu_check.json").read_text())
    assert [p["part"] for p in whole["parts"]] == [p.name for p in modules.parts.PARTS]
    cpu_only = [p["part"] for p in whole["parts"] if p["status"] == "CPU only"]
    assert cpu_only == ["alignment_and_binning"]
    left_out = [p["part"] for p in whole["parts"] if p["status"] == "left out"]
    assert left_out == ["simulate_ten"]
    table = (out / "gpu_check.md").read_text()
    assert "torch" in table
    assert "differs" not in table
    rows = [row for part in whole["parts"] for row in part["rows"]]
    assert table.count("\n| ") == len(rows) + 2, "a line a row, and two heads"


def test_the_tables_name_what_is_wrong(modules):
    differs = {"what": "x", "found": 2.0, "allowed": 1.0, "agrees": False}
    parts = [
        {"part": "vgg19", "status": modules.child.status_of([differs]), "rows": [differs]},
        {"part": "texture", "status": "failed", "error": "not done after 90 s"},
    ]
    about = modules.facts.machine("cpu", small=True)
    table = modules.tables.markdown({**about, "parts": parts})
    assert "**differs**" in table
    assert "- vgg19: failed" in table
    assert "- texture: failed; not done after 90 s" in table
    assert not modules.agreement.row("nothing", float("nan"), 1.0)["agrees"]


def test_a_part_that_hangs_is_ended_with_its_children(modules, tmp_path):
    alive = tmp_path / "alive"
    child = f"import time; time.sleep(3); open({str(alive)!r}, 'w')"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    ended = modules.parent.run_bounded([sys.executable, "-c", parent], 1.0)
    assert ended == "not done after 1 s"
    time.sleep(3)
    assert not alive.exists()


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended by signal 11"),
        ("raise RuntimeError('CUDA error')", "ended with code 1: RuntimeError: CUDA error"),
    ],
)
def test_a_crash_is_told_in_a_line(modules, code, told):
    assert modules.parent.run_bounded([sys.executable, "-c", code], 30.0) == told


def test_what_no_longer_fits_is_not_run(modules, tmp_path):
    arguments = SimpleNamespace(device="cpu", small=True)
    results = []
    part = modules.parts.PARTS[0]
    modules.parent.run_group([part], arguments, time.monotonic() + 1, results.append)
    assert results == [{"part": part.name, "status": "not run", "error": "no time was left"}]


def test_results_are_kept_as_they_come(modules, tmp_path, capsys):
    board = modules.parent.Board(tmp_path, modules.facts.machine("cpu", small=True))
    for name in ("texture", "vgg19"):
        board.add({"part": name, "status": "failed", "error": "e"})
        known = json.loads((tmp_path / "gpu_check.json").read_text())["parts"]
        assert name in {part["part"] for part in known}
    assert [part["part"] for part in known] == ["vgg19", "texture"]
    assert capsys.readouterr().out.count("\n") == 2


def test_time_is_divided_between_host_copies_and_kernels(modules):
    found = modules.shares.divided({"gemm": 3.0, "Memcpy HtoD": 1.0, "Memset": 1.0}, 10.0)
    assert found == {"host": 0.5, "copies": 0.2, "gpu": 0.3}
    assert modules.shares.divided({"gemm": 3.0}, 2.0)["host"] == 0


def test_a_run_cut_short_is_reckoned_to_the_end(modules):
    import speed

    def call(note):
        for _ in range(10):
            time.sleep(0.02)
            note()

    task = modules.child.Task("cpu", True, 0.0)
    row = speed.tilt_by_tilt("x", call, 10, task, time.monotonic() + 0.05)
    assert row["reckoned"]
    assert row["seconds"] > 0.15
    whole = speed.tilt_by_tilt("x", call, 10, task, time.monotonic() + 60)
    assert "reckoned" not in whole


def test_without_a_gpu_it_says_so_in_a_line(tmp_path):
    done = subprocess.run(
        [sys.executable, str(CHECK)],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--device cpu --small" in done.stderr
    assert not list(tmp_path.iterdir())


def test_when_workers_had_work_is_read_from_what_the_command_said(modules, tmp_path):
    said, time = tmp_path / "said.txt", "2026-11-28T00:00:{:02d}.500+00:00"
    words = ["loading molecules", "2 at a time", "model_1 finished", "model_0 finished"]
    entries = [{"time": time.format(n), "what": word} for n, word in enumerate(words, start=1)]
    lines = map(json.dumps, [*entries, {"time": time.format(9), "notice": "all finished"}])
    said.write_text("\n".join(["Warning: no JSON", *lines]) + "\n")
    rows = modules.whole._moments(said, datetime(2026, 11, 28, tzinfo=UTC))
    assert [row["seconds"] for row in rows] == [2.5, 3.5, 4.5]
    assert [row["what"].split()[-1] for row in rows] == ["work", "finished", "finished"]


@pytest.mark.parametrize(("cores", "numbers"), [(16, [10, 8]), (2, [2, 1]), (1, [1])])
def test_one_round_of_workers_is_tried_first(modules, cores, numbers):
    assert modules.whole._numbers_of_workers(10, cores) == numbers
