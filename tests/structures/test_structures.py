"""Structures: integrals, anti-aliasing, assemblies, hydrogens, solvent, maps, the library."""

import gzip
import warnings

import gemmi
import mrcfile
import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from faket.constants import ICE_POTENTIAL_V, POTENTIAL_K_V_A2, SCATTERING_F0_A
from faket.errors import InputError
from faket.io.molecules import load_species
from faket.structures import SYNTHETIC_SPECIES, synthetic_species
from faket.structures.grids import average, block_mean, envelope_of
from faket.structures.maps import species_from_map

RESIDUE = [
    ("N", "N", (0.0, 1.4, 0.2)),
    ("CA", "C", (0.9, 0.3, 0.0)),
    ("C", "C", (2.2, 0.9, -0.4)),
    ("O", "O", (2.4, 2.1, -0.3)),
    ("CB", "C", (0.5, -0.8, -1.0)),
    ("SG", "S", (-0.8, -1.9, -0.5)),
]


def write_pdb(path, residues=40, assembly=False, aniso=False):
    """A helix of cysteines, as PDB text; optionally with a twofold as biological assembly."""
    lines = []
    if assembly:
        lines += [
            "REMARK 350 BIOMOLECULE: 1",
            "REMARK 350 APPLY THE FOLLOWING TO CHAINS: A",
            "REMARK 350   BIOMT1   1  1.000000  0.000000  0.000000        0.00000",
            "REMARK 350   BIOMT2   1  0.000000  1.000000  0.000000        0.00000",
            "REMARK 350   BIOMT3   1  0.000000  0.000000  1.000000        0.00000",
            "REMARK 350   BIOMT1   2 -1.000000  0.000000  0.000000       60.00000",
            "REMARK 350   BIOMT2   2  0.000000 -1.000000  0.000000        0.00000",
            "REMARK 350   BIOMT3   2  0.000000  0.000000  1.000000        0.00000",
        ]
    serial = 0
    for i in range(residues):
        turn = Rotation.from_euler("z", 100 * i, degrees=True)
        for name, element, xyz in RESIDUE:
            serial += 1
            x, y, z = turn.apply(np.array(xyz) + [2.3, 0, 0]) + [5, -3, 1.5 * i]
            lines.append(
                f"ATOM  {serial:5d}  {name:<3s} CYS A{i + 1:4d}    {x:8.3f}{y:8.3f}{z:8.3f}"
                f"  1.00 50.00          {element:>2s}"
            )
            if aniso:
                lines.append(
                    f"ANISOU{serial:5d}  {name:<3s} CYS A{i + 1:4d}  {9000:7d}{100:7d}{100:7d}"
                    f"{0:7d}{0:7d}{0:7d}      {element:>2s}"
                )
    path.write_text("\n".join([*lines, "END"]) + "\n")
    return path


def expected_f0(residues, copies=1):
    heavy = sum(SCATTERING_F0_A[element] for _, element, _ in RESIDUE)
    hydrogens = 5  # of cysteine within a chain: 7 less the two of the peptide bond's water
    return copies * residues * (heavy + hydrogens * SCATTERING_F0_A["H"])


def integrals(species):
    volume = species.voxel_size_A**3
    return species.potential.sum(dtype=float) * volume, species.envelope


@pytest.mark.parametrize("voxel_size_A", [2.0, 4.0, 5.0, 7.3, 10.0])
def test_integral_is_the_sum_of_scattering_lengths(tmp_path, voxel_size_A, monkeypatch):
    """With the solvent switched off, ∫V = K Σ f(0) of the atoms kept."""
    monkeypatch.setattr("faket.structures.atoms.ICE_POTENTIAL_V", 0.0)
    species = load_species(write_pdb(tmp_path / "a.pdb", aniso=True), voxel_size_A=voxel_size_A)
    total, _ = integrals(species)
    assert total == pytest.approx(POTENTIAL_K_V_A2 * expected_f0(40), rel=0.01)


