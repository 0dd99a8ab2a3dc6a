"""From atoms to the electrostatic potential above ice."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faket.constants import ICE_POTENTIAL_V, POTENTIAL_K_V_A2
from faket.data import AnyArray, DoubleArray, FloatArray, Species, SpeciesReport
from faket.errors import InputError
from faket.structures.assembly import Copy, Expansion, choose_models, expand
from faket.structures.cleaning import clean
from faket.structures.completeness import complete_part
from faket.structures.deposit import Deposit, in_chain_order
from faket.structures.expanded import expanded, transform
from faket.structures.grids import average, block_mean, check_extent, envelope_of
from faket.structures.hydrogens import Scatterers, scatterers
from faket.structures.mmcif_format import read_mmcif
from faket.structures.normal_modes import deform
from faket.structures.pdb_format import read_pdb
from faket.structures.report import size_report
from faket.structures.text import is_mmcif, read_text
from faket.units import DA_PER_KDA

# Å; chosen, because the Gaussians of B = 30 Å² (faket.structures.hydrogens) need no finer samples.
_FINE_A = 1.0
# Å; chosen, because the volume that gemmi's mask encloses depends on its spacing by ± 5 %, and is
# that of proteins at this one.
_MASK_A = 1.0
_MARGIN_A = 12.0  # chosen: Gaussian tails and the soft edge of the envelope end within it
_MOST_ATOMS = 20_000_000  # chosen: about 8 GB in gemmi; the largest capsids have 10 million


def species_from_atoms(
    path: Path,
    *,
    voxel_size_A: float,
    name: str,
    assembly: str | None = None,
    hydrogens: bool = True,
    mode_amplitudes_A: tuple[float, ...] = (),
    without_chains: tuple[str, ...] = (),
    model: int | None = None,
) -> Species:
    """Build a species from a PDB or mmCIF file (gzip too).

    The biological assembly ``assembly`` is expanded ("1" or the first that the file declares by
    default, else its NCS; "deposited": no expansion). Waters and the salt of simulations are left
    out; valid occupancies are kept. Missing hydrogens of a residue are added at its carbons and
    nitrogens, blurred by the bond length. The potential is the sum of Peng's (1996)
    electron-scattering Gaussians, computed by gemmi at 1 Å or finer and averaged over voxels, minus
    the solvent's V_ice times the molecular mask. The mask has Refmac's radii, a probe of 1.0 Å and
    a shrinkage of 1.1 Å, on a grid of 1 Å at every voxel size; it encloses 1.19 to 1.23 Å³/Da.
    With ``mode_amplitudes_A``, the assembly is bent along its softest normal modes by these root
    mean squares (:mod:`faket.structures.normal_modes`). ``without_chains`` leaves out chains of the
    file, in all their copies; the origin stays the centre of mass of the whole. ``model`` is the
    number of the MODEL that is taken, of an ensemble; by default all if they are parts in
    different places, else the first.

    Raises
    ------
    InputError
        If the file cannot be read, holds no atoms or too few of each residue, or does not
        declare the assembly, a chain or the model; and if no chain is left.
    """
    molecule, expansion, report, chains = _molecule(path, assembly, hydrogens, model)
    copies = expanded(molecule, expansion.copies)
    centre = copies.mass_Da @ copies.position_A / copies.mass_Da.sum()
    if without_chains:
        copies = expanded(molecule, _without(expansion.copies, chains, without_chains, path))
    positions, masses = copies.position_A, copies.mass_Da
    if mode_amplitudes_A:
        positions = positions + deform(copies.model, np.array(mode_amplitudes_A, np.float64))
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
    potential = block_mean(_density(copies.model, shift, size * factor, fine), factor)
    potential *= np.float32(POTENTIAL_K_V_A2)
    soft = _molecular_mask(copies.model, (half + 0.5) * voxel_size_A - centre, size, voxel_size_A)
    potential -= np.float32(ICE_POTENTIAL_V) * soft
    if not potential.sum(dtype=np.float64) > 0:
        raise InputError(
            f"{path}: expected a molecule denser than ice, found a less dense one; atoms are "
            "missing: give a complete model or its map"
        )
    mass_kDa = float(masses.sum() / DA_PER_KDA)
    sizes = size_report(
        mass_kDa=mass_kDa,
        volume_A3=float(soft.sum(dtype=np.float64)) * voxel_size_A**3,
        potential=potential,
        voxel_size_A=voxel_size_A,
        nucleic=bool((molecule.element == "P").mean() > 1 / 80),  # one of 22 atoms in RNA
    )
    added = ", implicit hydrogens added" if copies.hydrogens else ""
    facts = {"atoms": copies.atoms, "hydrogens_added": round(copies.hydrogens), **report.facts}
    return Species(
        name=name,
        potential=potential,
        envelope=envelope_of(soft, voxel_size_A),
        voxel_size_A=voxel_size_A,
        mass_kDa=mass_kDa,
        source=f"{path.name}, {expansion.label}, {copies.atoms} atoms{added}",
        report=SpeciesReport({**facts, **sizes.facts}, report.notices + sizes.notices),
        origin_A=(float(centre[0]), float(centre[1]), float(centre[2])),
    )


def _molecule(
    path: Path, assembly: str | None, hydrogens: bool, model: int | None
) -> tuple[Scatterers, Expansion, SpeciesReport, AnyArray]:
    """Read the scatterers, the copies to make of them, a report on both, and each atom's chain."""
    where = str(path)
    deposit = _read(path)
    atoms, solvent, cleaned = clean(deposit.atoms, where)
    atoms, parts, left_out = choose_models(in_chain_order(atoms), model, where)
    atoms, facts, lacking = complete_part(atoms, where)
    expansion = expand(deposit, atoms, assembly, parts, where)
    molecule = scatterers(atoms, hydrogens=hydrogens)
    total = sum(int(copy.chosen[molecule.atom].sum()) for copy in expansion.copies)
    if total > _MOST_ATOMS:
        raise InputError(
            f"{where}: expected at most {_MOST_ATOMS:.0e} atoms with hydrogens, found {total} in "
            f"{len(expansion.copies)} copies; choose a smaller assembly, or give its map"
        )
    facts |= {
        "waters_and_ions_left_out": solvent,
        "assembly": expansion.label,
        "operators": len(expansion.copies),
        "symmetry_of_operators": expansion.symmetry,
    }
    notices = deposit.notices + cleaned + left_out + lacking + expansion.notices
    return molecule, expansion, SpeciesReport(facts, notices), atoms.chain


