"""mmCIF files: atoms, models and assemblies, read with gemmi's parser of CIF."""

import re
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.structures.deposit import AtomTable, Deposit, Generator, as_text

_MOST_OPERATORS = 100_000  # chosen, because the largest capsids have 5000
_PLACES = [
    f"matrix[{i}][{j}]" if j < 4 else f"vector[{i}]" for i in (1, 2, 3) for j in (1, 2, 3, 4)
]


def read_mmcif(text: str, where: str) -> Deposit:
    """Read atoms, models, assemblies and NCS of an mmCIF file.

    Raises
    ------
    InputError
        If the text is not CIF, has no atoms, or has operators that cannot be read.
    """
    import gemmi

    try:
        document = gemmi.cif.read_string(text)
        blocks = [b for b in document if b.find_values("_atom_site.Cartn_x")]
    except Exception as error:  # its parser raises many kinds
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{where}: expected atoms in mmCIF, found: {reason}") from None
    if not blocks:
        raise InputError(f"{where}: expected atoms (_atom_site), found none; is it mmCIF?")
    block = blocks[0]
    return Deposit(
        atoms=_atoms(block, where),
        assemblies=_assemblies(block, where),
        ncs=_ncs(block),
        notices=(f"the first of {len(blocks)} data blocks with atoms is taken",)
        * (len(blocks) > 1),
    )


def _texts(block: Any, tag: str) -> list[str] | None:
    """Return a column without quotes, '' for null; None if it is absent or all null."""
    from gemmi import cif

    column = [cif.as_string(value) for value in block.find_values(tag)]
    return column if any(column) else None


def _numbers(block: Any, tag: str, count: int) -> DoubleArray:
    from gemmi import cif

    values = [cif.as_number(value) for value in block.find_values(tag)]
    return np.array(values if len(values) == count else [np.nan] * count, np.float64)


def _atoms(block: Any, where: str) -> AtomTable:
    count = len(block.find_values("_atom_site.Cartn_x"))

    def column(*names: str) -> AnyArray:
        for name in names:
            found = _texts(block, f"_atom_site.{name}")
            if found is not None and len(found) == count:
                return as_text(found)
        return as_text([""] * count)

    residue = column("auth_comp_id", "label_comp_id")
    numbers = np.char.add(column("auth_seq_id", "label_seq_id"), column("pdbx_PDB_ins_code"))
    chain = column("auth_asym_id", "label_asym_id")
    position = [_numbers(block, f"_atom_site.Cartn_{axis}", count) for axis in "xyz"]
    lacking = any(np.isnan(values).all() for values in position)
    if lacking:
        raise InputError(
            f"{where}: expected Cartn_x, y and z of each atom, found none; give a complete file"
        )
    return AtomTable(
        name=column("auth_atom_id", "label_atom_id"),
        element=column("type_symbol"),
        residue=residue,
        altloc=column("label_alt_id"),
        chain=chain,
        unit=column("label_asym_id", "auth_asym_id"),
        number=numbers,
        model=column("pdbx_PDB_model_num"),
        position_A=np.stack(position, axis=1),
        occupancy=_occupancies(block, count),
    )


def _occupancies(block: Any, count: int) -> DoubleArray:
    """Return occupancies; 1 if the file has no such column or a null."""
    values = list(block.find_values("_atom_site.occupancy"))
    if len(values) != count:
        return np.ones(count)
    numbers = _numbers(block, "_atom_site.occupancy", count)
    return np.where([value in ("?", ".") for value in values], 1.0, numbers)


def _operators(block: Any, category: str) -> dict[str, DoubleArray]:
    names = [row[0] for row in _table(block, category, ["id"])]
    columns = [_numbers(block, f"{category}.{place}", len(names)) for place in _PLACES]
    matrices = np.array(columns, np.float64).reshape(3, 4, len(names))  # [12, n] → [3, 4, n]
    return {name: matrices[:, :, i] for i, name in enumerate(names)}


def _table(block: Any, category: str, tags: Sequence[str]) -> list[list[str]]:
    table = block.find(f"{category}.", list(tags))
    return [[row.str(i) for i in range(len(tags))] for row in table]


def _assemblies(block: Any, where: str) -> dict[str, tuple[Generator, ...]]:
    operators = _operators(block, "_pdbx_struct_oper_list")
    found: dict[str, tuple[Generator, ...]] = {}
    category = "_pdbx_struct_assembly_gen"
    rows = _table(block, category, ["assembly_id", "oper_expression", "asym_id_list"]) or [
        [*row, ""] for row in _table(block, category, ["assembly_id", "oper_expression"])
    ]
    for name, expression, units in rows:
        chosen = tuple(unit for unit in re.split(r"[,\s]+", units.strip()) if unit)
        products = expand_expression(expression, operators, where)
        lacking = {part for parts in products for part in parts if part not in operators}
        matrices = tuple(
            _composed([operators[part] for part in parts])
            for parts in products
            if lacking.isdisjoint(parts)
        )
        generator = Generator(chosen or None, matrices, tuple(sorted(lacking)))
        found[name] = (*found.get(name, ()), generator)
    return found


def expand_expression(expression: str, known: Iterable[str], where: str) -> list[tuple[str, ...]]:
    """Return the operators of an ``oper_expression``, as products: the last is applied first.

    ``1``, ``1,3,P``, ``(1-60)``, ``(1-60)(61-88)`` and ``(X0)(1-10,21-25)`` are understood, as
    the PDBx/mmCIF dictionary defines them.
    """
    groups = re.findall(r"\(([^()]*)\)|([^()]+)", expression.replace(" ", ""))
    factors = [
        _members(text, set(known), where)
        for inner, bare in groups
        if (text := (inner or bare).strip(","))
    ]
    total = float(np.prod([len(factor) for factor in factors], dtype=float))
    if total > _MOST_OPERATORS:
        raise InputError(
            f"{where}: expected at most {_MOST_OPERATORS} operators, found {total:.0f} in "
            f"oper_expression {expression[:40]!r}; correct it"
        )
    return [tuple(parts) for parts in product(*factors)] if factors else []


def _members(text: str, known: set[str], where: str) -> list[str]:
    names: list[str] = []
    for part in re.split(r"[,\s]+", text):
        bounds = re.fullmatch(r"(\d{1,9})-(\d{1,9})", part)
        if part in known or bounds is None:
            names.append(part)
            continue
        first, last = int(bounds[1]), int(bounds[2])
        if not 0 <= last - first < _MOST_OPERATORS:
            raise InputError(
                f"{where}: expected a rising range of at most {_MOST_OPERATORS} operators, found "
                f"{part!r}; correct the oper_expression"
            )
        names += map(str, range(first, last + 1))
    return [name for name in names if name]


def _composed(matrices: Sequence[DoubleArray]) -> DoubleArray:
    """Return the product of rotations with translations: the last is applied first."""
    composed = matrices[-1]
    for matrix in matrices[-2::-1]:
        rotation = matrix[:, :3] @ composed[:, :3]
        translation = matrix[:, :3] @ composed[:, 3] + matrix[:, 3]
        composed = np.column_stack([rotation, translation])
    return composed


def _ncs(block: Any) -> tuple[DoubleArray, ...]:
    """Return the operators of struct_ncs_oper to apply, those of code 'generate'."""
    found = _operators(block, "_struct_ncs_oper")
    codes = _texts(block, "_struct_ncs_oper.code") or [""] * len(found)
    kept = zip(found.values(), codes, strict=False)
    return tuple(matrix for matrix, code in kept if code.lower() != "given")
