"""Whatever a file holds, a reader gives a valid result or one line, and little memory."""

import gzip
import json
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.data import Particles, TiltGeometry, Volume
from faket.errors import InputError
from faket.io.manifest import verify_manifest, write_manifest
from faket.io.mrc import (
    read_mask,
    read_stack,
    read_volume,
    read_voxel_size,
    write_mask,
    write_stack,
    write_volume,
)
from faket.io.particles import read_particles, write_particles
from faket.io.shrec.alignment import alignment_geometry, read_alignment, write_alignment
from faket.io.shrec.locations import read_particle_locations, write_particle_locations
from faket.io.tilts import (
    read_tilt_angles,
    read_tilt_geometry,
    read_tilt_series,
    write_tilt_angles,
    write_tilt_geometry,
)

MEMORY_LIMIT = 100_000_000
EXTREMES = (0, 1, -1, 2, 127, 128, 255, 2**15, 2**16, 2**24, 2**30, 2**31 - 1, -(2**31), 401)


def outcome(read: Callable[[], Any]) -> Any:
    """Return what ``read`` returns, or None where it raised one line."""
    try:
        return read()
    except InputError as error:
        text = str(error)
        assert "\n" not in text
        assert text.isprintable()
        assert len(text) < 600
        return None


def check_volume(path: Path) -> bool:
    """Read ``path`` in every way; tell whether any of them succeeded."""
    volume = outcome(lambda: read_volume(path))
    if volume is not None:
        assert volume.data.ndim == 3
        assert volume.data.dtype == np.float32
        assert np.isfinite(volume.data).all()
        assert 0.1 <= volume.voxel_size_A <= 1000
    for mmap in (False, True):
        stack = outcome(lambda mmap=mmap: read_stack(path, mmap=mmap, pixel_size_A=2.0))
        if stack is not None:
            assert stack[0].ndim == 3
            assert np.isfinite(stack[0]).all()
    mask = outcome(lambda: read_mask(path))
    assert mask is None or (mask.ndim == 3 and mask.dtype == np.uint16)
    size_A = outcome(lambda: read_voxel_size(path))
    assert size_A is None or 0.1 <= size_A <= 1000
    return volume is not None


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Valid files to damage: float, byte and integer, either byte order, extended header."""
    folder = tmp_path_factory.mktemp("seeds")
    rng = np.random.default_rng(5)
    write_volume(folder / "a", Volume(rng.normal(size=(3, 6, 5)).astype(np.float32), 5.0))
    write_mask(folder / "b", rng.integers(0, 9, (4, 3, 5)), 2.5)
    with mrcfile.new(folder / "c", rng.integers(0, 9, (4, 3, 5)).astype(">i2")) as mrc:
        mrc.set_extended_header(np.zeros(64, "V1"))
        mrc.voxel_size = 3.0
    return [(folder / name).read_bytes() for name in "abc"]


def mutations(raw: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """Bit flips, truncations, nonsense fields, overwritten and inserted pieces."""
    for _ in range(80):
        flipped = bytearray(raw)
        for _ in range(rng.integers(1, 5)):
            place = int(rng.integers(0, 256 if rng.random() < 0.8 else len(raw)))
            flipped[place] ^= 1 << int(rng.integers(8))
        yield bytes(flipped)
    for _ in range(30):
        yield raw[: int(rng.integers(0, len(raw)))]
    for field in range(56):  # every 4-byte field of the header, as integer and as float
        changed = bytearray(raw)
        struct.pack_into("<i", changed, 4 * field, int(rng.choice(EXTREMES)))
        yield bytes(changed)
        number = rng.choice([np.nan, np.inf, -1e38, 1e-38, 1e38, 0.0])
        struct.pack_into("<f", changed, 4 * field, number)
        yield bytes(changed)
    for _ in range(30):
        changed = bytearray(raw)
        for field in rng.choice(24, 3, replace=False):
            struct.pack_into("<i", changed, 4 * int(field), int(rng.choice(EXTREMES)))
        yield bytes(changed)
    for _ in range(20):
        place, size = int(rng.integers(0, len(raw))), int(rng.integers(1, 200))
        yield raw[:place] + rng.bytes(size) + raw[place + int(rng.integers(0, 2)) * size :]


def test_damaged_mrc_files(tmp_path: Path, seeds: list[bytes]) -> None:
    rng = np.random.default_rng(2021)
    path = tmp_path / "damaged.mrc"
    tried = accepted = 0
    tracemalloc.start()
    try:
        for raw in seeds:
            for damaged in (raw, *mutations(raw, rng)):
                path.write_bytes(damaged)
                tried += 1
                accepted += check_volume(path)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_LIMIT
    finally:
        tracemalloc.stop()
    assert tried > 700
    assert 3 <= accepted < tried


def test_damaged_gzip_files(tmp_path: Path, seeds: list[bytes]) -> None:
    rng = np.random.default_rng(2022)
    path = tmp_path / "damaged.mrc.gz"
    tracemalloc.start()
    try:
        for raw in seeds:
            packed = gzip.compress(raw, mtime=0)
            for _ in range(40):
                broken = bytearray(packed)
                broken[int(rng.integers(0, len(packed)))] ^= 1 << int(rng.integers(8))
                path.write_bytes(broken)
                check_volume(path)
                path.write_bytes(packed[: int(rng.integers(0, len(packed)))])
                check_volume(path)
            for damaged in list(mutations(raw, rng))[110:180]:
                path.write_bytes(gzip.compress(damaged, mtime=0))
                check_volume(path)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_LIMIT
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """Little that unpacks to much, behind a header that claims a small image."""
    write_stack(tmp_path / "a", np.ones((1, 4, 4)), 5.0)
    raw = (tmp_path / "a").read_bytes()
    with gzip.open(tmp_path / "bomb.mrc.gz", "wb", compresslevel=1) as stream:
        stream.write(raw[:1024])
        for _ in range(64):
            stream.write(bytes(2**20))
    tracemalloc.start()
    try:
        assert read_stack(tmp_path / "bomb.mrc.gz")[0].shape == (1, 4, 4)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2),
    st.lists(st.tuples(st.integers(0, 1100), st.binary(min_size=1, max_size=8)), max_size=4),
    st.integers(0, 1400),
)
def test_any_bytes_anywhere(
    tmp_path_factory: pytest.TempPathFactory,
    seeds: list[bytes],
    which: int,
    edits: list[tuple[int, bytes]],
    length: int,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    raw = bytearray(seeds[which])
    for place, piece in edits:
        raw[place : place + len(piece)] = piece
    (folder / "any.mrc").write_bytes(raw[: max(length, 900)])
    check_volume(folder / "any.mrc")


def write_tables(folder: Path) -> None:
    n = 6
    particles = Particles(
        np.arange(1, n + 1),
        ("1bxn", "gold", "vesicle", "1qvr", "a b", "1bxn")[:n],
        np.linspace(0, 300, 3 * n).reshape(n, 3),
        Rotation.from_quat(np.random.default_rng(0).normal(size=(n, 4))),
        np.where(np.arange(n)[:, None] % 3 == 1, 50.0, np.full((n, 3), np.nan)),
    )
    geometry = TiltGeometry(
        np.linspace(-60, 60, 4), 5.0, np.ones((4, 2)), 3.0, np.full(4, 2.0), np.arange(4)
    )
    write_particles(folder / "particles.csv", particles)
    write_particle_locations(folder / "locations.txt", particles, 10.0, {"a b": "ab"})
    write_tilt_angles(folder / "a.tlt", geometry.angles_deg)
    write_tilt_geometry(folder / "geometry.csv", geometry)
    write_alignment(folder / "alignment.txt", geometry)
    write_stack(folder / "stack.mrc", np.ones((4, 3, 3)), 5.0)
    write_manifest(
        folder / "m.json", kind="x", settings={"a": 1}, seed=1, outputs=[folder / "a.tlt"]
    )


def check_particles(particles: Particles) -> None:
    n = len(particles)
    assert particles.positions_A.shape == particles.semi_axes_A.shape == (n, 3)
    assert len(particles.species) == n
    assert np.isfinite(particles.positions_A).all()
    assert np.isfinite(particles.rotations.as_matrix()).all()
    assert len(set(particles.ids.tolist())) == n


def check_geometry(geometry: TiltGeometry) -> None:
    assert (np.abs(geometry.angles_deg) <= 90).all()
    assert np.isfinite(geometry.shifts_A).all()
    assert len(geometry.shifts_A) == len(geometry.angles_deg) > 0


READERS: dict[str, Callable[[Path], Any]] = {
    "particles.csv": lambda p: check_particles(read_particles(p)),
    "locations.txt": lambda p: check_particles(read_particle_locations(p, 10.0)),
    "a.tlt": lambda p: check_geometry(TiltGeometry(read_tilt_angles(p), 1.0)),
    "geometry.csv": lambda p: check_geometry(read_tilt_geometry(p)),
    "alignment.txt": lambda p: check_geometry(alignment_geometry(p, read_alignment(p), 5.0)),
    "m.json": verify_manifest,
}
PIECES = (
    "nan", "inf", "-", "", ",", ",,", "\n", "\r", "\r\n", "\t", " ", '"', '"\n', "1e999", "1e300",
    "9" * 400, "9" * 5000, "0x10", "1_0", "\0", "\x1c", "\u2028", "é", "١", "#", "[", "{", "-95",
    "0.0 " * 9, "1,1,1,1,1,1,1,1,1,1,1,1\n", "\ufeff", "../" * 3,
)  # fmt: skip


def damage(text: str, rng: np.random.Generator) -> bytes:
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(0, len(text) + 1))
        cut = int(rng.integers(0, 12))
        piece = PIECES[int(rng.integers(len(PIECES)))]
        text = text[:place] + piece + text[place + cut :]
    raw = text.encode()
    return raw[: int(rng.integers(0, len(raw) + 1))] if rng.random() < 0.1 else raw


@pytest.mark.parametrize("name", READERS)
def test_damaged_tables(tmp_path: Path, name: str) -> None:
    write_tables(tmp_path)
    text = (tmp_path / name).read_text()
    rng = np.random.default_rng(sum(name.encode()))
    READERS[name](tmp_path / name)
    tracemalloc.start()
    try:
        for _ in range(300):
            (tmp_path / name).write_bytes(damage(text, rng))
            outcome(lambda: READERS[name](tmp_path / name))
        assert tracemalloc.get_traced_memory()[1] < MEMORY_LIMIT
    finally:
        tracemalloc.stop()


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(READERS)), st.integers(0, 600), st.binary(max_size=60))
def test_any_bytes_in_tables(
    tmp_path_factory: pytest.TempPathFactory, name: str, place: int, piece: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    write_tables(folder)
    raw = (folder / name).read_bytes()
    (folder / name).write_bytes(raw[:place] + piece + raw[place + len(piece) :])
    outcome(lambda: READERS[name](folder / name))
    (folder / name).write_bytes(piece)
    outcome(lambda: READERS[name](folder / name))


def test_damaged_tilt_series(tmp_path: Path) -> None:
    write_tables(tmp_path)
    rng = np.random.default_rng(4)
    text = (tmp_path / "a.tlt").read_text()
    for _ in range(100):
        (tmp_path / "a.tlt").write_bytes(damage(text, rng))
        series = outcome(lambda: read_tilt_series(tmp_path / "stack.mrc", tmp_path / "a.tlt"))
        assert series is None or len(series.images) == len(series.geometry.angles_deg) == 4


def test_enormous_tables_are_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "huge", "wb") as stream:
        stream.truncate(10**12)  # sparse
    tracemalloc.start()
    try:
        for read in (*READERS.values(), read_volume):
            with pytest.raises(InputError):
                read(tmp_path / "huge")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_devices_and_pipes_are_not_read(tmp_path: Path) -> None:
    for read in (*READERS.values(), read_volume):
        with pytest.raises(InputError, match="plain file"):
            read(Path("/dev/zero"))


def test_a_manifest_of_nonsense_values(tmp_path: Path) -> None:
    write_tables(tmp_path)
    manifest = json.loads((tmp_path / "m.json").read_text())
    for value in (None, 1, "x", [], {}, [1], [{}], [None], {"path": 1}, "n" * 5000, -1, True):
        for key in manifest:
            (tmp_path / "m.json").write_text(json.dumps({**manifest, key: value}))
            outcome(lambda: verify_manifest(tmp_path / "m.json"))
        for key in manifest["outputs"][0]:
            entry = {**manifest["outputs"][0], key: value}
            (tmp_path / "m.json").write_text(json.dumps({**manifest, "outputs": [entry]}))
            outcome(lambda: verify_manifest(tmp_path / "m.json"))
