"""From atoms to the electrostatic potential above ice."""

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from faket.constants import ICE_POTENTIAL_V, POTENTIAL_K_V_A2
from faket.data import DoubleArray, FloatArray, Species
from faket.errors import InputError
from faket.structures.grids import average, block_mean, check_extent, envelope_of

_FINE_A = 1.0  # finest spacing that is needed with the blur below
_B_FACTOR_A2 = 30.0  # replaces the file's B factors: point samples at 1 Å are then exact to 1e-3
_BOND_A = 1.05  # mean X-H bond: an implicit hydrogen is spread over a shell of this radius
# The volume that gemmi's mask encloses depends on its spacing by ± 5 %; at this one it is right.
_MASK_A = 1.0
_MARGIN_A = 12.0  # Gaussian tails and the soft edge of the envelope stay inside


def species_from_atoms(
    path: Path, *, voxel_size_A: float, name: str, assembly: str = "1", hydrogens: bool = True
) -> Species:
    """Build a species from a PDB or mmCIF file (gzip too).

    The biological assembly ``assembly`` is expanded where the file declares any; waters are
    dropped; occupancies are kept. If the model has no hydrogens, those of its residues are put,
    blurred by the bond length, where its carbons and nitrogens are. The potential is the sum of
    Peng's (1996) electron-scattering Gaussians, computed by gemmi at 1 Å or finer and averaged
    over voxels; the solvent's V_ice times the molecular mask is subtracted. The mask is that of
    Refmac's radii with a probe of 1.0 Å shrunk by 1.1 Å on a grid of 1 Å whatever the voxel
    size, which encloses 1.19 to 1.23 Å3/Da.

    Raises
    ------
    InputError
        If the file cannot be read, holds no atoms, or does not declare the assembly.
    """
    model = _read_model(path, assembly)
    mask_model = model.clone()
    deposited = model.count_atom_sites()
    implicit = hydrogens and not any(site.atom.is_hydrogen() for site in model.all())
    if implicit:
        _add_hydrogens(model)
    positions, masses = _positions_and_masses(model, path)
    centre = masses @ positions / masses.sum()
    factor = math.ceil(voxel_size_A / _FINE_A)
    half = np.ceil((np.abs(positions - centre).max(axis=0) + _MARGIN_A) / voxel_size_A)
    size = 2 * half.astype(int) + 1  # voxels x y z, odd: the centre is voxel `half`
    check_extent(
        size * voxel_size_A, np.prod(size * max(factor, voxel_size_A), dtype=float), path.name
    )
    fine = voxel_size_A / factor
    # The mean position of the fine samples of voxel `half`.
    shift = (half * factor + (factor - 1) / 2) * fine - centre
    potential = block_mean(_density(model, shift, size * factor, fine), factor)
    potential *= np.float32(POTENTIAL_K_V_A2)
    soft = _molecular_mask(mask_model, (half + 0.5) * voxel_size_A - centre, size, voxel_size_A)
    potential -= np.float32(ICE_POTENTIAL_V) * soft
    return Species(
        name=name,
        potential=potential,
        envelope=envelope_of(soft, voxel_size_A),
        voxel_size_A=voxel_size_A,
        mass_kDa=float(masses.sum() / 1e3),
        source=f"{path.name}, assembly {assembly}, {deposited} atoms"
        + (", implicit hydrogens added" if implicit else ""),
    )


def _read_model(path: Path, assembly: str) -> Any:
    import gemmi

    try:
        _check_gzip(path)
        structure = gemmi.read_structure(str(path))
    except (OSError, EOFError, RuntimeError, ValueError, zlib.error) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: expected a PDB or mmCIF file, found: {reason}") from None
    if len(structure) == 0:
        raise InputError(f"{path}: expected atoms, found none; is it a PDB or mmCIF file?")
    structure.setup_entities()
    structure.remove_waters()
    names = [item.name for item in structure.assemblies]
    if assembly in names:
        structure.transform_to_assembly(assembly, gemmi.HowToNameCopiedChain.AddNumber)
    elif names and assembly != "1":
        raise InputError(
            f"{path}: expected assembly {assembly!r}, found {', '.join(names)}; choose one of these"
        )
    model = structure[0]
    for site in model.all():
        site.atom.b_iso = _B_FACTOR_A2
        site.atom.aniso = gemmi.SMat33f(0, 0, 0, 0, 0, 0)
    if model.count_atom_sites() == 0:
        raise InputError(f"{path}: expected atoms, found none besides water")
    return model


