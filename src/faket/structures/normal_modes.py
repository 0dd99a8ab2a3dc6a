"""Normal modes of an elastic network: how a molecule bends most easily.

An anisotropic network (Atilgan et al., Biophys. J. 80, 505 (2001)): nodes, as many as residues, are
joined by equal springs to all nodes within a cutoff. A node is the mean of the atoms in a cube of a
residue's volume, because atoms that are ready for the potential no longer have names.
"""

import math
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import eigsh
from scipy.spatial import cKDTree

from faket.data import DoubleArray
from faket.errors import InputError

_CUTOFF_A = 15.0  # as usual for such networks of C-alpha atoms
_RIGID = 6  # motions of a body as a whole
# Chosen: the network of a larger molecule has every n-th residue as node, and longer springs.
_MOST_NODES = 1500
_CELL_A = 5.1  # a residue fills 134 Å³ (110 Da of 1.21 Å³), a cube of this edge


def normal_modes(nodes_A: DoubleArray, n: int) -> DoubleArray:
    """Return the n softest modes that change a molecule's form.

    Parameters
    ----------
    nodes_A : ndarray, shape (nodes, 3)
    n : int

    Returns
    -------
    ndarray, shape (n, nodes, 3)
        Displacements with a root mean square of 1 over the nodes, softest first; the sign is that
        with which the largest component is positive.

    Raises
    ------
    InputError
        If the molecule has too few residues.
    """
    count = len(nodes_A)
    if 3 * count <= _RIGID + n + 3:
        raise InputError(f"normal modes: expected more than {n + 3} residues, found {count}")
    reach_A, pairs = _CUTOFF_A, cKDTree(nodes_A).query_pairs(_CUTOFF_A, output_type="ndarray")
    while len(pairs) < 6 * count and reach_A < 1e4:  # sparse nodes, joined over longer distances
        reach_A *= 1.3
        pairs = cKDTree(nodes_A).query_pairs(reach_A, output_type="ndarray")
    i, j = pairs.T
    step = nodes_A[j] - nodes_A[i]
    step /= np.linalg.norm(step, axis=1, keepdims=True)
    blocks = step[:, :, None] * step[:, None, :]  # [pairs, 3, 3]
    rows = np.concatenate([i, j, i, j])
    columns = np.concatenate([i, j, j, i])
    values = np.concatenate([blocks, blocks, -blocks, -blocks])
    axis = np.arange(3)
    place = (
        np.broadcast_to(3 * rows[:, None, None] + axis[:, None], values.shape).ravel(),
        np.broadcast_to(3 * columns[:, None, None] + axis, values.shape).ravel(),
    )
    hessian = sparse.csc_matrix((values.ravel(), place), shape=(3 * count, 3 * count))
    # Shifted, because the matrix itself is singular; the first vector decides about signs only.
    _, vectors = eigsh(hessian, k=_RIGID + n, sigma=-1e-3, v0=np.ones(3 * count))
    modes = vectors[:, _RIGID:].T
    largest = np.take_along_axis(modes, abs(modes).argmax(axis=1)[:, None], axis=1)
    return np.asarray((modes * np.sign(largest) * math.sqrt(count)).reshape(n, count, 3))


def nodes_of(atoms_A: DoubleArray) -> DoubleArray:
    """Return the nodes of a molecule, [nodes, 3], from its atoms [n, 3]."""
    cells = np.floor((atoms_A - atoms_A.mean(axis=0)) / _CELL_A).astype(np.int64)
    _, index, sizes = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    sums = [np.bincount(index.ravel(), weights=axis) for axis in atoms_A.T]
    return np.asarray(np.stack(sums, axis=1) / sizes[:, None])


def displacements(
    atoms_A: DoubleArray, nodes_A: DoubleArray, amplitudes_A: DoubleArray
) -> DoubleArray:
    """Return by how much atoms [n, 3] move along the softest modes, of these amplitudes.

    An atom moves as the four nearest nodes do, the nearer the more.
    """
    nodes_A = nodes_A[:: math.ceil(len(nodes_A) / _MOST_NODES)]
    modes = normal_modes(nodes_A, len(amplitudes_A))
    moved = np.tensordot(amplitudes_A, modes, axes=1)  # [modes] · [modes, nodes, 3] → [nodes, 3]
    distances_A, nearest = cKDTree(nodes_A).query(atoms_A, k=4)
    weights = 1 / np.maximum(distances_A, 0.1) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray((weights[:, :, None] * moved[nearest]).sum(axis=1))


def deform(model: Any, amplitudes_A: DoubleArray) -> DoubleArray:
    """Move the atoms of a gemmi model along its softest modes; return by how much, [n, 3]."""
    import gemmi

    atoms = [atom for chain in model for residue in chain for atom in residue]
    positions = np.array([atom.pos.tolist() for atom in atoms])
    moved = displacements(positions, nodes_of(positions), amplitudes_A)
    for atom, place in zip(atoms, positions + moved, strict=True):
        atom.pos = gemmi.Position(*place)
    return moved
