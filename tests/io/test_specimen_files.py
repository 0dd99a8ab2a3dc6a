"""Species and specimens as folders: read back as written, refused in one line where damaged."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faket.data import ClassInfo, Particles, Species, Specimen, Volume
from faket.errors import InputError
from faket.io.specimen_files import read_species, read_specimen, write_species, write_specimen


def species():
    rng = np.random.default_rng(0)
    potential, envelope = rng.random((2, 4, 5, 6)).astype(np.float32)
    return Species("ring", potential, envelope, 10.0, 12.5, "C3", True, "made here")


def specimen():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, (4, 5, 6))
    return Specimen(
        Volume(rng.random((4, 5, 6)).astype(np.float32), 10.0),
        labels.astype(np.uint8),
        labels.astype(np.uint16),
        Particles(
            np.array([1, 2]),
            ("ring", "fiducial"),
            rng.random((2, 3)) * 30,
            Rotation.random(2, random_state=0),
            np.array([[np.nan] * 3, [20.0, 21.0, 22.0]]),
        ),
        {1: ClassInfo("ring", "protein"), 2: ClassInfo("fiducial", "gold")},
    )


def test_species_come_back(tmp_path):
    write_species(tmp_path / "ring", species())
    back, wanted = read_species(tmp_path / "ring"), species()
    np.testing.assert_array_equal(back.potential, wanted.potential)
    np.testing.assert_array_equal(back.envelope, wanted.envelope)
    for name in ("name", "voxel_size_A", "mass_kDa", "symmetry", "synthetic", "source"):
        assert getattr(back, name) == getattr(wanted, name)
    assert back.origin_A is None


def test_where_a_bilayer_of_opm_is_comes_back(tmp_path):
    write_species(tmp_path / "channel", replace(species(), origin_A=(1.5, -2.0, 12.25)))
    assert read_species(tmp_path / "channel").origin_A == (1.5, -2.0, 12.25)


def test_specimens_come_back(tmp_path):
    write_specimen(tmp_path / "s", specimen())
    back, wanted = read_specimen(tmp_path / "s"), specimen()
    np.testing.assert_array_equal(back.potential.data, wanted.potential.data)
    np.testing.assert_array_equal(back.class_mask, wanted.class_mask)
    np.testing.assert_array_equal(back.instance_mask, wanted.instance_mask)
    np.testing.assert_array_equal(back.particles.positions_A, wanted.particles.positions_A)
    assert back.classes == wanted.classes
    assert (back.class_mask.dtype, back.instance_mask.dtype) == (np.uint8, np.uint16)


@pytest.mark.parametrize(
    "text",
    [
        '{"x": {"name": "ring", "material": "protein"}}',
        '{"1": 3}',
        '{"1": {"name": "ring"}}',
        '{"1": {"name": "ring", "material": "wood"}}',
        '{"1": {"name": "ring", "material": ["protein"]}}',
        '{"1": {"name": "ring", "material": "protein"}}',  # the mask has a class 2
        "{}",
        "[]",
        "[" * 100_000,
    ],
)
def test_damaged_classes_are_one_line(tmp_path, text):
    write_specimen(tmp_path / "s", specimen())
    (tmp_path / "s" / "classes.json").write_text(text)
    with pytest.raises(InputError, match="class") as error:
        read_specimen(tmp_path / "s")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("change", [{"mass_kDa": "heavy"}, {"mass_kDa": [1]}, None])
def test_damaged_species_are_one_line(tmp_path, change):
    write_species(tmp_path / "ring", species())
    path = tmp_path / "ring" / "species.json"
    path.write_text(
        "" if change is None else json.dumps({**json.loads(path.read_text()), **change})
    )
    with pytest.raises(InputError, match=r"species\.json"):
        read_species(tmp_path / "ring")