def _check_gzip(path: Path) -> None:
    """Read to the end: gemmi takes what comes before a cut for the whole."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return
    with gzip.open(path) as file:
        while file.read(1 << 20):
            pass


def _add_hydrogens(model: Any) -> None:
    """Put each residue's hydrogens, as fractional atoms, onto its carbons and nitrogens."""
    import gemmi

    blur = _B_FACTOR_A2 + 8 * math.pi**2 * _BOND_A**2 / 3
    for chain in model:
        for residue in chain:
            info = gemmi.find_tabulated_residue(residue.name)
            # Two hydrogens of a free amino acid leave with the water of the peptide bond, two of
            # a free nucleotide with the phosphodiester's (one bond and one charge).
            lost = 2 if info.is_amino_acid() or info.is_nucleic_acid() else 0
            count = max(0, info.hydrogen_count - lost)
            hosts = [atom for atom in residue if atom.element.name in ("C", "N")]
            # An alternative conformation shares its sites: occupancies there add up to one.
            sites = len({atom.name for atom in hosts})
            expected = max(sites, _HOSTS.get(residue.name, 0))
            for host in hosts if count else []:
                hydrogen = gemmi.Atom()
                hydrogen.name, hydrogen.element = "H", gemmi.Element("H")
                hydrogen.pos, hydrogen.b_iso = host.pos, blur
                hydrogen.occ = host.occ * count / expected
                residue.add_atom(hydrogen)


# Carbons and nitrogens of a complete residue: what is not resolved takes its hydrogens along.
_HOSTS = {
    "ALA": 4, "ARG": 10, "ASN": 6, "ASP": 5, "CYS": 4, "GLN": 7, "GLU": 6, "GLY": 3, "HIS": 9,
    "ILE": 7, "LEU": 7, "LYS": 8, "MET": 6, "PHE": 10, "PRO": 6, "SER": 4, "THR": 5, "TRP": 13,
    "TYR": 10, "VAL": 6, "A": 15, "C": 12, "G": 15, "U": 11, "DA": 15, "DC": 12, "DG": 15, "DT": 12,
}  # fmt: skip


def _positions_and_masses(model: Any, path: Path) -> tuple[DoubleArray, DoubleArray]:
    atoms = [site.atom for site in model.all()]
    positions = np.array([atom.pos.tolist() for atom in atoms])
    masses = np.array([atom.element.weight * atom.occ for atom in atoms])
    if not np.isfinite(positions).all() or not 0 < masses.sum() < math.inf:
        raise InputError(
            f"{path}: expected finite positions and occupancies above 0, found others; mend it"
        )
    return positions, masses


def _shape_grid(grid: Any, size: Any, spacing_A: float) -> Any:
    """Give a gemmi grid its size in samples x y z and its cell."""
    import gemmi

    grid.set_size(*(int(n) for n in size))
    a, b, c = (float(n) * spacing_A for n in size)
    grid.set_unit_cell(gemmi.UnitCell(a, b, c, 90, 90, 90))
    grid.spacegroup = gemmi.SpaceGroup("P1")
    return grid


def _moved(model: Any, shift: DoubleArray) -> Any:
    import gemmi

    moved = model.clone()
    for site in moved.all():
        x, y, z = site.atom.pos.tolist()
        site.atom.pos = gemmi.Position(x + shift[0], y + shift[1], z + shift[2])
    return moved


def _density(model: Any, shift: DoubleArray, size: Any, spacing_A: float) -> FloatArray:
    """Sum of scattering Gaussians, Å per Å3, [z, y, x]."""
    import gemmi

    calculator = gemmi.DensityCalculatorE()
    calculator.d_min = 2 * spacing_A
    _shape_grid(calculator.grid, size, spacing_A)
    calculator.add_model_density_to_grid(_moved(model, shift))
    return np.array(calculator.grid, copy=True).T


def _molecular_mask(model: Any, middle: DoubleArray, size: Any, voxel_size_A: float) -> FloatArray:
    """Part of each voxel that lies inside the molecule, [z, y, x]; its centre is at ``middle``."""
    import gemmi

    samples = np.ceil(size * voxel_size_A / _MASK_A).astype(int)
    grid = _shape_grid(gemmi.FloatGrid(), samples, _MASK_A)
    masker = gemmi.SolventMasker(gemmi.AtomicRadiiSet.Refmac)
    masker.rprobe, masker.rshrink = 1.0, 1.1
    # Grid point j stands for the cube from j to j + 1.
    masker.put_mask_on_float_grid(grid, _moved(model, middle - _MASK_A / 2))
    return average(1 - np.array(grid, copy=True).T, _MASK_A, tuple(size[::-1]), voxel_size_A)
