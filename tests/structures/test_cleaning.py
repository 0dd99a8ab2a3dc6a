"""Atoms as programs write them: elements, solvent, occupancies, hydrogens, what is lacking."""

import numpy as np
import pytest

from faket.errors import InputError
from faket.io.molecules import load_species
from faket.structures.chemistry import canonical, element_of, hydrogen_count, is_solvent

HYDROGEN_DA = 1.00794


def load(path, text, **options):
    path.write_text(text)
    return load_species(path, voxel_size_A=10.0, **options)


@pytest.fixture
def one(mol, tmp_path):
    return load(tmp_path / "one.pdb", mol.pdb(mol.helix()))


@pytest.mark.parametrize(
    ("residue", "atom", "written", "expected"),
    [
        ("ALA", "CA", "", "C"),  # left-aligned, no column
        ("ALA", "CA", "CA", "C"),  # the column guessed from the name
        ("LYS", "CE", "CE", "C"),
        ("HIS", "CD2", "", "C"),
        ("HIS", "NE2", "NE", "N"),
        ("ARG", "NH1", "nh", "N"),
        ("SER", "HG", "HG", "H"),
        ("TYR", "1HB", "", "H"),
        ("THR", "DG1", "D", "D"),
        ("CYS", "SG", "S", "S"),
        ("MSE", "SE", "", "Se"),
        ("GLX", "AE1", "", ""),  # not in the table: unknown
        ("HSD", "CG", "", "C"),
        ("NALA", "CA", "", "C"),
        ("DA5", "C5'", "", "C"),
        ("A", "O2'", "0", "O"),
        ("G", "P", "P", "P"),
        ("HEM", "FE", "", "Fe"),
        ("HEM", " NA ", "", "N"),
        ("HEM", "CHA", "", "C"),
        ("LIG", " CA ", "", "C"),
        ("LIG", "CL1", "", "Cl"),
        ("LIG", "C1", "C0+", "C"),
        ("LIG", "X1", "Fe3+", "Fe"),
        ("LIG", "BR", "br", "Br"),
        ("LIG", "QQ", "?", ""),
    ],
)
def test_elements_by_residue_name_and_column(residue, atom, written, expected):
    assert element_of(residue, atom, written, False) == expected


@pytest.mark.parametrize(
    ("residue", "atom", "written", "expected"),
    [("CA", "CA", "", "Ca"), ("SOD", "SOD", "", "Na"), ("CLA", "CLA", "", "Cl"),
     ("POT", "POT", "", "K"), ("ZN", "ZN", "ZN", "Zn"), ("NA+", "NA+", "", "Na"),
     ("ALA", "CA", "", "C"), ("U", "P", "", "P")],
)  # fmt: skip
def test_elements_of_single_atoms(residue, atom, written, expected):
    assert element_of(residue, atom, written, True) == expected


@pytest.mark.parametrize("column", ["right", "none", "wrong", "lower"])
@pytest.mark.parametrize("padded", [True, False])
def test_a_protein_is_the_same_whatever_the_column_of_elements(mol, tmp_path, one, column, padded):
    shown = {"right": lambda n, e: e, "none": lambda n, e: "", "lower": lambda n, e: e.lower(),
             "wrong": lambda n, e: n[:2]}[column]  # fmt: skip
    atoms = [(n, shown(n, e), *rest) for n, e, *rest in mol.helix()]
    found = load(tmp_path / "a.pdb", mol.pdb(atoms, padded=padded))
    np.testing.assert_array_equal(found.potential, one.potential)


@pytest.mark.parametrize("symbol", ["?", ".", "{}0+", "X"])
def test_mmcif_without_elements(mol, tmp_path, one, symbol):
    atoms = [(n, symbol.format(e), *rest) for n, e, *rest in mol.helix()]
    found = load(tmp_path / "a.cif", mol.mmcif(atoms))
    assert found.mass_kDa == pytest.approx(one.mass_kDa)
    bare = mol.mmcif(mol.helix(), columns=("type_symbol", "label_alt_id", "occupancy"))
    assert load(tmp_path / "b.cif", bare).mass_kDa == pytest.approx(one.mass_kDa)


