"""Columns, units and limits of molecules, each in a case that has one exact answer."""

import hashlib
import math

import numpy as np
import pytest

from faket.io.molecules import load_species
from faket.structures.assembly import in_same_place, is_motion
from faket.structures.cleaning import with_elements, with_occupancies
from faket.structures.contour import _end_of_noise, _otsu
from faket.structures.deposit import residue_bounds, residue_index
from faket.structures.hydrogens import scatterers
from faket.structures.mmcif_format import read_mmcif
from faket.structures.pdb_format import read_pdb
from faket.structures.report import size_report
from faket.structures.synthetic import SYNTHETIC_SPECIES


def test_every_column_of_a_full_line():
    """Columns as in wwPDB's format 3.3, counted from 1, with no blank between any two."""
    fields = {
        1: "HETATM", 7: "99999", 13: "HG11", 17: "B", 18: "VAL", 22: "Z", 23: "9999", 27: "C",
        31: "-123.456", 39: "-234.567", 47: "-345.678", 55: "  0.25", 61: "100.00", 73: "SEGX",
        77: "ZN", 79: "2-",
    }  # fmt: skip
    line = [" "] * 80
    for start, text in fields.items():
        line[start - 1 : start - 1 + len(text)] = text
    atoms = read_pdb("".join(line) + "\n", "a.pdb").atoms
    found = [str(column[0]) for column in (
        atoms.name, atoms.altloc, atoms.residue, atoms.chain, atoms.number, atoms.element,
    )]  # fmt: skip
    assert found == ["HG11", "B", "VAL", "Z", "9999C/SEGX", "ZN"]
    np.testing.assert_array_equal(atoms.position_A, [[-123.456, -234.567, -345.678]])
    assert atoms.occupancy.tolist() == [0.25]


def test_axes_and_operators_of_a_file_are_x_y_z(mol):
    """BIOMT, MTRIX and matrix[i][j], vector[i] are rows: R x + t."""
    matrix = np.array([[0, -1, 0, 11.0], [1, 0, 0, 22.0], [0, 0, 1, 33.0]])
    given = mol.remark_350([matrix]) + mol.mtrix([matrix])
    deposit = read_pdb(mol.pdb(mol.helix(2), given), "a.pdb")
    tables = mol.cif_operators({"1": matrix}) + mol.cif_assembly([("1", "1", "A")])
    again = read_mmcif(mol.mmcif(mol.helix(2), tables), "a.cif")
    for (generator,) in (deposit.assemblies["1"], again.assemblies["1"]):
        np.testing.assert_array_equal(generator.operators[0], matrix)
    np.testing.assert_array_equal(deposit.ncs[0], matrix)
    np.testing.assert_allclose(deposit.atoms.position_A, [a[5] for a in mol.helix(2)], atol=6e-4)
    np.testing.assert_allclose(again.atoms.position_A, deposit.atoms.position_A)


def test_masses_are_kilodaltons_and_volumes_cubic_angstroms(mol, tmp_path):
    """30 serines within a chain, C3 H5 N O2: 87.0777 Da each."""
    path = tmp_path / "a.pdb"
    path.write_text(mol.pdb(mol.helix()))
    species = load_species(path, voxel_size_A=4.0)
    assert species.mass_kDa == pytest.approx(30 * 87.0777e-3, rel=1e-5)
    facts = species.report.facts
    assert facts["mass_kDa"] == species.mass_kDa
    volume_A3 = facts["envelope_volume_A3"]
    assert facts["envelope_A3_per_Da"] == pytest.approx(volume_A3 / 2612.33, rel=1e-4)
    assert 1.0 < facts["envelope_A3_per_Da"] < 1.5
    integral = float(species.potential.sum(dtype=float)) * 4.0**3
    assert facts["potential_V_A3"] == pytest.approx(integral)
    assert facts["potential_V_A3_per_Da"] == pytest.approx(integral / 2612.33, rel=1e-4)
    assert facts["hydrogens_added"] == 150


@pytest.mark.parametrize(
    ("per_mass", "nucleic", "odd"),
    [(0.89, False, True), (0.91, False, False), (1.49, False, False), (1.51, False, True),
     (0.79, True, True), (0.81, True, False)],
)  # fmt: skip
def test_what_is_odd_in_volume_per_mass(per_mass, nucleic, odd):
    found = size_report(
        mass_kDa=2.0, volume_A3=2000 * per_mass, potential=np.ones((2, 2, 2)), voxel_size_A=3.0,
        nucleic=nucleic,
    )  # fmt: skip
    assert bool(found.notices) == odd
    assert found.facts["potential_V_A3_per_Da"] == pytest.approx(8 * 27 / 2000)


def atoms_of(mol, *chains, hydrogens=()):
    """Return one serine in each chain."""
    serines = [mol.helix(1, (*mol.HEAVY, *hydrogens), chain) for chain in chains]
    return with_elements(read_pdb(mol.pdb([a for one in serines for a in one]), "a.pdb").atoms)


