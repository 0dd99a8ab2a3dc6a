import json
from pathlib import Path

import numpy as np
import pytest

from faket.errors import InputError
from faket.io.ome_zarr import (
    halved_image,
    halved_labels,
    read_image,
    read_planes,
    scale_shapes,
    write,
    write_image,
    write_labels,
)

SHAPE = (19, 16, 33)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "_BLOCK", (4, 16, 16))


def noise(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


def test_an_image_comes_back_whole_from_its_blocks(tmp_path: Path) -> None:
    data = noise()
    write_image(tmp_path / "a.zarr", data, SHAPE, 10.012)
    volume = read_image(tmp_path / "a.zarr")
    assert np.array_equal(volume.data, data)
    assert volume.voxel_size_A == 10.012


def test_a_linear_ramp_stays_at_its_place_in_every_scale(tmp_path: Path) -> None:
    """Voxel i of a scale lies on voxel 2 i of the scale before: a ramp is sampled, not shifted."""
    z, y, x = np.indices((34, 33, 35)).astype(np.float32)
    ramp = 5 * z + 3 * y - 2 * x
    write_image(tmp_path / "a.zarr", ramp, ramp.shape, 4.0, scales=2)
    volume = read_image(tmp_path / "a.zarr", 1)
    assert volume.voxel_size_A == 8.0
    inner = (slice(1, -1),) * 3  # at the border the nearest voxel stands for what is beyond
    np.testing.assert_allclose(volume.data[inner], ramp[::2, ::2, ::2][inner], atol=1e-4)


def test_the_next_scale_is_the_same_whichever_way_the_planes_come() -> None:
    data = noise((6, 8, 10))
    planes = list(halved_image(iter(data)))
    padded = np.pad(data, 1, mode="edge").astype(np.float64)
    weights = np.array([1, 2, 1]) / 4
    cube = weights[:, None, None] * weights[:, None] * weights
    expected = [
        [
            [(padded[z : z + 3, y : y + 3, x : x + 3] * cube).sum() for x in range(0, 10, 2)]
            for y in range(0, 8, 2)
        ]
        for z in range(0, 6, 2)
    ]
    np.testing.assert_allclose(planes, expected, atol=1e-6)


def test_labels_are_sampled_and_never_averaged(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).choice([0, 3, 200], SHAPE).astype(np.uint8)
    write_labels(tmp_path / "l.zarr", labels, SHAPE, 10.0, dtype=np.uint8, scales=2)
    planes, shape, size_A = read_planes(tmp_path / "l.zarr", 1)
    assert (shape, size_A) == ((10, 8, 17), 20.0)
    assert np.array_equal(list(planes), labels[::2, ::2, ::2])
    assert np.array_equal(list(halved_labels(labels[:1])), labels[:1, ::2, ::2])


def test_what_stands_on_the_disk_is_ngff_0_4(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", noise(), SHAPE, 10.0, scales=2)
    attributes = json.loads((tmp_path / "a.zarr" / ".zattrs").read_text())
    (image,) = attributes["multiscales"]
    assert image["version"] == "0.4"
    assert image["name"] == "a.zarr"
    assert [(a["name"], a["unit"]) for a in image["axes"]] == [(n, "angstrom") for n in "zyx"]
    transforms = [d["coordinateTransformations"] for d in image["datasets"]]
    assert transforms == [[{"type": "scale", "scale": [s] * 3}] for s in (10.0, 20.0)]
    array = json.loads((tmp_path / "a.zarr" / "0" / ".zarray").read_text())
    assert (array["zarr_format"], array["dimension_separator"], array["dtype"]) == (2, "/", "<f4")
    assert (tmp_path / "a.zarr" / "0" / "4" / "0" / "2").is_file()


def test_half_precision_is_rounded_and_refused_beyond_its_range(tmp_path: Path) -> None:
    data = noise()
    write_image(tmp_path / "a.zarr", data, SHAPE, 10.0, dtype=np.float16, scales=1)
    assert np.array_equal(read_image(tmp_path / "a.zarr").data, data.astype(np.float16))
    data[5] *= 1e6
    with pytest.raises(InputError, match=r"plane 5 .* float16 can hold.*float32"):
        write_image(tmp_path / "b.zarr", data, SHAPE, 10.0, dtype=np.float16)
    assert not (tmp_path / "b.zarr").exists()


def test_the_same_data_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_image(tmp_path / name / "t.zarr", noise(), SHAPE, 10.0)
    files = [sorted((tmp_path / name).rglob("*")) for name in "ab"]
    assert [f.name for f in files[0]] == [f.name for f in files[1]]
    for first, second in zip(*files, strict=True):
        assert first.is_dir() or first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((180, 512, 512), 3), ((31, 64, 64), 3), ((30, 64, 64), 2), ((15, 64, 64), 1), ((1, 9, 9), 1)],
)
def test_no_scale_is_thinner_than_eight_voxels(shape: tuple[int, int, int], expected: int) -> None:
    assert len(scale_shapes(shape, 3)) == expected


def test_bad_data_leave_no_folder(tmp_path: Path) -> None:
    data = noise()
    for planes, fault in (
        (data[:-1], "expected 19 planes, found 18"),
        (np.concatenate([data, data]), "found plane 20"),
        (data[:, 1:], r"found plane 1 of \(15, 33\)"),
        (np.where(data == data[2, 2, 2], np.nan, data), "plane 2 .*finite"),
    ):
        with pytest.raises(InputError, match=fault):
            write_image(tmp_path / "a.zarr", planes, SHAPE, 10.0)
    with pytest.raises(InputError, match="labels 0 to 255, found 0 to 300"):
        write_labels(tmp_path / "a.zarr", [np.array([[0, 300]])], (1, 1, 2), 10.0, dtype=np.uint8)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_image_is_refused_in_one_line(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", noise(), SHAPE, 10.0, scales=1)
    for path, scale in ((tmp_path, 0), (tmp_path / "none", 0), (tmp_path / "a.zarr", 1)):
        with pytest.raises(InputError, match="expected an OME-Zarr image with a scale"):
            read_planes(path, scale)
