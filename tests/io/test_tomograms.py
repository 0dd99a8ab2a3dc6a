"""A tomogram reads the same whichever way it is kept; an OME-Zarr image counts as one file."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faket.data import Volume
from faket.errors import InputError
from faket.io.content import content_bytes, sha256_of
from faket.io.manifest import read_manifest, verify_manifest, write_manifest
from faket.io.tomograms import (
    read_tomogram,
    reduced_tomogram,
    tomogram_planes,
    tomogram_shape,
    tomogram_voxel_size,
    write_tomogram,
)
from faket.io.verification import check_intact

SHAPE = (6, 7, 9)
NUMBERS = st.floats(-(2.0**100), 2.0**100, width=32) | st.floats(-100, 100, width=32)
VOLUMES = st.builds(
    Volume,
    st.tuples(st.integers(2, 9), st.integers(1, 9), st.integers(1, 9)).flatmap(
        lambda shape: arrays(np.float32, shape, elements=NUMBERS)
    ),
    st.floats(0.5, 80),
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One tomogram in half precision as MRC and as OME-Zarr."""
    folder = tmp_path_factory.mktemp("tomograms")
    data = np.random.default_rng(0).normal(3, 2, SHAPE).astype(np.float32)
    paths = folder / "reconstruction.mrc", folder / "reconstruction.zarr"
    for path in paths:
        write_tomogram(path, Volume(data, 10.5), dtype="float16")
    return paths


def test_all_that_is_read_of_a_tomogram_is_the_same_of_both(kept: tuple[Path, Path]) -> None:
    mrc, image = kept
    assert image.is_dir()
    first, second = read_tomogram(mrc), read_tomogram(image)
    assert np.array_equal(first.data, second.data)
    assert second.data.dtype == np.float32
    assert second.voxel_size_A == tomogram_voxel_size(image) == 10.5
    assert read_tomogram(image, voxel_size_A=8).voxel_size_A == 8
    assert tomogram_shape(image) == tomogram_shape(mrc) == SHAPE
    assert np.array_equal(list(tomogram_planes(image)), second.data)
    assert np.array_equal(reduced_tomogram(image, 2), reduced_tomogram(mrc, 2))


@settings(max_examples=15)
@given(volume=VOLUMES, half=st.booleans())
def test_any_tomogram_reads_back(
    tmp_path_factory: pytest.TempPathFactory, volume: Volume, half: bool
) -> None:
    """In half precision rounded, and refused by both alike if that cannot hold it."""
    folder, kind = tmp_path_factory.mktemp("any"), np.float16 if half else np.float32
    refused = []
    for name in ("t.mrc", "t.zarr"):
        try:
            write_tomogram(folder / name, volume, dtype=kind)
        except InputError as error:
            refused.append(str(error).partition(name)[2])
            continue
        found = read_tomogram(folder / name)
        assert np.array_equal(found.data, volume.data.astype(kind))
        assert found.voxel_size_A == pytest.approx(volume.voxel_size_A, rel=1e-6)
    assert not refused or (half and len(refused) == 2 and len(set(refused)) == 1)


def test_values_without_room_in_half_precision_are_refused(tmp_path: Path) -> None:
    for scale, found in ((1e-5, "1.00506e-05"), (1e6, "3.77228e+06")):
        volume = Volume(scale * np.random.default_rng(0).normal(0, 1, SHAPE).astype("f4"), 10.0)
        with pytest.raises(InputError, match=f"float16 can hold them, found .*{re.escape(found)}"):
            write_tomogram(tmp_path / "t.zarr", volume, dtype="float16")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_block_is_one_line(kept: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(kept[1], tmp_path / "t.zarr")
    (tmp_path / "t.zarr" / "0" / "0" / "0" / "0").write_bytes(b"no block of Blosc")
    with pytest.raises(InputError, match=r"t\.zarr: planes 0 to 5: .*damage.*copy it again") as e:
        read_tomogram(tmp_path / "t.zarr")
    assert "\n" not in str(e.value)


def test_images_of_others_are_read_in_their_units_and_of_zarr_3(tmp_path: Path) -> None:
    """As other programs write them: in nanometres, and OME-Zarr 0.5 with its `ome`."""
    data = np.arange(27, dtype=np.float32).reshape(3, 3, 3)
    axes = [{"name": axis, "type": "space", "unit": "nanometer"} for axis in "zyx"]
    scale = {"type": "scale", "scale": [1.25] * 3}
    scales = [{"path": "s0", "coordinateTransformations": [scale]}]
    image = [{"axes": axes, "datasets": scales}]
    for version, attributes in ((2, {"multiscales": image}), (3, {"ome": {"multiscales": image}})):
        path = tmp_path / f"{version}.zarr"
        group = zarr.open_group(path, mode="w", zarr_format=version, attributes=attributes)
        group.create_array("s0", data=data)
        volume = read_tomogram(path)
        assert (volume.voxel_size_A, volume.data.tolist()) == (12.5, data.tolist())


def test_in_a_manifest_an_image_is_one_entry_and_any_change_is_found(
    kept: tuple[Path, Path], tmp_path: Path
) -> None:
    image, manifest = tmp_path / "t.zarr", tmp_path / "manifest.json"
    shutil.copytree(kept[1], image)
    write_manifest(manifest, kind="any", settings={}, seed=None, outputs=[image], run={})
    (entry,) = read_manifest(manifest)["outputs"]
    assert (entry["path"], entry["sha256"]) == ("t.zarr", sha256_of(image))
    assert entry["bytes"] == content_bytes(image) == sum(
        file.stat().st_size for file in image.rglob("*") if file.is_file()
    )  # fmt: skip
    assert verify_manifest(manifest) == verify_manifest(manifest, full=False) == ()
    attributes = image / ".zattrs"
    text = attributes.read_text()
    attributes.write_text(text.replace("10.5", "10.6"))  # another voxel size, as many bytes
    for full in (True, False):
        assert verify_manifest(manifest, full=full) == (
            "t.zarr: the content differs from what was written",
        )
    with pytest.raises(InputError, match=r"t\.zarr: expected the file as faket wrote it"):
        check_intact([image])
    attributes.write_text(text)
    os.rename(image / "0", image / "1")  # the same files under other names
    assert len(verify_manifest(manifest)) == 1
    assert json.loads(text)["multiscales"]