def _without(
    copies: Sequence[Copy], chains: AnyArray, left_out: tuple[str, ...], path: Path
) -> list[Copy]:
    """Return the copies without some chains of the file."""
    there = list(dict.fromkeys(chains.tolist()))
    for name in left_out:
        if name not in there:
            raise InputError(
                f"{path}: expected the subunit to be one of the chains {', '.join(there[:40])}, "
                f"found {name!r}; correct it"
            )
    kept = ~np.isin(chains, left_out)
    found = [Copy(copy.matrix, copy.chosen & kept) for copy in copies]
    found = [copy for copy in found if copy.chosen.any()]
    if not found:
        raise InputError(
            f"{path}: expected a chain that is always present, found that all may be absent; leave "
            "one out of the subunits"
        )
    return found


def _read(path: Path) -> Deposit:
    text = read_text(path)
    if is_mmcif(text, path):
        return read_mmcif(text, str(path))
    return read_pdb(text, str(path))


def _shape_grid(grid: Any, size: Any, spacing_A: float) -> Any:
    """Give a gemmi grid its size in samples x y z and its cell."""
    import gemmi

    grid.set_size(*(int(n) for n in size))
    a, b, c = (float(n) * spacing_A for n in size)
    grid.set_unit_cell(gemmi.UnitCell(a, b, c, 90, 90, 90))
    grid.spacegroup = gemmi.SpaceGroup("P1")
    return grid


def _moved(model: Any, shift: DoubleArray) -> Any:
    moved = model.clone()
    moved.transform_pos_and_adp(transform(np.column_stack([np.eye(3), shift])))
    return moved


def _density(model: Any, shift: DoubleArray, size: Any, spacing_A: float) -> FloatArray:
    """Return the sum of the scattering Gaussians, Å per Å³, [z, y, x]."""
    import gemmi

    calculator = gemmi.DensityCalculatorE()
    calculator.d_min = 2 * spacing_A
    _shape_grid(calculator.grid, size, spacing_A)
    calculator.add_model_density_to_grid(_moved(model, shift))
    return np.array(calculator.grid, copy=True).T  # [x, y, z] → [z, y, x]


def _molecular_mask(model: Any, middle: DoubleArray, size: Any, voxel_size_A: float) -> FloatArray:
    """Return the fraction of each voxel inside the molecule, [z, y, x], moved by ``middle``."""
    import gemmi

    samples = np.ceil(size * voxel_size_A / _MASK_A).astype(int)
    grid = _shape_grid(gemmi.FloatGrid(), samples, _MASK_A)
    masker = gemmi.SolventMasker(gemmi.AtomicRadiiSet.Refmac)
    masker.rprobe, masker.rshrink = 1.0, 1.1
    # Grid point j represents the cube from j to j + 1.
    masker.put_mask_on_float_grid(grid, _moved(model, middle - _MASK_A / 2))
    inside = 1 - np.array(grid, copy=True).T  # [x, y, z] → [z, y, x]
    return average(inside, _MASK_A, tuple(size[::-1]), voxel_size_A)
