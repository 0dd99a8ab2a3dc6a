"""What a recipe costs: lines through two pieces, pieces as dense as the whole, job scripts."""

import json
import math
import os
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faket.cli.app import run
from faket.errors import InputError
from faket.pipeline import forecast, generate, machine, parse_recipe, pieces
from faket.pipeline.costs import PartCost, StageCost, cost_of, extrapolated, mean_cost, sum_of
from faket.pipeline.forecast import Forecast, forecast_of_pieces, forecast_of_run
from faket.pipeline.job_scripts import MEMORY_MARGIN, TEMPLATES, TIME_MARGIN, job_script
from faket.pipeline.pieces import left_out, piece_of, piece_sides, work_of, works
from faket.pipeline.recipe import drawn_recipe
from faket.pipeline.reference import tilt_angles

RECIPE = """
method = "noiseless"
tomograms = 6
species = [
    { source = "synthetic:syn-ring", copies = 20 },
    { source = "synthetic:syn-block", copies = 2 },
]
[tilts]
step_deg = 30.0
[specimen]
size_voxels = [96, 64, 40]
voxel_size_A = 10.0
vesicles = [2, 7]
vesicle_semi_axes_A = [150, 200]
gold = [1, 1]
[reconstruction]
binning = 2
taper = 4
"""


def quiet(what, done, total):
    """Take no notice."""


def part(work, fixed=1.0, each=0.5):
    """Return the cost of a part whose stages grow with the work."""
    stages = {
        "painting": StageCost(fixed + each * work, 2 * each * work, 300 + 10 * work),
        "writing": StageCost(each * work, fixed, 100.0),
    }
    return PartCost(stages, 1000 + 40 * work)


FORECAST = Forecast(
    "pieces", "measured", 100, part(100), 2000.0, part(10), StageCost(20, 20, 0), 16
)


def test_what_grows_with_the_work_is_scaled_exactly():
    whole, wanted = extrapolated((part(4), part(16)), 4.0, 25.0), part(400)
    assert whole.stages == wanted.stages
    assert whole.disk_bytes == wanted.disk_bytes
    assert whole.whole.seconds == pytest.approx(1 + 400)
    assert whole.whole.peak_MB == 4300


def test_nothing_costs_less_than_its_piece():
    """A smaller piece that happened to take longer makes no time negative."""
    small, large = part(4, fixed=90.0), part(16, fixed=0.0)
    whole = extrapolated((small, large), 4.0, 25.0)
    assert whole.stages["painting"].seconds == large.stages["painting"].seconds


def test_what_is_beside_a_part_is_the_rest_and_never_less_than_nothing():
    first, second = StageCost(5, 7, 300), StageCost(2, 3, 400)
    assert first.and_then(second).without(second) == StageCost(5, 7, 400)
    assert second.without(first) == StageCost(0, 0, 400)


def test_means_and_sums_keep_the_largest_memory():
    parts = [part(1), part(3)]
    assert mean_cost(parts).disk_bytes == part(2).disk_bytes
    assert sum_of(parts).whole.seconds == pytest.approx(sum(p.whole.seconds for p in parts))
    assert mean_cost(parts).whole.peak_MB == sum_of(parts).whole.peak_MB == 330


def test_pieces_are_as_dense_as_the_whole():
    recipe = parse_recipe(RECIPE)
    piece = piece_of(recipe, 32, 32)
    assert piece.specimen.size_voxels == (32, 32, 40)  # a sixth
    # A sixth of 22 is 3.7; of 2 alone it would be none.
    assert [entry.copies for entry in piece.species] == [3, 1]
    assert piece.specimen.vesicles == (1, 1)  # of 4.5
    assert piece.specimen.gold == (0, 0)
    assert left_out(recipe, piece) == ()
    fewer = replace(recipe.specimen, vesicles=(1, 2))
    recipe = recipe.model_copy(update={"specimen": fewer})
    assert left_out(recipe, piece_of(recipe, 32, 32)) == ("vesicles",)


