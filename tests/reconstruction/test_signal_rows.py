"""What noise from elsewhere adds to the rows is told from a filter of the specimen's rows."""

import numpy as np

from faket.reconstruction.row_filter import COLUMNS, CORNER, RINGS, PowerTable, RowFilter
from faket.reconstruction.signal_rows import signal_rows
from faket.rings import ring_frequencies

KX, RING = ring_frequencies(COLUMNS), ring_frequencies(RINGS, CORNER)
SIGNAL = 30 * np.exp(-((RING / 0.1) ** 2))
ANGLES = np.array([-50.0, -2.0, 0.0, 2.0, 50.0])
TILTED = np.where(np.abs(ANGLES) > 20, 8.0, 1.0)[:, None]


def made_up(passed, added, seed=0):
    """Five tilts whose specimen exceeds the noise 30 times at low frequencies.

    ``passed``, shape (COLUMNS,), is the filter of the rows, ``added``, shape (tilts, COLUMNS) or
    (COLUMNS,), noise from elsewhere over the noise of the images.
    """
    rng = np.random.default_rng(seed)
    gains = np.tile(1 + 0.05 / KX, (5, 1))
    noise = np.ones(RINGS)
    number = np.where(KX[:, None] <= RING, 64.0, 0.0)
    rows = passed + np.broadcast_to(added, (5, COLUMNS))
    tables, filters = [], []
    for row in rows:
        power = passed[:, None] * gains[0][:, None] * SIGNAL + row[:, None] * noise
        power *= rng.gamma(32, 1 / 32, power.shape)
        tables.append(PowerTable(np.where(number > 0, power, 0), number))
        filters.append(RowFilter(row, noise, 50))
    return (tables, filters, gains, ANGLES), passed / rows


def check(made, expected, *, atol=0.1):
    found, signal = signal_rows(*made)
    inside = slice(2, 12)  # the first holds what leaks, the last are taken for 1
    np.testing.assert_allclose(found[:, inside] / expected[:, inside], 1, atol=atol)
    assert (found[:, 24:] == 1).all()
    np.testing.assert_allclose(signal[2:20] / SIGNAL[2:20], 1, atol=max(0.1, atol / 2))


def test_noise_from_elsewhere_is_taken_from_the_specimen():
    check(*made_up(np.ones(COLUMNS), TILTED * (0.008 / KX) ** 2))


def test_a_filter_is_kept():
    check(*made_up(1 + (0.03 / KX) ** 2, 0.0))


def test_a_filter_and_noise_at_high_tilts_are_told_apart():
    check(*made_up(1 + (0.03 / KX) ** 2, np.where(TILTED > 1, 1.0, 0.0) * (0.02 / KX) ** 2))


def test_both_at_all_tilts_are_told_apart_about():
    check(*made_up(1 + 0.04 / KX, (0.02 / KX) ** 2), atol=0.35)


def test_without_a_specimen_nothing_is_found():
    tables, filters, gains, angles = made_up(np.ones(COLUMNS), (0.01 / KX) ** 2)[0]
    empty = [PowerTable(np.where(t.number > 0, 1.0, 0.0), t.number) for t in tables]
    plain = [RowFilter(np.ones(COLUMNS), found.noise, 50) for found in filters]
    rows, signal = signal_rows(empty, plain, gains, angles)
    np.testing.assert_array_equal(rows, 1)
    np.testing.assert_array_equal(signal, 0)
