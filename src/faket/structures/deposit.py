"""Contents of a coordinate file of any format: atoms, models, assemblies."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from faket.data import AnyArray, DoubleArray


@dataclass(frozen=True)
class AtomTable:
    """Atoms, one entry each in every array; texts as written in the file.

    Attributes
    ----------
    name, element, residue, altloc : ndarray of str, shape (n,)
        Atom name, element symbol, residue name, label of the alternative position.
        PDB atom names keep their leading blank, which distinguishes an alpha carbon from calcium.
    chain : ndarray of str, shape (n,)
        The author's chain.
    unit : ndarray of str, shape (n,)
        The unit of assemblies: the chain in PDB files, label_asym_id in mmCIF.
    number : ndarray of str, shape (n,)
        Residue number, insertion code and segment.
    model : ndarray of str, shape (n,)
    position_A : ndarray, shape (n, 3), float64
        NaN where the file has no number.
    occupancy : ndarray, shape (n,), float64
        NaN where the file has no number.
    """

    name: AnyArray
    element: AnyArray
    residue: AnyArray
    altloc: AnyArray
    chain: AnyArray
    unit: AnyArray
    number: AnyArray
    model: AnyArray
    position_A: DoubleArray
    occupancy: DoubleArray

    def __len__(self) -> int:
        """Return the number of atoms."""
        return len(self.name)

    def take(self, chosen: AnyArray) -> "AtomTable":
        """Return the atoms of a boolean mask, or of indices in their order."""
        return AtomTable(**{item.name: getattr(self, item.name)[chosen] for item in fields(self)})


@dataclass(frozen=True)
class Generator:
    """Some chains and the operators that copy them.

    Attributes
    ----------
    units : tuple of str, or None for all
        Values of ``AtomTable.unit``.
    operators : tuple of ndarray, shape (3, 4)
        Rotation and translation (Å); an entry is NaN where the file lacks it.
    lacking : tuple of str
        Operators that the file names but does not define.
    """

    units: tuple[str, ...] | None
    operators: tuple[DoubleArray, ...]
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deposit:
    """A coordinate file.

    Attributes
    ----------
    atoms : AtomTable
    assemblies : mapping of str to tuple of Generator
    ncs : tuple of ndarray, shape (3, 4)
        Operators whose copies the file does not hold.
    notices : tuple of str
        What was left out while reading.
    """

    atoms: AtomTable
    assemblies: dict[str, tuple[Generator, ...]]
    ncs: tuple[DoubleArray, ...] = ()
    notices: tuple[str, ...] = ()


def as_text(values: Iterable[str]) -> AnyArray:
    """Return texts as an array; an empty one has the type of texts too."""
    return np.array(list(values), dtype=np.str_)


def residue_index(atoms: AtomTable) -> AnyArray:
    """Return for each atom which residue it belongs to, counted from 0 in order of appearance.

    A chain that reappears later in the file continues, with new residues.
    """
    part = np.append(0, np.cumsum(atoms.chain[1:] != atoms.chain[:-1]))[: len(atoms)]
    seen: dict[tuple[str | int, ...], int] = {}
    columns = (atoms.model, part, atoms.number, atoms.residue)
    keys = zip(*(column.tolist() for column in columns), strict=True)
    return np.array([seen.setdefault(key, len(seen)) for key in keys], np.int64)


def in_chain_order(atoms: AtomTable) -> AtomTable:
    """Sort the parts of each chain and of each residue together; otherwise keep the order."""
    seen: dict[tuple[str, str], int] = {}
    keys = zip(atoms.model.tolist(), atoms.chain.tolist(), strict=True)
    rank = np.array([seen.setdefault(key, len(seen)) for key in keys], np.int64)
    return atoms.take(np.lexsort((residue_index(atoms), rank)))


def residue_bounds(atoms: AtomTable) -> AnyArray:
    """Return the first atom of each residue, and the end; residues must be contiguous."""
    change = np.zeros(len(atoms) + 1, bool)
    change[[0, -1]] = True
    for column in (atoms.model, atoms.chain, atoms.number, atoms.residue):
        change[1:-1] |= column[1:] != column[:-1]
    return np.flatnonzero(change)
