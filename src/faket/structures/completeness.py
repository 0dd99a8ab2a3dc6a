"""Completeness of a model: the atoms that its residues should have."""

from dataclasses import dataclass

import numpy as np

from faket.data import AnyArray
from faket.errors import InputError
from faket.structures.chemistry import canonical, heavy_atoms
from faket.structures.deposit import AtomTable, residue_bounds

_HYDROGENS = ("H", "D")
_BEAD_ATOMS = 2  # a residue with at most so many heavy atoms is a bead: CA, P, CA and CB
_WORTH_SAYING = 0.02  # missing fraction of the heavy atoms; chosen: most entries miss less
_BACKBONE = 0.25  # missing fraction; chosen: models of protein backbones with CB miss 0.36
_TRACE_CHAIN = 0.5  # fraction of beads in a chain of traces; chosen: usually it is 0 or 1
_SHORT_CHAIN = 20  # residues; chosen: beads of shorter chains hardly change the potential
# Fraction of all residues from which on beads are refused: a CA, with the ice of its surroundings
# subtracted, is below the potential of ice. Chosen: fewer are a small subunit, which is left out.
_MOST_BEADS = 0.2


@dataclass(frozen=True)
class Residues:
    """Residues of known composition, one entry each.

    Attributes
    ----------
    start, stop : ndarray of int
        Range of their atoms.
    present, expected : ndarray of int
        Number of heavy atoms found, and of the complete residue within a chain.
    """

    start: AnyArray
    stop: AnyArray
    present: AnyArray
    expected: AnyArray


def complete_part(
    atoms: AtomTable, where: str
) -> tuple[AtomTable, dict[str, int | float | str], tuple[str, ...]]:
    """Leave out chains that are only traces, and count the missing atoms of residues.

    Returns
    -------
    AtomTable
    dict
        Number of residues, and of those that lack atoms.
    tuple of str
        Notices of what was left out or is missing.

    Raises
    ------
    InputError
        If many residues are beads (CA or P only, or coarse-grained).
    """
    found = _residues(atoms)
    total = len(found.start)
    if not total:
        return atoms, {}, ()
    beads = found.present <= _BEAD_ATOMS
    if beads.mean() > _MOST_BEADS:
        raise InputError(
            f"{where}: expected all heavy atoms, found one or two in {beads.sum()} of {total} "
            "residues (CA or P only?), which has less potential than ice; give a complete model or "
            "its map"
        )
    traces = _traces(atoms, found, beads)
    kept = np.ones(len(atoms), bool)
    for start, stop in zip(found.start[traces], found.stop[traces], strict=True):
        kept[start:stop] = False
    present, expected = found.present[~traces], found.expected[~traces]
    fraction = 1 - present.sum() / expected.sum()
    lacking = int((present < expected).sum())
    notices = []
    if traces.any():
        notices.append(f"{traces.sum()} residues with CA or P only are left out")
    if fraction > _WORTH_SAYING:
        backbone = " (no side chains?)" if fraction > _BACKBONE else ""
        notices.append(
            f"{lacking} of {total} residues lack {fraction:.1%} of all heavy atoms{backbone}: "
            "they are not completed"
        )
    return atoms.take(kept), {"residues": total, "residues_incomplete": lacking}, tuple(notices)


def _residues(atoms: AtomTable) -> Residues:
    bounds = residue_bounds(atoms)
    rows = []
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        name = str(atoms.residue[start])
        if expected := heavy_atoms(name):
            members = slice(start, stop)
            names = {
                str(atom).strip()
                for atom, element in zip(atoms.name[members], atoms.element[members], strict=True)
                if element not in _HYDROGENS
            }
            expected = _within_chain(canonical(name), names, expected)
            present = len(names - _EXTRA) if names & _MIDDLE else 0
            rows.append((start, stop, min(present, expected), expected))
    columns = np.array(rows, np.int64).reshape(-1, 4).T  # [residues, 4] → [4, residues]
    return Residues(*columns)


_EXTRA = frozenset({"OXT", "OT2", "OP3", "O5T"})  # of the ends of chains
_MIDDLE = frozenset({"CA", "P", "C4'", "C4*"})  # beads of coarse-grained models have none of these
_PHOSPHATE = frozenset({"P"})


def _within_chain(name: str, names: set[str], expected: int) -> int:
    """Return the number of heavy atoms of this residue; nucleotides may begin without phosphate."""
    if len(name) > 2 or len(names) <= _BEAD_ATOMS:
        return expected
    without_phosphate = 0 if names & _PHOSPHATE else 3
    # Names such as ADE stand for both kinds.
    deoxy = 0 if len(name) == 2 or names & {"O2'", "O2*"} else 1
    return expected - without_phosphate - deoxy


def _traces(atoms: AtomTable, found: Residues, beads: AnyArray) -> AnyArray:
    """Tell which residues are beads in chains that consist mostly of beads."""
    keys = [(str(atoms.model[i]), str(atoms.chain[i])) for i in found.start]
    seen: dict[tuple[str, str], int] = {}
    chain = np.array([seen.setdefault(key, len(seen)) for key in keys], np.int64)
    count = np.bincount(chain)
    share = np.bincount(chain, beads.astype(float)) / count
    return np.asarray((share[chain] > _TRACE_CHAIN) & (count[chain] > _SHORT_CHAIN) & beads)
