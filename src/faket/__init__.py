"""faket: labelled cryo-electron tomograms that look like your reference, from molecules."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faket.io.molecules import load_species

    __version__: str

__all__ = ["__version__", "load_species"]

# torch and numba each bring their own pool of threads. By default a pool that has nothing to do
# keeps its cores busy waiting, and takes them from the other. Read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    """Load what is public on first use (PEP 562): importing the package costs nothing."""
    if name == "__version__":
        return _version()
    if name == "load_species":
        from faket.io.molecules import load_species

        return load_species
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("faket")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0+unknown"
