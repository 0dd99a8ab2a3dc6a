"""NIfTI volumes: the header byte by byte; nibabel reads them in scripts/agreement."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from faket.errors import InputError
from faket.io.nifti import write_nifti

SHAPE = (3, 4, 5)


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def test_the_header_is_that_of_nifti1_h(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii.gz", np.zeros(SHAPE, "f4"), SHAPE, 13.5, dtype=np.float32)
    raw = unpacked(tmp_path / "a.nii.gz")
    assert len(raw) == 352 + 4 * 60
    assert struct.unpack_from("<i", raw, 0) == (348,)
    assert struct.unpack_from("<8h", raw, 40) == (3, 5, 4, 3, 1, 1, 1, 1)
    assert struct.unpack_from("<2h", raw, 70) == (16, 32)
    assert struct.unpack_from("<4f", raw, 76) == (1, 13.5, 13.5, 13.5)
    assert struct.unpack_from("<2f", raw, 108) == (352, 1)
    assert struct.unpack_from("<2h", raw, 252) == (2, 2)
    affine = np.array(struct.unpack_from("<12f", raw, 280)).reshape(3, 4)
    assert np.array_equal(affine, np.eye(3, 4) * 13.5)
    assert raw[344:352] == b"n+1\0\0\0\0\0"


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.uint16])
def test_numbers_run_x_first(tmp_path: Path, dtype: type) -> None:
    data = np.arange(60).reshape(SHAPE)
    write_nifti(tmp_path / "a.nii.gz", iter(data), SHAPE, 10.0, dtype=dtype)
    raw = unpacked(tmp_path / "a.nii.gz")
    assert np.array_equal(np.frombuffer(raw, dtype, offset=352).reshape(SHAPE), data)


def test_the_same_data_give_the_same_bytes(tmp_path: Path) -> None:
    data = np.random.default_rng(0).standard_normal(SHAPE)
    for name in "ab":
        write_nifti(tmp_path / f"{name}.nii.gz", data, SHAPE, 10.0, dtype=np.float32)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_what_does_not_fit_leaves_no_file(tmp_path: Path) -> None:
    path, data = tmp_path / "a.nii.gz", np.full(SHAPE, 300)
    for planes, shape, fault in (
        (data, SHAPE, "labels 0 to 255, found 300"),
        (data[:2] * 0, SHAPE, "expected 3 planes, found 2"),
        (data * 0, (3, 5, 4), r"found plane 1 of \(4, 5\)"),
        (data * 0, (3, 4, 40000), "at most 32767 voxels along an axis"),
    ):
        with pytest.raises(InputError, match=fault):
            write_nifti(path, planes, shape, 10.0, dtype=np.uint8)
    assert list(tmp_path.iterdir()) == []