@pytest.mark.parametrize("voxel_size_A", [4.0, 5.0, 7.0, 10.0])
def test_correlates_with_a_voxel_averaged_fine_map(real_data, voxel_size_A, monkeypatch):
    monkeypatch.setattr("faket.structures.atoms.ICE_POTENTIAL_V", 0.0)
    path = real_data / "structures" / "1s3x.pdb.gz"
    species = load_species(path, voxel_size_A=voxel_size_A, hydrogens=False)
    fine = fine_map(path, species, 0.5)
    assert np.corrcoef(fine.ravel(), species.potential.ravel())[0, 1] > 0.98


def fine_map(path, species, step_A):
    """gemmi's point samples at 0.5 Å with its own B factors, averaged over the species' voxels."""
    structure = gemmi.read_structure(str(path))
    structure.remove_waters()
    atoms = [site.atom for site in structure[0].all()]
    positions = np.array([atom.pos.tolist() for atom in atoms])
    masses = np.array([atom.element.weight * atom.occ for atom in atoms])
    factor = round(species.voxel_size_A / step_A)
    n = np.array(species.potential.shape[::-1])
    middle = (n // 2 + 0.5) * species.voxel_size_A - step_A / 2
    shift = middle - masses @ positions / masses.sum()
    calculator = gemmi.DensityCalculatorE()
    calculator.d_min = 1.0
    calculator.grid.set_size(*(int(k) for k in n * factor))
    cell = gemmi.UnitCell(*(float(k) for k in n * species.voxel_size_A), 90, 90, 90)
    calculator.grid.set_unit_cell(cell)
    calculator.grid.spacegroup = gemmi.SpaceGroup("P1")
    for atom, position in zip(atoms, positions + shift, strict=True):
        atom.pos = gemmi.Position(*position)
        atom.b_iso = 10.0
        atom.aniso = gemmi.SMat33f(0, 0, 0, 0, 0, 0)
    calculator.add_model_density_to_grid(structure[0])
    grid = np.array(calculator.grid, copy=True).T
    nz, ny, nx = species.potential.shape
    return grid.reshape(nz, factor, ny, factor, nx, factor).mean(axis=(1, 3, 5))


def test_assembly_is_expanded_and_centred(tmp_path):
    plain = load_species(write_pdb(tmp_path / "a.pdb"), voxel_size_A=5.0)
    double = load_species(write_pdb(tmp_path / "b.pdb", assembly=True), voxel_size_A=5.0)
    assert double.mass_kDa == pytest.approx(2 * plain.mass_kDa)
    weights = np.maximum(double.potential, 0)
    centre = ndimage.center_of_mass(weights)
    np.testing.assert_allclose(centre, np.array(weights.shape) // 2, atol=0.15)
    with pytest.raises(InputError, match="assembly"):
        load_species(tmp_path / "b.pdb", voxel_size_A=5.0, assembly="7")


def test_contrast_does_not_depend_on_the_voxel_size(real_data):
    """∫ΔV: the mask's volume must not follow the grid that it is computed on."""
    totals = []
    for voxel_size_A in (1.5, 3.3, 5.0, 7.3, 10.0):
        species = load_species(real_data / "structures" / "1s3x.pdb.gz", voxel_size_A=voxel_size_A)
        totals.append(species.potential.sum(dtype=float) * voxel_size_A**3)
    np.testing.assert_allclose(totals, totals[2], rtol=0.01)


def test_average_is_the_block_mean_where_sizes_fit_and_keeps_integrals_where_not():
    fine = np.random.default_rng(3).random((24, 18, 30)).astype(np.float32)
    np.testing.assert_allclose(average(fine, 0.5, (4, 3, 5), 3.0), block_mean(fine, 6), rtol=1e-5)
    odd = average(fine, 1.0, (8, 6, 10), 3.7)  # the last voxels reach past the samples
    assert odd.sum(dtype=float) * 3.7**3 == pytest.approx(fine.sum(dtype=float), rel=1e-5)
    row = fine[:1, :1]  # against the integral of a staircase between a voxel's edges
    edges = np.minimum(np.arange(9) * 3.7, 30)
    integral = np.interp(edges, np.arange(31), np.append(0, np.cumsum(row[0, 0], dtype=float)))
    np.testing.assert_allclose(
        average(row, 1.0, (1, 1, 8), 3.7)[0, 0] * 3.7**3, np.diff(integral), rtol=1e-4
    )


def test_alternative_conformations_share_their_hydrogens(tmp_path):
    """Each atom twice at half occupancy is the same molecule."""
    single = write_pdb(tmp_path / "a.pdb", residues=10)
    lines = [line for line in single.read_text().splitlines() if line.startswith("ATOM")]
    halves = [
        line[:16] + label + line[17:54] + "  0.50" + line[60:] for line in lines for label in "AB"
    ]
    (tmp_path / "b.pdb").write_text("\n".join(halves) + "\nEND\n")
    one, two = (load_species(tmp_path / f"{name}.pdb", voxel_size_A=5.0) for name in "ab")
    assert two.mass_kDa == pytest.approx(one.mass_kDa, rel=1e-5)
    np.testing.assert_allclose(two.potential, one.potential, atol=1e-3)


def test_unusable_atoms_are_one_line_that_names_the_file(tmp_path):
    text = write_pdb(tmp_path / "a.pdb", residues=3).read_text()
    packed = gzip.compress(text.encode())
    stray = (
        "ATOM   9{0:03d}  CA  ALA A 9{0:02d}    {1:8.3f}{2:8.3f}{3:8.3f}  1.00 50.00           C\n"
    )
    strays = "".join(stray.format(i, *(9000.0 * np.eye(3)[i])) for i in range(3))
    for content in (
        "\n".join(line[:30] + "     nan" + line[38:] for line in text.splitlines()).encode(),
        "\n".join(line[:30] + "********" + line[38:] for line in text.splitlines()).encode(),
        "\n".join(line[:30] + "   1e300" + line[38:] for line in text.splitlines()).encode(),
        (strays + text).encode(),
        packed[: len(packed) - 9],
    ):
        path = tmp_path / ("b.pdb.gz" if content[:2] == b"\x1f\x8b" else "b.pdb")
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"b\.pdb") as error:
            load_species(path, voxel_size_A=5.0)
        assert "\n" not in str(error.value)


def test_names_keep_their_dots_and_lose_their_blanks(tmp_path):
    for file, name in (("my.protein v2.pdb", "my.protein_v2"), ("1abc.PDB", "1abc")):
        assert load_species(write_pdb(tmp_path / file, 3), voxel_size_A=10.0).name == name
    with pytest.raises(InputError, match="found none"):
        load_species("a" * 5000 + ".pdb", voxel_size_A=5.0)


def test_same_molecule_from_pdb_mmcif_and_gzip(tmp_path):
    pdb = write_pdb(tmp_path / "a.pdb")
    structure = gemmi.read_structure(str(pdb))
    structure.setup_entities()
    structure.make_mmcif_document().write_file(str(tmp_path / "a.cif"))
    (tmp_path / "b.pdb.gz").write_bytes(gzip.compress(pdb.read_bytes()))
    first = load_species(pdb, voxel_size_A=6.0)
    for name in ("a.cif", "b.pdb.gz"):
        other = load_species(tmp_path / name, voxel_size_A=6.0)
        np.testing.assert_allclose(other.potential, first.potential, atol=2e-3)
    assert load_species(tmp_path / "b.pdb.gz", voxel_size_A=6.0).name == "b"


def test_real_proteins_have_protein_density_and_contrast(real_data):
    for pdb in ("1bxn", "1s3x", "3d2f"):
        species = load_species(real_data / "structures" / f"{pdb}.pdb.gz", voxel_size_A=5.0)
        volume_A3 = (species.envelope >= 0.5).sum() * 5.0**3
        assert volume_A3 / (species.mass_kDa * 1e3) == pytest.approx(1.21, abs=0.04)
        mean_V = species.potential.sum(dtype=float) * 5.0**3 / volume_A3 + ICE_POTENTIAL_V
        assert mean_V == pytest.approx(7.9, abs=0.45)
        assert (species.potential[0] == 0).all() or np.abs(species.potential[0]).max() < 0.01


def test_library_holds_distinct_complexes():
    masses = [recipe.mass_kDa for recipe in SYNTHETIC_SPECIES.values()]
    assert len(masses) >= 10
    assert min(masses) <= 30
    assert max(masses) >= 4000
    assert len({recipe.symmetry for recipe in SYNTHETIC_SPECIES.values()}) >= 6
    assert len(set(masses)) == len(masses)


@pytest.mark.parametrize("name", list(SYNTHETIC_SPECIES))
def test_embedded_species_are_sound(name):
    species = synthetic_species(name, voxel_size_A=10.0)
    recipe = SYNTHETIC_SPECIES[name]
    assert species.synthetic
    assert species.name.startswith("syn-")
    assert species.mass_kDa == pytest.approx(recipe.mass_kDa, rel=0.05)
    volume_A3 = (species.envelope >= 0.5).sum() * 10.0**3
    assert volume_A3 == pytest.approx(recipe.mass_kDa * 1e3 * 1.23, rel=0.15)
    mean_V = species.potential.sum(dtype=float) * 10.0**3 / (recipe.mass_kDa * 1e3 * 1.23)
    assert mean_V == pytest.approx(3.33, rel=0.08)
    sizes = np.bincount(ndimage.label(species.envelope >= 0.5)[0].ravel())[1:]
    assert sizes.max() > 0.9 * sizes.sum()
    for axis in range(3):
        assert not species.envelope.take([0, -1], axis).any()
    np.testing.assert_array_equal(
        species.potential, synthetic_species(name, voxel_size_A=10.0).potential
    )


@pytest.mark.parametrize("name", ["syn-dimer", "syn-propeller", "syn-block", "syn-star"])
def test_embedded_species_have_their_symmetry(name):
    species = synthetic_species(name, voxel_size_A=4.0)
    centre = np.array(species.potential.shape) // 2
    for rotation in Rotation.create_group(species.symmetry):
        matrix = rotation.as_matrix()[::-1, ::-1]  # x y z -> z y x
        turned = ndimage.affine_transform(
            species.potential, matrix, centre - matrix @ centre, order=3
        )
        assert np.corrcoef(turned.ravel(), species.potential.ravel())[0, 1] > 0.9


def test_map_is_scaled_centred_and_resampled():
    """An off-centre ball of 60 Å at 4 Å becomes a centred ball of 3.33 V at 6 Å."""
    z, y, x = np.mgrid[:50, :44, :48] * 4.0
    ball = (np.hypot(np.hypot(x - 80, y - 90), z - 110) < 60) * 7.0 + 2.0
    species = species_from_map(ndimage.gaussian_filter(ball, 0.7), 4.0, voxel_size_A=6.0, name="b")
    volume_A3 = 4 / 3 * np.pi * 60**3
    assert (species.envelope >= 0.5).sum() * 6.0**3 == pytest.approx(volume_A3, rel=0.05)
    assert species.potential.sum(dtype=float) * 6.0**3 == pytest.approx(volume_A3 * 3.33, rel=0.08)
    centre = ndimage.center_of_mass(species.potential)
    np.testing.assert_allclose(centre, np.array(species.potential.shape) // 2, atol=0.05)


def test_resampled_map_is_the_voxel_average():
    """Against block means of the map, where a block is a voxel: no aliasing, no blur beside."""
    rng = np.random.default_rng(5)
    z, y, x = np.mgrid[:79, :79, :79] - 39.0
    ball = np.hypot(np.hypot(x, y), z) < 27
    density = np.where(ball, 3 + ndimage.gaussian_filter(rng.normal(size=ball.shape), 1) * 12, 0)
    density = (density + density[::-1, ::-1, ::-1]) / 2  # even: its centre is its centre of mass
    species = species_from_map(density, 1.0, voxel_size_A=5.0, name="b", contour=0.1)
    middle = species.potential.shape[0] // 2
    inner = species.potential[
        middle - 4 : middle + 5, middle - 4 : middle + 5, middle - 4 : middle + 5
    ]
    blocks = block_mean(density[17:62, 17:62, 17:62], 5)
    assert np.corrcoef(inner.ravel(), blocks.ravel())[0, 1] > 0.999


def test_a_map_that_is_a_mask_and_axes_in_another_order(tmp_path):
    rod = np.zeros((20, 20, 40), np.float32)
    rod[6:14, 6:14, 5:35] = 1
    write_map(tmp_path / "a.mrc", rod, 5.0)
    plain = load_species(tmp_path / "a.mrc", voxel_size_A=5.0)
    assert (plain.envelope >= 0.5).sum() == pytest.approx(rod.sum(), rel=0.05)
    write_map(tmp_path / "b.mrc", rod, 5.0)
    with mrcfile.open(tmp_path / "b.mrc", "r+") as mrc:
        mrc.header.mapc, mrc.header.mapr, mrc.header.maps = 3, 2, 1
    turned = load_species(tmp_path / "b.mrc", voxel_size_A=5.0)
    np.testing.assert_allclose(turned.potential, plain.potential.transpose(2, 1, 0), atol=1e-3)


def test_real_maps_load(real_data):
    species = load_species(real_data / "maps" / "5mrc_10A.mrc", voxel_size_A=5.0)
    inside = species.potential[species.envelope >= 0.5]
    assert 2.5 < inside.mean() < 4.0
    assert "contour" in species.source


def test_envelope_encloses_the_mask():
    mask = np.zeros((20, 20, 20), np.float32)
    mask[6:13, 5:15, 7:12] = 1
    for voxel_size_A in (2.0, 5.0, 10.0):
        envelope = envelope_of(mask, voxel_size_A)
        assert (envelope >= 0.5).sum() == pytest.approx(mask.sum(), rel=0.05)
        assert envelope.min() >= 0
        assert envelope.max() <= 1


def write_map(path, data, voxel_size_A):
    with warnings.catch_warnings(), mrcfile.new(path, overwrite=True) as mrc:
        warnings.simplefilter("ignore")
        mrc.set_data(np.asarray(data, np.float32))
        mrc.voxel_size = voxel_size_A


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.pdb", b"", "atoms"),
        ("a.pdb", b"HEADER nothing\nEND\n", "atoms"),
        ("a.pdb", b"\xff\xfe\x00" * 200, "atoms|PDB"),
        ("a.pdb.gz", b"not gzip", "PDB|atoms"),
        ("a.cif", b"data_x\nloop_\n_atom_site.id\n", "PDB|atoms"),
        ("a.cif", b"{]", "PDB|atoms"),
        ("a.mrc", b"\0" * 3000, "MRC"),
        ("a.mrc", b"short", "MRC"),
        ("a.xyz", b"1\n\nC 0 0 0\n", "expected a file ending in"),
    ],
)
def test_unusable_files_are_one_line(tmp_path, name, content, match):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=match) as error:
        load_species(tmp_path / name, voxel_size_A=5.0)
    assert "\n" not in str(error.value)
    assert name in str(error.value)


