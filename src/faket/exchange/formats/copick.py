"""copick projects, which octopi, TopCUP and ChimeraX read, and the layout of CZII's challenge.

Project and challenge differ in folders and names only. Facts, from copick's own code and
documentation:

- ``ExperimentRuns/RUN/VoxelSpacing10.000/KIND.zarr``: tomograms, OME-Zarr. The spacing in the name
  has three decimals; readers multiply voxels by it. We write every tomogram at its own spacing and
  at twice that.
- ``…/Picks/USER_SESSION_OBJECT.json``: places in Å. copick calls the volume's corner the origin,
  but its readers take place = index · spacing, so a voxel's centre lies at index · spacing: our
  own convention. ``transformation_`` takes the particle's frame to the tomogram's, x y z.
- ``…/Segmentations/10.000_USER_SESSION_NAME-multilabel.zarr``: labels of all objects.
- Names of objects: no blanks, no underscores, none of ``<>:"/\\|?*``, no hyphen at an end. Other
  characters become hyphens, which is said; names that become equal are refused.
- Session 0 means that a program made it.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faket.data import AnyArray
from faket.errors import InputError
from faket.evaluation.matching import Picks
from faket.exchange.face import Format, class_names
from faket.exchange.labels import label_planes
from faket.exchange.radii import radii_A
from faket.exchange.source import SourceTomogram
from faket.io.failures import notice
from faket.io.ome_zarr import Color, halved_image, halved_labels, write_image, write_labels
from faket.io.text import write_text
from faket.viewer import neuroglancer_url

_RUNS = "ExperimentRuns"
_SESSION = "0"
_LABELS = "classes"
_PORT = 8000
_SERVER = f"http://127.0.0.1:{_PORT}"
_REFUSED = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\s_]')
_PDB = re.compile(r"[1-9][A-Za-z0-9]{3}")
_THINNEST = 16  # chosen: no second spacing below so many planes
_GOLDEN = 0.618034  # hues at this distance on the circle stay apart, however many there are


@dataclass(frozen=True)
class _Layout:
    """Where a project keeps what, below the export's folder."""

    tomograms: str
    picks: str
    kind: str
    spacings: int
    has_labels: bool
    pick_file: str


_PROJECT = _Layout("static", "static", "wbp", 2, True, "{user}_{session}_{name}.json")
# The challenge names picks by their class alone; its solutions read the tomograms `denoised`.
_CHALLENGE = _Layout("train/static", "train/overlay", "denoised", 1, False, "{name}.json")


def copick_names(names: Iterable[str]) -> dict[str, str]:
    """Return name → the name that copick takes.

    Raises
    ------
    InputError
        If two become equal, or nothing is left of one.
    """
    found: dict[str, str] = {}
    for name in names:
        written = _REFUSED.sub("-", name).strip("-")
        if not written or written in found.values():
            raise InputError(
                f"class names: expected one that copick takes for each class, found {name!r}, of "
                f"which {written!r} would remain; give `map` {name}=NAME"
            )
        found[name] = written
    return found


def _check(tomograms: Sequence[SourceTomogram]) -> None:
    names = copick_names(class_names(tomograms))
    changed = ", ".join(f"{old} → {new}" for old, new in names.items() if old != new)
    if changed:
        notice("copick", f"takes no underscores, blanks or signs in class names: {changed}")


def _write(layout: _Layout, tomogram: SourceTomogram, folder: Path) -> None:
    run = folder / layout.tomograms / _RUNS / tomogram.name
    names = copick_names(tomogram.classes.values())
    for spacing_A, shape, planes in _spacings(tomogram, layout.spacings, halved_image):
        place = run / f"VoxelSpacing{spacing_A:.3f}" / f"{layout.kind}.zarr"
        write_image(place, planes(tomogram.planes()), shape, spacing_A)
    if layout.has_labels and tomogram.is_truth and tomogram.has_masks:
        _write_labels(tomogram, run)
    picks_folder = folder / layout.picks / _RUNS / tomogram.name / "Picks"
    user, picks = _user(tomogram), tomogram.particles()
    for name, written in names.items():
        chosen = [i for i, species in enumerate(picks.species) if species == name]
        if not chosen and not tomogram.holds_molecules(name):
            continue
        record = _pick_record(picks, chosen, written, user, tomogram.name)
        file = layout.pick_file.format(user=user, session=_SESSION, name=written)
        write_text(picks_folder / file, [json.dumps(record, indent=1)])


def _write_labels(tomogram: SourceTomogram, run: Path) -> None:
    numbers = {name: number for number, name in tomogram.classes.items()}
    colors = {number: _color(number) for number in tomogram.classes}
    for spacing_A, shape, planes in _spacings(tomogram, 2, halved_labels):
        name = f"{spacing_A:.3f}_{_user(tomogram)}_{_SESSION}_{_LABELS}-multilabel.zarr"
        labels: Iterator[AnyArray] = label_planes(tomogram, numbers)
        write_labels(
            run / "Segmentations" / name,
            planes(labels),
            shape,
            spacing_A,
            dtype=np.uint8,
            scales=3,
            colors=colors,
        )


