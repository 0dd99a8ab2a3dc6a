"""Whether RELION, run on our exports, averages our particles and reconstructs our tilt-series.

    python scripts/agreement/relion.py OUT

in an environment with the extra "agreement", where RELION 3.1 is installed (Debian's package
relion). Here RELION itself does everything: relion_preprocess cuts particles out of a
tomogram, and relion_reconstruct averages them at the angles of `faket export --to relion4`; then
relion_reconstruct makes a tomogram of a simulated tilt-series by the matrices of the same export.
Printed are correlations with the particle and with the specimen, for what is exported and for
mistakes of the convention. The STAR files of RELION 3.1 have other columns; they are filled here.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import averages
import mrcfile
import numpy as np
import pandas
import starfile
from scipy.spatial.transform import Rotation

import specimen
from faket.exchange.find import find_tomograms
from faket.exchange.run import export
from faket.pipeline import generate, parse_recipe

BOX = 2 * specimen.REACH + 2  # voxels; RELION's boxes are even
ROT = [f"rlnAngle{name}" for name in ("Rot", "Tilt", "Psi")]
PLACE = [f"rlnCoordinate{axis}" for axis in "XYZ"]
ORIGIN = [f"rlnOrigin{axis}Angst" for axis in "XYZ"]
SIDE, DEPTH, VOXEL_A = 96, 48, 10
# Square images, as RELION wants them, much dose, and an alignment to be taken back.
RECIPE = f"""
seed = 5
tomograms = 1
method = "benchmark"
species = [{{ source = "synthetic:syn-elbow", copies = 9 }}, {{ source = "synthetic:syn-hook" }}]
[specimen]
size_voxels = [{SIDE}, {SIDE}, {DEPTH}]
voxel_size_A = {VOXEL_A}
particles = [9, 9]
vesicles = [0, 0]
gold = [0, 0]
[microscope]
preset = "k3-60x3"
[microscope.settings]
dose_e_per_A2 = 1000
damage = false
defocus_um = 1
shift_A = 30
tilt_axis_deg = 8
[reconstruction]
binning = 1
"""


def main(out):
    """Print a line for each trial; return 1 if one of them disagrees."""
    agree = True
    for what, trial in (("particles", averaged), ("tilt-series", reconstructed)):
        right, *wrong = (found := trial(out / what)).values()
        agree &= right > max(wrong)
        values = ", ".join(f"{reading} {value:.3f}" for reading, value in found.items())
        print(f"{'agrees' if right > max(wrong) else 'DISAGREES'}: {what}: {values}", flush=True)
    return int(not agree)


def relion(folder, program, *options):
    """Run a program of RELION in a folder."""
    words = [f"relion_{program}", *map(str, options)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")


def values_of(path):
    """Return the values of an MRC file, [z, y, x]."""
    with mrcfile.open(path, permissive=True) as file:
        return file.data.astype(float)


def averaged(out):
    """Let RELION cut out and average particles; correlate with the particle in closed form."""
    specimen.write_dataset(out / "data")
    folder = export(find_tomograms(out / "data"), out / "export", "relion4")
    cut, off = cut_out(folder)
    side = np.arange(BOX) - BOX // 2.0
    wanted = specimen.density(specimen.mesh([side] * 3)).T  # [z, y, x]

    def correlation(angles, shift=0.0):
        cut["particles"][ROT] = angles
        cut["particles"][ORIGIN] = (off + shift) * specimen.VOXEL_A
        starfile.write(cut, folder / "trial.star", overwrite=True)
        relion(folder, "reconstruct", "--i", "trial.star", "--o", "average.mrc", "--3d_rot")
        # Its gridding leaves the corners of the box empty.
        ball = np.linalg.norm(specimen.mesh([side] * 3), axis=-1) < specimen.REACH
        found = values_of(folder / "average.mrc")
        return (averages.correlation(found[ball], other[ball]) for other in (wanted, mirrored))

    mirrored = specimen.density(specimen.mesh([side] * 3) * [-1, 1, 1]).T
    angles = cut["particles"][ROT].to_numpy()
    right, mirror = correlation(angles)
    return {
        "right": right,
        "mirror image": mirror,
        "inverse rotation": next(correlation(-angles[:, ::-1])),
        "half a voxel more": next(correlation(angles, 0.5)),
        "half a voxel less": next(correlation(angles, -0.5)),
    }


def cut_out(folder):
    """Let RELION cut out the particles; return its table, and what rounding left, in voxels.

    RELION 3.1 cuts out whole voxels, and moves an image by its origin to its middle.
    """
    tables = starfile.read(folder / "particles.star")
    picks = tables["particles"][[*PLACE, *ROT]].copy()
    places = picks[PLACE].to_numpy()
    picks[PLACE] = np.rint(places)
    optics = tables["optics"].rename(
        columns={"rlnTomoTiltSeriesPixelSize": "rlnMicrographPixelSize"}
    )
    tomogram = {"rlnMicrographName": [f"tomograms/{specimen.NAME}.mrc"], "rlnOpticsGroup": [1]}
    micrographs = {"optics": optics, "micrographs": pandas.DataFrame(tomogram)}
    starfile.write(micrographs, folder / "cut_from.star")
    (folder / "picks" / "tomograms").mkdir(parents=True)
    starfile.write(picks, folder / "picks" / "tomograms" / f"{specimen.NAME}_picks.star")
    relion(
        folder, "preprocess", "--i", "cut_from.star", "--coord_dir", "picks/", "--coord_suffix",
        "_picks.star", "--extract", "--extract_size", BOX, "--part_dir", "cut/", "--part_star",
        "cut.star",
    )  # fmt: skip
    return starfile.read(folder / "cut.star"), np.rint(places) - places


def reconstructed(out):
    """Let RELION reconstruct a tilt-series; correlate with the specimen where that lies."""
    generate(parse_recipe(RECIPE), out / "data")
    folder = export(find_tomograms(out / "data"), out / "export", "relion4")
    tables = starfile.read(folder / "tomograms.star", always_dict=True)
    row, table = tables["global"].iloc[0], tables[specimen.NAME]
    rows = [[json.loads(text) for text in table[f"rlnTomoProj{axis}"]] for axis in "XYZW"]
    matrices = np.array(rows, float).transpose(1, 0, 2)  # [tilt, row, column]
    middle = np.array([row[f"rlnTomoSize{axis}"] for axis in "XYZ"]) / 2
    turns = matrices[:, :3, :3]
    shifts = (turns @ middle + matrices[:, :3, 3])[:, :2] - SIDE // 2
    angles = Rotation.from_matrix(turns.transpose(0, 2, 1)).as_euler("ZYZ", degrees=True)
    potential = values_of(out / "data" / specimen.NAME / "grandmodel.mrc")

    def correlation(angles, shifts, wanted=potential):
        found = tomogram(folder, angles, -shifts * VOXEL_A)
        inside = found[SIDE // 2 - DEPTH // 2 : SIDE // 2 + DEPTH // 2]
        return averages.correlation(inside, -wanted)  # protein is dark

    mirrored = angles * [1, -1, 1]  # the other hand
    return {
        "right": correlation(angles, shifts),
        "other hand": correlation(mirrored, shifts),
        "z mirrored": correlation(angles, shifts, potential[::-1]),
        "inverse rotation": correlation(-angles[:, ::-1], shifts),
        "without shifts": correlation(angles, 0 * shifts),
        "shifts of the other sign": correlation(angles, -shifts),
        "half a pixel more in x": correlation(angles, shifts + [0.5, 0]),
        "half a pixel less in x": correlation(angles, shifts - [0.5, 0]),
        "half a pixel more in y": correlation(angles, shifts + [0, 0.5]),
        "half a pixel less in y": correlation(angles, shifts - [0, 0.5]),
    }


def tomogram(folder, angles, origins_A):
    """Let RELION reconstruct a cube from the images of a tilt-series."""
    names = [f"{i}@stacks/{specimen.NAME}.mrcs" for i in range(1, len(angles) + 1)]
    columns = {"rlnImageName": names, "rlnOpticsGroup": 1}
    columns |= dict(zip(ROT, angles.T, strict=True)) | dict(
        zip(ORIGIN[:2], origins_A.T, strict=True)
    )
    optics = {
        "rlnOpticsGroup": [1], "rlnOpticsGroupName": ["one"], "rlnVoltage": [300.0],
        "rlnSphericalAberration": [2.7], "rlnAmplitudeContrast": [0.1],
        "rlnImagePixelSize": [float(VOXEL_A)], "rlnImageSize": [SIDE],
        "rlnImageDimensionality": [2],
    }  # fmt: skip
    tables = {"optics": pandas.DataFrame(optics), "particles": pandas.DataFrame(columns)}
    starfile.write(tables, folder / "images.star", overwrite=True)
    relion(folder, "reconstruct", "--i", "images.star", "--o", "tomogram.mrc")
    return values_of(folder / "tomogram.mrc")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not shutil.which("relion_reconstruct"):
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
