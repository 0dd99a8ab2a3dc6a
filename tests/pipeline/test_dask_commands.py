"""The commands of docs/scale.md that use dask, with workers of this machine."""

import shlex
from pathlib import Path

import pytest

from doc_blocks import blocks, commands, write_cluster
from faket.cli.app import run
from faket.study import workers
from faket.verification import verify


@pytest.fixture
def scheduler():
    """Address of a scheduler with one worker."""
    distributed = pytest.importorskip(
        "distributed", reason="needs dask: pip install 'faket[cluster]'"
    )
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster:
        yield cluster.scheduler_address


def test_the_same_bytes_by_a_running_scheduler_and_by_new_workers(scheduler, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_cluster(tmp_path)
    Path("small.toml").rename("recipe.toml")
    Path("site.toml").write_text('system = "local"\n[settings]\nthreads_per_worker = 1\n')
    monkeypatch.setattr(workers, "run_study", lambda study, **_: study.save())
    block = next(b for b in blocks("sh") if b.page == "docs/scale.md" and "dask" in b.code)
    running, new, study = (
        command.replace("tcp://head:8786", scheduler).replace("--workers 12", "--workers 2")
        for command in commands(block.code)
    )
    assert run(shlex.split(running)[1:]) == 0
    Path("data").rename("first")
    assert run(shlex.split(new)[1:]) == 0
    verify(Path("data"))
    assert made("data") == made("first")
    assert run(shlex.split(study)[1:]) == 0
    assert Path("study/study.json").exists()


def made(folder):
    """Return the files of a data set, without that of durations and dates."""
    paths = (path for path in Path(folder).rglob("*") if path.is_file() and path.name != "run.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
