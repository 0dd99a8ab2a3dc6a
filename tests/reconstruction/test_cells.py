"""Cells and shells share all coefficients, and give values back at any frequency."""

import numpy as np

from faket.reconstruction.cells import (
    CELLS,
    CORNER,
    SHAPE,
    SHELLS,
    at_frequencies,
    at_radii,
    sum_up,
)


def test_every_coefficient_is_in_one_cell_and_one_shell():
    shape = (12, 20, 31)
    values = np.random.default_rng(0).random((12, 20, 16))
    sums = sum_up(values, shape)
    assert sums.cells.shape == SHAPE
    np.testing.assert_allclose([sums.cells.sum(), sums.shells.sum()], values.sum())


def test_tilts_of_either_sign_are_apart():
    values = np.zeros((12, 20, 16))
    values[2, 0, 3] = 1  # kz = 2 / 12, kx = 3 / 31
    values[-2, 0, 3] = 10
    cells = sum_up(values, (12, 20, 31)).cells
    assert cells[CELLS:].sum() == 1
    assert cells[:CELLS].sum() == 10


def test_values_are_found_again():
    place = np.arange(CELLS) + 0.5
    cells = np.broadcast_to(place, SHAPE)  # kx as cells count it
    kx = np.linspace(0.01, 0.45, 20)
    found = at_frequencies(cells, 0.2, 0.1, kx)
    np.testing.assert_allclose(0.5 * (found / CELLS) ** 2, kx)
    radius = (np.arange(SHELLS) + 0.5) * CORNER / SHELLS
    np.testing.assert_allclose(at_radii(radius, kx), kx)
