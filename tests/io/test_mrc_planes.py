from pathlib import Path

import mrcfile
import numpy as np
import pytest

from faket.data import Volume
from faket.errors import InputError
from faket.io.mrc import (
    mask_planes,
    read_mask,
    read_volume,
    volume_planes,
    write_mask,
    write_volume,
)


def _turned(path: Path) -> Path:
    """Let the sections of a file run along x: its array is read as [x, y, z]."""
    with mrcfile.open(path, "r+") as file:
        file.header.mapc, file.header.maps = 3, 1
    return path


@pytest.mark.parametrize("turned", [False, True])
def test_planes_are_those_of_the_whole_volume(tmp_path: Path, turned: bool) -> None:
    data = np.random.default_rng(0).standard_normal((3, 4, 5)).astype(np.float32)
    labels = np.arange(60).reshape(3, 4, 5)
    write_volume(tmp_path / "v.mrc", Volume(data, 2.0))
    write_mask(tmp_path / "m.mrc", labels, 2.0)
    if turned:
        _turned(tmp_path / "v.mrc"), _turned(tmp_path / "m.mrc")
    volume = read_volume(tmp_path / "v.mrc", voxel_size_A=2.0).data
    assert volume.shape == ((5, 4, 3) if turned else (3, 4, 5))
    assert np.array_equal(list(volume_planes(tmp_path / "v.mrc")), volume)
    planes = list(mask_planes(tmp_path / "m.mrc", dtype=np.uint8))
    assert np.array_equal(planes, read_mask(tmp_path / "m.mrc"))
    assert planes[0].dtype == np.uint8


def test_a_fault_is_found_when_its_plane_is_reached(tmp_path: Path) -> None:
    data = np.zeros((3, 4, 5), np.float32)
    write_volume(tmp_path / "v.mrc", Volume(data, 2.0))
    with mrcfile.mmap(tmp_path / "v.mrc", "r+") as file:
        file.data[1, 0, 0] = np.nan
    planes = volume_planes(tmp_path / "v.mrc")
    next(planes)
    with pytest.raises(InputError, match="section 1"):
        next(planes)
    with pytest.raises(InputError, match=r"section 1 .*labels"):
        list(mask_planes(tmp_path / "v.mrc"))
