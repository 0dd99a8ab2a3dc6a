"""faket: labelled cryo-electron tomograms that look like your reference, from molecules.

From arrays to arrays: molecules (``load_species``, ``synthetic_species``) are put into a specimen
(``build_specimen``), which is projected (``noise_free_projections``), made to look like a reference
(``look_like``) and reconstructed (``reconstruct``). From a recipe to folders: ``read_recipe`` and
``generate``.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faket.data import Species, Specimen, TiltGeometry, TiltSeries, Volume
    from faket.errors import InputError
    from faket.io.molecules import load_species
    from faket.methods.look_like import look_like
    from faket.pipeline.dataset import generate
    from faket.pipeline.recipe import read_recipe
    from faket.projection import noise_free_projections
    from faket.reconstruction import reconstruct
    from faket.references.reference import Reference
    from faket.specimen import SpecimenConfig, build_specimen
    from faket.structures import synthetic_species

    __version__: str

__all__ = [
    "InputError",
    "Reference",
    "Species",
    "Specimen",
    "SpecimenConfig",
    "TiltGeometry",
    "TiltSeries",
    "Volume",
    "__version__",
    "build_specimen",
    "generate",
    "load_species",
    "look_like",
    "noise_free_projections",
    "read_recipe",
    "reconstruct",
    "synthetic_species",
]

# The module that defines each name.
_HOMES = {
    "InputError": "errors",
    "Reference": "references.reference",
    "Species": "data",
    "Specimen": "data",
    "SpecimenConfig": "specimen",
    "TiltGeometry": "data",
    "TiltSeries": "data",
    "Volume": "data",
    "build_specimen": "specimen",
    "generate": "pipeline.dataset",
    "load_species": "io.molecules",
    "look_like": "methods.look_like",
    "noise_free_projections": "projection",
    "read_recipe": "pipeline.recipe",
    "reconstruct": "reconstruction",
    "synthetic_species": "structures",
}

# torch and numba each have a pool of threads. By default the threads of an idle pool wait actively
# and take processor time from the other. The setting is read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    """Load a name on first use (PEP 562): importing the package costs nothing."""
    if name == "__version__":
        return _version()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"faket.{_HOMES[name]}"), name)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("faket")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0+unknown"
