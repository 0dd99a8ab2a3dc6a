"""The copies of chains that make up the molecule: models, assemblies, NCS."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial import cKDTree

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.structures.deposit import AtomTable, Deposit, Generator
from faket.structures.symmetry import point_group

DEPOSITED = "deposited"  # the name by which a user asks for no expansion
_SAME_PLACE_A = 1.5  # chosen: atoms of two molecules in contact are farther apart
_OVERLAP = 0.1  # fraction of the atoms; chosen: parts share none, states of a molecule most
_PROBES = 2000  # atoms that are tested; chosen: their fraction is then known to 1 %
_TURN_ERROR = 0.02  # of R Rᵀ - 1; chosen: files round to three digits at worst
_FARTHEST_A = 1e6  # chosen: 0.1 mm is no molecule
_IDENTITY = np.eye(3, 4)


@dataclass(frozen=True)
class Copy:
    """Some atoms, and the operator that copies them.

    Attributes
    ----------
    matrix : ndarray, shape (3, 4)
        Rotation and translation, Å.
    chosen : ndarray of bool, shape (atoms,)
    """

    matrix: DoubleArray
    chosen: AnyArray


@dataclass(frozen=True)
class Expansion:
    """The copies that make up a molecule, and their name.

    Attributes
    ----------
    copies : tuple of Copy
    label : str
        Such as "assembly 1"; only atoms that were expanded have such a name.
    symmetry : str
        Point group of the operators.
    notices : tuple of str
    """

    copies: tuple[Copy, ...]
    label: str
    symmetry: str = "C1"
    notices: tuple[str, ...] = ()


def choose_models(
    atoms: AtomTable, model: int | None = None, where: str = ""
) -> tuple[AtomTable, str, tuple[str, ...]]:
    """Take one MODEL, or all if they are parts in different places, else the first.

    Parameters
    ----------
    atoms : AtomTable
    model : int, optional
        Number of the MODEL to take.
    where : str
        For messages.

    Returns
    -------
    AtomTable
    str
        Name of the parts; "" for one model.
    tuple of str
        What was left out.

    Raises
    ------
    InputError
        If there is no such MODEL.
    """
    names = list(dict.fromkeys(atoms.model.tolist()))
    if model is not None:
        if str(model) not in names:
            there = f"{', '.join(names[:20])}{' …' if len(names) > 20 else ''}"
            raise InputError(
                f"{where}: expected model {model} of the file, found "
                f"{there if len(names) > 1 else 'one model'}; correct `models`"
            )
        return atoms.take(atoms.model == str(model)), "", ()
    if len(names) < 2:
        return atoms, "", ()
    places = [atoms.position_A[(atoms.model == name) & (atoms.element != "H")] for name in names]
    pairs = [(places[0], later) for later in places[1:]]
    pairs += list(pairwise(places))  # trajectories drift
    if any(in_same_place(one, other) for one, other in pairs):
        notice = f"model 1 of {len(names)} is taken: the others are states of it in the same place"
        return atoms.take(atoms.model == names[0]), "", (notice,)
    return atoms, f"{len(names)} models as parts", ()


def in_same_place(one: DoubleArray, other: DoubleArray) -> bool:
    """Tell whether atoms of ``other`` lie on those of ``one``; two molecules have none that do."""
    if not len(one) or not len(other):
        return False
    probes = other[:: max(1, len(other) // _PROBES)]
    distance, _ = cKDTree(one).query(probes, distance_upper_bound=_SAME_PLACE_A)
    return bool(np.isfinite(distance).mean() > _OVERLAP)


def expand(
    deposit: Deposit, atoms: AtomTable, assembly: str | None, parts: str, where: str
) -> Expansion:
    """Choose the operators that make up the molecule.

    Parameters
    ----------
    deposit : Deposit
    atoms : AtomTable
        The atoms of ``deposit`` that are used.
    assembly : str or None
        Name of an assembly; "deposited" for the atoms as they are; None for the first that the
        file declares, else for the NCS operators whose copies it lacks, else for the atoms as
        they are.
    parts : str
        Name of the models from :func:`choose_models`.
    where : str
        For messages.

    Raises
    ------
    InputError
        If the file does not declare the assembly, or one of its operators is not valid.
    """
    names = list(deposit.assemblies)
    if assembly is not None and assembly not in (*names, DEPOSITED):
        declared = ", ".join(names[:20]) or "none"
        raise InputError(
            f"{where}: expected assembly {assembly!r}, found {declared}; choose one of these, or "
            f"{DEPOSITED!r} for the atoms as they are"
        )
    everything = (Copy(_IDENTITY, np.ones(len(atoms), bool)),)
    if assembly == DEPOSITED:
        return Expansion(everything, "as deposited")
    if parts and assembly is None:
        return Expansion(everything, parts)
    if names:
        name = assembly or ("1" if "1" in names else names[0])
        return _assembly(name, deposit, atoms, where)
    if deposit.ncs:
        return _ncs(deposit.ncs, atoms, where)
    return Expansion(everything, "as deposited (no assembly is declared)")


def _assembly(name: str, deposit: Deposit, atoms: AtomTable, where: str) -> Expansion:
    generators = deposit.assemblies[name]
    present = set(deposit.atoms.unit.tolist())
    named = [unit for item in generators for unit in item.units or ()]
    absent = [unit for unit in dict.fromkeys(named) if unit not in present]
    everywhere = any(item.units is None for item in generators)
    if not everywhere and len(absent) == len(set(named)):
        notice = f"assembly {name} is of chains {_listed(absent)}, which the file does not hold"
        copy = Copy(_IDENTITY, np.ones(len(atoms), bool))
        return Expansion((copy,), "as deposited", notices=(notice,))
    copies: list[Copy] = []
    for generator in generators:
        _check_operators(generator, name, where)
        chosen = _chosen(generator, atoms)
        if chosen.any():
            copies += [Copy(matrix, chosen) for matrix in generator.operators]
    distinct = _distinct(copies)
    if not distinct:
        raise InputError(
            f"{where}: expected atoms and operators of assembly {name}, found none; choose "
            f"another, or {DEPOSITED!r} for the atoms as they are"
        )
    notice = f"chains {_listed(absent)} of assembly {name} are not in the file: it is incomplete"
    return Expansion(
        distinct,
        f"assembly {name}",
        _symmetry(distinct),
        (notice,) * bool(absent) + _doubled(len(copies) - len(distinct)),
    )


def _listed(names: Sequence[str], most: int = 6) -> str:
    shown = [name or "(blank)" for name in names[:most]]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")


def _chosen(generator: Generator, atoms: AtomTable) -> AnyArray:
    if generator.units is None:
        return np.ones(len(atoms), bool)
    return np.isin(atoms.unit, generator.units)


def _check_operators(generator: Generator, name: str, where: str) -> None:
    if generator.lacking:
        raise InputError(
            f"{where}: expected operators {_listed(generator.lacking)} of assembly {name}, found "
            f"them nowhere; choose another, or {DEPOSITED!r} for the atoms as they are"
        )
    if bad := [matrix for matrix in generator.operators if not is_motion(matrix)]:
        found = " ".join(f"{value:g}" for value in bad[0].ravel())
        raise InputError(
            f"{where}: expected rotations and translations up to {_FARTHEST_A:g} Å in assembly "
            f"{name}, found {found}; correct it, or choose {DEPOSITED!r} for the atoms as they are"
        )


def is_motion(matrix: DoubleArray) -> bool:
    """Tell whether a matrix (3, 4) is a rotation and a finite translation."""
    rotation, translation = matrix[:, :3], matrix[:, 3]
    if not (np.abs(rotation) < 2).all() or not (np.abs(translation) <= _FARTHEST_A).all():
        return False
    error = np.abs(rotation @ rotation.T - np.eye(3)).max()
    return bool(error < _TURN_ERROR and np.linalg.det(rotation) > 0)


def _distinct(copies: Sequence[Copy]) -> tuple[Copy, ...]:
    """Leave out copies of the same atoms in the same place."""
    kept: dict[bytes, Copy] = {}
    for copy in copies:
        key = np.round(copy.matrix, 3).tobytes() + np.packbits(copy.chosen).tobytes()
        kept.setdefault(key, copy)
    return tuple(kept.values())


def _doubled(count: int) -> tuple[str, ...]:
    return (f"{count} operators that repeat another are left out",) * bool(count)


def _symmetry(copies: Sequence[Copy]) -> str:
    """Return the point group of operators that all copy the same atoms; "C1" else."""
    first = copies[0].chosen
    if any((copy.chosen != first).any() for copy in copies):
        return "C1"
    return point_group([copy.matrix for copy in copies])


def _ncs(operators: Sequence[DoubleArray], atoms: AtomTable, where: str) -> Expansion:
    """Apply the NCS operators whose copies a file without assemblies does not hold."""
    everything = np.ones(len(atoms), bool)
    _check_operators(Generator(None, tuple(operators)), "of NCS", where)
    places = atoms.position_A
    kept = [
        matrix
        for matrix in operators
        if not in_same_place(places, places @ matrix[:, :3].T + matrix[:, 3])
    ]
    copies = _distinct([Copy(matrix, everything) for matrix in (_IDENTITY, *kept)])
    if len(copies) == 1:
        return Expansion(copies, "as deposited (no assembly is declared)")
    label = f"the file's NCS, {len(copies)} operators"
    return Expansion(copies, label, _symmetry(copies))
