"""Small molecules as PDB and mmCIF text, for the tests of this room."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

# Atoms of a serine within a chain, and its five hydrogens.
HEAVY = {"N": "N", "CA": "C", "C": "C", "O": "O", "CB": "C", "OG": "O"}
HYDROGENS = {"H": "H", "HA": "H", "HB2": "H", "HB3": "H", "HG": "H"}
PLACES = {
    "N": (0.0, 1.4, 0.2), "CA": (0.9, 0.3, 0.0), "C": (2.2, 0.9, -0.4), "O": (2.4, 2.1, -0.3),
    "CB": (0.5, -0.8, -1.0), "OG": (-0.8, -1.6, -0.5), "H": (-0.9, 1.6, 0.4),
    "HA": (1.2, -0.2, 0.9), "HB2": (0.3, -0.4, -2.0), "HB3": (1.3, -1.5, -1.1),
    "HG": (-1.1, -2.3, -1.1),
}  # fmt: skip


def helix(residues=30, names=tuple(HEAVY), chain="A", shift=(5.0, -3.0, 0.0), residue="SER"):
    """Return atoms (name, element, residue, chain, number, position) of a helix of serines."""
    atoms = []
    for i in range(residues):
        turn = Rotation.from_euler("z", 100 * i, degrees=True)
        for name in names:
            place = turn.apply(np.array(PLACES[name]) + [2.3, 0, 0]) + shift + [0, 0, 1.5 * i]
            element = {**HEAVY, **HYDROGENS}[name]
            atoms.append((name, element, residue, chain, i + 1, place))
    return atoms


def pdb_line(name, element, residue, chain, number, place, *, occupancy="  1.00", altloc=" ",
             serial=1, padded=True, record="ATOM"):  # fmt: skip
    x, y, z = place
    field = f" {name:<3s}" if padded and len(name) < 4 and len(element) < 2 else f"{name:<4s}"
    named = f"{residue:>3s} " if len(residue) < 4 else residue  # four letters take column 21
    return (
        f"{record:<6s}{serial % 100000:5d} {field}{altloc}{named}{chain:1s}{number:4d}    "
        f"{x:8.3f}{y:8.3f}{z:8.3f}{occupancy:>6s} 20.00          {element:>2s}"
    )


def pdb(atoms, before=(), **options):
    return "\n".join([*before, *(pdb_line(*atom, **options) for atom in atoms), "END", ""])


def mmcif(atoms, more="", model=1, columns=()):
    """Return mmCIF text; ``more`` holds other categories, ``columns`` names to leave out."""
    tags = {
        "group_PDB": "ATOM", "id": None, "type_symbol": None, "label_atom_id": None,
        "label_alt_id": ".", "label_comp_id": None, "label_asym_id": None, "label_seq_id": None,
        "Cartn_x": None, "Cartn_y": None, "Cartn_z": None, "occupancy": "1.00",
        "pdbx_PDB_model_num": str(model),
    }  # fmt: skip
    rows = []
    for i, (name, element, residue, chain, number, place) in enumerate(atoms, 1):
        own = {
            "id": i, "type_symbol": element or "?", "label_atom_id": f'"{name}"',
            "label_comp_id": residue, "label_asym_id": chain, "label_seq_id": number,
            **{f"Cartn_{axis}": f"{x:.3f}" for axis, x in zip("xyz", place, strict=True)},
        }  # fmt: skip
        row = {tag: own.get(tag, value) for tag, value in tags.items() if tag not in columns}
        rows.append(" ".join(str(value) for value in row.values()))
    head = [f"_atom_site.{tag}" for tag in tags if tag not in columns]
    return "\n".join(["data_x", more, "loop_", *head, *rows, "#", ""])


def operator(rotation, translation):
    return np.column_stack([rotation, translation])


def remark_350(operators, chains="A", name="1"):
    lines = [f"REMARK 350 BIOMOLECULE: {name}"]
    lines += [f"REMARK 350 APPLY THE FOLLOWING TO CHAINS: {chains}"]
    for n, matrix in enumerate(operators, 1):
        for i, (a, b, c, t) in enumerate(matrix, 1):
            lines.append(f"REMARK 350   BIOMT{i}{n:4d}{a:10.6f}{b:10.6f}{c:10.6f}{t:15.5f}")
    return lines


def mtrix(operators, given=""):
    return [
        f"MTRIX{i}{n:4d}{a:10.6f}{b:10.6f}{c:10.6f}     {t:10.5f}    {given}"
        for n, matrix in enumerate(operators, 1)
        for i, (a, b, c, t) in enumerate(matrix, 1)
    ]


def cif_operators(operators, category="_pdbx_struct_oper_list", extra=""):
    tags = [f"{category}.id", *([f"{category}.code"] if extra else [])]
    tags += [f"{category}.matrix[{i}][{j}]" for i in (1, 2, 3) for j in (1, 2, 3)]
    tags += [f"{category}.vector[{i}]" for i in (1, 2, 3)]
    rows = [
        " ".join([str(name), *([extra] if extra else []), *map(str, matrix[:, :3].ravel()),
                  *map(str, matrix[:, 3])])
        for name, matrix in operators.items()
    ]  # fmt: skip
    return "\n".join(["loop_", *tags, *rows, ""])


def cif_assembly(rows):
    """Return _pdbx_struct_assembly_gen of (assembly, expression, asym ids); no other table."""
    names = ("assembly_id", "oper_expression", "asym_id_list")
    tags = [f"_pdbx_struct_assembly_gen.{name}" for name in names]
    return "\n".join(["loop_", *tags, *(" ".join(f"'{v}'" for v in row) for row in rows), ""])


@pytest.fixture(scope="session")
def mol():
    """The functions above: test modules cannot import each other."""
    return SimpleNamespace(**{name: value for name, value in globals().items() if name[0] != "_"})
