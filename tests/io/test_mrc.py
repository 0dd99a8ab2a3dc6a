"""MRC files: round trips, agreement with mrcfile, and one line for what cannot be used."""

import gzip
import io
import struct
import tracemalloc
import warnings
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.data import Volume
from faket.errors import InputError
from faket.io.mrc import (
    read_mask,
    read_pixel_size,
    read_shape,
    read_stack,
    read_volume,
    read_voxel_size,
    write_mask,
    write_stack,
    write_volume,
)

SHAPE = (3, 4, 5)


@pytest.fixture
def volume() -> Volume:
    data = np.random.default_rng(1).normal(3, 2, SHAPE).astype(np.float32)
    return Volume(data, 5.36)


def poke(path: Path, offset: int, code: str, *values: float) -> None:
    raw = bytearray(path.read_bytes())
    struct.pack_into("<" + code, raw, offset, *values)
    path.write_bytes(raw)


def test_volumes_and_stacks_come_back_and_satisfy_mrcfile(tmp_path: Path, volume: Volume) -> None:
    write_volume(tmp_path / "v.mrc", volume)
    write_stack(tmp_path / "s.mrc", volume.data, 5.36)
    back = read_volume(tmp_path / "v.mrc")
    images, size_A = read_stack(tmp_path / "s.mrc")
    for data in (back.data, images):
        assert data.dtype == np.float32
        np.testing.assert_array_equal(data, volume.data)
    assert back.voxel_size_A == size_A == 5.36
    for name, is_stack in (("v", False), ("s", True)):
        assert mrcfile.validate(tmp_path / f"{name}.mrc", print_file=io.StringIO())
        with mrcfile.open(tmp_path / f"{name}.mrc") as mrc:
            np.testing.assert_array_equal(mrc.data, volume.data)
            assert mrc.is_image_stack() == is_stack
            assert mrc.is_volume() != is_stack
            sizes = [mrc.voxel_size.x, mrc.voxel_size.y, mrc.voxel_size.z]
            np.testing.assert_allclose(sizes, 5.36, rtol=1e-6)
            assert mrc.header.origin.item() == (0, 0, 0)
            assert mrc.nstart.item() == (0, 0, 0)
            np.testing.assert_allclose(mrc.header.rms, volume.data.std(), rtol=1e-5)
            np.testing.assert_allclose(mrc.header.dmean, volume.data.mean(), rtol=1e-5)


def test_the_same_data_give_the_same_bytes_without_a_date(tmp_path: Path, volume: Volume) -> None:
    write_volume(tmp_path / "a.mrc", volume)
    write_volume(tmp_path / "b.mrc", Volume(np.asfortranarray(volume.data), 5.36))
    raw = (tmp_path / "a.mrc").read_bytes()
    assert raw == (tmp_path / "b.mrc").read_bytes()
    labels = raw[224:1024]
    assert labels == b"Written by faket".ljust(80) + bytes(720)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.1, 1000, allow_nan=False),
    st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 7)),
)
def test_any_voxel_size_survives(
    tmp_path_factory: pytest.TempPathFactory, size_A: float, shape: tuple[int, int, int]
) -> None:
    path = tmp_path_factory.mktemp("v") / "v.mrc"
    size_A = float(f"{size_A:.6g}")
    write_volume(path, Volume(np.ones(shape, np.float32), size_A))
    assert read_volume(path).voxel_size_A == pytest.approx(size_A, rel=1e-6)
    write_volume(path, read_volume(path))
    again = path.read_bytes()
    write_volume(path, read_volume(path))
    assert path.read_bytes() == again


def test_common_voxel_sizes_come_back_exactly(tmp_path: Path) -> None:
    for size_A in (10.0, 5.0, 13.48, 1.3499, 2.62, 7.84, 10.012):
        for n in (1, 96, 180, 512, 1023):
            write_volume(tmp_path / "v.mrc", Volume(np.ones((2, 1, n), np.float32), size_A))
            assert read_voxel_size(tmp_path / "v.mrc") == size_A
            assert read_pixel_size(tmp_path / "v.mrc") == size_A
            assert read_shape(tmp_path / "v.mrc") == (2, 1, n)


@pytest.mark.parametrize("dtype", ["i1", "i2", "f4", "u2", "f2", ">i2", ">f4", ">u2"])
def test_every_real_mode_that_mrcfile_writes_is_read(tmp_path: Path, dtype: str) -> None:
    data = np.arange(60, dtype=dtype).reshape(SHAPE)
    for name, compression in (("a.mrc", None), ("a.mrc.gz", "gzip")):
        with mrcfile.new(tmp_path / name, data, compression=compression) as mrc:
            mrc.voxel_size = 7.0
        back = read_volume(tmp_path / name)
        np.testing.assert_array_equal(back.data, data.astype(np.float32))
        assert back.voxel_size_A == 7.0
        np.testing.assert_array_equal(read_stack(tmp_path / name)[0], data.astype(np.float32))
        np.testing.assert_array_equal(read_mask(tmp_path / name), data.astype(np.uint16))


