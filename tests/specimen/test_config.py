"""Settings of a specimen: what is refused, and that it is refused in one line."""

import math
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.errors import InputError
from faket.specimen import SpecimenConfig


def test_defaults_are_described_and_accepted():
    config = SpecimenConfig()
    assert config.size_voxels == (1024, 1024, 360)
    assert all(item.metadata["description"] for item in fields(config))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size_voxels": (64, 64)}, "3 whole numbers"),
        ({"size_voxels": (64, 64, 64.0)}, "3 whole numbers"),
        ({"size_voxels": [64, 64, 64]}, "as a tuple"),
        ({"size_voxels": (64, 0, 64)}, ">= 1 voxels"),
        ({"size_voxels": (60000, 60000, 60000)}, "smaller box or larger voxels"),
        ({"voxel_size_A": 0.0}, ">= 0.5 Å"),
        ({"voxel_size_A": math.nan}, "finite"),
        ({"voxel_size_A": "5"}, "1 number"),
        ({"particles": (-1, 5)}, ">= 0"),
        ({"particles": (1, 70000)}, "<= 65535"),
        ({"particles": (5, 1)}, "swap"),
        ({"particles": 5}, "2 whole numbers"),
        ({"vesicles": (0, True)}, "2 whole numbers"),
        ({"vesicle_semi_axes_A": (10.0, 700.0)}, ">= 100 Å"),
        ({"gold_diameter_A": (40.0, math.inf)}, "finite"),
        ({"gold_axis_scale": (1.2, 0.8)}, "swap"),
        ({"copies": {"a": -1}}, "'a'"),
        ({"copies": {"a": 1.5}}, "whole number"),
        ({"volume_fractions": {"a": 1.0}}, "below 1"),
        ({"volume_fractions": {"a": math.nan}}, "below 1"),
        ({"volume_fractions": {"a": 0.6, "b": 0.6}}, "less than 1"),
        ({"volume_fractions": {"a": 0.1}, "copies": {"a": 3}}, "found both"),
        ({"on_full": "explode"}, "'continue' or 'stop'"),
        ({"max_tries": 0}, ">= 1"),
    ],
)
def test_bad_values_are_refused_in_one_line(values, message):
    with pytest.raises(InputError, match=message) as error:
        SpecimenConfig(**values)
    assert "\n" not in str(error.value)
    assert next(iter(values)) in str(error.value) or "found both" in str(error.value)


anything = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.tuples(st.integers(), st.integers()),
    st.tuples(st.floats(), st.floats()),
    st.tuples(st.integers(-5, 5000), st.integers(-5, 5000), st.integers(-5, 5000)),
    st.dictionaries(st.text(max_size=3), st.one_of(st.integers(), st.floats()), max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([item.name for item in fields(SpecimenConfig)]), anything)
def test_any_value_is_taken_as_it_is_or_refused_in_one_line(name, value):
    try:
        config = SpecimenConfig(**{name: value})
    except InputError as error:
        assert name in str(error)
        assert "\n" not in str(error)
    else:
        assert getattr(config, name) == value