@given(amounts=st.lists(st.integers(0, 300), min_size=1, max_size=8), share=st.floats(0.001, 1))
def test_pieces_have_their_share_of_all_species_together(amounts, share):
    found = pieces._shares(amounts, share)
    assert abs(sum(found) - share * sum(amounts)) <= 0.5 + 1e-9
    for n, amount in zip(found, amounts, strict=True):
        assert n >= 0
        assert abs(n - share * amount) <= 1 + 1e-9
    first, last = pieces._share((amounts[0], amounts[0] + 3), share)
    assert first == last
    assert abs(first - share * (amounts[0] + 1.5)) <= 0.5 + 1e-9


def test_the_work_of_tomograms_that_vary_is_that_of_each_drawn(monkeypatch):
    alike = parse_recipe(RECIPE)
    plan: Any = SimpleNamespace(angles_deg=np.zeros(5))
    assert list(works(plan, alike, ())) == [96 * 64 * 40 * 5]
    varied = parse_recipe(RECIPE.replace("= 30.0", "= { choice = [20.0, 40.0] }"))
    monkeypatch.setattr(pieces, "_MOST_DRAWN", 4)
    tilts = [work / (96 * 64 * 40) for work in works(plan, varied, ())]
    assert len(tilts) == 4
    for index, n in enumerate(tilts):
        drawn, _ = drawn_recipe(varied, f"model_{index}")
        assert n == len(tilt_angles(drawn, ()))


def test_filaments_that_no_piece_can_hold_are_left_out_and_told():
    """The smallest piece of 16 x 16 x 40 voxels of 10 Å has a diagonal of 459 Å."""
    table = '[[filaments]]\nkind = "actin"\ncopies = [6, 6]\nlength_A = [{}, 900]\n'
    for least_A, kept in ((440, [(1, 1)]), (480, [])):
        recipe = parse_recipe(RECIPE + table.format(least_A))
        piece = piece_of(recipe, 32, 16)
        assert [one.copies for one in piece.filaments] == kept  # a sixth
        assert left_out(recipe, piece) == (() if kept else ("filaments",))


def test_sides_of_pieces_are_multiples_of_the_binning_and_small_specimens_have_none():
    def sides(x, y, binning):
        recipe = parse_recipe(RECIPE)
        specimen = replace(recipe.specimen, size_voxels=(x, y, 40))
        settings = recipe.reconstruction.model_copy(update={"binning": binning})
        return piece_sides(
            recipe.model_copy(update={"specimen": specimen, "reconstruction": settings})
        )

    assert sides(1024, 1024, 2) == (128, 256)
    for binning in (1, 3, 5, 7):
        small, large = sides(2000, 3500, binning)
        assert large == 2 * small
        assert small % binning == 0
        assert 0 <= 875 - large < 2 * binning  # a quarter of the longer side
    assert sides(190, 512, 2) == ()


def test_a_forecast_from_pieces_and_one_from_the_run_it_is_of(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "_LEAST_VOXELS", 32)
    recipe = parse_recipe(RECIPE)
    said, sides = list[tuple[int, int]](), list[int]()

    def count(what, done, total):
        said.extend([(done, total)] if "piece" in what else [])

    def piece(recipe, side, least):
        sides.append(side)
        assert least == 16
        return piece_of(recipe, side, least)

    monkeypatch.setattr(forecast, "piece_of", piece)
    found = forecast_of_pieces(recipe, say=count)
    assert said == [(0, 3), (1, 3), (2, 3)]
    assert sides == [16, 16, 32]  # the smallest is also what compiles
    assert found.source == "pieces"
    assert "two pieces" in found.basis
    assert "32 x 32 x 40" in found.basis
    assert next(iter(found.tomogram.stages)) == "placement"
    out = tmp_path / "out"
    assert forecast_of_run(recipe, out) is None
    made = generate(recipe.model_copy(update={"tomograms": 1}), out)
    size = sum(file.stat().st_size for file in made.models[0].iterdir())
    assert found.tomogram.disk_bytes == pytest.approx(size, rel=0.03)
    told = forecast_of_run(recipe, out)
    assert told is not None
    assert told.source == "run"
    assert told.tomograms == 6
    assert told.tomogram == cost_of(made.models[0])
    with pytest.raises(InputError, match="found another's"):
        forecast_of_run(recipe.model_copy(update={"seed": 5}), out)


