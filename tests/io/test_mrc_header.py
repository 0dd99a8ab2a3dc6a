"""Headers as programs write them: stamps, byte orders, signs of bytes, sampling of the cell."""

import itertools
import logging
import struct
from pathlib import Path

import numpy as np
import pytest

from faket.data import Volume
from faket.errors import InputError
from faket.io.mrc import read_mask, read_stack, read_volume, write_volume

SHAPE = (3, 4, 5)
STAMPS = ("4444", "4441", "4411", "44202020", "1111", "00000000", "20202020", "ffffffff")
IMOD, SIGNED = 1146047817, 1


def write(path: Path, data: np.ndarray, order: str = "<", **header: object) -> Path:
    """Write ``data`` under a header made by hand: any stamp, any order, any range."""
    modes = {"i1": 0, "u1": 0, "i2": 1, "f4": 2, "u2": 6, "f2": 12}
    raw = bytearray(1024)
    nz, ny, nx = data.shape

    def put(offset: int, code: str, *values: float) -> None:
        struct.pack_into(order + code, raw, offset, *values)

    put(0, "4i", nx, ny, nz, modes[data.dtype.str[1:]])
    put(28, "3i", *header.get("sampling", (nx, ny, nz)))
    put(40, "6f", *header.get("cell", (5.0 * nx, 5.0 * ny, 5.0 * nz)), 90, 90, 90)
    put(64, "3i", *header.get("axes", (1, 2, 3)))
    put(76, "3f", *header.get("range", (0, -1)), -2)
    put(152, "2i", *header.get("imod", (0, 0)))
    raw[208:212] = header.get("name", b"MAP ")
    raw[212:216] = bytes.fromhex(header.get("stamp", "4444")).ljust(4, b"\0")
    path.write_bytes(bytes(raw) + data.astype(data.dtype.newbyteorder(order)).tobytes())
    return path


@pytest.mark.parametrize(("order", "stamp"), list(itertools.product("<>", STAMPS)))
@pytest.mark.parametrize("dtype", ["i1", "i2", "f4", "u2", "f2"])
def test_the_header_itself_tells_the_byte_order(tmp_path, order, stamp, dtype):
    """Whatever the stamp says, and where the mode is 0 in either order."""
    data = np.arange(60).reshape(SHAPE).astype(dtype)
    path = write(tmp_path / "v.mrc", data, order, stamp=stamp)
    np.testing.assert_array_equal(read_volume(path).data, data)
    empty = write(tmp_path / "e.mrc", data, order, stamp=stamp, axes=(0, 0, 0))
    np.testing.assert_array_equal(read_volume(empty).data, data)


def test_the_name_may_be_missing_where_all_else_is_right(tmp_path):
    data = np.arange(60, dtype=np.int16).reshape(SHAPE)
    path = write(tmp_path / "old.mrc", data, name=b"\0\0\0\0", stamp="00")
    np.testing.assert_array_equal(read_stack(path)[0], data)
    for wrong in ({"axes": (0, 0, 0)}, {"axes": (1, 1, 2)}):
        path = write(tmp_path / "no.mrc", data, name=b"\0\0\0\0", **wrong)
        with pytest.raises(InputError, match="'MAP ' is not"):
            read_stack(path)
    (tmp_path / "picture.mrc").write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(InputError, match="'MAP ' is not"):
        read_stack(tmp_path / "picture.mrc")


@pytest.mark.parametrize(
    ("limits", "imod", "unsigned", "guessed"),
    [
        ((0, 255), (0, 0), True, True),  # before MRC2014, and many who came later
        ((12, 200), (0, 0), True, True),
        ((0, 255), (IMOD, 0), True, False),
        ((0, -1), (IMOD, 0), True, False),
        ((0, 255), (IMOD, SIGNED), True, True),
        ((-128, 127), (0, 0), False, False),
        ((-30, 90), (IMOD, SIGNED), False, False),
        ((-30, 90), (IMOD, 0), False, True),  # the stamp is a leftover
        ((0, 100), (0, 0), False, False),  # either way the same
        ((0, -1), (0, 0), False, False),  # unknown: MRC2014
        ((-1e30, 1e30), (0, 0), False, False),
        ((float("nan"), float("nan")), (0, 0), False, False),
    ],
)
def test_signs_of_bytes(tmp_path, caplog, limits, imod, unsigned, guessed):
    """The range in the header tells; a guess is said, once."""
    data = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)
    path = write(tmp_path / "bytes.mrc", data, range=limits, imod=imod)
    wanted = data if unsigned else data.view(np.int8)
    with caplog.at_level(logging.WARNING, "faket"):
        for found in (read_volume(path).data, read_stack(path)[0]):
            np.testing.assert_array_equal(found, wanted)
        if unsigned:
            np.testing.assert_array_equal(read_mask(path), data)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == guessed
    assert not guessed or f"{path}: bytes read as {'un' if unsigned else ''}signed" in said[0]


@pytest.mark.parametrize(
    ("sampling", "cell", "wanted_A"),
    [
        ((5, 4, 3), (25, 20, 15), 5),
        ((5, 4, 1), (25, 20, 15), 5),  # a volume written as if a stack
        ((1, 1, 1), (25, 20, 15), 5),
        ((10, 8, 6), (25, 20, 15), 2.5),  # a piece of a larger cell
        ((0, 0, 0), (25, 20, 15), 5),
        ((5, 4, 3), (25, 20, 21), None),
        ((5, 4, 3), (0, 0, 0), None),
    ],
)
def test_voxel_sizes_by_sampling_or_by_size(tmp_path, sampling, cell, wanted_A):
    data = np.ones(SHAPE, np.float32)
    path = write(tmp_path / "v.mrc", data, sampling=sampling, cell=cell)
    if wanted_A is None:
        with pytest.raises(InputError, match="voxel size"):
            read_volume(path)
    else:
        assert read_volume(path).voxel_size_A == pytest.approx(wanted_A)


def test_the_size_is_asked_for_by_the_callers_name(tmp_path):
    write_volume(tmp_path / "v.mrc", Volume(np.ones(SHAPE, np.float32), 5.0))
    path = write(tmp_path / "v.mrc", np.ones(SHAPE, np.float32), cell=(0, 0, 0))
    with pytest.raises(InputError, match="map_voxel_size_A"):
        read_volume(path, option="map_voxel_size_A")
