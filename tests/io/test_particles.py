"""The particle table: exact round trip and errors that name line and column."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.data import Particles
from faket.errors import InputError
from faket.io.particles import read_particles, write_particles


def make_particles(
    n: int, seed: int = 0, names: tuple[str, ...] = ("1bxn", "fiducial")
) -> Particles:
    rng = np.random.default_rng(seed)
    species = tuple(names[i % len(names)] for i in range(n))
    axes = np.full((n, 3), np.nan)
    for i, name in enumerate(species):
        if name in ("fiducial", "vesicle"):
            axes[i] = rng.uniform(20, 50, 3)
    return Particles(
        ids=rng.permutation(n).astype(np.int64) + 1,
        species=species,
        positions_A=rng.normal(0, 1000, (n, 3)),
        rotations=Rotation.from_quat(rng.normal(size=(n, 4))),
        semi_axes_A=axes,
    )


def assert_same(a: Particles, b: Particles) -> None:
    np.testing.assert_array_equal(a.ids, b.ids)
    assert a.ids.dtype == b.ids.dtype == np.int64
    assert a.species == b.species
    np.testing.assert_array_equal(a.positions_A, b.positions_A)
    np.testing.assert_array_equal(a.semi_axes_A, b.semi_axes_A)
    np.testing.assert_allclose(a.rotations.as_quat(), b.rotations.as_quat(), rtol=0, atol=1e-15)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 9),
    st.integers(0, 1000),
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1),
        min_size=1,
        max_size=3,
    ),
)
def test_tables_come_back(
    tmp_path_factory: pytest.TempPathFactory, n: int, seed: int, names: list[str]
) -> None:
    path = tmp_path_factory.mktemp("p") / "particles.csv"
    particles = make_particles(n, seed, ("fiducial", 'a, "b" c', *names))
    write_particles(path, particles)
    assert_same(read_particles(path), particles)


def test_further_columns_come_back_and_old_tables_have_none(tmp_path: Path) -> None:
    path, old = tmp_path / "particles.csv", make_particles(3)
    columns = {"filament": np.array([1, np.nan, 2]), "polarity": np.array([1, np.nan, -1])}
    write_particles(path, replace(old, columns=columns))
    found = read_particles(path)
    assert_same(found, old)
    assert list(found.columns) == ["filament", "polarity"]
    for name, values in columns.items():
        np.testing.assert_array_equal(found.columns[name], values)
        np.testing.assert_array_equal(found.select(np.array([2, 0])).columns[name], values[[2, 0]])
    write_particles(path, old)
    assert path.read_text().startswith("id,species,x_A,y_A,z_A,qx,qy,qz,qw,a_A,b_A,c_A\n")
    assert read_particles(path).columns == {}
    for bad in ({"mood": np.ones(3)}, {"filament": np.ones(2)}):
        with pytest.raises(InputError, match="expected columns"):
            write_particles(path, replace(old, columns=bad))


def test_columns_may_stand_in_any_order_with_others(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    particles = make_particles(4)
    write_particles(path, particles)
    rows = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("\r\n".join(",".join([*reversed(row), "note"]) for row in rows))
    assert_same(read_particles(path), particles)


HEADER = "id,species,x_A,y_A,z_A,qx,qy,qz,qw,a_A,b_A,c_A\n"
ROW = "1,1bxn,1,2,3,0,0,0,1,,,\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected each of the columns id, species"),
        (HEADER.replace("qw", "qv"), "columns qw once"),
        (HEADER.replace("qw", "qz"), "columns qz, qw once"),
        (HEADER + "1,2\n", "line 2: expected 12 columns, found 2"),
        (HEADER + ROW + ROW, "line 3, id: 1 was used in line 2"),
        (HEADER + ROW.replace("1,1bxn", "0,1bxn"), "line 2, id: expected a whole number 1 to"),
        (HEADER + ROW.replace("1,1bxn", "1.5,1bxn"), "line 2, id: expected a whole number"),
        (HEADER + ROW.replace("1bxn", " "), "line 2, species: expected a name"),
        (HEADER + ROW.replace("2,3", "2,nan"), "line 2, z_A: expected a finite number"),
        (HEADER + ROW.replace("2,3", "2,1e300"), "line 2, z_A: expected a finite number"),
        (HEADER + ROW.replace("2,3", "b,3"), "line 2, y_A: expected a number, found 'b'"),
        (HEADER + ROW.replace("0,1,", "0,2,"), "line 2, qx to qw: expected a quaternion"),
        (HEADER + ROW.replace("0,1,", "0,0,"), "line 2, qx to qw: expected a quaternion"),
        (HEADER + ROW.replace("1,,,", "1,5,,"), "line 2, b_A: expected a number"),
        (HEADER + ROW.replace("1,,,", "1,5,5,-5"), "line 2, a_A to c_A: expected positive"),
    ],
)
def test_bad_tables_name_the_place(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_particles(tmp_path / "p.csv")
    assert "\n" not in str(caught.value)


def test_inconsistent_particles_are_not_written(tmp_path: Path) -> None:
    good = make_particles(3)
    bad = [
        replace(good, ids=np.array([1, 1, 2])),
        replace(good, ids=np.array([0, 1, 2])),
        replace(good, ids=np.array([1, 2, 2**31])),
        replace(good, species=good.species[:2]),
        replace(good, species=("a", "b\n", "c")),
        replace(good, species=("a", " b", "c")),
        replace(good, positions_A=np.full((3, 3), np.nan)),
        replace(good, rotations=good.rotations[:2]),
        replace(good, semi_axes_A=np.array([[1, 2, np.nan]] * 3)),
    ]
    for particles in bad:
        with pytest.raises(InputError, match="expected"):
            write_particles(tmp_path / "p.csv", particles)
    assert not list(tmp_path.iterdir())
