"""Damaged records: a valid result or one line, whatever is in the file."""

import importlib.util
import json
import random
from pathlib import Path

import numpy as np
import pytest

from faket.cli.app import run
from faket.data import TiltGeometry, plain_record
from faket.errors import InputError
from faket.io.acquisition import read_acquisition, write_acquisition
from faket.io.records import MAX_JSON_BYTES, read_record
from faket.methods.reference_properties import ReferenceProperties
from faket.microscope import PRESETS, draw_acquisition
from faket.microscope.ctf_estimate import CtfEstimate
from faket.noise import NoiseProfile
from faket.study.layout import open_study
from faket.study.records import DataCosts, RunRecord, read_costs, read_run
from faket.study.results import read_history, read_results

SCRIPT = Path(__file__).parents[2] / "scripts" / "mutate_inputs.py"
ANGLES = np.array([-30.0, 0.0, 30.0])


@pytest.fixture(scope="module")
def mutate():
    """The script that damages files."""
    spec = importlib.util.spec_from_file_location("mutate_inputs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory, mutate):
    """A record of every kind."""
    folder = tmp_path_factory.mktemp("records")
    noise = NoiseProfile(*([[0.5, 0.6, 0.5]] * 4), "blind", ANGLES, np.ones((3, 4)))
    ctf = CtfEstimate(ANGLES, [3.0, 3.1, 3.2], (2.9, 3.3), True, "spectra")
    rings = np.ones((3, 4))
    model = ReferenceProperties(
        10.0,
        noise,
        ctf,
        np.ones(3),
        rings,
        rings,
        rings,
        rings,
        np.ones((3, 3, 4)),
        "mean",
        0.5,
        "tilts",
        np.ones(3),
        1.0,
        rings,
    )
    for name, record in (("noise", noise), ("ctf", ctf), ("model", model)):
        (folder / f"{name}.json").write_text(json.dumps(plain_record(record)))
    drawn = draw_acquisition(PRESETS["shrec21"], TiltGeometry(ANGLES, 5.0), seed=1)
    write_acquisition(folder / "acquisition.json", drawn)
    mutate.make_study(folder / "study")
    return folder


def json_of(kind):
    return lambda path: read_record(path, kind, what="a record", remedy="make it again")


READERS = {
    "noise.json": json_of(NoiseProfile),
    "ctf.json": json_of(CtfEstimate),
    "model.json": json_of(ReferenceProperties),
    "acquisition.json": read_acquisition,
    "study/runs/benchmark/seed_0/result.json": read_run,
    "study/runs/tm/seed_0/result.json": read_run,
    "study/data/benchmark/model_0/run.json": read_costs,
    "study/study.json": lambda path: open_study(path.parent, begin=False),
    "study/runs/benchmark/seed_0/training/history.csv": lambda path: history_of(path.parents[4]),
}


def history_of(folder):
    study = open_study(folder, begin=False)
    return read_history(study, study.runs()[0])


@pytest.mark.parametrize("name", READERS)
def test_any_damage_is_one_line(folder, mutate, name):
    path, rng = folder / name, random.Random(name)
    raw = path.read_bytes()
    READERS[name](path)
    refused = 0
    try:
        for _ in range(200):
            path.write_bytes(mutate.mutated(raw, path.suffix, rng))
            try:
                READERS[name](path)
            except InputError as error:
                refused += 1
                assert str(error).isprintable()
                assert path.name in str(error) or "runs" in str(error) or "study" in str(error)
                assert len(str(error)) < 1000
    finally:
        path.write_bytes(raw)
    assert refused > 50


def test_records_are_read_with_a_bound(tmp_path):
    with open(tmp_path / "a.json", "wb") as stream:
        stream.truncate(MAX_JSON_BYTES + 1)  # sparse
    with pytest.raises(InputError, match="at most 32 MB"):
        read_record(tmp_path / "a.json", RunRecord, what="a record", remedy="none")
    (tmp_path / "b.json").write_bytes('{"stages": {}, "other": 1}'.encode("utf-16"))
    with pytest.raises(InputError, match="text"):
        read_record(tmp_path / "b.json", DataCosts, what="a record", remedy="none")


def test_results_are_read_of_what_is_whole(folder):
    assert len(read_results(open_study(folder / "study", begin=False))) == 3


def test_reported_acquisition_records(real_data, tmp_path):
    for path in sorted((real_data / "bugs" / "acquisition-record").glob("*.json")):
        with pytest.raises(InputError, match=path.name):
            read_acquisition(path)


PLACES = {
    "study.json": "study.json",
    "result.json": "runs/benchmark/seed_0/result.json",
    "run.json": "data/benchmark/model_0/run.json",
    "history.csv": "runs/benchmark/seed_0/training/history.csv",
}


def test_reported_study_records(real_data, tmp_path, mutate, capsys):
    mutate.make_study(tmp_path / "study")
    for path in sorted((real_data / "bugs" / "study-records").glob("study_*")):
        place = tmp_path / "study" / PLACES[path.name.rpartition("_")[2]]
        raw = place.read_bytes()
        place.write_bytes(path.read_bytes())
        code = run(["study", str(tmp_path / "study"), "--report-only"])
        assert (code, capsys.readouterr().err.count("\n")) == (2, 1), path.name
        place.write_bytes(raw)
