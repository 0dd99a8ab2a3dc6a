"""Elastic networks: rigid motions cost nothing, the softest mode bends, amplitudes are kept."""

import numpy as np
import pytest

from faket.errors import InputError
from faket.structures.normal_modes import displacements, normal_modes


def rod() -> np.ndarray:
    """A square rod of 4 x 4 x 30 nodes, 5 Å apart."""
    grid = np.mgrid[:4, :4, :30].reshape(3, -1).T * 5.0
    return grid + np.random.default_rng(0).normal(0, 0.05, grid.shape)


def test_the_softest_modes_of_a_rod_bend_it():
    nodes = rod()
    modes = normal_modes(nodes, 4)
    np.testing.assert_allclose((modes**2).sum(axis=2).mean(axis=1), 1, rtol=1e-9)
    centred = nodes - nodes.mean(axis=0)
    for mode in modes:  # neither moved nor turned as a whole
        assert np.abs(mode.mean(axis=0)).max() < 1e-3
        assert np.abs(np.cross(centred, mode).mean(axis=0)).max() < 1e-2 * np.abs(centred).max()
    for mode in modes[:2]:  # across the rod, ends one way and the middle the other
        along, across = (mode[:, 2] ** 2).mean(), (mode[:, :2] ** 2).sum(axis=1).mean()
        assert across > 5 * along
        ends = mode[(nodes[:, 2] < 10) | (nodes[:, 2] > 135)].mean(axis=0)
        middle = mode[abs(nodes[:, 2] - 72) < 15].mean(axis=0)
        assert ends[:2] @ middle[:2] < 0


def test_atoms_move_with_their_residues_and_by_the_amplitude():
    nodes = rod()
    atoms = nodes + 0.01
    moved = displacements(atoms, nodes, np.array([3.0, 4.0]))
    assert np.sqrt((moved**2).sum(axis=1).mean()) == pytest.approx(5, rel=0.02)
    np.testing.assert_allclose(moved, displacements(atoms, nodes, np.array([3.0, 4.0])))
    gap = np.linalg.norm(nodes[1] - nodes[0])
    assert np.linalg.norm((nodes + moved)[1] - (nodes + moved)[0]) == pytest.approx(gap, rel=0.15)


def test_a_molecule_of_few_residues_has_no_modes():
    with pytest.raises(InputError, match="residues"):
        normal_modes(rod()[:4], 3)
