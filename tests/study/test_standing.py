"""Where a study stands: its data sets and its runs."""

import json

from faket.io.records import write_record
from faket.pipeline.progress_records import making_path, new_making
from faket.study.layout import Study
from faket.study.settings import PRESETS
from faket.study.standing import is_study, standings_of


def test_a_study_that_has_begun(tmp_path):
    assert not is_study(tmp_path)
    folder = tmp_path / "alder"
    Study(folder, PRESETS["tiny"].settings, {"benchmark": 2, "noiseless": 1}).save()
    data = folder / "data/benchmark"
    (data / "model_0").mkdir(parents=True)
    (data / "model_0/manifest.json").write_text("{}")
    (data / "recipe.json").write_text(json.dumps({"tomograms": 5}))
    write_record(making_path(folder, "noiseless_seed_0"), new_making("noiseless_seed_0"))
    found = standings_of(folder)
    assert [one.name for one in found] == ["data/benchmark", "data/noiseless", "runs"]
    assert [(one.made, one.total) for one in found] == [(1, 5), (0, None), (0, 3)]
    assert [one.name for one in found[2].making] == ["noiseless_seed_0"]
    assert found[2].an_hour is None  # no run is finished that tells how long one takes
    assert [one.name for one in standings_of(tmp_path)] == [f"alder/{one.name}" for one in found]
