"""What public readers find in a folder of `faket export --to tilt-series`, against the truth.

    faket export DATASET OUT --to tilt-series
    faket export DATASET OUT4 --to relion4
    python scripts/agreement/tilt_series.py DATASET/model_0 OUT OUT4

Run it where mdocfile, alnfile, starfile and warpylib are installed; the readers
that are not are passed over. For each it prints the largest difference from the truth.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from faket.exchange.true_series import true_series

Differences = dict[str, float]


def mdoc(folder: Path, name: str, truth) -> Differences:
    """Compare what mdocfile reads."""
    import mdocfile

    table = mdocfile.read(folder / name / f"{name}.mrc.mdoc")
    order = np.argsort(np.argsort(table["DateTime"]))
    axis = np.rad2deg(np.angle(np.mean(np.exp(1j * np.radians(truth.axes_deg)))))
    return {
        "angle, degrees": worst(table["TiltAngle"] - truth.nominal_angles_deg),
        "axis + 90, degrees": worst(table["RotationAngle"] - axis - 90),
        "exposure, e/Å²": worst(table["ExposureDose"] - truth.dose_e_per_A2),
        "exposure before, e/Å²": worst(table["PriorRecordDose"] - truth.dose_before_e_per_A2),
        "order": worst(order - truth.order),
    }


def aln(folder: Path, name: str, truth) -> Differences:
    """Compare what alnfile reads; its shifts count from the images' middles."""
    import alnfile

    table = alnfile.read(folder / name / f"{name}.aln")
    middle = (np.array(truth.image_size) - 1) / 2 - np.array(truth.image_size) // 2
    shifts = truth.shifts_px - middle + np.einsum("tij,j->ti", truth.matrices, middle)
    return {
        "angle, degrees": worst(table["tilt"] - truth.angles_deg),
        "axis, degrees": worst(table["rot"] - truth.axes_deg),
        "shift, pixels": worst(table[["tx", "ty"]].to_numpy() - shifts),
    }


def star(folder: Path, name: str, truth) -> Differences:
    """Compare what starfile reads of RELION's tilt-series."""
    import starfile

    table = starfile.read(folder / "tilt_series" / f"{name}.star")
    shifts = table[["rlnTomoXShiftAngst", "rlnTomoYShiftAngst"]].to_numpy()
    return {
        "angle, degrees": worst(table["rlnTomoYTilt"] - truth.angles_deg),
        "axis, degrees": worst(table["rlnTomoZRot"] - truth.axes_deg),
        "shift, Å": worst(shifts - truth.shifts_px * truth.pixel_size_A),
        "defocus, µm": worst(1e-4 * table["rlnDefocusU"] - truth.defocus_u_um),
    }


def warp(folder: Path, name: str, truth) -> Differences:
    """Compare where warpylib projects points, and with which defocus."""
    import torch
    from warpylib import TiltSeries
    from warpylib.tilt_series.positions import get_position_in_all_tilts_single

    path = str(folder / "warp_tiltseries" / f"{name}.xml")
    series = TiltSeries(path)
    series.load_meta(path)
    volume = series.volume_dimensions_physical.numpy()
    points = np.array([[100.0, 0, 0], [0, 100, 0], [0, 0, 100], [-60, 30, 90]])
    inside = torch.tensor((points + volume / 2).astype(np.float32))
    found = get_position_in_all_tilts_single(series, inside).numpy()  # [point, tilt, x y defocus]
    theta = np.radians(truth.angles_deg)
    x, y, z = points.T[:, :, None]
    turned = np.stack([x * np.cos(theta) + z * np.sin(theta), y + 0 * theta], axis=-1)
    half = truth.pixel_size_A * np.array(truth.image_size) / 2
    odd = truth.pixel_size_A * (np.array(truth.image_size) // 2) - half
    places = np.einsum("tij,ptj->pti", truth.matrices, turned) + half + odd
    places += truth.shifts_px * truth.pixel_size_A
    depth = 1e-4 * (-x * np.sin(theta) + z * np.cos(theta))
    defocus = (truth.defocus_u_um + truth.defocus_v_um) / 2 + depth
    return {
        "place, Å": worst(found[..., :2] - places),
        "defocus with depth, µm": worst(found[..., 2] - defocus),
    }


def matrices(folder: Path, name: str, truth) -> Differences:
    """Compare where RELION 4's matrices, read by starfile, take points of the tomogram.

    Its voxels are those of the stack, from the first; what lies on the tilt axis is the middle.
    """
    import starfile

    tables = starfile.read(folder / "tomograms.star", always_dict=True)
    row, table = tables["global"].iloc[0], tables[name]
    rows = [[json.loads(text) for text in table[f"rlnTomoProj{axis}"]] for axis in "XYZW"]
    found = np.array(rows).transpose(1, 0, 2)  # [row, tilt, column] → [tilt, row, column]
    points = np.array([[20.0, 0, 0], [0, 20, 0], [0, 0, 20], [-12, 6, 18]])
    middle = np.array([row[f"rlnTomoSize{axis}"] for axis in "XYZ"]) / 2
    inside = np.append(points + middle, np.ones((4, 1)), axis=1)
    theta = np.radians(truth.angles_deg)
    x, y, z = points.T[:, :, None]
    turned = np.stack([x * np.cos(theta) + z * np.sin(theta), y + 0 * theta], axis=-1)
    places = np.einsum("tij,ptj->pti", truth.matrices, turned) + truth.shifts_px
    places += np.array(truth.image_size) // 2
    return {
        "place, pixels": worst(np.einsum("tij,pj->pti", found, inside)[..., :2] - places),
        "defocus, µm": worst(1e-4 * table["rlnDefocusU"] - truth.defocus_u_um),
        "exposure before, e/Å²": worst(
            table["rlnMicrographPreExposure"] - truth.dose_before_e_per_A2
        ),
    }


READERS: dict[str, Callable[[Path, str, object], Differences]] = {
    "mdocfile": mdoc, "alnfile": aln, "starfile": star, "warpylib": warp,
    "starfile (RELION 4)": matrices,
}  # fmt: skip


def worst(differences) -> float:
    """Return the largest absolute difference."""
    return float(np.abs(np.asarray(differences, np.float64)).max())


def main(model: Path, out: Path, relion_4: Path) -> None:
    """Print a line for each reader."""
    truth = true_series(model)
    for reader, compare in READERS.items():
        try:
            found = compare(relion_4 if compare is matrices else out, model.name, truth)
        except ImportError as error:
            print(f"{reader}: not installed ({error})")
            continue
        print(f"{reader}:", ", ".join(f"{what} {value:.2g}" for what, value in found.items()))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
