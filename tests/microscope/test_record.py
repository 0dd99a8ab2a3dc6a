"""Settings, random values and their record."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.data import TiltGeometry, plain_record
from faket.errors import InputError
from faket.io.records import parse_record
from faket.microscope import (
    PRESET_ANGLES,
    PRESETS,
    AcquisitionRecord,
    Microscope,
    draw_acquisition,
)


def read_back(values):
    text = json.dumps(values, default=np.ndarray.tolist)
    return parse_record(text, AcquisitionRecord, "a.json", what="a record", remedy="make it again")


def geometry_of(name, pixel=5.0):
    return TiltGeometry(np.array(PRESET_ANGLES[name]), pixel)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(PRESETS)), st.integers(0, 2**63 - 1))
def test_draws_stay_in_their_ranges_and_survive_json(name, seed):
    microscope = replace(PRESETS[name], defocus_jitter_um=0.0)
    record = draw_acquisition(microscope, geometry_of(name), seed=seed)
    low, high = microscope.defocus_um
    assert all(low * 1e4 <= d <= high * 1e4 for d in record.defocus_A)
    low, high = microscope.dose_e_per_A2
    assert low <= sum(record.dose_e_per_A2) * (1 + 1e-9)
    assert sum(record.dose_e_per_A2) <= high * (1 + 1e-9)
    json.dumps(plain_record(record), allow_nan=False)
    assert read_back(plain_record(record)) == record
    assert draw_acquisition(microscope, geometry_of(name), seed=seed) == record


def test_presets():
    assert set(PRESETS) == set(PRESET_ANGLES) == {"shrec21", "k3-60x3", "czii-45x3"}
    assert PRESET_ANGLES["shrec21"] == tuple(np.arange(-60.0, 61.0, 2.0))
    assert len(PRESET_ANGLES["k3-60x3"]) == 41
    assert len(PRESET_ANGLES["czii-45x3"]) == 31
    assert PRESETS["shrec21"].defocus_um == (2.0, 5.0)
    assert PRESETS["shrec21"].dose_e_per_A2 == (100.0, 120.0)


def test_drawn_spreads_are_those_asked_for():
    n = 4000
    microscope = Microscope(
        defocus_um=(3.0, 3.0),
        defocus_jitter_um=0.2,
        shift_A=(6.0, 6.0),
        alignment_error_A=(4.0, 4.0),
        angle_error_deg=0.1,
        rotation_error_deg=0.3,
    )
    record = draw_acquisition(microscope, TiltGeometry(np.linspace(-60, 60, n), 5.0), seed=1)
    assert np.mean(record.defocus_A) == pytest.approx(30000, abs=150)
    assert np.std(record.defocus_A) == pytest.approx(2000, rel=0.05)
    assert np.std(record.shifts_A) == pytest.approx(6.0, rel=0.05)
    assert np.std(record.alignment_errors_A) == pytest.approx(4.0, rel=0.05)
    errors = np.subtract(record.true_angles_deg, record.nominal_angles_deg)
    assert np.std(errors) == pytest.approx(0.1, rel=0.05)
    assert np.std(record.rotation_errors_deg) == pytest.approx(0.3, rel=0.05)


def test_geometry_is_what_alignment_would_know():
    microscope = Microscope(alignment_error_A=(5.0, 5.0), tilt_axis_deg=(-3.0, 3.0))
    record = draw_acquisition(microscope, geometry_of("shrec21"), seed=3)
    geometry = record.geometry()
    np.testing.assert_array_equal(geometry.angles_deg, PRESET_ANGLES["shrec21"])
    np.testing.assert_allclose(
        geometry.shifts_A - np.array(record.shifts_A), record.alignment_errors_A
    )
    assert geometry.tilt_axis_deg == record.tilt_axis_deg != 0
    np.testing.assert_array_equal(geometry.dose_e_per_A2, record.dose_e_per_A2)
    np.testing.assert_array_equal(geometry.order, record.order)


def test_dose_and_order_of_a_real_session_are_kept():
    dose, order = np.array([1.0, 2.0, 3.0]), np.array([2, 0, 1])
    geometry = TiltGeometry(np.array([-3.0, 0, 3]), 5.0, dose_e_per_A2=dose, order=order)
    record = draw_acquisition(PRESETS["shrec21"], geometry, seed=0)
    assert record.dose_e_per_A2 == (1.0, 2.0, 3.0)
    assert record.order == (2, 0, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"voltage_kV": 5.0}, "voltage_kV`: expected >= 60 kV"),
        ({"defocus_um": (5.0, 2.0)}, "swap them"),
        ({"defocus_um": 3.0}, "expected a range"),
        ({"dose_e_per_A2": (0.0, 1.0)}, "expected > 0"),
        ({"detector": "K4"}, "expected one of K2, K3"),
        ({"ice": 1.5}, "expected true or false"),
        ({"motion_blur_A": "4"}, "expected a number"),
        ({"energy_spread_eV": float("nan")}, "finite"),
    ],
)
def test_bad_settings_are_named(changes, words):
    with pytest.raises(InputError, match=words) as caught:
        replace(PRESETS["shrec21"], **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        (TiltGeometry(np.array([0.0, 85.0]), 5.0), "-80 to 80"),
        (TiltGeometry(np.array([]), 5.0), "tilt angles"),
        (TiltGeometry(np.array([0.0]), 0.0), "pixel_size_A"),
        (TiltGeometry(np.zeros(2), 5.0, dose_e_per_A2=np.ones(3)), "dose"),
        (TiltGeometry(np.zeros(2), 5.0, order=np.array([1, 1])), "order"),
    ],
)
def test_bad_geometries_are_named(geometry, words):
    with pytest.raises(InputError, match=words):
        draw_acquisition(PRESETS["shrec21"], geometry, seed=0)


def test_bad_records_are_named():
    record = plain_record(draw_acquisition(PRESETS["shrec21"], geometry_of("shrec21"), seed=0))
    with pytest.raises(InputError, match="no entry seed"):
        read_back({k: v for k, v in record.items() if k != "seed"})
    with pytest.raises(InputError, match="one length"):
        read_back({**record, "order": [0]})
    with pytest.raises(InputError, match=r"microscope\.volts"):
        read_back({**record, "microscope": {"volts": 1}})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"order": [0] * 61}, "order"),
        ({"pixel_size_A": 1e-9}, "pixel_size_A"),
        ({"pixel_size_A": -5.0}, "pixel_size_A"),
        ({"nominal_angles_deg": [1e3] * 61}, "angles"),
        ({"defocus_A": [1e12] * 61}, "defocus"),
        ({"shifts_A": [[0.0, -1e9]] * 61}, "shifts"),
        ({"dose_e_per_A2": [0.0] * 61}, "dose"),
        ({"seed": -1}, "seed"),
    ],
)
def test_impossible_records_are_refused(change, words):
    record = plain_record(draw_acquisition(PRESETS["shrec21"], geometry_of("shrec21"), seed=0))
    with pytest.raises(InputError, match=words):
        read_back({**record, **change})