def test_real_maps_are_read_as_mrcfile_reads_them(real_data: Path) -> None:
    for path in sorted(real_data.glob("maps/*.mrc")):
        with mrcfile.open(path) as mrc:
            volume = read_volume(path)
            np.testing.assert_array_equal(volume.data, mrc.data)
            assert volume.voxel_size_A == pytest.approx(float(mrc.voxel_size.x), rel=1e-6)


def test_permuted_axes_are_put_in_order(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "v.mrc"
    for axes in ((1, 2, 3), (2, 1, 3), (3, 1, 2), (2, 3, 1), (3, 2, 1), (1, 3, 2)):
        stored = volume.data.transpose([3 - axis for axis in reversed(axes)])
        write_volume(path, Volume(stored, 5.0))
        poke(path, 64, "3i", *axes)  # mapc, mapr, maps
        poke(path, 28, "3i3f", 5, 4, 3, 25.0, 20.0, 15.0)  # grid and cell go by x, y, z
        np.testing.assert_array_equal(read_volume(path).data, volume.data)
    with pytest.raises(InputError, match="stack of images"):
        read_stack(path)


def test_imod_bytes_are_signed_or_not_as_its_flag_says(tmp_path: Path) -> None:
    path = tmp_path / "v.mrc"
    write_mask(path, np.full(SHAPE, 7), 5.0)
    raw = path.read_bytes()
    path.write_bytes(raw[:1024] + bytes([200]) * 60)
    assert read_stack(path)[0].max() == -56
    poke(path, 152, "2i", 1146047817, 0)
    assert read_stack(path)[0].min() == 200
    poke(path, 152, "2i", 1146047817, 1)
    assert read_stack(path)[0].max() == -56
    poke(path, 152, "2i", 1146047817, 17)
    with pytest.raises(InputError, match="4-bit"):
        read_stack(path)


@pytest.mark.parametrize(("highest", "mode"), [(1, 0), (127, 0), (128, 6), (65535, 6)])
def test_masks_come_back(tmp_path: Path, highest: int, mode: int) -> None:
    mask = np.random.default_rng(0).integers(0, highest, SHAPE, endpoint=True)
    mask[0, 0, 0] = highest
    for dtype in (np.uint16, np.int64, np.uint8 if highest < 256 else np.uint32):
        write_mask(tmp_path / "m.mrc", mask.astype(dtype), 10.0)
        back = read_mask(tmp_path / "m.mrc")
        assert back.dtype == np.uint16
        np.testing.assert_array_equal(back, mask)
        with mrcfile.open(tmp_path / "m.mrc") as mrc:
            assert mrc.header.mode == mode
            np.testing.assert_array_equal(mrc.data, mask)
        assert mrcfile.validate(tmp_path / "m.mrc", print_file=io.StringIO())
    assert read_voxel_size(tmp_path / "m.mrc") == 10.0
    if highest > 255:
        with pytest.raises(InputError, match="whole numbers 0 to 255"):
            read_mask(tmp_path / "m.mrc", dtype=np.uint8)


def test_boolean_and_float_masks(tmp_path: Path, volume: Volume) -> None:
    write_mask(tmp_path / "m.mrc", volume.data > 3, 10.0)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.mrc"), volume.data > 3)
    write_volume(tmp_path / "f.mrc", Volume(np.full(SHAPE, 2911, np.float32), 10))
    assert (read_mask(tmp_path / "f.mrc") == 2911).all()
    for bad in (0.5, -1.0, 70000.0):
        write_volume(tmp_path / "f.mrc", Volume(np.full(SHAPE, bad, np.float32), 10))
        with pytest.raises(InputError, match=r"section 0 .*expected whole numbers"):
            read_mask(tmp_path / "f.mrc")
    for wrong in (volume.data, np.full(SHAPE, -1), np.full(SHAPE, 65536)):
        with pytest.raises(InputError, match="expected"):
            write_mask(tmp_path / "w.mrc", wrong, 10.0)
    assert not (tmp_path / "w.mrc").exists()


def test_mapped_stacks_equal_read_ones_and_leave_the_file_alone(
    tmp_path: Path, volume: Volume
) -> None:
    path = tmp_path / "s.mrc"
    write_stack(path, volume.data, 5.0)
    before = path.read_bytes()
    images, size_A = read_stack(path, mmap=True)
    assert isinstance(images, np.memmap)
    assert size_A == 5.0
    np.testing.assert_array_equal(images, volume.data)
    images[:] = 0
    assert path.read_bytes() == before
    with mrcfile.new(tmp_path / "i.mrc", volume.data.astype(np.int16)) as mrc:
        mrc.voxel_size = 5.0
    converted, _ = read_stack(tmp_path / "i.mrc", mmap=True)
    assert converted.dtype == np.float32
    write_stack(path, images, 5.0)  # onto the file that it was mapped from, once
    assert (read_stack(path)[0] == 0).all()


def test_a_single_image_is_a_stack_but_no_volume(tmp_path: Path, volume: Volume) -> None:
    write_stack(tmp_path / "s.mrc", volume.data[:1], 5.0)
    assert read_stack(tmp_path / "s.mrc")[0].shape == (1, 4, 5)
    with pytest.raises(InputError, match="single image"):
        read_volume(tmp_path / "s.mrc")
    write_volume(tmp_path / "v.mrc", Volume(volume.data[:1], 5.0))
    assert read_volume(tmp_path / "v.mrc").data.shape == (1, 4, 5)


def test_a_signalling_nan_is_refused_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "v.mrc"
    write_volume(path, Volume(np.zeros(SHAPE, np.float32), 5.0))
    poke(path, 1024, "I", 0x7FA00000)
    for read in (read_volume, read_stack, read_mask):
        with pytest.raises(InputError, match="section 0"):
            read(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_section_of_a_number_that_is_none_is_named(
    tmp_path: Path, volume: Volume, bad: float
) -> None:
    path = tmp_path / "v.mrc"
    write_stack(path, volume.data, 5.0)
    poke(path, 1024 + 4 * (2 * 20 + 3), "f", bad)
    for read in (read_volume, read_stack, lambda p: read_stack(p, mmap=True)):
        with pytest.raises(InputError, match=r"section 2 .*found 1 NaN or infinite"):
            read(path)
    data = volume.data.copy()
    data[1, 0, 0] = bad
    before = path.read_bytes()
    with pytest.raises(InputError, match="section 1"):
        write_volume(path, Volume(data, 5.0))
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="section 0"):
        write_stack(path, np.full(SHAPE, 1e300), 5.0)  # too large for float32


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ((0.0, 0.0, 0.0), "found 0 x 0 x 0; correct the header, or give `voxel_size_A`"),
        ((25.0, 20.0, 21.0), "same voxel size along all axes, found 5 x 5 x 7"),
        ((float("nan"), 20.0, 15.0), "found 0 x 5 x 5"),
        ((-25.0, -20.0, -15.0), "found -5 x -5 x -5"),
        ((5e-9, 4e-9, 3e-9), "found 1e-09"),
        ((5e30, 4e30, 3e30), r"found 1e\+30"),
    ],
)
def test_a_missing_or_absurd_voxel_size_asks_for_one(
    tmp_path: Path, volume: Volume, cell: tuple[float, float, float], words: str
) -> None:
    path = tmp_path / "v.mrc"
    write_volume(path, Volume(np.ones(SHAPE, np.float32), 5.0))
    poke(path, 40, "3f", *cell)
    with pytest.raises(InputError, match=words):
        read_volume(path)
    assert read_volume(path, voxel_size_A=2.5).voxel_size_A == 2.5
    assert read_mask(path).shape == SHAPE  # needs no voxel size
    for wrong in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(InputError, match="expected a voxel size"):
            read_volume(path, voxel_size_A=wrong)
        with pytest.raises(InputError, match="expected a voxel size"):
            write_volume(tmp_path / "w.mrc", Volume(volume.data, wrong))