def test_tomograms_of_several_sizes_have_a_mean_and_a_largest(monkeypatch):
    recipe, tilts = parse_recipe(RECIPE), np.zeros(5)
    whole = work_of(recipe, len(tilts))
    monkeypatch.setattr(forecast, "works", lambda *_: [whole, 3 * whole, 5 * whole])
    measured = []
    for side in (16, 32):
        piece = piece_of(recipe, side, 16)
        plan: Any = SimpleNamespace(recipe=piece, angles_deg=tilts)
        work = work_of(piece, len(tilts)) / 1e5
        measured.append(forecast._Piece(plan, part(work, fixed=3.0), part(work)))
    found = forecast._forecast(recipe, measured, StageCost(1, 1, 1))
    mean = part(3 * whole / 1e5)
    assert found.tomogram.whole.seconds == pytest.approx(mean.whole.seconds)
    assert found.tomogram.whole.cpu_seconds == pytest.approx(mean.whole.cpu_seconds)
    assert found.tomogram.disk_bytes == pytest.approx(mean.disk_bytes)
    assert found.largest_MB == pytest.approx(part(5 * whole / 1e5).whole.peak_MB)
    references = part(3 * whole / 1e5, fixed=3.0).whole  # simulated ones are pieces, too
    assert found.references.whole.seconds == pytest.approx(references.seconds)
    assert found.disk_bytes == pytest.approx(7 * mean.disk_bytes)
    one = forecast._forecast(recipe, measured[1:], StageCost(1, 1, 1))
    assert one.tomogram == measured[1].tomogram


def test_time_and_memory_of_the_whole_count_all_that_is_needed():
    each, once = FORECAST.tomogram.whole, FORECAST.references.whole
    assert FORECAST.seconds(1) == pytest.approx(20 + once.seconds + 100 * each.seconds)
    few = replace(FORECAST, tomograms=3, start=None)  # more workers than tomograms help nobody
    assert few.seconds(1000) == few.seconds(3) == pytest.approx(once.seconds + each.seconds)
    waiting = replace(FORECAST, start=StageCost(0, 0, 500.0))
    assert waiting.most_workers(2499) == 0
    assert waiting.most_workers(2500) == 1
    assert waiting.most_workers(100) == 0
    assert FORECAST.disk_bytes == 100 * (1000 + 40 * 100) + 1000 + 40 * 10


def test_workers_are_no_faster_than_the_cores():
    cost = FORECAST.tomogram.whole
    hours = [FORECAST.an_hour(n) for n in (1, 2, 100)]
    assert hours[:2] == [3600 / cost.seconds, 7200 / cost.seconds]
    assert hours[2] == 16 * 3600 / cost.cpu_seconds
    assert FORECAST.seconds(1) > 100 * cost.seconds
    assert FORECAST.seconds(10_000) > cost.seconds
    assert FORECAST.most_workers(8000) == 4


@pytest.mark.parametrize("name", TEMPLATES)
def test_job_scripts_have_no_word_left_and_ask_for_the_margin(name):
    script = job_script(name, FORECAST, Path("my recipe.toml"), None, tasks=10, cores=4)
    assert "{{" not in script
    assert "'my recipe.toml' 'my recipe'" in script
    assert f"{2000 * (1 + MEMORY_MARGIN):.0f}" in script or "650M a core" in script  # SGE
    whole, before = FORECAST.tomogram.whole, FORECAST.references.whole
    seconds = (before.seconds + 20 + 10 * max(whole.seconds, whole.cpu_seconds / 4)) * (
        1 + TIME_MARGIN
    )
    hours, minutes = map(int, re.search(r"(\d\d):(\d\d)", script.split("Time: ")[1]).groups())
    assert seconds <= 60 * (60 * hours + minutes) < seconds + 60
    if name == "dask":
        assert tomllib.loads(script)["settings"]["cores"] == 4
    else:
        assert script.startswith("#!/bin/bash\n")


def lines_of(name, forecast=FORECAST, recipe="r.toml", **settings):
    return job_script(name, forecast, Path(recipe), None, **settings).splitlines()


def test_addresses_that_sge_limits_are_more_than_the_memory():
    """`ulimit -v`: 563 MB of memory needed 1.6 GB of addresses, of which libraries have most."""
    for cores in (1, 4, 32):
        (line,) = (line for line in lines_of("sge", cores=cores) if "-l h_vmem" in line)
        addresses_MB = cores * int(re.search(r"=(\d+)M", line)[1])
        assert 2600 + 1300 < addresses_MB < 2600 + 1500 + 200 * cores


