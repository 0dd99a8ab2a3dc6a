"""Atoms of the molecule among those of the file: solvent, unknown elements, occupancies."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from faket.data import AnyArray
from faket.errors import InputError
from faket.structures.chemistry import element_of, is_md_name, is_membrane_plane, is_solvent
from faket.structures.deposit import AtomTable, residue_index

# Chosen, because PDB files round three occupancies to 0.34 + 0.34 + 0.34.
_ROUNDING = 0.03
# With a larger fraction of sites of impossible occupancy, the column holds another quantity;
# chosen, because refined models seldom have any.
_WRONG_COLUMN = 0.2
# A partial occupancy of a ligand is kept. If more than _MOSTLY of the sites have less than
# _PARTIAL, occupancies are ignored; chosen, because half a molecule's potential, with the ice of
# the whole molecule subtracted, is below that of ice.
_PARTIAL, _MOSTLY = 0.9, 0.5
# Up to this fraction, atoms without an element are left out; chosen: lone pairs and virtual sites
# of force fields are fewer.
_UNKNOWN = 0.05
_SALT_IONS = 20  # more simple ions than this are bulk salt; chosen, because binding sites are fewer
_FARTHEST_A = 1e6  # chosen: 0.1 mm is no molecule, and float32 is exact to 0.1 Å up to here


def clean(atoms: AtomTable, where: str) -> tuple[AtomTable, int, tuple[str, ...]]:
    """Give every atom its element and occupancy, and leave out solvent.

    Returns
    -------
    AtomTable
        ``element`` is a symbol, ``occupancy`` in (0, 1].
    int
        Number of waters and ions that are left out.
    tuple of str
        Other changes, one line each.

    Raises
    ------
    InputError
        If no atoms remain, or atoms lack elements or finite coordinates.
    """
    if not len(atoms):
        raise InputError(f"{where}: expected atoms, found none; is it a PDB or mmCIF file?")
    atoms, planes = _without_planes(with_elements(atoms))
    atoms, dropped = without_solvent(atoms)
    atoms, unknown = _without_unknown(atoms, where)
    if not len(atoms):
        raise InputError(
            f"{where}: expected atoms of a molecule, found only water and ions; give another file"
        )
    if not (np.abs(atoms.position_A) <= _FARTHEST_A).all():  # NaN is refused too
        worst = int(np.argmin((np.abs(atoms.position_A) <= _FARTHEST_A).all(axis=1)))
        raise InputError(
            f"{where}: expected finite coordinates up to {_FARTHEST_A:g} Å, found "
            f"{', '.join(f'{x:g}' for x in atoms.position_A[worst])} for atom "
            f"{atoms.name[worst].strip()} of {atoms.residue[worst]} "
            f"{str(atoms.number[worst]).strip('/')}; "
            "correct or remove it"
        )
    atoms, scaled = with_occupancies(atoms)
    return atoms, dropped, (*planes, *unknown, *scaled)


def with_elements(atoms: AtomTable) -> AtomTable:
    """Return the atoms with chemical symbols; '' if the element is unknown."""
    residues = residue_index(atoms)
    alone = np.bincount(residues)[residues] == 1
    columns = (atoms.residue, atoms.name, atoms.element, alone)
    found = [element_of(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
    return replace(atoms, element=np.array(found, dtype=np.str_))


def _without_planes(atoms: AtomTable) -> tuple[AtomTable, tuple[str, ...]]:
    plane = np.array([is_membrane_plane(name) for name in atoms.residue.tolist()], bool)
    if not plane.any():
        return atoms, ()
    told = f"{plane.sum()} dummy atoms of membrane planes (DUM) are left out"
    return atoms.take(~plane), (told,)


def without_solvent(atoms: AtomTable) -> tuple[AtomTable, int]:
    """Leave out water and salt, under any name; count them."""
    residues = residue_index(atoms)
    members: dict[int, list[int]] = {}
    for i, residue in enumerate(residues):
        members.setdefault(int(residue), []).append(i)
    single = Counter(atoms.residue[i[0]].upper() for i in members.values() if len(i) == 1)
    md = any(map(is_md_name, set(atoms.residue.tolist())))
    bulk = {name for name, count in single.items() if count > _SALT_IONS or name in _MONOVALENT}
    solvent = np.zeros(len(atoms), bool)
    left_out = 0
    for which in members.values():
        name, first = str(atoms.residue[which[0]]), atoms.name[which[0]]
        # Residue numbers that wrap around may join several waters into one residue.
        repeats = max(1, int((atoms.name[which] == first).sum()))
        kinds = tuple(sorted(atoms.element[which].tolist())[::repeats])
        if is_solvent(name, kinds, md=md and name.upper() in bulk):
            solvent[which] = True
            left_out += repeats
    return atoms.take(~solvent), left_out


_MONOVALENT = frozenset({"NA", "CL", "K", "LI", "RB", "CS", "BR", "F"})


def _without_unknown(atoms: AtomTable, where: str) -> tuple[AtomTable, tuple[str, ...]]:
    unknown = atoms.element == ""
    if not unknown.any():
        return atoms, ()
    what = _examples(f"{n.strip()} of {r}" for n, r in
                     zip(atoms.name[unknown], atoms.residue[unknown], strict=True))  # fmt: skip
    if unknown.mean() > _UNKNOWN:
        raise InputError(
            f"{where}: expected chemical elements, found none for {unknown.sum()} of "
            f"{len(atoms)} atoms ({what}); write them in columns 77 and 78, or as type_symbol"
        )
    return atoms.take(~unknown), (
        f"{unknown.sum()} atoms of no known element are left out ({what})",
    )


def _examples(items: Iterable[str], most: int = 3) -> str:
    distinct = list(dict.fromkeys(items))
    return ", ".join(distinct[:most]) + (", …" if len(distinct) > most else "")


def with_occupancies(atoms: AtomTable) -> tuple[AtomTable, tuple[str, ...]]:
    """Correct occupancies: those of each site add up to at most 1, and no site is empty.

    A site is an atom with its alternative positions. A sum above 1 is scaled to 1. If it is 0 or
    no number (atoms that were modelled without density, programs that leave the column empty) the
    positions share an occupancy of 1. A column that mostly holds something else (B factors,
    charges), or mostly values below 0.9, counts as empty.
    """
    site = _sites(atoms)
    alternatives = np.bincount(site)[site]
    written = np.where(np.isfinite(atoms.occupancy), atoms.occupancy, -1.0)
    with np.errstate(over="ignore"):
        total = np.bincount(site, np.maximum(written, 0))[site]
    wrong = (total > 1 + _ROUNDING) | (written < 0)
    empty = total <= 0
    occupancy = np.maximum(written, 0)
    if wrong.mean() > _WRONG_COLUMN or (total < _PARTIAL).mean() > _MOSTLY:
        why = f"mostly below {_PARTIAL}" if total.any() else "all 0"
        if wrong.mean() > _WRONG_COLUMN:
            why = "empty" if (written < 0).all() else f"something else, up to {written.max():.3g}"
        notice = f"the column of occupancies is {why}: every site counts as occupied"
        return replace(atoms, occupancy=_float32(1 / alternatives)), (notice,)
    occupancy = np.where(empty, 1 / alternatives, occupancy)
    above = (total > 1 + _ROUNDING) & ~empty
    occupancy[above] /= total[above]
    notices = []
    if empty.any():
        notices.append(f"{empty.sum()} atoms of occupancy 0 or none count as occupied")
    if above.any():
        notices.append(f"{above.sum()} atoms whose site has an occupancy above 1 are scaled to 1")
    kept = occupancy > 0  # of two alternatives, one may have the occupancy 0
    return replace(atoms, occupancy=_float32(occupancy)).take(kept), tuple(notices)


def _float32(values: AnyArray) -> AnyArray:
    """Round to single precision as gemmi does, so that masses match the potential."""
    return values.astype(np.float32).astype(np.float64)


def _sites(atoms: AtomTable) -> AnyArray:
    """Return for each atom its site, counted from 0.

    Atoms of one name and number are alternatives if their labels differ, even in two residues
    (microheterogeneity). With equal labels they are different atoms, because numbers are reused.
    """
    seen: dict[tuple[str, ...], int] = {}
    sites: dict[tuple[str | int, ...], int] = {}
    found = np.empty(len(atoms), np.int64)
    columns = (atoms.model, atoms.chain, atoms.number, atoms.name, atoms.altloc)
    for i, label in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        place = label[:-1]
        repeat = seen[label] = seen.get(label, -1) + 1
        found[i] = sites.setdefault((*place, repeat), len(sites))
    return found
