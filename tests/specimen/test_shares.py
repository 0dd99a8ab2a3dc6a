"""Fair filling: what does not fit is missing from all species alike."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.data import Species
from faket.specimen import Company, SpecimenConfig, place_particles
from faket.specimen.membrane_settings import MembraneSettings, OnMembrane
from faket.specimen.shares import FairFilling, repeated

VOXEL_A = 20.0


def ball(name, radius_A):
    half = int(radius_A / VOXEL_A) + 2
    z, y, x = np.mgrid[-half : half + 1, -half : half + 1, -half : half + 1] * VOXEL_A
    soft = np.clip(0.5 + (radius_A - np.sqrt(x**2 + y**2 + z**2)) / VOXEL_A, 0, 1)
    return Species(name, soft.astype(np.float32), soft.astype(np.float32), VOXEL_A)


BALLS = [ball("large", 130.0), ball("middle", 90.0), ball("small", 60.0)]


def placed(copies, size=(40, 40, 30), seed=0, **more):
    usual = {"particles": (0, 0), "vesicles": (0, 0), "gold": (0, 0), "max_tries": 50}
    config = SpecimenConfig(size, VOXEL_A, copies=copies, **usual | more)
    return place_particles(config, BALLS, seed=seed)


def assert_fair(placed, wanted):
    """None has a molecule more than the share of another."""
    asked = {name: n for name, n in wanted.items() if n}
    for one in asked:
        for other in asked:
            assert (placed[one] - 1) / asked[one] <= placed[other] / asked[other] + 1e-9


# --- a bin: so much room, and each molecule takes its volume of it ------------------------------


class Bin:
    """Room for a volume, and for some species for none at all."""

    def __init__(self, room, volumes, hopeless):
        self.room, self.volumes, self.hopeless = room, volumes, hopeless

    def begin(self, goals):
        state = {"left": self.room}

        def attempt(name):
            fits = name not in self.hopeless and state["left"] >= self.volumes[name]
            state["left"] -= fits * self.volumes[name]
            return bool(fits)

        return state, {name: repeated(partial(attempt, name)) for name in goals}


@given(
    kinds=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 400)), min_size=1, max_size=6),
    room=st.integers(0, 40_000),
    hopeless=st.sets(st.integers(0, 5), max_size=2),
)
def test_a_bin_is_filled_fairly(kinds, room, hopeless):
    volumes = {f"s{i}": float(volume) for i, (volume, _) in enumerate(kinds)}
    wanted = {f"s{i}": n for i, (_, n) in enumerate(kinds) if n}
    none = {f"s{i}" for i in hopeless}
    in_order = {name: wanted[name] for name in sorted(wanted, key=lambda name: -volumes[name])}
    filled = FairFilling(Bin(room, volumes, none).begin, in_order, volumes, 2).filled()
    found = {name: filled.placed[name] for name in wanted}
    left = room - sum(volumes[name] * n for name, n in found.items())
    assert filled.state["left"] == left >= 0
    assert all(found[name] <= n for name, n in wanted.items())
    shared = {name: n for name, n in wanted.items() if name not in none and volumes[name] <= room}
    if all(found[name] == n for name, n in shared.items()):
        return
    if len(wanted) > 1 and room >= sum(volumes[name] for name in shared):
        assert_fair(found, shared)
    # Nothing of the room is wasted: the next in turn has none.
    lacking = [name for name, n in shared.items() if found[name] < n]
    least = min(found[name] / wanted[name] for name in lacking)
    assert any(left < volumes[n] for n in lacking if found[n] / wanted[n] == least)


# --- specimens ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "copies",
    [
        {"large": 60, "middle": 180, "small": 600},
        {"large": 10, "middle": 20, "small": 5000},
        {"large": 600, "middle": 20, "small": 20},
        {"large": 300, "middle": 300, "small": 300},
        {"middle": 1000, "small": 1},
    ],
)
def test_what_does_not_fit_is_missing_from_all_species_alike(copies):
    placement = placed(copies)
    assert sum(placement.placed.values()) < sum(copies.values())
    assert_fair(placement.placed, copies)
    again = placed(copies)
    np.testing.assert_array_equal(again.particles.positions_A, placement.particles.positions_A)


@settings(max_examples=25)
@given(st.tuples(*[st.integers(0, 60)] * 3), st.integers(0, 3))
def test_random_mixtures_are_filled_fairly(numbers, seed):
    copies = dict(zip(("large", "middle", "small"), numbers, strict=True))
    assert_fair(placed(copies, size=(24, 24, 20), seed=seed).placed, copies)


def test_what_is_too_large_for_the_box_takes_nothing_from_the_others():
    found = placed({"large": 5, "middle": 20, "small": 20}, size=(60, 60, 11)).placed
    assert found["large"] == 0
    assert (found["middle"], found["small"]) == (20, 20)


def test_who_has_only_a_layer_takes_nothing_from_the_others():
    copies = {"large": 10, "middle": 20, "small": 4000}
    layer = {"small": Company(layer_A=(100.0, 110.0))}
    found = placed(copies, size=(60, 60, 60), company=layer).placed
    assert (found["large"], found["middle"]) == (10, 20)
    assert 50 < found["small"] < 4000


def test_less_than_asked_is_what_would_be_placed_if_it_had_been_asked():
    """To one or two molecules more, which the search of the share leaves room for."""
    copies = {"large": 60, "middle": 180, "small": 600}
    found = placed(copies).placed
    wanted = {name: found[name] for name in copies}
    again = placed(wanted).placed
    assert all(again[name] >= 0.97 * n - 1 for name, n in wanted.items())


def test_contents_and_proteins_of_membranes_are_filled_fairly_too():
    cell = MembraneSettings(
        name="cell", size_A=(700, 700), undulation=(0, 0),
        contents={"large": 12, "middle": 40, "small": 200},
    )  # fmt: skip
    placement = placed({}, size=(50, 50, 50), membranes=(cell,))
    wanted = {name: placement.requested[name] for name in cell.contents}
    assert sum(placement.placed[name] for name in wanted) < sum(wanted.values())
    assert_fair(placement.placed, wanted)
    crowded = {
        name: OnMembrane(on="cell", density_per_um2=40 * density, axis=(0, 0, 1), depth_A=0.0)
        for name, density in (("large", 10.0), ("middle", 30.0), ("small", 60.0))
    }
    bare = MembraneSettings(name="cell", size_A=(700, 700), undulation=(0, 0))
    placement = placed({}, size=(50, 50, 50), membranes=(bare,), on_membranes=crowded)
    assert sum(placement.placed[n] for n in crowded) < sum(placement.requested[n] for n in crowded)
    assert_fair(placement.placed, {name: placement.requested[name] for name in crowded})
