"""Readers in an environment of their own.

copick needs zarr 2 and cryoet-deepfinder old versions of everything, which cannot be installed
beside faket. Such a reader is a script that another Python runs: the one that the environment
variable COPICK_PYTHON or DEEPFINDER_PYTHON names, by default this one.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def read(script, variable, folder, name):
    """Run a reader's script; return the poses it saved, and the reader's name and version.

    Parameters
    ----------
    script : Path
        Called with the exported folder, the tomogram's name, and a file to write with numpy's
        ``savez``: volume, voxels, turns (may be absent) and reader.
    variable : str
        The environment variable that names its Python.
    """
    from specimen import Poses

    python = os.environ.get(variable, sys.executable)
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "found.npz"
        subprocess.run([python, str(script), str(folder), name, str(out)], check=True)
        with np.load(out) as found:
            turns = found.get("turns")
            return Poses(found["volume"], found["voxels"], turns), str(found["reader"])
