"""Chemistry of residues: elements from atom names, complete residues, solvent."""

import re
from functools import lru_cache


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Number of atoms within a chain, from wwPDB's chemical components less the water of the bond: first
# carbon and nitrogen, whose hydrogens may be implicit; second all except hydrogen.
_HEAVY = {
    "ALA": (4, 5), "ARG": (10, 11), "ASN": (6, 8), "ASP": (5, 8), "CYS": (4, 6), "GLN": (7, 9),
    "GLU": (6, 9), "GLY": (3, 4), "HIS": (9, 10), "ILE": (7, 8), "LEU": (7, 8), "LYS": (8, 9),
    "MET": (6, 8), "PHE": (10, 11), "PRO": (6, 7), "SER": (4, 6), "THR": (5, 7), "TRP": (13, 14),
    "TYR": (10, 12), "VAL": (6, 7), "MSE": (6, 8), "SEC": (4, 6), "UNK": (4, 5),
    "A": (15, 22), "C": (12, 20), "G": (15, 23), "U": (11, 20),
    "DA": (15, 21), "DC": (12, 19), "DG": (15, 22), "DT": (12, 20),
}  # fmt: skip
_AMINO_ACIDS = tuple(name for name in _HEAVY if len(name) == 3)

# Names of AMBER, CHARMM, GROMACS and Rosetta for protonation states and places in the chain.
_ALIASES = {
    "HIS": "HID HIE HIP HSD HSE HSP HISA HISB HISD HISE HISH HISP",
    "CYS": "CYX CYM CYSH CYS1 CYS2 CYSS",
    "ASP": "ASH ASPP ASPH",
    "GLU": "GLH GLUP GLUH",
    "LYS": "LYN LSN LYSH",
    "ARG": "ARN ARGN",
    "TYR": "TYM",
    "A": "ADE RA A3 A5 RA3 RA5",
    "C": "CYT RC C3 C5 RC3 RC5",
    "G": "GUA RG G3 G5 RG3 RG5",
    "U": "URA RU U3 U5 RU3 RU5",
    "DA": "DA3 DA5",
    "DC": "DC3 DC5",
    "DG": "DG3 DG5",
    "DT": "THY DT3 DT5",
}
_CANONICAL = {alias: name for name, text in _ALIASES.items() for alias in text.split()}
_TERMINAL = {end + name: name for name in _AMINO_ACIDS for end in "NC"}  # AMBER's NALA, CALA

_WATERS = _names(
    "HOH WAT H2O DOD D2O SOL TIP TIP2 TIP3 TIP4 TIP5 TIP3P TIP4P TIP5P TP3 TP4 TP5 T3P T4P T5P "
    "T3H T4E T4H SPC SPCE SPE SPF OPC OPC3 O3P SWM SWM4 OH2 WTR"
)
_MEMBRANE_PLANE = frozenset({"DUM"})  # of OPM and PPM
# Monovalent ions under the names of force fields: bulk salt, never part of the molecule.
_MD_IONS = _names(
    "SOD CLA POT CES LIT RUB CIO NA+ CL- K+ LI+ CS+ RB+ BR- F- I- NA1+ CL1- ION QNA QCL"
)
_SALT = _names("NA CL K LI RB CS BR F IOD CAL CA MG CA2+ MG2+ ZN2+ BAR")
# Names of four letters in PDB files; HISA, CYSS and such are HIS of chain A?, CYS of chain S?.
LONG_NAMES = frozenset({*_TERMINAL, *(name for name in _WATERS if len(name) == 4)})
_ION_ELEMENTS = {"SOD": "Na", "CLA": "Cl", "POT": "K", "CES": "Cs", "LIT": "Li", "RUB": "Rb",
                 "CAL": "Ca", "IOD": "I", "BAR": "Ba", "CIO": "Cs"}  # fmt: skip
# Names of two letters that seldom begin with a carbon, nitrogen or oxygen; CA, CD, CE, CO, HG, NA,
# NE, … in a ligand are an atom's place in it.
_TWO_LETTERS = ("FE", "ZN", "MG", "MN", "CU", "CL", "BR", "SE", "SI", "MO", "RU", "PT", "AU", "AG")


