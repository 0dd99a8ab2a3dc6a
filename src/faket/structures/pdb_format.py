"""PDB files: the fixed columns of wwPDB's format 3.3, read strictly."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from faket.data import DoubleArray
from faket.errors import InputError
from faket.structures.chemistry import LONG_NAMES, is_solvent_name
from faket.structures.deposit import AtomTable, Deposit, Generator, as_text

_BIOMOLECULE = re.compile(r"REMARK 350\s+BIOMOLECULE:\s*(.*)", re.I)
_CHAINS = re.compile(r"REMARK 350\s+(APPLY THE FOLLOWING TO|AND) CHAINS?:\s*(.*)", re.I)
_BIOMT = re.compile(r"REMARK 350\s+BIOMT([123])\s+(\S+)(.*)", re.I)
_MTRIX = re.compile(r"MTRIX([123])\s+(\S+)(.*)", re.I)
AtomRow = tuple[str, str, str, str, str, str, str, float, float, float, float]


def read_pdb(text: str, where: str) -> Deposit:
    """Read atoms, models, REMARK 350 and MTRIX of a PDB file.

    Raises
    ------
    InputError
        If the coordinates of an atom other than solvent cannot be read.
    """
    rows, models, model = [], [], 1
    remarks, matrices = [], []
    for number, line in enumerate(text.split("\n"), 1):
        record = line[:6].upper()
        if record.startswith("ATOM") or record == "HETATM":
            row = _atom(line.rstrip("\r"), f"{where}, line {number}")
            if row is not None:
                rows.append(row)
                models.append(model)
        elif record.strip() in ("MODEL", "ENDMDL", "END"):
            model += bool(models) and models[-1] == model  # files are also joined end to end
        elif record == "REMARK" and not rows:
            remarks.append(line.rstrip())
        elif record.startswith("MTRIX") and not rows:
            matrices.append(line.rstrip())
    return Deposit(
        atoms=_table(rows, models),
        assemblies=_assemblies(remarks),
        ncs=_ncs(matrices),
    )


def _atom(line: str, where: str) -> AtomRow | None:
    """Return one atom; None for solvent whose coordinates do not fit their columns."""
    residue, chain = _residue_and_chain(line)
    try:
        x, y, z = (float(line[i : i + 8]) for i in (30, 38, 46))
    except ValueError:
        if is_solvent_name(residue):
            return None
        raise InputError(
            f"{where}: expected x, y and z in columns 31 to 54, found {line[30:54]!r}; move the "
            "molecule to the origin, or write mmCIF"
        ) from None
    name = line[12:16].rstrip()
    number = line[22:27].strip() + "/" + line[72:76].strip()
    element = line[76:78].strip()
    return name, element, residue, line[16], chain, number, "", x, y, z, _number(line[54:60])


def _residue_and_chain(line: str) -> tuple[str, str]:
    """Return residue name and chain; names of four letters and chains of two share column 21."""
    long = line[17:21].strip()
    if line[20:21].strip() and long in LONG_NAMES:
        return long, line[21:22].strip()
    return line[17:20].strip(), line[20:22].strip()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _table(rows: Sequence[AtomRow], models: Sequence[int]) -> AtomTable:
    columns: list[Iterable[object]] = list(zip(*rows, strict=True)) if rows else [()] * 11
    name, element, residue, altloc, chain, number = (
        as_text(str(v) for v in column) for column in columns[:6]
    )
    return AtomTable(
        name=name,
        element=element,
        residue=residue,
        altloc=np.char.strip(altloc),
        chain=chain,
        unit=chain,
        number=number,
        model=as_text(map(str, models)),
        position_A=np.array(columns[7:10], np.float64).reshape(3, -1).T,  # [3, n] → [n, 3]
        occupancy=np.array(list(columns[10]), np.float64),
    )


def _assemblies(remarks: Iterable[str]) -> dict[str, tuple[Generator, ...]]:
    found: dict[str, list[tuple[list[str], list[tuple[int, DoubleArray]]]]] = {}
    generators: list[tuple[list[str], list[tuple[int, DoubleArray]]]] = []
    for line in remarks:
        if match := _BIOMOLECULE.match(line):
            generators = found.setdefault(match[1].split(",")[0].strip() or "1", [])
        elif match := _CHAINS.match(line):
            if match[1].upper() != "AND" or not generators:
                generators.append(([], []))
            generators[-1][0].extend(re.split(r"[,\s]+", match[2].strip(" ,")))
        elif (match := _BIOMT.match(line)) and generators:
            generators[-1][1].append((int(match[1]), _row(match[3])))
    return {
        name: tuple(Generator(_chains(chains), _matrices(rows)) for chains, rows in items)
        for name, items in found.items()
        if any(rows for _, rows in items)
    }


def _chains(names: Iterable[str]) -> tuple[str, ...] | None:
    """Return chain names; a blank name is written NULL, all chains are ALL or nothing."""
    kept = tuple("" if name == "NULL" else name for name in names if name)
    return None if not kept or kept == ("ALL",) or kept == ("(all)",) else kept


def _row(text: str) -> DoubleArray:
    """Return a row of four numbers of a matrix; NaN for entries that are not numbers."""
    values = [_number(part) for part in text.split()[:4]]
    return np.array(values + [float("nan")] * (4 - len(values)))


def _matrices(rows: Iterable[tuple[int, DoubleArray]]) -> tuple[DoubleArray, ...]:
    matrices: list[DoubleArray] = []
    for n, row in rows:
        if n == 1 or not matrices:
            matrices.append(np.full((3, 4), np.nan))
        matrices[-1][n - 1] = row
    return tuple(matrices)


def _ncs(lines: Iterable[str]) -> tuple[DoubleArray, ...]:
    """Return the operators of MTRIX whose iGiven (column 60) is not 1."""
    wanted = [line for line in lines if line[59:60] != "1"]
    matches = [match for line in wanted if (match := _MTRIX.match(line))]
    return _matrices((int(match[1]), _row(match[3])) for match in matches)
