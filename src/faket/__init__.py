"""faket: labelled cryo-electron tomograms that look like your reference, from molecules."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("faket")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0+unknown"