def test_a_given_size_beats_the_header(tmp_path: Path, volume: Volume) -> None:
    write_volume(tmp_path / "v.mrc", volume)
    assert read_volume(tmp_path / "v.mrc", voxel_size_A=8.0).voxel_size_A == 8.0
    assert read_stack(tmp_path / "v.mrc", pixel_size_A=8.0)[1] == 8.0


@pytest.mark.parametrize(
    ("offset", "code", "values", "words"),
    [
        (12, "i", (4,), "Fourier transform"),
        (12, "i", (3,), "complex integers"),
        (12, "i", (101,), "4-bit"),
        (12, "i", (9,), "unknown mode 9"),
        (0, "i", (0,), r"sizes of 1 or more, found \(z, y, x\) = \(3, 4, 0\)"),
        (8, "i", (-3,), "sizes of 1 or more"),
        (0, "3i", (2**31 - 1, 2**31 - 1, 2**31 - 1), "expected 39614081"),
        (8, "i", (4,), "expected 1344 bytes as in its header, found 1264: it is truncated"),
        (92, "i", (2**31 - 1,), "truncated"),
        (92, "i", (-1,), "extended header of 0 or more"),
        (64, "3i", (1, 1, 3), "expected the axes 1, 2, 3"),
        (52, "3f", (90.0, 120.0, 90.0), "right angles"),
    ],
)
def test_damaged_headers_are_one_line(
    tmp_path: Path, volume: Volume, offset: int, code: str, values: tuple[float, ...], words: str
) -> None:
    write_volume(tmp_path / "v.mrc", volume)
    poke(tmp_path / "v.mrc", offset, code, *values)
    with pytest.raises(InputError, match=words) as caught:
        read_volume(tmp_path / "v.mrc")
    assert str(caught.value).startswith(str(tmp_path / "v.mrc"))
    assert "\n" not in str(caught.value)


