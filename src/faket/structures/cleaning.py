"""From the atoms as written to those of the molecule: what is solvent, unknown or counted twice."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from faket.data import AnyArray
from faket.errors import InputError
from faket.structures.chemistry import element_of, is_md_name, is_solvent
from faket.structures.deposit import AtomTable, residue_index

# Chosen, because PDB files round three occupancies to 0.34 + 0.34 + 0.34.
_ROUNDING = 0.03
# Of sites whose occupancy cannot be one, from which on the column is taken for another quantity;
# chosen, because refined models seldom have any.
_WRONG_COLUMN = 0.2
# A partial occupancy of a ligand is kept. If most atoms have one, it says nothing of one particle,
# and half a potential with the ice of the whole taken away is brighter than ice.
_PARTIAL, _MOSTLY = 0.9, 0.5
# Of atoms without an element, up to which they are left out; chosen: lone pairs and virtual sites
# of force fields beside a whole molecule.
_UNKNOWN = 0.05
_SALT_IONS = 20  # from which on simple ions are bulk salt; chosen, because sites are fewer
_FARTHEST_A = 1e6  # 0.1 mm: no molecule; grids of float32 are exact to 0.1 Å up to here


def clean(atoms: AtomTable, where: str) -> tuple[AtomTable, int, tuple[str, ...]]:
    """Give every atom its element and occupancy, and leave out solvent.

    Returns
    -------
    AtomTable
        ``element`` is a symbol, ``occupancy`` in (0, 1].
    int
        How many waters and ions are left out.
    tuple of str
        What else was changed or left out, one line each.

    Raises
    ------
    InputError
        If no atoms remain, or they lack elements or finite coordinates.
    """
    if not len(atoms):
        raise InputError(f"{where}: expected atoms, found none; is it a PDB or mmCIF file?")
    atoms = with_elements(atoms)
    atoms, dropped = without_solvent(atoms)
    atoms, unknown = _without_unknown(atoms, where)
    if not len(atoms):
        raise InputError(f"{where}: expected atoms, found none besides water and ions")
    if not (np.abs(atoms.position_A) <= _FARTHEST_A).all():  # NaN is refused too
        worst = int(np.argmin((np.abs(atoms.position_A) <= _FARTHEST_A).all(axis=1)))
        raise InputError(
            f"{where}: expected finite coordinates up to {_FARTHEST_A:g} Å, found "
            f"{', '.join(f'{x:g}' for x in atoms.position_A[worst])} for atom "
            f"{atoms.name[worst].strip()} of {atoms.residue[worst]} "
            f"{str(atoms.number[worst]).strip('/')}; "
            "mend or remove it"
        )
    atoms, scaled = with_occupancies(atoms)
    return atoms, dropped, (*unknown, *scaled)


def with_elements(atoms: AtomTable) -> AtomTable:
    """Return the atoms with chemical symbols; '' where nothing tells."""
    residues = residue_index(atoms)
    alone = np.bincount(residues)[residues] == 1
    columns = (atoms.residue, atoms.name, atoms.element, alone)
    found = [element_of(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
    return replace(atoms, element=np.array(found, dtype=np.str_))


def without_solvent(atoms: AtomTable) -> tuple[AtomTable, int]:
    """Leave out water, salt and the planes of a membrane, whatever they are called; count them."""
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
        # A wrapped number may join several waters into one residue: one name, one molecule.
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
    """Let the occupancies of each site add up to at most one, and no site be empty.

    A site is an atom with its alternative positions. What is above one is scaled; where it is 0
    or no number (atoms that were modelled without density, programs that leave the column empty)
    the positions share one. A column that is mostly no occupancy (B factors, charges), or mostly
    below one, counts as empty.
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
        said = f"the column of occupancies is {why}: every site counts as occupied"
        return replace(atoms, occupancy=_float32(1 / alternatives)), (said,)
    occupancy = np.where(empty, 1 / alternatives, occupancy)
    above = (total > 1 + _ROUNDING) & ~empty
    occupancy[above] /= total[above]
    notices = []
    if empty.any():
        notices.append(f"{empty.sum()} atoms of occupancy 0 or none count as occupied")
    if above.any():
        notices.append(f"{above.sum()} atoms whose site has an occupancy above 1 are scaled to 1")
    kept = occupancy > 0  # an alternative of occupancy 0 beside another
    return replace(atoms, occupancy=_float32(occupancy)).take(kept), tuple(notices)


def _float32(values: AnyArray) -> AnyArray:
    """Round as gemmi's atoms do, so that masses are those of the potential."""
    return values.astype(np.float32).astype(np.float64)


def _sites(atoms: AtomTable) -> AnyArray:
    """Return for each atom its site, counted from 0.

    Atoms of one name and number are alternatives if their labels differ (in two residues too:
    microheterogeneity); with one label they are different atoms, as where numbers are reused.
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