def test_unknown_elements_give_a_notice_or_are_refused(mol, tmp_path, one):
    strange = [("QQ1", "", "LIG", "B", 900, (5.0, 0, 20))]
    found = load(tmp_path / "a.pdb", mol.pdb(mol.helix() + strange))
    assert found.mass_kDa == pytest.approx(one.mass_kDa)
    assert any("QQ1 of LIG" in notice for notice in found.report.notices)
    many = [("QQ1", "", "LIG", "B", n, (5.0, 0, n)) for n in range(100)]
    with pytest.raises(InputError, match="chemical elements"):
        load(tmp_path / "a.pdb", mol.pdb(mol.helix() + many))


WATERS = {
    "HOH": ["O"], "WAT": ["O", "H1", "H2"], "DOD": ["O", "D1", "D2"], "SOL": ["OW", "HW1", "HW2"],
    "TIP3": ["OH2", "H1", "H2"], "TIP4": ["OH2", "H1", "H2", "OM"], "TP3": ["O", "H1", "H2"],
    "T4P": ["OW", "HW1", "HW2", "MW"], "TIP5": ["OH2", "H1", "H2", "LP1", "LP2"], "SPC": ["OW"],
    "SPCE": ["OW", "HW1", "HW2"], "OPC": ["O", "H1", "H2", "EPW"], "H2O": ["O"],
    "XYZ": ["O1", "H2", "H3"],
}  # fmt: skip
IONS = {"SOD": "SOD", "CLA": "CLA", "POT": "POT", "NA+": "NA+", "CL-": "CL-", "CES": "CES"}


@pytest.mark.parametrize("name", [*WATERS, *IONS])
def test_waters_and_bulk_ions_of_simulations_are_left_out(mol, tmp_path, one, name):
    rng = np.random.default_rng(0)
    extra = [
        (atom, "", name, "W", n % 9999, rng.uniform(-90, 90, 3))
        for n in range(1, 40)
        for atom in WATERS.get(name, [IONS.get(name)])
    ]
    for kind in (mol.pdb, mol.mmcif):
        path = tmp_path / f"a.{'pdb' if kind is mol.pdb else 'cif'}"
        found = load(path, kind(mol.helix() + extra))
        assert found.mass_kDa == pytest.approx(one.mass_kDa), kind
        assert found.report.facts["waters_and_ions_left_out"] == 39


def test_salt_goes_with_the_water_of_a_simulation_and_stays_in_a_crystal(mol, tmp_path, one):
    salt = [("NA", "NA", "NA", "S", n, (5.0, 10, 2 * n)) for n in range(9)]
    water = [("OW", "O", "SOL", "W", n, (8.0, 10, 2 * n)) for n in range(9)]
    assert load(tmp_path / "a.pdb", mol.pdb(mol.helix() + salt)).mass_kDa > one.mass_kDa + 0.2
    both = load(tmp_path / "b.pdb", mol.pdb(mol.helix() + salt + water))
    assert both.mass_kDa == pytest.approx(one.mass_kDa)


def test_names_alone_do_not_make_a_solvent():
    chlorophyll = ("C",) * 55 + ("N",) * 4 + ("Mg", "O")
    assert not is_solvent("CLA", chlorophyll, md=True)
    assert is_solvent("CLA", ("Cl",), md=False)
    assert not is_solvent("OPC", ("C", "O", "P"), md=False)  # a lipid of the PDB
    assert not is_solvent("ZN", ("Zn",), md=False)


def test_dummy_atoms_of_membrane_planes_are_left_out_and_counted_by_themselves(mol, tmp_path, one):
    planes = [("N", "N", "DUM", "X", n, (5.0, 10, 2 * n)) for n in range(30)]
    water = [("O", "O", "HOH", "W", n, (8.0, 10, 2 * n)) for n in range(9)]
    species = load(tmp_path / "opm.pdb", mol.pdb(mol.helix() + planes + water))
    assert species.mass_kDa == pytest.approx(one.mass_kDa)
    assert species.report.facts["waters_and_ions_left_out"] == 9
    assert "30 dummy atoms of membrane planes (DUM) are left out" in species.report.notices
    with pytest.raises(InputError, match="found only water and ions"):
        load(tmp_path / "planes.pdb", mol.pdb(planes))


