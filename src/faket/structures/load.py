"""One door to all species: atoms, maps and the embedded library."""

import math
import os
import warnings
import zlib
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
    title = name or _stem(path)
    if not os.path.isfile(path):  # unlike Path.is_file, False for names too long
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


def _stem(path: Path) -> str:
    """Name of a file without its kind, with no blanks: class names go into tables."""
    stem = path.name.removesuffix(".gz").removesuffix(".GZ")
    return "_".join(Path(stem).stem.split())


def _read_map(path: Path) -> tuple[FloatArray, float]:
    import mrcfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with mrcfile.open(path, permissive=False) as mrc:
                data, sizes = np.array(mrc.data), mrc.voxel_size.tolist()
                axes = [int(mrc.header[key]) for key in ("maps", "mapr", "mapc")]
    except (ValueError, OSError, EOFError, zlib.error, MemoryError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: expected an MRC map, found: {reason}") from None
    if data.ndim != 3 or np.iscomplexobj(data):
        raise InputError(
            f"{path}: expected one real volume, found {data.ndim} axes of {data.dtype}"
        )
    voxel_A = float(np.mean(sizes))
    even = all(math.isclose(size, voxel_A, rel_tol=0.01) for size in sizes)
    if not (even and 0.1 < voxel_A < 100):
        found = " x ".join(f"{size:g}" for size in sizes)
        raise InputError(
            f"{path}: expected one voxel size of 0.1 to 100 Å in the header, found {found}; "
            "set it right, or resample the map"
        )
    if sorted(axes) == [1, 2, 3]:  # which of x y z each stored axis is; other values say nothing
        data = data.transpose([axes.index(code) for code in (3, 2, 1)])
    return np.ascontiguousarray(data, np.float32), voxel_A
