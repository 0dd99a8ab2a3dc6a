"""The study: what is made of what, in which order, resumed, and read back."""

import csv
import json
import shutil
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.errors import InputError
from faket.foreign import FORMATIONS
from faket.io.content import sha256_of
from faket.picking import TRAINING_PRESETS
from faket.picking.template_matching import TM
from faket.pipeline import executors
from faket.pipeline.executors import Workplace
from faket.pipeline.foreign_microscope import check_foreign
from faket.pipeline.recipe import parse_recipe
from faket.specimen import SpecimenConfig
from faket.study.data import check_no_leakage, data_recipe, make_data, recipe_text
from faket.study.layout import Run, Study, open_study
from faket.study.modalities import DATA, MODALITIES
from faket.study.results import read_results, write_report, write_table
from faket.study.settings import PRESETS, StudySettings
from faket.study.standing import standings_of
from faket.study.weights import available_modalities
from faket.study.workers import run_study
from inline_workers import inline_workers

MICRO = StudySettings(
    training=2,
    tests=2,
    species=("synthetic:syn-block", "synthetic:syn-propeller"),
    size_voxels=(64, 64, 32),
    particles=(10, 10),
    vesicles=(0, 0),
    gold=(1, 1),
    tilt_step_deg=30.0,
    steps=8,
    fine_tuning_steps=4,
    validations=2,
    batch=2,
    patch=16,
    width=0.1,
    matching_step_deg=60.0,
)
TIMED = ("seconds", "cpu_seconds", "peak_rss_MB")


def planned(folder, settings=MICRO, modalities=tuple(MODALITIES), seeds=2):
    return Study(folder, settings, dict.fromkeys(modalities, seeds))


def recipe_of(study, kind, text=None):
    path = study.recipe_path(kind.key)
    return parse_recipe(text or recipe_text(study, kind), folder=path.parent)


@given(n=st.integers(2, 9), preset=st.sampled_from(sorted(PRESETS)), data=st.data())
@settings(deadline=None, max_examples=40)
def test_no_tomogram_looks_like_its_own_specimen_and_no_test_is_an_input(n, preset, data):
    few = data.draw(st.integers(1, n))
    study = planned(Path("out"), replace(PRESETS[preset].settings, training=n, few=few))
    tests = {study.model("benchmark", i).resolve() for i in study.settings.test_models}
    for kind in DATA.values():
        recipe = recipe_of(study, kind)
        check_no_leakage(study, kind, recipe)
        given = recipe.reference
        files = (*given.stack, *given.angles, *given.clean)
        folders = [recipe.at(path).resolve().parent for path in files]
        assert not tests & {*folders}
        assert bool(files) == kind.has_reference
        stacks = [recipe.at(path).resolve().parent.name for path in given.stack]
        for i in range(recipe.tomograms if stacks else 0):
            assert stacks[i % len(stacks)] != f"model_{i}"
            assert stacks[i % len(stacks)] in {f"model_{j}" for j in range(n)}
    for row in MODALITIES.values():
        models, validation = study.training_models(row)
        if row.data:
            assert not {*study.test_models(row)} & {*models, validation}
            assert validation not in models
            assert len(models) == (few if row.few else n)


def test_specimens_are_the_same_in_all_data(tmp_path):
    study = planned(tmp_path)
    recipes = [recipe_of(study, kind) for kind in DATA.values()]
    for name in ("seed", "specimen", "tilts", "species", "reconstruction"):
        assert len({str(getattr(recipe, name)) for recipe in recipes}) == 1
    tested = {r.name for r in recipes if r.tomograms == MICRO.training + 1 + MICRO.tests}
    assert tested == {"benchmark", "noiseless"}
    assert all(r.tomograms == MICRO.training + 1 for r in recipes if r.name not in tested)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("benchmark/model_1/proj", "benchmark/model_3/proj", "no physics training"),
        ("benchmark/model_1/proj", "benchmark/model_2/proj", "no physics training"),
        ("benchmark/model_1/noise", "benchmark/model_3/noise", "no physics training"),
        ("benchmark/model_1/proj", "benchmark/model_0/proj", "its own specimen"),
        ("benchmark/model_0/proj", "style/model_0/proj", "no physics training"),
    ],
)
def test_a_leak_is_noticed(tmp_path, old, new, reason):
    study, kind = planned(tmp_path), DATA["noisy"]
    text = recipe_text(study, kind)
    assert old in text
    with pytest.raises(RuntimeError, match=reason):
        check_no_leakage(study, kind, recipe_of(study, kind, text.replace(old, new)))


