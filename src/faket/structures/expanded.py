"""All copies of a molecule: as a gemmi model, and as positions and masses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from faket.data import AnyArray, DoubleArray
from faket.structures.assembly import Copy
from faket.structures.hydrogens import Scatterers

_ON_AXIS_A = 0.2  # chosen: copies that are nearer are one atom on a symmetry axis


@dataclass
class _Placed:
    """One copy: its scatterers, positions and occupancies; ``edited`` ones differ from the file."""

    matrix: DoubleArray
    index: AnyArray
    position_A: DoubleArray
    occupancy: DoubleArray
    edited: list[int]
    removed: list[int]


@dataclass(frozen=True)
class Expanded:
    """All copies of a molecule.

    Attributes
    ----------
    model : gemmi.Model
    position_A : ndarray, shape (n, 3), float64
        x y z of the scatterers, in the model's order.
    mass_Da : ndarray, shape (n,), float64
    atoms : int
        Number of atoms from the file.
    hydrogens : float
        Number of hydrogens that were added.
    """

    model: Any
    position_A: DoubleArray
    mass_Da: DoubleArray
    atoms: int
    hydrogens: float


def expanded(molecule: Scatterers, copies: Sequence[Copy]) -> Expanded:
    """Make all copies of a molecule.

    An atom on a symmetry axis is kept once, at the mean position of its copies, with the sum of
    their occupancies, at most 1.
    """
    import gemmi

    placed = [_place(molecule, copy) for copy in copies]
    _merge_on_axes(placed)
    originals: dict[bytes, Any] = {}
    model = gemmi.Model(1)
    weights = {symbol: gemmi.Element(symbol).weight for symbol in set(molecule.element.tolist())}
    weight = np.array([weights[symbol] for symbol in molecule.element.tolist()])
    for copy in placed:
        model.add_chain(_chain(molecule, copy, originals))
    kept = [np.delete(np.arange(len(copy.index)), copy.removed) for copy in placed]
    index = np.concatenate([copy.index[i] for copy, i in zip(placed, kept, strict=True)])
    occupancy = np.concatenate([copy.occupancy[i] for copy, i in zip(placed, kept, strict=True)])
    added = molecule.implicit[index]
    return Expanded(
        model=model,
        position_A=np.concatenate(
            [copy.position_A[i] for copy, i in zip(placed, kept, strict=True)]
        ),
        mass_Da=weight[index] * occupancy,
        atoms=int((~added).sum()),
        hydrogens=float(occupancy[added].sum()),
    )


def transform(matrix: DoubleArray) -> Any:
    """Return a matrix (3, 4) as a gemmi.Transform."""
    import gemmi

    motion = gemmi.Transform()
    motion.mat.fromlist(matrix[:, :3].tolist())
    motion.vec.fromlist(matrix[:, 3].tolist())
    return motion


def _place(molecule: Scatterers, copy: Copy) -> _Placed:
    index = np.flatnonzero(copy.chosen[molecule.atom])
    x, y, z = molecule.position_A[index].T  # [n, 3] → [3, n]; added in gemmi's order, bit by bit
    position = np.stack([row[0] * x + row[1] * y + row[2] * z + row[3] for row in copy.matrix])
    # [3, n] → [n, 3]
    return _Placed(copy.matrix, index, position.T, molecule.occupancy[index].copy(), [], [])


def _merge_on_axes(placed: Sequence[_Placed]) -> None:
    """Merge the copies of each atom on a symmetry axis."""
    groups: dict[bytes, list[_Placed]] = {}
    for copy in placed:
        groups.setdefault(copy.index.tobytes(), []).append(copy)
    for group in groups.values():
        # The operators form a group, or nearly: an atom on an axis coincides with its first copy.
        on_axis = np.zeros(len(group[0].index), bool)
        for copy in group[1:]:
            on_axis |= (np.abs(copy.position_A - group[0].position_A) < _ON_AXIS_A).all(axis=1)
        for i in np.flatnonzero(on_axis).tolist():
            _merge(i, group)


def _merge(i: int, group: Sequence[_Placed]) -> None:
    meeting: list[list[_Placed]] = []
    for copy in group:
        for others in meeting:
            if np.linalg.norm(copy.position_A[i] - others[0].position_A[i]) < _ON_AXIS_A:
                others.append(copy)
                break
        else:
            meeting.append([copy])
    for copies in meeting:
        if len(copies) > 1:
            first = copies[0]
            first.position_A[i] = sum(copy.position_A[i] for copy in copies) / len(copies)
            first.occupancy[i] = min(1.0, len(copies) * first.occupancy[i])
            first.edited.append(i)
            for copy in copies[1:]:
                copy.removed.append(i)


def _chain(molecule: Scatterers, copy: _Placed, originals: dict[bytes, Any]) -> Any:
    """Return a copy's atoms as one chain, without references into growing containers of gemmi."""
    key = copy.index.tobytes()
    if key not in originals:
        originals[key] = _original(molecule, copy.index)
    model = originals[key].clone()
    model.transform_pos_and_adp(transform(copy.matrix))
    residue = model[0][0]
    for i in copy.edited:
        atom = residue[i]
        atom.pos.fromlist(copy.position_A[i].tolist())
        atom.occ = float(copy.occupancy[i])
    for i in sorted(copy.removed, reverse=True):
        del residue[i]
    return model[0].clone()


def _original(molecule: Scatterers, chosen: AnyArray) -> Any:
    import gemmi

    elements = {symbol: gemmi.Element(symbol) for symbol in set(molecule.element.tolist())}
    residue = gemmi.Residue()
    rows = zip(
        molecule.element[chosen].tolist(), molecule.position_A[chosen].tolist(),
        molecule.occupancy[chosen].tolist(), molecule.b_A2[chosen].tolist(), strict=True,
    )  # fmt: skip
    for element, position, occupancy, b_A2 in rows:
        atom = gemmi.Atom()
        atom.element, atom.pos = elements[element], gemmi.Position(*position)
        atom.occ, atom.b_iso = occupancy, b_A2
        residue.add_atom(atom)
    chain = gemmi.Chain("A")
    chain.add_residue(residue)
    model = gemmi.Model(1)
    model.add_chain(chain)
    return model
