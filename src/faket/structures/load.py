"""One door to all species: atoms, maps and the embedded library."""

import gzip
import warnings
from pathlib import Path

import numpy as np

from faket.data import FloatArray, Species
from faket.errors import InputError
from faket.structures.atoms import species_from_atoms
from faket.structures.maps import species_from_map
from faket.structures.synthetic import synthetic_species

_ATOMS = (".pdb", ".ent", ".cif", ".mmcif")
_MAPS = (".mrc", ".map", ".ccp4", ".rec")


def load_species(
    source: str | Path,
    *,
    voxel_size_A: float,
    name: str | None = None,
    contour: float | None = None,
    mean_potential_V: float | None = None,
    assembly: str = "1",
    hydrogens: bool = True,
) -> Species:
    """Load a molecule as potential above ice and envelope at a voxel size.

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
    assembly : str
        Biological assembly, for atoms.
    hydrogens : bool
        Add the hydrogens that a model lacks.

    Returns
    -------
    Species

    Raises
    ------
    InputError
        If the source cannot be used.
    """
    if not 1 <= voxel_size_A <= 50:
        raise InputError(f"voxel_size_A: expected 1 to 50 Å, found {voxel_size_A:g}")
    text = str(source)
    if text.startswith("synthetic:"):
        species = synthetic_species(text.removeprefix("synthetic:"), voxel_size_A=voxel_size_A)
        return species if name is None else Species(**{**vars(species), "name": name})
    path = Path(source)
    suffixes = [s.lower() for s in path.suffixes]
    kind = (
        suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else "".join(suffixes[-1:])
    )
    title = name or path.name.split(".")[0]
    if not path.is_file():
        raise InputError(f"{path}: expected a structure or map file, found none")
    if kind in _ATOMS:
        return species_from_atoms(
            path, voxel_size_A=voxel_size_A, name=title, assembly=assembly, hydrogens=hydrogens
        )
    if kind in _MAPS:
        density, density_voxel_A = _read_map(path)
        return species_from_map(
            density, density_voxel_A, voxel_size_A=voxel_size_A, name=title, contour=contour,
            mean_potential_V=mean_potential_V, source=path.name,
        )  # fmt: skip
    known = ", ".join(_ATOMS + _MAPS)
    raise InputError(f"{path}: expected one of {known} (.gz too), found {kind or 'no suffix'}")


def _read_map(path: Path) -> tuple[FloatArray, float]:
    import mrcfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with mrcfile.open(path, permissive=False) as mrc:
                density = np.array(mrc.data, np.float32)
                voxel_A = float(mrc.voxel_size.x)
    except (ValueError, OSError, EOFError, gzip.BadGzipFile, MemoryError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: expected an MRC map, found: {reason}") from None
    if not 0.1 < voxel_A < 100:
        raise InputError(
            f"{path}: expected a voxel size of 0.1 to 100 Å in the header, found {voxel_A:g}"
        )
    return density, voxel_A
