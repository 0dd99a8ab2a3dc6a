"""What noise from elsewhere adds to the rows is told from a filter of the specimen's rows."""

import numpy as np
import pytest

from faket.reconstruction.row_filter import COLUMNS, CORNER, RINGS, PowerTable, RowFilter
from faket.reconstruction.signal_rows import covered_below, signal_rows
from faket.rings import ring_frequencies

KX, RING = ring_frequencies(COLUMNS), ring_frequencies(RINGS, CORNER)
SIGNAL = 30 * np.exp(-((RING / 0.1) ** 2))
TILTED = 1 + 7 * np.linspace(-1, 1, 9)[:, None] ** 2
STRENGTH = np.array([1.5, 1.2, 1.0, 0.8, 0.9, 0.8, 0.9, 1.0, 1.2])
STRENGTH /= np.exp(np.log(STRENGTH).mean())
PLATEAU = (KX >= 0.075) & (KX < 0.11)


def iterated(iterations):
    """Power of the filter of so many iterations beside a ramp, as programs have it."""
    passed = (1 - (1 - np.minimum(0.004 / KX, 1)) ** iterations) ** 2
    return passed / passed[PLATEAU].mean()


def made_up(passed, added, seed=0):
    """Nine tilts whose specimen exceeds the noise 30 times at low frequencies.

    ``passed``, shape (COLUMNS,), is the filter of the rows, ``added``, shape (tilts, COLUMNS) or
    (COLUMNS,), noise from elsewhere over the noise of the images.
    """
    rng = np.random.default_rng(seed)
    gains = np.tile(1 + 0.05 / KX, (9, 1))
    noise = np.ones(RINGS)
    number = np.where(KX[:, None] <= RING, 64.0, 0.0)
    rows = passed + np.broadcast_to(added, (9, COLUMNS))
    tables, filters = [], []
    for row, strength in zip(rows, STRENGTH, strict=True):
        power = passed[:, None] * gains[0][:, None] * strength * SIGNAL + row[:, None] * noise
        power *= rng.gamma(32, 1 / 32, power.shape)
        tables.append(PowerTable(np.where(number > 0, power, 0), number))
        filters.append(RowFilter(row, noise, 50))
    return (tables, filters, gains), passed / rows


def check(made, expected, *, rtol=0.15):
    found, signal, _ = signal_rows(*made)
    inside = slice(2, 12)  # the first holds what leaks, the last are taken for 1
    gains = made[2][:, inside]
    np.testing.assert_allclose(
        found[:, inside] * gains, expected[:, inside] * gains, rtol=rtol, atol=0.1
    )
    assert (found[:, 24:] == 1).all()
    ratio = signal[:, 2:20] / SIGNAL[2:20]
    np.testing.assert_allclose(ratio / STRENGTH[:, None], 1, atol=0.2)


@pytest.mark.parametrize("iterations", [2, 10, 30, 10000])
def test_a_filter_is_kept(iterations):
    check(*made_up(iterated(iterations), 0.0))


@pytest.mark.parametrize("iterations", [10, 30, 10000])
def test_noise_from_elsewhere_is_told_from_the_filter(iterations):
    """As of linear interpolation: much more at high tilts, and a high power of 1 / kx."""
    check(*made_up(iterated(iterations), TILTED * (0.02 / KX) ** 4), rtol=0.3)


def test_structures_that_only_the_lowest_columns_hold_do_not_change_the_filter():
    """A bead at the end of a row, which a program prolongs, is ten times what the rest is."""
    made, expected = made_up(np.ones(COLUMNS), TILTED * (0.02 / KX) ** 4)
    for table in made[0]:
        table.power[:4] *= 10
    found, _, _ = signal_rows(*made)
    np.testing.assert_allclose(found[:, 6:12], expected[:, 6:12], rtol=0.3, atol=0.02)


def test_what_is_seen_of_the_specimen_is_not_drawn_again():
    """C is raised by all that is seen where noise covers it, else to an image's at most."""
    made, expected = made_up(np.ones(COLUMNS), 30 * (0.02 / KX) ** 4)
    tables, _, gains = made
    for table, strength in zip(tables, STRENGTH, strict=True):
        table.power[1:5] += 3 * gains[0, 1:5, None] * strength * SIGNAL * (table.number[1:5] > 0)
    found, _, covered = signal_rows(*made)
    assert covered[:, :4].all()
    np.testing.assert_allclose(found[:, 2:5] / (4 * expected[:, 2:5]), 1, atol=0.4)
    made, expected = made_up(np.ones(COLUMNS), (0.02 / KX) ** 2)
    for table in made[0]:
        table.power[1:5] *= 30
    found, _, covered = signal_rows(*made)
    assert not covered[:, 1:].any()
    assert (found[:, 1:5] * gains[:, 1:5] < np.maximum(1, 1.5 * expected * gains)[:, 1:5]).all()


def test_what_covers_the_specimen_is_measured_whole_and_tells_nothing_of_it():
    """As the ends of rows that a program prolongs: too much in the lowest columns."""
    made, _ = made_up(np.ones(COLUMNS), 30 * (0.02 / KX) ** 4)
    tables, filters, gains = made
    _, usual, _ = signal_rows(*made)
    for table, rows, strength in zip(tables, filters, STRENGTH, strict=True):
        much = 3 * strength * (rows.row * gains[0])[:4, None] * SIGNAL
        table.power[:4] += much * (table.number[:4] > 0)
    found, signal, covered = signal_rows(*made)
    assert covered[:, :4].all()
    np.testing.assert_allclose(found[:, :4], 3, rtol=0.3)  # in column 0 too
    np.testing.assert_allclose(signal[:, 2:20], usual[:, 2:20], rtol=0.25)


def test_what_leaks_into_the_first_column_is_no_specimen_where_nothing_is_covered():
    made, _ = made_up(np.ones(COLUMNS), (0.01 / KX) ** 2)
    usual, _, covered = signal_rows(*made)
    assert not covered.any()
    for table in made[0]:
        table.power[0] *= 30
    found, _, _ = signal_rows(*made)
    np.testing.assert_allclose(found[:, 0], usual[:, 0], rtol=1e-6)


def test_without_a_specimen_nothing_is_found():
    tables, filters, gains = made_up(np.ones(COLUMNS), (0.01 / KX) ** 2)[0]
    empty = [PowerTable(np.where(t.number > 0, 1.0, 0.0), t.number) for t in tables]
    plain = [RowFilter(np.ones(COLUMNS), found.noise, 50) for found in filters]
    rows, signal, covered = signal_rows(empty, plain, gains)
    np.testing.assert_array_equal(rows, 1)
    np.testing.assert_array_equal(signal, 0)
    assert not covered.any()


def test_what_is_covered_in_most_tilts_is_told():
    covered = np.zeros((9, COLUMNS), bool)
    assert covered_below(covered) == 0
    covered[:4, :8] = True  # in four of nine
    assert covered_below(covered) == 0
    covered[:, :5] = True
    assert covered_below(covered) == pytest.approx(5 / 256)
