"""Loading of molecules of every kind: atomic models, maps and the embedded library."""

import os
from pathlib import Path
from typing import Literal

from faket.data import Species
from faket.errors import InputError
from faket.io.mrc import read_volume
from faket.structures import species_from_atoms, species_from_map, synthetic_species

_ATOMS = (".pdb", ".ent", ".cif", ".mmcif")
_MAPS = (".mrc", ".map", ".ccp4", ".rec")
_KINDS = {"atoms": "atoms", "map": "a map", "synthetic": "a synthetic molecule"}


def load_species(
    source: str | Path,
    *,
    voxel_size_A: float,
    name: str | None = None,
    contour: float | None = None,
    mean_potential_V: float | None = None,
    map_voxel_size_A: float | None = None,
    assembly: str | None = None,
    hydrogens: bool = True,
    mode_amplitudes_A: tuple[float, ...] = (),
    without_chains: tuple[str, ...] = (),
    model: int | None = None,
) -> Species:
    """Load a molecule: its potential relative to ice and its envelope, at a voxel size.

    Parameters
    ----------
    source : str or Path
        A PDB or mmCIF file (see :func:`faket.structures.atoms.species_from_atoms`), an MRC map
        (see :func:`faket.structures.maps.species_from_map`), either may be gzipped; or
        ``"synthetic:NAME"`` of the embedded library.
    voxel_size_A : float
        1 to 50 Å.
    name : str, optional
        Class name; the file's stem by default.
    contour, mean_potential_V : float, optional
        For maps.
    map_voxel_size_A : float, optional
        Of a map, instead of the one in its header.
    assembly : str, optional
        Biological assembly, for atomic models; "1" or the first by default; "deposited" for the
        coordinates as deposited.
    hydrogens : bool
        Add the hydrogens that an atomic model lacks.
    mode_amplitudes_A : tuple of float
        Of an atomic model: how far it is bent along its softest normal modes.
    without_chains : tuple of str
        Of an atomic model: chains that are absent.
    model : int, optional
        Number of the MODEL of an ensemble's file; see
        :func:`faket.structures.atoms.species_from_atoms`.

    Returns
    -------
    Species

    Raises
    ------
    InputError
        If the source cannot be used.
    """
    if not 1 <= voxel_size_A <= 50:
        raise InputError(
            f"`voxel_size_A`: expected 1 to 50 Å, found {voxel_size_A:g}; choose one in that range"
        )
    text = str(source)
    _refuse_unused(
        source,
        contour=contour,
        mean_potential_V=mean_potential_V,
        map_voxel_size_A=map_voxel_size_A,
        assembly=assembly,
    )
    if (mode_amplitudes_A or without_chains or model) and kind_of(source) != "atoms":
        wanted = "to bend along normal modes" if mode_amplitudes_A else "with chains as subunits"
        wanted = "with several models" if model else wanted
        raise InputError(
            f"{source}: expected an atomic model {wanted}, found "
            f"{_KINDS.get(kind_of(source), 'another kind')}; give its PDB or mmCIF file"
        )
    if text.startswith("synthetic:"):
        species = synthetic_species(text.removeprefix("synthetic:"), voxel_size_A=voxel_size_A)
        return species if name is None else Species(**{**vars(species), "name": name})
    path = Path(source)
    kind = _suffix(path)
    title = name or default_name(source)
    if not os.path.isfile(path):  # unlike Path.is_file, False for names too long
        raise InputError(f"{path}: expected a structure or map file, found none; check the path")
    if kind in _ATOMS:
        return species_from_atoms(
            path, voxel_size_A=voxel_size_A, name=title, assembly=assembly, hydrogens=hydrogens,
            mode_amplitudes_A=mode_amplitudes_A, without_chains=without_chains, model=model,
        )  # fmt: skip
    if kind in _MAPS:
        density = read_volume(path, voxel_size_A=map_voxel_size_A, option="map_voxel_size_A")
        return species_from_map(
            density.data, density.voxel_size_A, voxel_size_A=voxel_size_A, name=title,
            contour=contour, mean_potential_V=mean_potential_V, source=path.name,
        )  # fmt: skip
    known = ", ".join(_ATOMS + _MAPS)
    raise InputError(
        f"{path}: expected a file ending in {known} (.gz too), found {kind or 'no suffix'}; rename "
        "or convert it"
    )


def kind_of(source: str | Path) -> Literal["atoms", "map", "synthetic", "unknown"]:
    """Return what kind of source it is, by its name."""
    if str(source).startswith("synthetic:"):
        return "synthetic"
    suffix = _suffix(Path(source))
    return "atoms" if suffix in _ATOMS else "map" if suffix in _MAPS else "unknown"


def used_options(kind: str) -> tuple[str, ...]:
    """Return the settings of :func:`load_species` that only this kind of source has."""
    of_maps = ("contour", "mean_potential_V", "map_voxel_size_A")
    return {"atoms": ("assembly",), "map": of_maps}.get(kind, ())


def _refuse_unused(source: str | Path, **given: object) -> None:
    kind = kind_of(source)
    for name, value in given.items():
        if value is not None and kind != "unknown" and name not in used_options(kind):
            raise InputError(
                f"{source}: expected no `{name}` for {_KINDS[kind]}, found {value}; leave it out"
            )


def _suffix(path: Path) -> str:
    suffixes = [s.lower() for s in path.suffixes]
    packed = suffixes[-1:] == [".gz"] and len(suffixes) > 1
    return suffixes[-2] if packed else "".join(suffixes[-1:])


def default_name(source: str | Path) -> str:
    """Return the class name of a source: no suffix and blanks, as it is written to tables."""
    stem = Path(str(source).removeprefix("synthetic:")).name
    stem = stem.removesuffix(".gz").removesuffix(".GZ")
    return "_".join(Path(stem).stem.split())
