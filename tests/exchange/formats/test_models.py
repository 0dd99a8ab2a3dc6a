"""`faket export --to faket` makes folders to train a picker on, of a truth or of picks."""

import numpy as np
import pytest

from faket.errors import InputError
from faket.exchange.find import Selection, find_tomograms
from faket.exchange.links import link
from faket.exchange.run import export
from faket.pickers.labelled import common_classes, find_models, read_labelled
from made_up_datasets import CLASSES, VOXEL_A, write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data"), 1)


def test_a_truth_keeps_its_objects_under_other_names(dataset, tmp_path):
    out = export(
        find_tomograms(dataset, Selection(renames={"rod": "ring"})), tmp_path / "o", "faket"
    )
    (found,) = map(read_labelled, find_models([out]))
    before = read_labelled(dataset / "model_0")
    assert set(found.names.values()) == set(CLASSES.values()) - {"rod"}
    assert len(found.tomogram.centres) == len(before.tomogram.centres)
    merged = np.where(before.tomogram.labels == 2, 1, before.tomogram.labels)
    np.testing.assert_array_equal(found.tomogram.labels, merged)


def test_picks_of_a_real_tomogram_train_a_picker_of_the_data_set(dataset, tmp_path):
    link(dataset / "model_0" / "reconstruction.mrc", tmp_path / "mine" / "TS_1.mrc")
    (tmp_path / "TS_1.coords").write_text("7 10 12 8\n9 30 20 8\n")
    selection = Selection(
        picks=tmp_path / "TS_1.coords",
        renames={"7": "rod", "9": "ring"},
        classes_of=dataset,
        radii_A={"ring": 25.0, "rod": 10.0},
    )
    out = export(find_tomograms(tmp_path / "mine", selection), tmp_path / "out", "faket")
    (found,) = map(read_labelled, find_models([out]))
    assert common_classes([found]) == common_classes([read_labelled(dataset / "model_0")])
    labels = found.tomogram.labels
    assert (labels[8, 12, 10], labels[8, 20, 30], labels[8, 20, 32]) == (2, 1, 1)
    assert found.voxel_size_A == VOXEL_A
    with pytest.raises(InputError, match=r"found '9'; give `map` 9=CLASS"):
        find_tomograms(
            tmp_path / "mine",
            Selection(picks=tmp_path / "TS_1.coords", renames={"7": "rod"}, classes_of=dataset),
        )
