"""Pictures of conformations and of another program's specimen: `python docs/make_own_pictures.py`.

Both are drawn from files that the script makes itself: a protein of three chains, and a volume of
balls and hollow balls with labels, as another program may write them.
"""

import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from faket.data import Volume
from faket.io.mrc import read_volume, write_mask, write_volume
from faket.pipeline.dataset import generate
from faket.pipeline.library import load_library
from faket.pipeline.recipe import parse_recipe

_FORMS = """
[specimen]
voxel_size_A = 3
[[species]]
source = "complex.pdb"
subunits = { B = 0.7, C = 0.4 }
[[species]]
source = "complex.pdb"
name = "bent"
mode_amplitude_A = 9
mode_states = 3
"""
_OTHER = """
seed = 4
tomograms = 1
method = "benchmark"
tilts = { step_deg = 3 }
[specimen]
from = { potential = "density.mrc", labels = "labels.mrc", volts_per_unit = 4 }
[reconstruction]
binning = 1
filter = "ramp"
"""


def main(folder: Path) -> None:
    """Draw both pictures into a folder."""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        draw_conformations(Path(work), folder / "conformations.png")
        draw_own_specimen(Path(work), folder / "own_specimen.png")


def draw_conformations(work: Path, picture: Path) -> None:
    """Draw projections of what subunits and normal modes make of one model."""
    write_complex(work / "complex.pdb")
    library = load_library(parse_recipe(_FORMS, folder=work))
    titles = {"complex": "whole", "complex~1": "without B", "complex~2": "without C"}
    titles |= {"complex~3": "without both", "bent": "as in the file"}
    forms = sorted(library, key=lambda one: one.name)
    rows = [[one for one in forms if one.name.startswith(name)] for name in ("complex", "bent")]
    figure, every = plt.subplots(2, 4, figsize=(8, 4))
    for row, line in zip(rows, every, strict=True):
        half = max(one.potential.shape[2] for one in rows[0]) // 2
        for one, axes in zip(row, line, strict=True):
            mean = one.potential.sum(axis=0)
            y, x = (n // 2 for n in mean.shape)
            canvas = np.zeros((2 * half + 1, 2 * half + 1))
            cut = mean[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1]
            top, left = half - min(y, half), half - min(x, half)
            canvas[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
            axes.imshow(-canvas, cmap="gray")
            bent_A = one.report.facts.get("mode_amplitude_A")
            axes.set_title(titles.get(one.name) or f"bent by {bent_A:.1f} Å", fontsize=9)
            axes.set_axis_off()
    figure.tight_layout()
    figure.savefig(picture, dpi=75)


def write_complex(path: Path) -> None:
    """Write a protein of three chains: a long one, and two balls at its ends."""
    rng = np.random.default_rng(1)
    middles = {
        "A": np.array([0.0, 0, 0]),
        "B": np.array([46.0, 16, 0]),
        "C": np.array([-46.0, 16, 0]),
    }
    lines: list[str] = []
    for chain, middle in middles.items():
        reach = np.array([48.0, 11.0, 11.0]) if chain == "A" else np.full(3, 17.0)
        inside = rng.uniform(-1, 1, (round(np.prod(2 * reach) / 134), 3))  # Å³ of a residue
        places = inside[(inside**2).sum(axis=1) < 1] * reach + middle
        for number, place in enumerate(places, start=1):
            for name, shift in (("N", -1.2), ("CA", 0.0), ("C", 1.2), ("O", 2.0), ("CB", -2.0)):
                x, y, z = place + np.array([shift, shift / 2, 0])
                lines.append(
                    f"ATOM  {len(lines) + 1:5d}  {name:<3s} ALA {chain}{number:4d}    "
                    f"{x:8.3f}{y:8.3f}{z:8.3f}  1.00 20.00           {name[0]}"
                )
    path.write_text("\n".join([*lines, "END", ""]))


def draw_own_specimen(work: Path, picture: Path) -> None:
    """Draw a volume of another program, its labels, and the tomogram that is made of it."""
    labels = write_other(work)
    model = generate(parse_recipe(_OTHER, folder=work), work / "out").folder / "model_0"
    tomogram = read_volume(model / "reconstruction.mrc").data
    middle = len(labels) // 2
    density = read_volume(work / "density.mrc").data
    figure, (first, second, third) = plt.subplots(1, 3, figsize=(9, 3))
    first.imshow(-density[middle], cmap="gray")
    second.imshow(np.ma.masked_equal(labels[middle], 0), cmap="tab10", vmin=1, vmax=10)
    low, high = np.quantile(tomogram[middle], [0.005, 0.995])
    third.imshow(tomogram[middle], cmap="gray", vmin=low, vmax=high)
    for axes in (first, second, third):
        axes.set_axis_off()
    figure.subplots_adjust(0, 0, 1, 1, 0.02)
    figure.savefig(picture, dpi=75)


def write_other(work: Path) -> np.ndarray:
    """Write a density of balls and hollow balls of 10 Å voxels, and labels of both."""
    rng, shape = np.random.default_rng(2), (60, 220, 220)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    labels = np.zeros(shape, np.uint8)
    for kind, radius in [(1, 22.0)] * 3 + [(2, 8.0)] * 90:
        for _ in range(200):
            c = rng.uniform(radius, np.array(shape) - radius)
            distance = np.sqrt((z - c[0]) ** 2 + (y - c[1]) ** 2 + (x - c[2]) ** 2)
            own = abs(distance - radius + 2) < 2.2 if kind == 1 else distance < radius
            if not labels[own].any():
                labels[own] = kind
                break
    write_volume(work / "density.mrc", Volume((labels > 0).astype(np.float32), 10.0))
    write_mask(work / "labels.mrc", labels, 10.0)
    return labels


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures"))