def test_all_rows_of_a_seed_come_before_the_next_seed_and_parents_first(tmp_path):
    study = planned(tmp_path, seeds=3)
    runs = study.runs()
    assert [run.seed for run in runs] == sorted(run.seed for run in runs)
    assert len(set(runs)) == len(runs)
    places = {(run.modality.key, run.seed): i for i, run in enumerate(runs)}
    for run in runs:
        assert run.modality.matching is None or run.seed == 0
        if run.modality.parent:
            assert places[run.modality.parent, run.seed] < places[run.modality.key, run.seed]
    assert study.data_kinds()[0].key == "benchmark"
    assert {run.seed for run in runs if run.modality.key == "style"} == {0, 1, 2}


def test_some_rows_may_have_more_seeds(tmp_path):
    study = Study(tmp_path, MICRO, {"benchmark": 3, "noisy": 1, "tm": 3})
    names = [run.name for run in study.runs()]
    assert names == ["benchmark 0", "noisy 0", "tm", "benchmark 1", "benchmark 2"]


def test_the_shrec_study_has_shrecs_specimens_and_the_published_training():
    """6 seeds, 8 tomograms of tilts 2° apart, binned twice; 12° for template matching."""
    chosen = PRESETS["shrec"]
    own, specimen = asdict(chosen.settings), asdict(SpecimenConfig())
    shared = set(own) & set(specimen)
    assert len(shared) == 7
    assert {name: own[name] for name in shared} == {name: specimen[name] for name in shared}
    training = asdict(chosen.settings.training_settings(2500, 50_000))
    published = asdict(TRAINING_PRESETS["published"])
    for name in ("epochs", "validate_every"):
        training.pop(name), published.pop(name)
    assert training == published
    assert (chosen.seeds, own["training"], own["few"]) == (6, 8, 3)
    assert (own["tilt_step_deg"], own["binning"], own["filter"]) == (2.0, 2, "shrec")
    assert own["matching_step_deg"] == TM.angular_step_deg


def test_foreign_studies_have_the_voxels_of_their_microscopes_and_one_is_held_out():
    names = [name for name in PRESETS if name.startswith("foreign-")]
    assert len(names) >= 3
    assert any(FORMATIONS[name.removeprefix("foreign-")].held_out for name in names)
    for name in names:
        study = planned(Path("out"), PRESETS[name].settings)
        for kind in (DATA[key] for key in PRESETS[name].modalities):
            check_foreign(recipe_of(study, kind))  # raises if they differ
        settings = PRESETS[name].settings
        assert 8 <= settings.voxel_size_A * settings.binning <= 12
        sides_A = [n * settings.voxel_size_A for n in settings.size_voxels]
        assert sides_A == pytest.approx([2560, 2560, 800], rel=0.02)


def test_small_trains_as_the_quick_preset():
    made = PRESETS["small"].settings.training_settings(750, 3000)
    quick = TRAINING_PRESETS["quick"]
    assert made == replace(quick, epochs=made.epochs, validate_every=made.validate_every)