def test_pbs_has_no_array_of_one_task_and_the_others_need_one():
    assert "#PBS -J 1-2" in lines_of("pbs", tasks=2)
    assert lines_of("pbs", tasks=2)[-2].endswith('--tasks "$PBS_ARRAY_INDEX/2"')
    assert not [line for line in lines_of("pbs", tasks=1) if "-J" in line or "INDEX" in line]
    assert lines_of("pbs", tasks=1)[-2].endswith("r.toml r --tasks 1/1")
    for name, line in (("slurm", "#SBATCH --array=1-1"), ("sge", "#$ -t 1-1")):
        assert line in lines_of(name, tasks=1)


@pytest.mark.parametrize("recipe", ["2024.toml", "-x.toml", "_.toml", "é è.toml", ".toml"])
@pytest.mark.parametrize("name", ["slurm", "pbs", "lsf", "sge"])
def test_names_of_jobs_begin_with_a_letter(name, recipe):
    script = "\n".join(lines_of(name, recipe=f"a/{recipe}"))
    found = re.search(r'(?:-name=|-N |-J ")([^\s"[]*)', script)[1]
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", found)


@given(
    tomograms=st.integers(1, 100_000),
    seconds=st.floats(0.1, 1e5),
    cpu_seconds=st.floats(0.1, 1e6),
    cores=st.integers(1, 64),
)
def test_tasks_take_an_hour_as_far_as_an_array_may_be_large(tomograms, seconds, cpu_seconds, cores):
    cost = PartCost({"painting": StageCost(seconds, cpu_seconds, 500.0)}, 1e6)
    told = replace(FORECAST, tomograms=tomograms, tomogram=cost)
    head = lines_of("slurm", told, cores=cores)[1]
    tasks, share = map(int, re.search(r"tasks: (\d+), tomograms of a task: (\d+)", head).groups())
    each_s = max(seconds, cpu_seconds / cores)
    assert 1 <= tasks <= min(tomograms, 1000)
    assert (share - 1) * tasks < tomograms <= share * tasks
    assert tasks == 1000 or share == 1 or share * each_s <= 3600
    # Fewer tasks would take longer than that.
    assert tasks == 1 or math.ceil(tomograms / (tasks - 1)) * each_s > 3600 or tasks == 1000


@given(
    memory_MB=st.floats(1, 1e5),
    seconds=st.floats(0.1, 1e5),
    cores=st.integers(1, 64),
    tasks=st.integers(1, 100),
)
def test_jobs_ask_for_what_is_needed_and_hardly_more(memory_MB, seconds, cores, tasks):
    cost = PartCost({"painting": StageCost(seconds, 0.0, memory_MB)}, 1e6)
    once = PartCost({"measurement": StageCost(7.0, 11.0, 20.0)}, 1e6)
    told = replace(FORECAST, tomogram=cost, largest_MB=memory_MB, references=once)
    script = "\n".join(lines_of("slurm", told, cores=cores, tasks=tasks))
    wanted_MB = max(memory_MB, 20.0) * (1 + MEMORY_MARGIN)
    assert wanted_MB <= int(re.search(r"--mem=(\d+)M", script)[1]) < wanted_MB + 1
    before = max(7.0, 11.0 / cores) + 20
    wanted_s = (1 + TIME_MARGIN) * (before + math.ceil(100 / tasks) * seconds)
    hours, minutes = map(int, re.search(r"--time=(\d+):(\d\d):00", script).groups())
    given_s = 60 * (60 * hours + minutes)
    assert max(600, wanted_s) <= given_s < max(600, wanted_s) + 60
    script = "\n".join(lines_of("sge", told, cores=cores, tasks=tasks))
    a_core_MB = int(re.search(r"(\d+)M a core", script)[1])
    assert wanted_MB <= cores * a_core_MB < wanted_MB + 1 + cores