@pytest.mark.parametrize(
    ("occupancy", "words"),
    [("  1.00", ""), ("  0.00", "all 0"), ("      ", "empty"), (" 35.20", "35.2"),
     ("1.0e38", "1e+38"), ("   nan", "empty"), (" -1.00", "empty"), ("  1e10", "1e+10"),
     ("******", "empty")],
)  # fmt: skip
def test_a_column_that_is_no_occupancy_counts_as_full(mol, tmp_path, one, occupancy, words):
    found = load(tmp_path / "a.pdb", mol.pdb(mol.helix(), occupancy=occupancy))
    np.testing.assert_array_equal(found.potential, one.potential)
    assert any(words in notice for notice in found.report.notices) == bool(words)


@pytest.mark.parametrize(
    ("labels", "occupancies"),
    [("AB", (0.5, 0.5)), ("AB", (1, 1)), ("AB", (0, 0)), (" B", (1, 1)), ("AB", (1, 0)),
     ("ABC", (0.34, 0.33, 0.33)), ("AB", (60, 40))],
)  # fmt: skip
def test_occupancies_of_a_site_add_up_to_one(mol, tmp_path, one, labels, occupancies):
    lines = [
        mol.pdb_line(*atom, occupancy=f"{value:6.2f}", altloc=label)
        for atom in mol.helix()
        for label, value in zip(labels, occupancies, strict=True)
    ]
    found = load(tmp_path / "a.pdb", "\n".join([*lines, "END", ""]))
    assert found.mass_kDa == pytest.approx(one.mass_kDa, rel=1e-5)
    assert found.report.facts["hydrogens_added"] == 150


def test_few_bad_occupancies_are_corrected_and_partial_ones_kept(mol, tmp_path, one):
    lines = mol.pdb(mol.helix()).splitlines()
    for bad in ("  0.00", "  5.00", "   nan", "1.0e38"):
        lines[7] = lines[7][:54] + bad + lines[7][60:]
        found = load(tmp_path / "a.pdb", "\n".join(lines))
        assert found.mass_kDa == pytest.approx(one.mass_kDa), bad
        assert len(found.report.notices) == 1
    half = load(tmp_path / "b.pdb", mol.pdb(mol.helix(), occupancy="  0.50"))
    assert half.mass_kDa == pytest.approx(one.mass_kDa)  # else it would be less dense than ice
    ligand = mol.pdb_line("ZN", "ZN", "ZN", "B", 1, (5, 0, 20), occupancy="  0.50")
    text = "\n".join([*mol.pdb(mol.helix()).splitlines()[:-1], ligand, "END", ""])
    zinc = load(tmp_path / "c.pdb", text)
    assert zinc.mass_kDa - one.mass_kDa == pytest.approx(0.5 * 0.06538, rel=1e-3)
    assert not zinc.report.notices


def test_two_residues_at_one_place_share_it(mol, tmp_path, one):
    """Microheterogeneity, and numbers that are used again for other molecules."""
    lines = [mol.pdb_line(*atom) for atom in mol.helix()]
    other = [line.replace(" SER ", "BTHR ") for line in lines[:6]]
    first = [line[:16] + "A" + line[17:] for line in lines[:6]]
    text = "\n".join([*first, *other, *lines[6:], "END", ""])
    assert load(tmp_path / "a.pdb", text).mass_kDa == pytest.approx(one.mass_kDa, rel=0.01)
    again = [atom[:4] + (atom[4], atom[5] + [40, 0, 0]) for atom in mol.helix()]
    assert load(tmp_path / "b.pdb", mol.pdb(mol.helix() + again)).mass_kDa == pytest.approx(
        2 * one.mass_kDa
    )


POLAR = ("N", "CA", "C", "O", "CB", "OG", "H", "HG")
ALL = (*POLAR, "HA", "HB2", "HB3")


@pytest.mark.parametrize(
    ("names", "added"), [(ALL, 0), (POLAR, 3 * 30), (POLAR[:6], 5 * 30), (ALL[:-1], 0)]
)
def test_each_residue_gets_the_hydrogens_that_it_lacks(mol, tmp_path, one, names, added):
    """One that lacks a single proton is taken as it is: acids and histidines do."""
    found = load(tmp_path / "a.pdb", mol.pdb(mol.helix(names=names)))
    assert found.report.facts["hydrogens_added"] == added
    lacking = 30 * HYDROGEN_DA / 1e3 if names == ALL[:-1] else 0
    assert found.mass_kDa == pytest.approx(one.mass_kDa - lacking, rel=1e-4)
    bare = load(tmp_path / "a.pdb", mol.pdb(mol.helix(names=names)), hydrogens=False)
    assert bare.report.facts["hydrogens_added"] == 0


