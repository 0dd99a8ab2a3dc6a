"""`faket study`, the real command: the smoke test, going on, and bad input."""

import csv
import json
from dataclasses import replace

import numba
import pytest
import torch

from faket.cli.app import run
from faket.pipeline import clusters, dask_cluster, executors
from faket.study import workers
from faket.study.settings import PRESETS
from inline_workers import inline_workers


@pytest.fixture
def tinier(monkeypatch):
    """The preset tiny with two rows, smaller specimens and fewer steps, in this process."""
    tiny = PRESETS["tiny"]
    settings = replace(
        tiny.settings,
        size_voxels=(64, 64, 40),
        particles=(6, 6),
        gold=(1, 1),
        tilt_step_deg=30.0,
        steps=4,
        patch=16,
        validations=1,
    )
    rows = ("benchmark", "tm")
    monkeypatch.setitem(PRESETS, "tiny", replace(tiny, settings=settings, modalities=rows))
    monkeypatch.setattr(executors, "worker_processes", inline_workers)


def fails(capsys, *arguments):
    assert run([str(a) for a in arguments]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line[:7] != "study: "]
    assert len(told) == 1
    assert told[0].startswith("faket: ")
    return told[0]


def test_tiny_from_nothing_to_the_page_and_again(tmp_path, capsys, tinier):
    out = tmp_path / "study"
    assert run(["study", str(out), "--preset", "tiny"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(out / "study.md")
    assert "data benchmark: tomograms of 64 x 64 x 40 voxels of 10 Å (specimen" in captured.err
    page = (out / "study.md").read_text()
    for title in ("BENCHMARK", "TM"):
        assert f"| **{title}**" in page
    assert "not run" not in page
    for name in ("modalities", "classes", "epochs", "confusion-benchmark"):
        assert f"figures/{name}.png" in page
        assert (out / "figures" / f"{name}.png").stat().st_size > 1000
    with (out / "study.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["modality"] for row in rows] == ["benchmark", "tm"]
    assert all(0 <= float(row["localisation_f1"]) <= 1 for row in rows)
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*/*/*/*") if path.is_file()}
    assert run(["study", str(out)]) == 0
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    assert (out / "study.md").read_text() == page
    text = fails(capsys, "study", out, "--steps", "3")
    assert "steps = 4 or more, found 3" in text
    (out / "runs" / "benchmark" / "seed_0" / "result.json").unlink()
    assert run(["study", str(out), "--report-only"]) == 0
    assert "| 0 of 1 |" not in (out / "study.md").read_text()
    assert (out / "study.md").read_text().count("not run") == 3


@pytest.fixture
def own_threads():
    """Workers in threads of this process set its numbers of threads."""
    threads = torch.get_num_threads(), numba.get_num_threads()
    yield
    torch.set_num_threads(threads[0])
    numba.set_num_threads(threads[1])


@pytest.mark.usefixtures("own_threads", "tinier")
def test_dask_makes_the_same_study(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="needs dask: pip install 'faket[cluster]'")
    opened, one = [], clusters.opened

    def told(*given):
        opened.append(given)
        return one(*given)

    monkeypatch.setattr(clusters, "opened", told)
    monkeypatch.setattr(dask_cluster, "opened", told)
    (tmp_path / "site.toml").write_text('system = "local"\n[settings]\nprocesses = false\n')
    where = ["--executor", "dask", "--cluster", str(tmp_path / "site.toml")]
    rows = ["--preset", "tiny", "--modalities", "benchmark"]
    assert run(["study", str(tmp_path / "dask"), *rows, *where, "--workers", "2"]) == 0
    assert {cluster for cluster, _ in opened[1:]} == {opened[1][0]} != {opened[0][0]}
    assert run(["study", str(tmp_path / "here"), *rows]) == 0
    files = [path for path in (tmp_path / "here").rglob("*/*/*/*") if path.is_file()]
    for path in files:
        other = tmp_path / "dask" / path.relative_to(tmp_path / "here")
        if path.name not in ("run.json", "costs.json", "result.json"):
            assert path.read_bytes() == other.read_bytes()
        elif path.name == "result.json":
            first, second = json.loads(path.read_text()), json.loads(other.read_text())
            assert first["scores"] == second["scores"]
            assert first["digests"] == second["digests"]
    assert "result.json" in {path.name for path in files}


def test_a_study_of_each_foreign_microscope_and_a_page_over_all(tmp_path, capsys, monkeypatch):
    out, made = tmp_path / "study", []
    monkeypatch.setattr(workers, "run_study", lambda study, **_: made.append(study))
    options = ["--tests", "3", "--steps", "40", "--species", "synthetic:syn-star"]
    assert run(["study", str(out), "--preset", "foreign", *options]) == 0
    assert capsys.readouterr().out.strip() == str(out / "study.md")
    assert [study.folder.name for study in made] == ["alder", "birch", "hazel"]
    assert {(study.settings.tests, study.settings.steps) for study in made} == {(3, 40)}
    assert run(["study", str(out)]) == 0
    assert made[3:] == made[:3]
    assert run(["study", str(out), "--report-only"]) == 0
    assert "[hazel](hazel/study.md)" in (out / "study.md").read_text()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--modalities", "benchmark,nonsense"), "found 'nonsense'"),
        (("--modalities", ""), "found ''"),
        (("--preset", "huge"), "huge"),
        (("--seeds", "0"), "seeds"),
        (("--workers", "0"), "workers"),
        (("--report-only",), "expected a study to report on"),
        (("--report-only", "--seed", "0"), "expected no --seed with --report-only"),
        (("--vgg19", "nowhere.pth"), "expected a file"),
        (("--species", "synthetic:unicorn", "--modalities", "tm"), "unicorn"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, options, reason):
    assert reason in fails(capsys, "study", tmp_path / "new", *options)


def test_after_a_mistake_the_same_folder_will_do(tmp_path, capsys):
    wrong = ("study", tmp_path / "s", "--modalities", "tm", "--species")
    assert "unicorn" in fails(capsys, *wrong, "synthetic:unicorn")
    assert "dragon" in fails(capsys, *wrong, "synthetic:dragon")
    assert "dragon" in fails(capsys, "study", tmp_path / "s")


def test_a_folder_of_other_things_stays_as_it_is(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert "other files" in fails(capsys, "study", tmp_path, "--preset", "tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