def canonical(residue: str) -> str:
    """Return the wwPDB's name of a residue that force fields name differently; else its own."""
    name = residue.upper()
    return _CANONICAL.get(name) or _TERMINAL.get(name) or name


def heavy_atoms(residue: str) -> int:
    """Return how many atoms except hydrogen a residue of a chain has; 0 if unknown."""
    return _HEAVY.get(canonical(residue), (0, 0))[1]


def hydrogen_hosts(residue: str) -> int:
    """Return how many carbons and nitrogens a residue of a chain has; 0 if unknown."""
    return _HEAVY.get(canonical(residue), (0, 0))[0]


@lru_cache(maxsize=4096)
def hydrogen_count(residue: str) -> int:
    """Return how many hydrogens a residue of a chain has, by gemmi's table; 0 where unknown.

    Two hydrogens of a free amino acid leave with the water of the peptide bond, two of a free
    nucleotide with the phosphodiester's (one bond and one charge).
    """
    import gemmi

    info = gemmi.find_tabulated_residue(canonical(residue))
    lost = 2 if info.is_amino_acid() or info.is_nucleic_acid() else 0
    return max(0, info.hydrogen_count - lost)


def is_solvent_name(residue: str) -> bool:
    """Tell whether a name is one of water or of bulk ions."""
    return residue.upper() in _WATERS | _MD_IONS | _MEMBRANE_PLANE


def is_membrane_plane(residue: str) -> bool:
    """Tell whether a name is that of the dummy atoms with which a membrane's planes are drawn."""
    return residue.upper() in _MEMBRANE_PLANE


def is_md_name(residue: str) -> bool:
    """Tell whether a name of water or of ions occurs only in files of MD simulations."""
    return residue.upper() in (_WATERS | _MD_IONS) - {"HOH", "H2O", "DOD", "D2O"}


def is_solvent(residue: str, elements: tuple[str, ...], *, md: bool) -> bool:
    """Tell whether a residue of these elements ('' unknown) is water or a bulk ion.

    Names alone are ambiguous: CLA is chloride in CHARMM and chlorophyll in the PDB. With ``md``,
    simple ions under their chemical names are salt too.
    """
    name, kinds = residue.upper(), set(elements)
    light = kinds <= {"O", "H", "D", ""}
    if light and (name in _WATERS or sorted(e for e in elements if e) == ["H", "H", "O"]):
        return True
    return len(elements) == 1 and (name in _MD_IONS or (md and name in _SALT))


@lru_cache(maxsize=65536)
def element_of(residue: str, atom: str, written: str, alone: bool) -> str:
    """Return an atom's element; '' if it cannot be determined.

    Parameters
    ----------
    residue : str
    atom : str
        Its name, with the leading blank of PDB files: " CA " is carbon, "CA  " calcium.
    written : str
        The file's own symbol. In amino acids and nucleotides the name has precedence, because
        some programs misplace that column, or write calcium for CA.
    alone : bool
        True if the residue has no other atom.
    """
    letters = re.sub(r"[^A-Za-z].*", "", atom.strip().lstrip("0123456789'\"*")).upper()
    if canonical(residue) in _HEAVY:
        own = "Se" if letters.startswith("SE") else letters[:1]
        if own in ("C", "N", "O", "S", "P", "H", "D", "Se"):
            return own
    symbol = _symbol(re.sub(r"[^A-Za-z].*", "", written.strip()))
    if symbol:
        return symbol
    if alone:
        base = re.sub(r"[^A-Za-z]", "", residue).upper()
        return _ION_ELEMENTS.get(base) or _symbol(letters) or _symbol(base) or _symbol(letters[:1])
    if not atom.startswith(" ") and letters.startswith(_TWO_LETTERS):
        return _symbol(letters[:2])
    return _symbol(letters[:1])


def _symbol(text: str) -> str:
    """Return an element's symbol with its usual capitals; '' if there is no such element."""
    import gemmi

    name = str(gemmi.Element(text).name) if 0 < len(text) <= 2 else "X"
    return "" if name == "X" else name