def test_hydrogens_are_shared_and_spread_over_their_bonds(mol):
    """Serine's five, a quarter of each on N, CA, C and CB; B = 30 Å² + 8π² (1.05 Å)² / 3."""
    atoms = atoms_of(mol, "A")
    found = scatterers(atoms)
    assert found.implicit.sum() == 4
    np.testing.assert_allclose(found.occupancy[found.implicit], 1.25)
    np.testing.assert_allclose(found.b_A2[found.implicit], 30 + 29.0167, rtol=1e-5)
    np.testing.assert_allclose(found.b_A2[~found.implicit], 30)
    assert not scatterers(atoms, hydrogens=False).implicit.any()
    some = scatterers(atoms_of(mol, "A", hydrogens=("H", "HA", "HB2")))
    np.testing.assert_allclose(some.occupancy[some.implicit], 0.5)
    # One may be lacking by protonation.
    most = scatterers(atoms_of(mol, "A", hydrogens=("H", "HA", "HB2", "HB3")))
    assert not most.implicit.any()


def test_a_chain_that_comes_back_has_other_residues(mol):
    atoms = atoms_of(mol, "A", "B", "A")
    np.testing.assert_array_equal(residue_index(atoms), np.repeat([0, 1, 2], 6))
    np.testing.assert_array_equal(residue_bounds(atoms), [0, 6, 12, 18])


@pytest.mark.parametrize(("apart_A", "same"), [(1.4, True), (1.6, False)])
def test_atoms_nearer_than_1_5_angstroms_are_in_the_same_place(apart_A, same):
    grid = np.stack(np.meshgrid(*[np.arange(10) * 10.0] * 3), -1).reshape(-1, 3)
    assert in_same_place(grid, grid + [0, 0, apart_A]) == same


@pytest.mark.parametrize(("share", "same"), [(0.09, False), (0.11, True)])
def test_molecules_that_share_a_tenth_of_their_atoms_are_in_the_same_place(share, same):
    grid = np.stack(np.meshgrid(*[np.arange(10) * 10.0] * 3), -1).reshape(-1, 3)
    other = grid + [0, 0, 500.0]
    other[: round(share * len(grid))] -= [0, 0, 500.0]
    assert in_same_place(grid, other) == same


@pytest.mark.parametrize(
    ("turn", "scale", "move_A", "fits"),
    [(30, 1.0, 9e5, True), (30, 1.0, 1.1e6, False), (30, 1.008, 0, True), (30, 1.012, 0, False),
     (30, -1.0, 0, False)],
)  # fmt: skip
def test_a_motion_is_a_rotation_to_a_hundredth_and_moves_up_to_a_tenth_of_a_millimetre(
    turn, scale, move_A, fits
):
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    matrix = np.array([[c, -s, 0, move_A], [s, c, 0, 0], [0, 0, 1, 0]])
    matrix[:, :3] *= scale
    assert is_motion(matrix) == fits


def test_the_end_of_noise_needs_27_voxels_beyond_it():
    noise = np.linspace(-1, 1, 1001)
    for size, found in ((26, False), (27, True)):
        density = np.concatenate([noise, np.full(size, 10.0)]).astype(np.float32)
        level = _end_of_noise(density)
        assert (level is not None) == found
        if found:
            assert 0.9 < level < 1.0


def test_otsu_of_two_values_lies_between_them_and_of_one_at_its_half():
    values = np.repeat([1.0, 3.0], [500, 100]).astype(np.float32)
    assert 1.0 < _otsu(values) < 3.0
    assert _otsu(np.full(9, 3.0, np.float32)) == 1.5


def test_the_embedded_library_stays_what_it_is():
    """Recipes and trained pickers name these shapes: a change needs another name."""
    numbers = {
        name: (float(recipe.mass_kDa), recipe.symmetry,
               [[*map(float, (*a, *b)), float(r)] for a, b, r in recipe.capsules])
        for name, recipe in SYNTHETIC_SPECIES.items()
    }  # fmt: skip
    digest = hashlib.sha256(repr(sorted(numbers.items())).encode()).hexdigest()
    assert digest[:16] == "efe0f48e9d85f694"


@pytest.mark.parametrize(
    ("columns_18_to_22", "residue", "chain"),
    [("SERB ", "SER", "B"), ("SER B", "SER", "B"), ("SERAB", "SER", "AB"),
     ("NALAB", "NALA", "B"), ("TIP3W", "TIP3", "W"), ("NALA ", "NALA", ""), ("  U B", "U", "B")],
)  # fmt: skip
def test_residue_and_chain_share_column_21(columns_18_to_22, residue, chain):
    line = f"ATOM      1  CA  {columns_18_to_22}   1       1.000   2.000   3.000  1.00  0.00"
    atoms = read_pdb(line + "\n", "a.pdb").atoms
    assert (atoms.residue[0], atoms.chain[0]) == (residue, chain)


def test_occupancies_of_a_site_may_exceed_one_by_their_rounding(mol):
    """0.34 three times is one; 0.6 twice is halved twice. Of ten sites two are odd."""
    lines = [mol.pdb_line("CA", "C", "SER", "A", n, (9.0 * n, 0, 0)) for n in range(1, 11)]
    for number, occupancy, labels in ((11, "  0.34", "ABC"), (12, "  0.60", "AB")):
        lines += [
            mol.pdb_line("CA", "C", "SER", "A", number, (9.0 * number, i, 0), occupancy=occupancy,
                         altloc=label)
            for i, label in enumerate(labels)
        ]  # fmt: skip
    atoms, said = with_occupancies(read_pdb("\n".join(lines), "a.pdb").atoms)
    np.testing.assert_allclose(atoms.occupancy[10:], [0.34] * 3 + [0.5] * 2, rtol=1e-6)
    assert said == ("2 atoms whose site has an occupancy above 1 are scaled to 1",)