def test_volume_stacks_are_no_volume(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with mrcfile.new(tmp_path / "v.mrc", np.ones((2, 3, 4, 5), np.float32)) as mrc:
            mrc.voxel_size = 5.0
    with pytest.raises(InputError, match="one volume, found 2"):
        read_volume(tmp_path / "v.mrc")


def test_files_that_are_no_mrc(tmp_path: Path, volume: Volume) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("hello\n" * 500)
    (tmp_path / "short").write_bytes(bytes(100))
    (tmp_path / "bad.gz").write_bytes(b"\x1f\x8b" + bytes(2000))
    (tmp_path / "folder").mkdir()
    write_volume(tmp_path / "v.mrc", volume)
    packed = gzip.compress((tmp_path / "v.mrc").read_bytes())
    (tmp_path / "cut.gz").write_bytes(packed[:-40])
    (tmp_path / "sum.gz").write_bytes(packed[:-8] + bytes(8))
    with pytest.raises(InputError, match=r"without \.gz"):
        write_volume(tmp_path / "x.mrc.gz", volume)
    names = (
        "empty",
        "text",
        "short",
        "bad.gz",
        "folder",
        "cut.gz",
        "sum.gz",
        "missing",
        "a\nb",
        "nul\0",
    )
    for name in names:
        for read in (read_volume, read_stack, read_mask, read_voxel_size):
            if name in ("cut.gz", "sum.gz") and read is read_voxel_size:
                continue  # their headers are whole
            with pytest.raises(InputError) as caught:
                read(tmp_path / name)
            assert "\n" not in str(caught.value)


def test_wrong_arrays_are_refused(tmp_path: Path) -> None:
    for data in (np.ones((3, 4)), np.ones((0, 4, 5)), np.ones((1, 2, 3, 4)), np.ones(SHAPE) * 1j):
        with pytest.raises(InputError, match="three axes"):
            write_stack(tmp_path / "s.mrc", data, 5.0)


def test_files_with_an_empty_machine_stamp_are_read(tmp_path: Path, volume: Volume) -> None:
    path = tmp_path / "v.mrc"
    write_volume(path, volume)
    poke(path, 212, "4B", 0, 0, 0, 0)
    np.testing.assert_array_equal(read_volume(path).data, volume.data)
    with mrcfile.new(path, volume.data.astype(">f4"), overwrite=True) as mrc:
        mrc.voxel_size = 5.0
    poke(path, 212, "4B", 0, 0, 0, 0)
    np.testing.assert_array_equal(read_volume(path).data, volume.data)


def test_mapping_a_large_stack_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "s.mrc"
    tracemalloc.start()
    write_stack(path, np.broadcast_to(np.float32(1), (64, 256, 256)), 5.0)
    read_stack(path, mmap=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6  # the stack has 16.8 MB


def test_packed_masks_are_the_same_labels_and_bytes(tmp_path):
    mask = np.arange(2 * 3 * 4, dtype=np.uint16).reshape(2, 3, 4) * 300
    for name in ("a.mrc.gz", "b.mrc.gz"):
        write_mask(tmp_path / name, mask, 10.0)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.mrc.gz"), mask)
    assert (tmp_path / "a.mrc.gz").read_bytes() == (tmp_path / "b.mrc.gz").read_bytes()
    assert read_voxel_size(tmp_path / "a.mrc.gz") == 10.0


def test_half_precision_takes_two_bytes_and_refuses_what_it_cannot_hold(tmp_path):
    data = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    write_volume(tmp_path / "a.mrc", Volume(data, 2.0), dtype=np.float16)
    assert (tmp_path / "a.mrc").stat().st_size == 1024 + 2 * data.size
    found = read_volume(tmp_path / "a.mrc")
    np.testing.assert_array_equal(found.data, data.astype(np.float16))
    for wrong in (data * 1e6, data * 1e-5):
        with pytest.raises(InputError, match=r"float16.*write float32"):
            write_volume(tmp_path / "b.mrc", Volume(wrong, 2.0), dtype=np.float16)