def test_hydrogens_elsewhere_change_nothing(mol, tmp_path, one):
    """A ligand's, one residue's, or deuterium beside hydrogen at a site."""
    ligand = [("H1", "H", "LIG", "B", 1, (5.0, 0, 20))]
    found = load(tmp_path / "a.pdb", mol.pdb(mol.helix() + ligand))
    assert found.report.facts["hydrogens_added"] == 150
    mixed = mol.helix(1, names=ALL) + mol.helix()[6:]
    assert load(tmp_path / "b.pdb", mol.pdb(mixed)).report.facts["hydrogens_added"] == 145
    lines = []
    for name, element, *rest in mol.helix(names=ALL):
        if element == "H":
            lines.append(mol.pdb_line(name, "H", *rest, altloc="A", occupancy="  0.60"))
            lines.append(mol.pdb_line("D" + name[1:], "D", *rest, altloc="B", occupancy="  0.40"))
        else:
            lines.append(mol.pdb_line(name, element, *rest))
    text = "\n".join([*lines, "END", ""])
    assert load(tmp_path / "c.pdb", text).report.facts["hydrogens_added"] == 0


@pytest.mark.parametrize(
    "names",
    [("CA",), ("CA", "CB"), ("N",)],
)
def test_beads_are_refused(mol, tmp_path, names):
    with pytest.raises(InputError, match="complete model") as error:
        load(tmp_path / "a.pdb", mol.pdb(mol.helix(names=names)))
    assert "\n" not in str(error.value)
    phosphorus = [("P", "P", "U", "A", n, (6.0 * n, 0, 0)) for n in range(30)]
    with pytest.raises(InputError, match="P only"):
        load(tmp_path / "b.pdb", mol.pdb(phosphorus))
    beads = [(bead, "", "LEU", "A", n, (3.8 * n, i, 0)) for n in range(30)
             for i, bead in enumerate(("BB", "SC1", "SC2"))]  # fmt: skip
    with pytest.raises(InputError):
        load(tmp_path / "c.pdb", mol.pdb(beads))


def test_a_small_trace_is_left_out_and_backbones_give_a_notice(mol, tmp_path, one):
    trace = mol.helix(25, names=("CA",), chain="B", shift=(40, 0, 0))
    long = mol.helix(130)
    whole = load(tmp_path / "a.pdb", mol.pdb(long))
    found = load(tmp_path / "b.pdb", mol.pdb(long + trace))
    np.testing.assert_array_equal(found.potential, whole.potential)
    assert any("25 residues" in notice for notice in found.report.notices)
    backbone = load(tmp_path / "c.pdb", mol.pdb(mol.helix(names=("N", "CA", "C", "O"))))
    assert backbone.report.facts["residues_incomplete"] == 30
    assert any("33.3%" in notice for notice in backbone.report.notices)
    assert one.report.facts["residues_incomplete"] == 0


def test_nucleotides_may_begin_without_phosphate():
    assert canonical("ADE") == "A"
    assert canonical("RA5") == "A"
    assert canonical("HIE") == "HIS"
    assert canonical("CALA") == "ALA"
    assert canonical("LIG") == "LIG"
    assert hydrogen_count("SER") == 5
    assert hydrogen_count("HSP") == hydrogen_count("HIS") == 8


def test_the_report_holds_what_one_checks(mol, tmp_path):
    found = load(tmp_path / "a.pdb", mol.pdb(mol.helix(60)))
    facts = found.report.facts
    assert facts["atoms"] == 360
    assert facts["residues"] == 60
    assert facts["hydrogens_added"] == 300
    assert facts["mass_kDa"] == pytest.approx(found.mass_kDa)
    assert 0.9 < facts["envelope_A3_per_Da"] < 1.5
    assert 3 < facts["potential_V_A3_per_Da"] < 6
    lone = [("C1", "C", "LIG", "A", n, (9.0 * n, 0, 0)) for n in range(20)]
    with pytest.raises(InputError, match="less dense"):
        load(tmp_path / "b.pdb", mol.pdb(lone))
