"""A fall of the specimen's power at low kx is found; small differences change nothing."""

import numpy as np
import pytest

from faket.reconstruction.row_filter import COLUMNS, CORNER, RINGS, PowerTable, RowFilter
from faket.reconstruction.signal_rows import signal_rows
from faket.rings import ring_frequencies

KX, RING = ring_frequencies(COLUMNS), ring_frequencies(RINGS, CORNER)


def made_up(fall, seed=0):
    """Five tilts whose specimen exceeds the noise 30 times at low frequencies."""
    rng = np.random.default_rng(seed)
    gains = np.tile(1 + 0.05 / KX, (5, 1))
    signal, noise = 30 * np.exp(-((RING / 0.1) ** 2)), np.ones(RINGS)
    row = np.linspace(2, 0.5, COLUMNS)
    number = np.where(KX[:, None] <= RING, 64.0, 0.0)
    tables = []
    for gain in gains:
        power = row[:, None] * ((gain * fall)[:, None] * signal + noise)
        power *= rng.gamma(32, 1 / 32, power.shape)
        tables.append(PowerTable(np.where(number > 0, power, 0), number))
    return tables, [RowFilter(row, noise, 50)] * 5, gains


def test_a_fall_at_low_frequencies_is_found():
    fall = np.minimum(1, KX / 0.03)
    found = signal_rows(*made_up(fall))
    inside = slice(2, 8)  # columns below are one, above they are smoothed
    np.testing.assert_allclose(found[inside] / fall[inside], 1, atol=0.25)
    assert (found[13:] == 1).all()


@pytest.mark.parametrize("tilted", [0.0, 0.1, -0.1])
def test_directions_that_differ_a_little_change_nothing(tilted):
    found = signal_rows(*made_up(1 + tilted * np.exp(-KX / 0.05), seed=1))
    np.testing.assert_allclose(found, 1, atol=0.12)


def test_without_a_specimen_nothing_is_found():
    tables, filters, gains = made_up(np.minimum(1, KX / 0.03))
    empty = [PowerTable(np.where(t.number > 0, 1.0, 0.0), t.number) for t in tables]
    plain = [RowFilter(np.ones(COLUMNS), found.noise, 50) for found in filters]
    np.testing.assert_array_equal(signal_rows(empty, plain, gains), 1)
