"""What a reconstruction did to the rows is found, however steeply it rises to low frequencies."""

import numpy as np
import pytest

from faket.reconstruction.row_filter import (
    COLUMNS,
    CORNER,
    RINGS,
    PowerTable,
    between_columns,
    fit_row_filters,
)
from faket.rings import ring_frequencies

KX, RING = ring_frequencies(COLUMNS), ring_frequencies(RINGS, CORNER)


def tables_of(row, columns_shown, tilts=9):
    """Tables of noise alone, of rows with so many columns, whose A is ``row``."""
    rng = np.random.default_rng(3)
    number = np.where(KX[:, None] <= RING, 150.0, 0.0)
    held = (np.arange(columns_shown // 2 + 1) * 2 * COLUMNS // columns_shown).clip(0, COLUMNS - 1)
    number[~np.isin(np.arange(COLUMNS), held)] = 0
    power = row[:, None] * np.exp(-0.8 * RING)
    return [
        PowerTable(power * rng.gamma(75, 1 / 75, power.shape) * (number > 0), number)
        for _ in range(tilts)
    ]


@pytest.mark.parametrize("columns_shown", [256, 108])
@pytest.mark.parametrize("power", [-4, -2, 0])
def test_powers_of_frequency_are_found_as_they_are(power, columns_shown):
    """Linear interpolation leaves noise that rises as 1 / kx⁴, where a ramp left little."""
    row = 1 + (KX / 0.03) ** power if power else np.ones(COLUMNS)
    tables = tables_of(row, columns_shown)
    found = fit_row_filters(tables, np.zeros(len(tables), bool), 0.38)
    gauge = (KX >= 0.06) & (KX <= 0.2)
    expected = row / np.exp(np.log(row[gauge]).mean())
    lowest = 3 if columns_shown == 108 else 1
    for tilt in found:
        np.testing.assert_allclose(tilt.row[lowest:100] / expected[lowest:100], 1, atol=0.15)


def test_between_columns_powers_stay_powers():
    kx = np.geomspace(0.003, 0.49, 50)
    found = between_columns(kx, 5 * KX**-3.5)
    np.testing.assert_allclose(found, 5 * kx**-3.5, rtol=1e-9)