def test_the_command_tells_what_is_known_and_what_not(tmp_path, capsys, monkeypatch):

    told = replace(FORECAST, unknown=("vesicles",))
    monkeypatch.setattr(forecast, "forecast_of_pieces", lambda recipe, say: told)
    monkeypatch.setattr(machine, "free_memory_MB", lambda: 9000.0)
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE)
    assert run(["plan", str(recipe), "--out", str(tmp_path / "none")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{recipe}: 100 tomograms, measured."
    assert lines[1] == "Not counted: vesicles, of which the pieces have none."
    assert [line.split()[0] for line in lines[3:5]] == ["painting", "writing"]
    assert lines[-1].startswith("The free memory of 9000 MB holds 4 workers")
    assert sum("at a time" in line for line in lines) == 3  # 1, 2 and 4
    assert run(["plan", str(recipe), "--template", "slurm", "--tasks", "7"]) == 0
    assert "#SBATCH --array=1-7\n" in capsys.readouterr().out
    assert run(["plan", str(recipe), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["tomograms"] == told.tomograms
    assert content["disk_bytes"] == told.disk_bytes
    assert content["tomogram"]["stages"].keys() == told.tomogram.stages.keys()
    assert content["seconds_by_one"] == told.seconds(1)
    assert run(["plan", str(recipe), "--json", "--template", "slurm"]) == 2
    assert "expected no --json with --template" in capsys.readouterr().err
    assert run(["plan", str(recipe), "--tasks", "7"]) == 2
    assert "no --tasks without --template" in capsys.readouterr().err
    monkeypatch.setattr(machine, "free_memory_MB", lambda: None)
    assert run(["plan", str(recipe)]) == 0
    assert "is not known on this system" in capsys.readouterr().out


def test_own_templates(tmp_path):
    own = tmp_path / "own.sh"
    own.write_text("run {{recipe}} on {{ cores }}\n")
    assert job_script(str(own), FORECAST, Path("a.toml"), None) == "run a.toml on 4\n"
    own.write_text("{{nodes}}")
    with pytest.raises(InputError, match=r"in double braces, found \{\{nodes\}\}"):
        job_script(str(own), FORECAST, Path("a.toml"), None)
    with pytest.raises(InputError, match="one of slurm, pbs, lsf, sge, dask or a file"):
        job_script("slrum", FORECAST, Path("a.toml"), None)


def test_parts_without_records_have_no_cost(tmp_path):
    assert cost_of(tmp_path) is None
    for text in ("{", json.dumps({"stages": {"painting": {"seconds": 1}}}), "[]"):
        (tmp_path / "run.json").write_text(text)
        assert cost_of(tmp_path) is None
    facts = {"seconds": 1, "cpu_seconds": 2, "peak_rss_MB": 3}
    (tmp_path / "run.json").write_text(json.dumps({"stages": {"painting": facts}}))
    (tmp_path / "reconstruction.zarr").mkdir()
    before = (tmp_path / "run.json").stat().st_size
    (tmp_path / "reconstruction.zarr" / "0").write_bytes(bytes(1000))
    found = cost_of(tmp_path)
    assert found is not None
    assert found.disk_bytes == before + 1000
    assert found.whole == StageCost(1, 2, 3)


def test_the_limit_of_a_job_is_that_of_its_own_group_or_of_one_above(tmp_path, monkeypatch):
    job = tmp_path / "slurm" / "job_7" / "step_0"
    job.mkdir(parents=True)
    own = tmp_path / "own"
    own.write_text("1:name=systemd:/\n0::/slurm/job_7/step_0\n")
    monkeypatch.setattr(machine, "_GROUPS", tmp_path)
    monkeypatch.setattr(machine, "_OWN_GROUP", own)
    memory = tmp_path / "meminfo"
    memory.write_text("MemTotal: 99999 kB\nMemFree: 1 kB\nMemAvailable: 20480 kB\n")
    monkeypatch.setattr(machine, "_MEMORY", memory)
    assert machine.free_memory_MB() == 20
    for folder, most in ((job, "max"), (job.parent, 3 * 2**20), (tmp_path, 9 * 2**20)):
        (folder / "memory.max").write_text(f"{most}\n")
        (folder / "memory.current").write_text(f"{2**20}\n")
    assert machine.free_memory_MB() == 2
    own.write_text("0::/\n")
    assert machine.free_memory_MB() == 8
    own.unlink()
    assert machine.free_memory_MB() == 8
    memory.write_text("MemAvailable: 1024 kB\n")
    assert machine.free_memory_MB() == 1
    memory.unlink()
    (tmp_path / "memory.max").unlink()
    assert machine.free_memory_MB() is None


def test_cores_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 8}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert machine.cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert machine.cores() == 16
