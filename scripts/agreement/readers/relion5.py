"""RELION 5's STAR files by starfile; what the numbers mean from RELION's source.

``ParticleSet::getPosition``: Å / pixel size + half of ``rlnTomoSize``, pixels of the tilt-series;
``ParticleSet::getMatrix3x3``: the matrix of Rot, Tilt, Psi takes the particle to the tomogram, and
is ``Euler::anglesToMatrix3``, written out below.
"""

import mrcfile
import numpy as np
import starfile

from specimen import Poses

FORMAT, READER = "relion5", "starfile"


def matrix(rot, tilt, psi):
    """Return RELION's matrix of three angles in degrees."""
    (sr, cr), (st, ct), (sp, cp) = ((np.sin(a), np.cos(a)) for a in np.radians([rot, tilt, psi]))
    return np.array(
        [
            [cp * ct * cr - sp * sr, cp * ct * sr + sp * cr, -cp * st],
            [-sp * ct * cr - cp * sr, -sp * ct * sr + cp * cr, sp * st],
            [st * cr, st * sr, ct],
        ]
    )


def matrices(particles):
    """Return the matrices of a table of particles."""
    angles = particles[["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]].to_numpy()
    return np.array([matrix(*row) for row in angles])


def read(folder, name):
    """Read the particles of a tomogram."""
    tables = starfile.read(folder / "particles.star")
    tomograms = starfile.read(folder / "tomograms.star")
    row = tomograms[tomograms["rlnTomoName"] == name].iloc[0]
    particles = tables["particles"][tables["particles"]["rlnTomoName"] == name]
    optics = tables["optics"].set_index("rlnOpticsGroup")
    pixel_A = optics["rlnTomoTiltSeriesPixelSize"][particles["rlnOpticsGroup"]].to_numpy()
    columns = [f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"]
    half = np.array([row[f"rlnTomoSize{axis}"] for axis in "XYZ"]) / 2
    pixels = particles[columns].to_numpy() / pixel_A[:, None] + half
    volume = mrcfile.read(folder / row["rlnTomoReconstructedTomogram"])
    return Poses(volume, pixels / row["rlnTomoTomogramBinning"], matrices(particles))
