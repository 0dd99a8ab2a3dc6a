"""A fall of the specimen's power at low kx is found; small differences change nothing."""

import numpy as np
import pytest

from faket.reconstruction.row_filter import COLUMNS, CORNER, RINGS, PowerTable, RowFilter
from faket.reconstruction.signal_rows import signal_rows
from faket.rings import ring_frequencies

KX, RING = ring_frequencies(COLUMNS), ring_frequencies(RINGS, CORNER)
SIGNAL = 30 * np.exp(-((RING / 0.1) ** 2))
ANGLES = np.array([-50.0, -2.0, 0.0, 2.0, 50.0])


def made_up(fall, seed=0):
    """Five tilts whose specimen exceeds the noise 30 times at low frequencies.

    ``fall``, shape (tilts, COLUMNS) or (COLUMNS,), is what is left of it.
    """
    rng = np.random.default_rng(seed)
    gains = np.tile(1 + 0.05 / KX, (5, 1))
    noise = np.ones(RINGS)
    row = np.linspace(2, 0.5, COLUMNS)
    number = np.where(KX[:, None] <= RING, 64.0, 0.0)
    tables = []
    for part in gains * fall:
        power = row[:, None] * (part[:, None] * SIGNAL + noise)
        power *= rng.gamma(32, 1 / 32, power.shape)
        tables.append(PowerTable(np.where(number > 0, power, 0), number))
    return tables, [RowFilter(row, noise, 50)] * 5, gains, ANGLES


def test_a_fall_at_low_frequencies_is_found_for_each_angle():
    reach = np.where(np.abs(ANGLES) > 20, 0.04, 0.025)[:, None]
    fall = np.minimum(1, KX / reach)
    found, signal = signal_rows(*made_up(fall))
    inside = slice(2, 6)  # columns below are one, above they are smoothed
    np.testing.assert_allclose(found[:, inside] / fall[:, inside], 1, atol=0.25)
    assert (found[:, 13:] == 1).all()
    np.testing.assert_allclose(signal[:20] / SIGNAL[:20], 1, atol=0.15)


@pytest.mark.parametrize("tilted", [0.0, 0.1, -0.1])
def test_directions_that_differ_a_little_change_nothing(tilted):
    found, _ = signal_rows(*made_up(1 + tilted * np.exp(-KX / 0.05), seed=1))
    np.testing.assert_allclose(found, 1, atol=0.12)


def test_without_a_specimen_nothing_is_found():
    tables, filters, gains, angles = made_up(np.minimum(1, KX / 0.03))
    empty = [PowerTable(np.where(t.number > 0, 1.0, 0.0), t.number) for t in tables]
    plain = [RowFilter(np.ones(COLUMNS), found.noise, 50) for found in filters]
    rows, signal = signal_rows(empty, plain, gains, angles)
    np.testing.assert_array_equal(rows, 1)
    np.testing.assert_array_equal(signal, 0)
