"""faket: labelled cryo-electron tomograms that look like your reference, from molecules."""

import os
from importlib.metadata import PackageNotFoundError, version

# torch and numba each bring their own pool of threads. By default a pool that has nothing to do
# keeps its cores busy waiting, and takes them from the other. Read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

try:
    __version__ = version("faket")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0+unknown"
