"""The hydrogens that a model lacks, residue by residue."""

import math
from dataclasses import dataclass

import numpy as np

from faket.data import AnyArray, DoubleArray
from faket.structures.chemistry import hydrogen_count, hydrogen_hosts
from faket.structures.deposit import AtomTable, residue_bounds

# Replaces the file's B factors; chosen, because point samples at 1 Å are then exact to 1e-3.
B_FACTOR_A2 = 30.0
_BOND_A = 1.05  # chosen: mean of C-H and N-H bonds; an implicit hydrogen fills a shell around them
_BLUR_A2 = B_FACTOR_A2 + 8 * math.pi**2 * _BOND_A**2 / 3
# Protons that a complete residue may have less than in gemmi's table; chosen: acids and phosphates
# are charged in water, histidines mostly neutral, cystines bridged.
_PROTONATION = 1.0


@dataclass(frozen=True)
class Scatterers:
    """Scatterers: the atoms of each residue, followed by its implicit hydrogens.

    Attributes
    ----------
    element : ndarray of str, shape (n,)
    position_A : ndarray, shape (n, 3), float64
    occupancy, b_A2 : ndarray, shape (n,), float64
    atom : ndarray of int, shape (n,)
        Index of the atom, or of the atom to which the hydrogen is bound.
    implicit : ndarray of bool, shape (n,)
        True for hydrogens that were added.
    """

    element: AnyArray
    position_A: DoubleArray
    occupancy: DoubleArray
    b_A2: DoubleArray
    atom: AnyArray
    implicit: AnyArray


def scatterers(atoms: AtomTable, *, hydrogens: bool = True) -> Scatterers:
    """Add the missing hydrogens of each residue, as fractional atoms, at its C and N.

    Atoms that are missing from the model get no hydrogens, nor do residues that gemmi's table does
    not know.
    """
    bounds = residue_bounds(atoms)
    is_host = np.isin(atoms.element, ("C", "N"))
    is_hydrogen = np.isin(atoms.element, ("H", "D"))
    order, occupancy, is_added = [], [], []
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        order.append(np.arange(start, stop))
        occupancy.append(atoms.occupancy[start:stop])
        is_added.append(np.zeros(stop - start, bool))
        hosts = start + np.flatnonzero(is_host[start:stop])
        present = float(atoms.occupancy[start:stop][is_hydrogen[start:stop]].sum())
        share = _share(atoms, hosts, present) if len(hosts) else 0.0
        hosts = hosts[: len(hosts) if hydrogens and share > 0 else 0]
        order.append(hosts)
        occupancy.append(atoms.occupancy[hosts] * share)
        is_added.append(np.ones(len(hosts), bool))
    atom, added = np.concatenate(order), np.concatenate(is_added)
    return Scatterers(
        element=np.where(added, "H", atoms.element[atom]),
        position_A=atoms.position_A[atom],
        occupancy=np.concatenate(occupancy).astype(np.float32).astype(np.float64),
        b_A2=np.where(added, _BLUR_A2, B_FACTOR_A2),
        atom=atom,
        implicit=added,
    )


def _share(atoms: AtomTable, hosts: AnyArray, present: float) -> float:
    """Return how many of a residue's missing hydrogens each of its carbons and nitrogens gets.

    Occupancies are summed: alternative conformations share a site, deuterium replaces hydrogen.
    """
    residue = str(atoms.residue[hosts[0]])
    count = hydrogen_count(residue)
    each = count / max(len(set(atoms.name[hosts].tolist())), hydrogen_hosts(residue))
    if not present:
        return each
    occupied = float(atoms.occupancy[hosts].sum())
    return each - present / occupied if present < each * occupied - _PROTONATION else 0.0