Halving = Callable[[Iterable[AnyArray]], Iterator[AnyArray]]


def _spacings(
    tomogram: SourceTomogram, count: int, halved: Halving
) -> Iterator[tuple[float, tuple[int, int, int], Halving]]:
    """Yield spacing, shape and what to do with the planes, for each voxel spacing."""
    deep, high, wide = tomogram.shape
    yield tomogram.voxel_size_A, tomogram.shape, iter
    if count > 1 and min(tomogram.shape) >= _THINNEST:
        half = (-(-deep // 2), -(-high // 2), -(-wide // 2))
        yield 2 * tomogram.voxel_size_A, half, halved


def _pick_record(picks: Picks, chosen: list[int], name: str, user: str, run: str) -> dict[str, Any]:
    turned = picks.rotations
    matrices = np.tile(np.eye(4), (len(chosen), 1, 1))
    if turned is not None and chosen:
        matrices[:, :3, :3] = turned[np.array(chosen)].as_matrix()
    points = [
        {
            "location": dict(zip("xyz", picks.positions_A[i].tolist(), strict=True)),
            "transformation_": matrix.tolist(),
            "instance_id": 0,
            "score": 1.0 if picks.scores is None else float(picks.scores[i]),
        }
        for i, matrix in zip(chosen, matrices, strict=True)
    ]
    return {
        "pickable_object_name": name,
        "user_id": user,
        "session_id": _SESSION,
        "run_name": run,
        "voxel_spacing": None,
        "unit": "angstrom",
        "points": points,
        "trust_orientation": turned is not None,
    }


def _finish(tomograms: Sequence[SourceTomogram], folder: Path) -> None:
    root = folder.parent.resolve()  # the export's own folder
    names = copick_names(class_names(tomograms))
    radii = radii_A(tomograms)
    located = {name for tomogram in tomograms for name in tomogram.particles().species}
    objects = [
        {
            "name": names[name],
            "is_particle": tomograms[0].holds_molecules(name) or name in located,
            "label": number,
            "color": list(_color(number)),
            "radius": round(radii.get(name, 0.0), 3) or None,
            "pdb_id": name if _PDB.fullmatch(name) else None,
        }
        for number, name in tomograms[0].classes.items()
    ]
    config = {
        "name": root.name,
        "description": "Simulated tomograms with their truth, written by faket.",
        "version": "0.5.0",
        "pickable_objects": objects,
        "user_id": None,
        "session_id": None,
        "config_type": "filesystem",
        "static_root": f"local://{root / _PROJECT.tomograms}",
        "overlay_root": f"local://{root / 'overlay'}",
        "static_fs_args": {"auto_mkdir": False},
        "overlay_fs_args": {"auto_mkdir": True},
    }
    write_text(folder / "config.json", [json.dumps(config, indent=2)])


def _hint(layout: _Layout, tomograms: Sequence[SourceTomogram], out: Path) -> str:
    """Return where neuroglancer shows the first tomogram, once the folder is served."""
    first = tomograms[0]
    run = f"{layout.tomograms}/{_RUNS}/{first.name}"
    spacing = f"{first.voxel_size_A:.3f}"
    labels = f"{run}/Segmentations/{spacing}_{_user(first)}_{_SESSION}_{_LABELS}-multilabel.zarr"
    url = neuroglancer_url(
        _SERVER,
        {first.name: f"{run}/VoxelSpacing{spacing}/{layout.kind}.zarr"},
        {_LABELS: labels} if (out / labels).exists() else {},
    )
    served = f"serve {out} at port {_PORT} for other origins (docs/formats.md)"
    return f"to look at it: {served}, then {url}"


def _user(tomogram: SourceTomogram) -> str:
    return "faket" if tomogram.is_truth else "picks"


def _color(number: int) -> Color:
    """Return red, green, blue and opacity: a hue at golden distance from the number before."""
    from colorsys import hsv_to_rgb

    red, green, blue = (round(255 * part) for part in hsv_to_rgb(number * _GOLDEN % 1, 0.65, 0.95))
    return red, green, blue, 255


FORMAT = Format(
    write=lambda tomogram, folder: _write(_PROJECT, tomogram, folder),
    finish=_finish,
    check=_check,
    hint=lambda tomograms, out: _hint(_PROJECT, tomograms, out),
)
CHALLENGE = Format(
    write=lambda tomogram, folder: _write(_CHALLENGE, tomogram, folder),
    check=_check,
    hint=lambda tomograms, out: _hint(_CHALLENGE, tomograms, out),
)