def test_unusable_maps_are_one_line(tmp_path):
    path = tmp_path / "m.mrc"
    for data, voxel_size_A in [
        (np.zeros((8, 8, 8)), 4.0),
        (np.full((8, 8, 8), np.nan), 4.0),
        (np.random.default_rng(0).random((8, 8, 8)), 0.0),
    ]:
        write_map(path, data, voxel_size_A)
        with pytest.raises(InputError) as error:
            load_species(path, voxel_size_A=5.0)
        assert "\n" not in str(error.value)
    ball = np.zeros((12, 12, 12))
    ball[4:8, 4:8, 4:8] = 1
    write_map(path, ball, (4.0, 4.0, 8.0))
    with pytest.raises(InputError, match="4 x 4 x 8"):
        load_species(path, voxel_size_A=5.0)
    write_map(path, ball, 4.0)
    for wrong in ({"contour": -1.0}, {"contour": float("nan")}, {"mean_potential_V": 0.0}):
        with pytest.raises(InputError, match="expected"):
            load_species(path, voxel_size_A=5.0, **wrong)
    packed = bytearray(gzip.compress(path.read_bytes()))
    packed[40:60] = b"\xff" * 20
    (tmp_path / "m.mrc.gz").write_bytes(packed)
    with pytest.raises(InputError, match=r"m\.mrc\.gz"):
        load_species(tmp_path / "m.mrc.gz", voxel_size_A=5.0)
    with pytest.raises(InputError, match="none"):
        load_species(tmp_path / "absent.pdb", voxel_size_A=5.0)
    with pytest.raises(InputError, match="syn-bean"):
        load_species("synthetic:unicorn", voxel_size_A=5.0)
    with pytest.raises(InputError, match="voxel_size_A"):
        load_species("synthetic:syn-bean", voxel_size_A=0.0)