def test_a_training_has_about_the_steps_asked_for():
    for objects in (20, 75, 240, 750):
        chosen = PRESETS["small"].settings.training_settings(objects, 1000)
        made = chosen.epochs * (objects // chosen.batch)
        assert abs(made - 1000) <= objects // chosen.batch
    later = MICRO.training_settings(20, 10, before=7)
    assert later.epochs == 8


def test_rows_and_seeds_may_be_added_and_nothing_else_changed(tmp_path):
    out = tmp_path / "s"
    first = open_study(out, preset="tiny", modalities=["noisy"])
    assert first.seeds == {"noisy": 1}
    first.save()
    again = open_study(out)
    assert again == first
    more = open_study(out, modalities=["finetuned"], seeds=3)
    assert more.seeds == {"style": 3, "noisy": 1, "finetuned": 3}
    assert list(more.seeds) == ["style", "noisy", "finetuned"]
    more.save()
    assert open_study(out) == more
    assert open_study(out, modalities=["noisy"], seeds=2).seeds == {**more.seeds, "noisy": 2}
    assert open_study(out, modalities=["baseline"]).seeds == {**more.seeds, "baseline": 3}
    assert open_study(out, seeds=2).seeds == {**more.seeds, "noisy": 2}
    assert open_study(out, changes={"steps": 99}).settings.steps == 99  # nothing is made yet
    first.model("benchmark", 0).mkdir(parents=True)
    assert open_study(out, changes={"steps": 99}).settings.steps == 99
    for changes, reason in (
        ({"steps": 23}, "steps = 24 or more, found 23"),
        ({"steps": 99, "seed": 4}, "seed = 0, found 4"),
    ):
        with pytest.raises(InputError, match=reason) as error:
            open_study(out, changes=changes)
        assert "\n" not in str(error.value)
    unet = open_study(out, changes={"picker": "unet"})  # data are the same for every picker
    assert unet.settings.training_settings(10, 1).picker == "unet"
    first.run_folder(first.runs()[0]).mkdir(parents=True)
    with pytest.raises(InputError, match="picker = 'deepfinder', found 'unet'"):
        open_study(out, changes={"picker": "unet"})
    with pytest.raises(InputError, match="with which the study was begun"):
        open_study(out, preset="small")
    weights = {"vgg19_weights": "w.pth"}  # nothing is made with them yet
    assert open_study(out, changes=weights, modalities=["faket"]).settings.vgg19_weights == "w.pth"
    more = open_study(out, modalities=["faket"])
    more.save()
    with pytest.raises(InputError, match="vgg19_weights"):
        open_study(out, changes=weights)
    falling = planned(tmp_path / "f", replace(PRESETS["tiny"].settings, schedule="linear"))
    falling.save()
    falling.model("benchmark", 0).mkdir(parents=True)
    with pytest.raises(InputError, match=r"steps = 24, found 99"):
        open_study(falling.folder, changes={"steps": 99})


def test_a_study_with_one_number_of_seeds_for_all_rows_goes_on(tmp_path):
    study = planned(tmp_path / "s", seeds=4)
    study.save()
    stamp = study.folder / "study.json"
    content = json.loads(stamp.read_text())
    stamp.write_text(json.dumps({**content, "seeds": 4, "modalities": list(study.modalities)}))
    assert open_study(study.folder) == study


def test_a_study_begun_before_a_setting_existed_goes_on(tmp_path):
    study = planned(tmp_path / "s", StudySettings())
    study.save()
    study.model("benchmark", 0).mkdir(parents=True)
    stamp = study.folder / "study.json"
    content = json.loads(stamp.read_text())
    for name in ("warm_up_steps", "schedule"):
        del content["settings"][name]
    stamp.write_text(json.dumps(content))
    assert open_study(study.folder) == open_study(study.folder, begin=False) == study


def test_the_recipe_of_finished_data_stays(tmp_path):
    study, kind = planned(tmp_path), DATA["benchmark"]
    data_recipe(study, kind)
    path = study.recipe_path(kind.key)
    earlier = "# of an earlier version\n" + path.read_text()
    path.write_text(earlier)
    for i in range(MICRO.test_models[-1] + 1):
        assert data_recipe(study, kind).tomograms == MICRO.test_models[-1] + 1
        assert path.read_text() != earlier
        study.model(kind.key, i).mkdir(parents=True)
        (study.model(kind.key, i) / "manifest.json").write_text("{}")
        path.write_text(earlier)
    data_recipe(study, kind)
    assert path.read_text() == earlier


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_a_device_that_is_not_there_is_noticed_before_any_data(tmp_path):
    study = planned(tmp_path / "s")
    with pytest.raises(InputError, match="choose `device` cpu"):
        run_study(study, device="cuda")
    assert not study.folder.exists()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Data of MICRO for the rows below: making data twice has tests of its own."""
    study = planned(tmp_path_factory.mktemp("data"), MICRO, ("benchmark", "faket-texture"), 1)
    kind = DATA["faket-texture"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATA, kind.key, replace(kind, style=(*kind.style, ("iterations", 1))))
        make_data(study, Workplace(workers=1), lambda *_: None)
    return study.folder / "data"


def with_data(study, data):
    study.save()
    shutil.copytree(data, study.folder / "data")


def test_a_run_that_fails_does_not_keep_others_from_ending(tmp_path, data, monkeypatch):
    starting = list[str]()

    @contextmanager
    def watched(*arguments):
        starting.extend(one.name for one in standings_of(study.folder)[-1].making)
        with inline_workers(*arguments) as executor:
            yield executor

    monkeypatch.setattr(executors, "worker_processes", watched)
    rows = ("benchmark", "benchmark-few", "finetuned-faket-texture", "tm")
    few_objects = replace(MICRO, batch=15, patch=12, fine_tuning_steps=1)
    study = planned(tmp_path / "s", few_objects, ("faket-texture", *rows), 1)
    with_data(study, data)
    said = []
    with pytest.raises(InputError, match=r"0: .*smaller `batch`.* failed: 1$") as error:
        run_study(study, workers=2, say=lambda what, done, total: said.append((what, done)))
    assert "\n" not in str(error.value)
    finished = {run.modality.key for run in study.runs() if study.is_finished(run)}
    assert finished == {"benchmark", "faket-texture", "tm"}
    assert said[-1][1] == 2 + 3  # data sets and runs that are there
    assert starting == ["workers"]  # what `faket status` tells meanwhile
    assert not standings_of(study.folder)[-1].making


def test_a_study_grows_by_test_tomograms(tmp_path, data, monkeypatch):
    monkeypatch.setattr(executors, "worker_processes", inline_workers)
    one = planned(tmp_path / "s", replace(MICRO, tests=1), ("benchmark", "tm"), 1)
    with_data(one, data)
    shutil.rmtree(one.model("benchmark", MICRO.test_models[1]))
    run_study(one)
    more = open_study(one.folder, changes={"tests": 2})
    assert not any(more.is_finished(run) for run in more.runs())
    kept = {run: one.run_folder(run) / "picks.csv" for run in one.runs()}
    dates = {run: path.stat().st_mtime_ns for run, path in kept.items()}
    run_study(more)
    assert {run: path.stat().st_mtime_ns for run, path in kept.items()} == dates
    whole = planned(tmp_path / "w", MICRO, ("benchmark", "tm"), 1)
    with_data(whole, data)
    run_study(whole)
    for run in whole.runs():
        found, expected = (
            json.loads((study.run_folder(run) / "result.json").read_text())
            for study in (more, whole)
        )
        for name in ("scores", "further_scores", "digests"):
            assert found[name] == expected[name]
        assert found.get("matching") == expected.get("matching")
    with pytest.raises(InputError, match="tests = 2 or more, found 1"):
        open_study(one.folder, changes={"tests": 1})


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="other files"):
        open_study(tmp_path / "a", preset="tiny")
    with pytest.raises(InputError, match="expected a folder, found a file"):
        open_study(tmp_path / "a" / "notes.txt", preset="tiny")
    with pytest.raises(InputError, match="found none"):
        open_study(tmp_path / "b", begin=False)
    for text in (
        "{",
        "[]",
        '{"settings": {}}',
        '{"settings": {"x": 1}, "modalities": [], "seeds": 1}',
        '{"settings": {"x": 1}, "seeds": {"noisy": 1}}',
        '{"settings": {}, "seeds": {"nonsense": 1}}',
        '{"settings": {}, "seeds": {"noisy": "one"}}',
        '{"settings": {}, "seeds": {"noisy": 1.5}}',
        '{"settings": {}, "seeds": [1]}',
    ):
        (tmp_path / "c").mkdir(exist_ok=True)
        (tmp_path / "c" / "study.json").write_text(text)
        with pytest.raises(InputError, match=r"study\.json"):
            open_study(tmp_path / "c")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"training": 1}, "training"),
        ({"few": 3}, "few"),
        ({"species": ()}, "species"),
        ({"patch": 30}, "multiple of 4"),
        ({"steps": 0}, "steps"),
    ],
)
def test_settings_out_of_bounds(changes, reason):
    with pytest.raises(InputError, match=reason) as error:
        replace(MICRO, **changes)
    assert "\n" not in str(error.value)


def test_rows_that_need_weights_are_left_out_where_there_are_none(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKET_CACHE", str(tmp_path / "none"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    left = available_modalities(MICRO, tuple(MODALITIES))
    assert set(MODALITIES) - set(left) == {"faket", "finetuned-faket"}
    with pytest.raises(InputError, match="expected a file"):
        available_modalities(replace(MICRO, vgg19_weights="nowhere.pth"), ("noisy",))
    (tmp_path / "w.pth").write_bytes(b"")
    known = replace(MICRO, vgg19_weights=str(tmp_path / "w.pth"))
    assert available_modalities(known, ("faket",)) == ("faket",)


class Stop(Exception):
    """An interrupt."""


def stop_after(runs):
    """Return a report that interrupts when so many runs are finished."""
    seen = 0

    def say(what, done, total):
        nonlocal seen
        seen += what.endswith(": finished")
        if seen == runs:
            raise Stop

    return say


def table(folder):
    """The lines of study.csv without what changes from run to run."""
    with (folder / "study.csv").open() as stream:
        return [
            {name: cell for name, cell in row.items() if name not in TIMED}
            for row in csv.DictReader(stream)
        ]


def test_interrupted_and_resumed_is_uninterrupted_with_any_number_of_workers(
    tmp_path, data, monkeypatch
):
    rows = ("faket-texture", "finetuned-faket-texture", "tm")
    once, twice = (planned(tmp_path / name, MICRO, rows, 1) for name in ("once", "twice"))
    for study in (once, twice):
        with_data(study, data)
    run_study(once, workers=2)
    monkeypatch.setattr(executors, "worker_processes", inline_workers)
    with pytest.raises(Stop):
        run_study(twice, say=stop_after(1))
    finished = {run: (twice.run_folder(run) / "result.json") for run in twice.runs()}
    kept = {path: path.stat().st_mtime_ns for path in finished.values() if path.exists()}
    assert 1 <= len(kept) < len(finished)
    write_report(twice)
    page = (tmp_path / "twice" / "study.md").read_text()
    assert page.count("not run") >= 1
    resumed = open_study(tmp_path / "twice")
    assert resumed == twice
    run_study(resumed)
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    for study in (once, twice):
        write_table(read_results(study), study.folder / "study.csv")
    assert table(tmp_path / "once") == table(tmp_path / "twice")
    lines = [(row["modality"], row["test"]) for row in table(tmp_path / "once")]
    assert lines == [(row, test) for row in rows for test in ("1", "2")]
    check_traces(once)
    check_damage(once)
    check_more_steps(once)


def check_more_steps(study):
    """They go on with the trainings; fine-tuning starts again, from the longer one."""
    before = {result.run: asdict(result.record.training) for result in trained_results(study)}
    spent = {result.run: asdict(result.record.costs) for result in trained_results(study)}
    more = open_study(study.folder, changes={"steps": 24})
    assert [s.name for s in more.runs() if more.is_finished(s)] == ["tm"]
    kept = more.run_folder(Run(MODALITIES["faket-texture"], 0)) / "training/history.csv"
    first_epoch = kept.read_text().splitlines()[1]
    run_study(more)
    assert kept.read_text().splitlines()[1] == first_epoch
    for result in trained_results(more):
        old, new = before[result.run], asdict(result.record.training)
        tuned = bool(result.run.modality.parent)
        assert new["steps"] == (1 if tuned else 2) * old["steps"]
        assert new["before"] == (2 if tuned else 0)
        if not tuned:
            costs = asdict(result.record.costs)
            assert all(costs[name] > spent[result.run][name] for name in ("seconds", "cpu_seconds"))


def trained_results(study):
    return [result for result in read_results(study) if result.run.modality.data]


def check_traces(study):
    """Every number names its seed, its recipe and its checkpoint."""
    for result in read_results(study):
        digests, row = result.record.digests, result.run.modality
        stored = json.loads((study.run_folder(result.run) / "result.json").read_text())
        assert stored["scores"]["f_beta"] == asdict_as_json(result.scores[0].f_beta)
        for place, ending in enumerate(("", "_2")):
            test = study.test_models(row)[place] / "reconstruction.mrc"
            picks = study.run_folder(result.run) / f"picks{ending}.csv"
            assert digests[f"test{ending}"] == sha256_of(test)
            assert digests[f"picks{ending}"] == sha256_of(picks)
        assert len(result.scores) == MICRO.tests
        if row.data:
            assert digests["recipe"] == sha256_of(study.recipe_path(row.data))
            training = asdict(result.record.training)
            assert f"data/{row.data}/model_{MICRO.test_models[0]}" not in training["models"]
            assert training["validation"] == f"data/{row.data}/model_{MICRO.validation_model}"
        assert asdict(result.record.costs)["cpu_seconds"] > 0


def asdict_as_json(record):
    return json.loads(json.dumps(asdict(record)))


def check_damage(study):
    path = study.run_folder(study.runs()[0]) / "result.json"
    text = path.read_text()
    record = json.loads(text)
    for damaged in (
        "{",
        json.dumps({**record, "scores": {}}),
        json.dumps({**record, "training": 1}),
    ):
        path.write_text(damaged)
        with pytest.raises(InputError, match="remove the file"):
            read_results(study)
    path.write_text(text)
