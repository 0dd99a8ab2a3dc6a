"""Whether public readers find every voxel of exported volumes and labels where it belongs.

    COPICK_PYTHON=PYTHON python scripts/agreement/volumes.py OUT

PYTHON is of an environment with copick, ome-zarr and nibabel. The tomogram is that of the other
formats: copies of one particle without any symmetry. At twice the voxel spacing the particles are
cut out at their unchanged places in Å, and must be more like the particle there than half a voxel
of the first spacing away. Prints a line for each check; the exit code is 1 if one fails.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

_SIDE = np.arange(-9, 10.0)


def main(out):
    """Export in faket's environment, check in that of the readers."""
    import specimen
    from faket.exchange.find import Selection, find_tomograms
    from faket.exchange.run import export
    from faket.io.mrc import read_mask

    shutil.rmtree(out, ignore_errors=True)
    truth = specimen.write_dataset(out / "data")
    for name in ("copick", "nnunet"):
        export(find_tomograms(out / "data"), out / name, name)
    # MemBrain-seg is given the particles for membranes.
    named = find_tomograms(out / "data", Selection(renames={specimen.SPECIES: "vesicle"}))
    export(named, out / "membrain-seg", "membrain-seg")
    grid = specimen.mesh([_SIDE] * 3)
    np.savez(
        out / "truth.npz",
        volume=truth.volume,
        turns=truth.turns,
        labels=read_mask(out / "data" / specimen.NAME / "class_mask.mrc"),
        grid=grid,
        wanted=specimen.density(grid),
    )
    python = os.environ.get("COPICK_PYTHON", sys.executable)
    return subprocess.run([python, __file__, str(out), "check"]).returncode


def check(out):
    """Read with copick, ome-zarr and nibabel; print what agrees."""
    with np.load(out / "truth.npz") as file:
        truth = dict(file)
    results = [*copick_checks(out / "copick", truth), *nifti_checks(out, truth)]
    for text, agrees in results:
        print(f"{'agrees' if agrees else 'DISAGREES'}: {text}")
    return int(not all(agrees for _, agrees in results))


def copick_checks(folder, truth):
    """Check tomograms and labels at both spacings, and all scales of one."""
    from importlib.metadata import version

    import copick
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    run = copick.from_file(f"{folder}/config.json").get_run("model_0")
    who = f"copick {version('copick')}"
    first, second = (
        s.get_tomograms("wbp")[0].numpy()
        for s in sorted(run.voxel_spacings, key=lambda s: s.voxel_size)
    )
    yield f"{who}: tomogram at 10 Å, voxel by voxel", np.array_equal(first, truth["volume"])
    for size, step in ((10.0, 1), (20.0, 2)):
        (labels,) = run.get_segmentations(voxel_size=size, is_multilabel=True)
        expected = truth["labels"][::step, ::step, ::step]
        yield f"{who}: labels at {size:g} Å", np.array_equal(labels.numpy(), expected)
    points = run.get_picks(object_name="asym")[0].points
    places = np.array([[p.location.x, p.location.y, p.location.z] for p in points])
    yield place_check(f"{who}: places at 20 Å", second, places, 20.0, truth)

    path = f"{folder}/static/ExperimentRuns/model_0/VoxelSpacing10.000/wbp.zarr"
    (node,) = list(Reader(parse_url(path))())
    who = f"ome-zarr {version('ome-zarr')}"
    for data, transforms in zip(node.data, node.metadata["coordinateTransformations"], strict=True):
        (scale,) = [t["scale"] for t in transforms if t["type"] == "scale"]
        moved = [t for t in transforms if t["type"] != "scale"]
        text = f"{who}: places at the scale of {scale[0]:g} Å"
        if scale[0] == 10:
            yield text, np.array_equal(np.asarray(data), truth["volume"]) and not moved
        else:
            yield place_check(text, np.asarray(data), places, scale[0], truth)


def place_check(text, volume, places_A, size_A, truth):
    """Cut out the particles at places x y z; compare with half of 10 Å away, either way."""
    values = []
    for away in (0.0, 5.0, -5.0):
        found = []
        for place, turn in zip(places_A, truth["turns"], strict=True):
            points = (truth["grid"] @ turn.T * 10.0 + place + away) / size_A
            cut = map_coordinates(volume, points[..., ::-1].transpose(3, 0, 1, 2), order=3)
            found.append(np.corrcoef(cut.ravel(), truth["wanted"].ravel())[0, 1])
        values.append(float(np.mean(found)))
    right, *wrong = values
    shown = f"{text}: {right:.3f}, half a voxel off {max(wrong):.3f}"
    return shown, right > max(wrong)


def nifti_checks(out, truth):
    """Check images and labels of nnU-Net and MemBrain-seg."""
    import nibabel

    who = f"nibabel {nibabel.__version__}"
    for name, expected in (
        ("imagesTr/model_0_0000.nii.gz", truth["volume"]),
        ("labelsTr/model_0.nii.gz", truth["labels"]),
    ):
        image = nibabel.load(out / "nnunet" / name)
        same = np.array_equal(np.asarray(image.dataobj), expected.transpose())
        place = image.affine @ [3, 2, 1, 1]
        yield f"{who}: nnunet/{name}", same and np.allclose(place, [30, 20, 10, 1])
    patches = sorted((out / "membrain-seg" / "labelsTr").iterdir())
    same = bool(patches)
    for path in patches:
        z, y, x = (int(part[1:]) for part in path.name.split(".")[0].split("_")[-3:])
        found = np.asarray(nibabel.load(path).dataobj).transpose()
        ends = zip((z, y, x), found.shape, strict=True)
        box = tuple(slice(start, start + n) for start, n in ends)
        same = same and np.array_equal(found, truth["labels"][box])
    yield f"{who}: membrain-seg, {len(patches)} patches of labels", same


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit((check if "check" in sys.argv else main)(Path(sys.argv[1])))
