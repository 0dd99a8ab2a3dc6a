import os

import numpy as np
import pytest

from faket.errors import InputError
from faket.exchange import stamps
from faket.exchange.face import Format
from faket.exchange.find import Selection, find_tomograms
from faket.exchange.links import link
from faket.exchange.run import export, export_all
from faket.exchange.table import FORMATS, load_format
from faket.io.picks import read_picks
from made_up_datasets import CLASSES, SHAPE, VOXEL_A, particles, write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data"))


@pytest.fixture
def written(monkeypatch):
    """The names of the tomograms that a format wrote, and the format, called "test"."""
    names = []

    def write(tomogram, folder):
        names.append(tomogram.name)
        (folder / "runs" / tomogram.name).mkdir(parents=True)
        link(tomogram.tomogram, folder / "runs" / tomogram.name / "tomogram.mrc")

    def finish(tomograms, folder):
        (folder / "list.txt").write_text(" ".join(each.name for each in tomograms))

    monkeypatch.setattr("faket.exchange.run.load_format", lambda name: Format(write, finish))
    return names


def test_a_tomogram_has_the_truth_of_its_folder(dataset):
    first, second = find_tomograms(dataset)
    assert (first.name, first.shape, first.voxel_size_A) == ("model_0", SHAPE, VOXEL_A)
    assert first.classes == second.classes == CLASSES
    found, true = first.particles(), particles(0)
    assert found.species == true.species[:-1]  # without the fiducial
    np.testing.assert_allclose(found.positions_A, true.positions_A[:-1])
    np.testing.assert_allclose(
        (found.rotations.inv() * true.rotations[:-1]).magnitude(), 0, atol=1e-12
    )
    everything = find_tomograms(dataset, Selection(every_object=True))[0]
    assert len(everything.particles()) == len(true)


def test_renamed_and_merged_classes_have_one_number(dataset):
    renames = {"ring": "thing", "rod": "thing"}
    first = find_tomograms(dataset, Selection(renames=renames))[0]
    assert first.classes == {1: "thing", 3: "never", 4: "vesicle", 5: "fiducial"}
    assert set(first.particles().species) == {"thing"}
    assert set(np.unique(first.class_mask())) == {0, 1, 5}
    with pytest.raises(InputError, match=r"`map`: expected classes among ring, .*'ringg'"):
        find_tomograms(dataset, Selection(renames={"ringg": "a"}))


def test_picks_take_the_place_of_the_truth(dataset, tmp_path):
    picks = export(find_tomograms(dataset), tmp_path / "picks", "csv")
    selection = Selection(picks=picks, renames={"ring": "wheel"})
    first = find_tomograms(dataset, selection)[0]
    assert not first.is_truth
    assert set(first.particles().species) == {"wheel", "rod"}
    (picks / "model_1.csv").unlink()
    with pytest.raises(InputError, match=r"expected one file model_1\.csv.*found none"):
        find_tomograms(dataset, selection)
    one = find_tomograms(dataset, Selection(picks=picks, tomograms=("model_0",)))
    assert [each.name for each in one] == ["model_0"]
    link(dataset / "model_0" / "reconstruction.mrc", tmp_path / "bare" / "mine.rec")
    bare = find_tomograms(tmp_path / "bare" / "mine.rec", Selection(picks=picks / "model_0.csv"))
    assert bare[0].name == "mine"
    assert dict(bare[0].classes) == {1: "ring", 2: "rod"}


def test_what_is_there_and_unchanged_is_kept(dataset, tmp_path, written):
    out, source = tmp_path / "out", write_dataset(tmp_path / "data")
    export(find_tomograms(source), out, "test")
    assert written == ["model_0", "model_1"]
    export(find_tomograms(source), out, "test")
    assert written == ["model_0", "model_1"]
    os.utime(source / "model_1" / "particles.csv", (1, 1))
    export(find_tomograms(source), out, "test")
    assert written == ["model_0", "model_1", "model_1"]
    (out / "runs" / "model_0" / "tomogram.mrc").unlink()
    export(find_tomograms(source, Selection(tomograms=("model_0",))), out, "test")
    assert written[3:] == ["model_0"]
    assert sorted(path.name for path in (out / "runs").iterdir()) == ["model_0"]
    assert (out / "list.txt").read_text() == "model_0"
    assert (out / "runs/model_0/tomogram.mrc").samefile(source / "model_0/reconstruction.mrc")


def test_a_failed_tomogram_leaves_nothing_and_the_others_stay(
    dataset, tmp_path, written, monkeypatch
):
    def fail(tomogram, folder):
        (folder / "half").write_text("")
        if tomogram.name == "model_1":
            raise InputError("no")
        (folder / "half").rename(folder / tomogram.name)

    monkeypatch.setattr("faket.exchange.run.load_format", lambda name: Format(fail))
    with pytest.raises(InputError, match="no"):
        export(find_tomograms(dataset), tmp_path / "out", "test")
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name[0] != "."] == [
        "model_0"
    ]
    assert stamps.stamped(tmp_path / "out") == ["model_0"]


def test_files_of_others_are_not_replaced(dataset, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("")
    with pytest.raises(InputError, match="expected an empty folder, found files"):
        export(find_tomograms(dataset), out, "csv")
    (out / "mine").unlink()
    export(find_tomograms(dataset, Selection(tomograms=("model_0",))), out, "csv")
    (out / "model_1.csv").write_text("mine")
    with pytest.raises(InputError, match=r"model_1\.csv: expected no such file"):
        export(find_tomograms(dataset), out, "csv")
    assert (out / "model_1.csv").read_text() == "mine"


def test_exports_of_a_recipe_lie_in_its_folder(tmp_path):
    source = write_dataset(tmp_path, 1)
    export_all(source, ("csv",))
    path = source / "export" / "csv" / "model_0.csv"
    assert len(read_picks(path, SHAPE, VOXEL_A)) == len(particles()) - 1
    export_all(source, ())
    with pytest.raises(InputError, match=r"expected a format of csv.*found 'cvs'"):
        export_all(source, ("cvs",))


def test_every_format_of_the_table_can_be_loaded():
    for name in FORMATS:
        assert isinstance(load_format(name), Format)
