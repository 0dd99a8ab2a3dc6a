"""How much stacks look like a reference: a table, every number, a picture."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from faket.cli.common import Count, Flag, Positive, Seed, check_pixels
from faket.cli.compare_table import print_table
from faket.cli.outputs import OutFolder
from faket.errors import InputError
from faket.io.model_folder import GEOMETRY

if TYPE_CHECKING:
    from faket.data import TiltSeries
    from faket.evaluation import ContentCorrelation, ContrastSign
    from faket.report.compare_figures import Comparison

_GEOMETRY_HEADER = "angle_deg,"


def compare(
    reference: Path,
    /,
    *stacks: Path,
    out: OutFolder,
    clean: Path | None = None,
    reference_clean: Path | None = None,
    angles: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    reference_angles: Path | None = None,
    clean_angles: Path | None = None,
    reference_clean_angles: Path | None = None,
    invert_reference: Flag = False,
    patch_px: Count = 64,
    patches: Count = 4096,
    pixel_size_A: Positive | None = None,
    seed: Seed = 0,
) -> None:
    """Measure how much stacks look like a reference: spectra, a classifier, content, contrast.

    Tilts are matched by angle (within 3°), so tilt counts and image sizes may differ; every tilt
    is compared at mean 0 and σ 1. spectrum: mean |ln ratio| of the radial power spectra; in
    brackets the value by chance. AUC: how often a classifier, trained on other tilts and
    other parts of the field, rightly says which of two patches is the stack's; 0.5 is chance; in
    brackets the 95 % interval. d': the same without a ceiling. content: correlation with the
    noise-free projections. Where stack and reference show different specimens, the classifier sees
    that too: judge a second stack of the reference's microscope as well, to know what is possible.

    Parameters
    ----------
    reference
        MRC stack to look like; its .tlt beside it.
    stacks
        MRC stacks to judge, one or several; .tlt beside each.
    out
        Folder for compare.json (every number) and compare.png.
    clean
        Noise-free projections of the stacks' specimen; .tlt beside.
    reference_clean
        Noise-free projections of the reference's specimen; may be the same file.
    angles
        .tlt of a stack, if it is elsewhere; repeated, one for each stack in their order.
    reference_angles
        .tlt of the reference, if it is elsewhere.
    clean_angles
        .tlt of the noise-free projections, if it is elsewhere.
    reference_clean_angles
        .tlt of the reference's noise-free projections, if it is elsewhere.
    invert_reference
        Multiply the reference by -1; for a reference in which protein is bright.
    patch_px
        Side of the classifier's patches, a multiple of 8.
    patches
        Largest number of patches of each stack, about.
    pixel_size_A
        Pixel size of all stacks in Å, instead of that in their headers.
    seed
        Seed of the classifier's choice of patches and of its bootstrap.
    """
    from faket.cli.progress import reporting

    _check_paths(reference, stacks, angles)
    target = _read(reference, reference_angles, "reference_angles", pixel_size_A)
    if invert_reference:
        target = replace(target, images=-target.images)
    their_clean = None
    if reference_clean is not None:
        option = "reference_clean_angles"
        their_clean = _read(reference_clean, reference_clean_angles, option, pixel_size_A)
    twin = _content(reference, target, reference_clean, their_clean)
    series = [
        _read(path, tlt, "angles", pixel_size_A)
        for path, tlt in zip(stacks, angles or [None] * len(stacks), strict=True)
    ]
    for path, item in zip(stacks, series, strict=True):
        sizes_A = [each.geometry.pixel_size_A for each in (target, item)]
        check_pixels(reference, sizes_A[0], path, sizes_A[1])
    every = list(zip(stacks, series, strict=True))
    signs = [_contrast(path, item) for path, item in [(reference, target), *every]]
    own_clean = None
    if clean is not None:
        own_clean = _read(clean, clean_angles, "clean_angles", pixel_size_A)
    contents = [_content(path, item, clean, own_clean) for path, item in every]
    judged: list[Comparison] = []
    with reporting("compare") as report:  # what takes longest, after all that can be wrong
        for (path, item), content, name in zip(every, contents, labels(stacks), strict=True):
            report("stacks", len(judged), len(stacks))
            found = _compared(path, item, reference, target, (patch_px, patches, seed))
            judged.append(replace(found, name=name, content=content))
        report("stacks", len(stacks), len(stacks))
    settings = {
        "clean": None if clean is None else str(clean),
        "reference_clean": None if reference_clean is None else str(reference_clean),
        "invert_reference": invert_reference,
        "patch_px": patch_px,
        "patches": patches,
        "pixel_size_A": pixel_size_A,
        "seed": seed,
    }
    _write(out, [reference, *stacks], target, judged, signs, twin, settings)
    print_table(target, judged, signs, twin)
    if signs[0].sign == "inverted":
        print(f"{reference}: protein is bright; --invert-reference multiplies it by -1")


def labels(paths: Sequence[Path]) -> list[str]:
    """Return the shortest names that tell files apart, with as many folders as that takes."""
    files = [Path(os.path.realpath(path)) for path in paths]
    for depth in range(1, max((len(file.parts) for file in files), default=1)):
        names = ["/".join((*file.parts[-depth:-1], file.stem)) for file in files]
        if len({*names, "reference"}) == len(names) + 1:  # the reference's own label
            return names
    return [str(path) for path in paths]


def _check_paths(reference: Path, stacks: Sequence[Path], angles: Sequence[Path]) -> None:
    if not stacks:
        raise InputError(
            f"compare: expected at least one stack to judge after the reference {reference}, "
            "found none"
        )
    if len(angles) not in (0, len(stacks)):
        raise InputError(
            f"compare: expected --angles for each of the {len(stacks)} stacks, found "
            f"{len(angles)}; repeat it, in the order of the stacks"
        )


@contextmanager
def _naming(**files: Path) -> Iterator[None]:
    """Let an error about an array carry the name of its file instead of the argument's."""
    try:
        yield
    except InputError as error:
        name, colon, rest = str(error).partition(": ")
        raise InputError(f"{files.get(name, name)}{colon}{rest}") from None


def _read(path: Path, angles: Path | None, option: str, pixel_size_A: float | None) -> "TiltSeries":
    from faket.io.tilts import read_tilt_series, tilt_angles_beside

    tlt = angles or tilt_angles_beside(path, option=option)
    return read_tilt_series(path, tlt, mmap=True, pixel_size_A=pixel_size_A)


def _contrast(path: Path, series: "TiltSeries") -> "ContrastSign":
    from faket.evaluation import contrast_sign

    with _naming(stack=path):
        return contrast_sign(series.images)


def _compared(
    path: Path,
    series: "TiltSeries",
    reference: Path,
    target: "TiltSeries",
    classifier: tuple[int, int, int],
) -> "Comparison":
    from faket.evaluation import separability, spectrum_distance
    from faket.report.compare_figures import Comparison

    patch_px, patches, seed = classifier
    images = series.images, target.images
    angles: dict[str, Any] = {
        "angles_deg": series.geometry.angles_deg,
        "other_angles_deg": target.geometry.angles_deg,
    }
    with _naming(stack=path, other=reference, separability=path):
        spectrum = spectrum_distance(*images, **angles)
        classified = separability(*images, seed=seed, patch_px=patch_px, patches=patches, **angles)
    return Comparison(path.stem, series, spectrum, classified)


def _content(
    path: Path, series: "TiltSeries", clean: Path | None, twin: "TiltSeries | None"
) -> "ContentCorrelation | None":
    from faket.evaluation import content_correlation
    from faket.reconstruction import align

    if clean is None or twin is None:
        return None
    geometry = _with_shifts(path, series)
    with _naming(stack=path, clean=clean):
        return content_correlation(
            align(series.images, geometry.geometry),
            twin.images,
            angles_deg=series.geometry.angles_deg,
            clean_angles_deg=twin.geometry.angles_deg,
        )


def _with_shifts(path: Path, series: "TiltSeries") -> "TiltSeries":
    """Add the shifts of the .csv that `faket acquire` writes beside a stack, if it is there."""
    from faket.io.tilts import read_tilt_series

    table = path.with_suffix(GEOMETRY)
    try:
        with open(table, encoding="utf-8") as stream:
            ours = stream.readline().startswith(_GEOMETRY_HEADER)
    except (OSError, UnicodeDecodeError):
        return series
    if not ours:
        return series
    pixel_size_A = series.geometry.pixel_size_A
    return read_tilt_series(path, table, mmap=True, pixel_size_A=pixel_size_A)


def _write(
    out: Path,
    paths: Sequence[Path],
    target: "TiltSeries",
    judged: "Sequence[Comparison]",
    signs: "Sequence[ContrastSign]",
    twin: "ContentCorrelation | None",
    settings: dict[str, Any],
) -> None:
    from faket.io.manifest import plain, sha256_of, software_versions
    from faket.io.text import write_text
    from faket.report.compare_figures import compare_figure

    entries = [
        {
            "stack": str(path),
            "sha256": sha256_of(path),
            "pixel_size_A": series.geometry.pixel_size_A,
            "angles_deg": series.geometry.angles_deg,
            "contrast": sign,
        }
        for path, series, sign in zip(
            paths, [target, *(item.series for item in judged)], signs, strict=True
        )
    ]
    entries[0]["content"] = twin
    for entry, item in zip(entries[1:], judged, strict=True):
        measures = {name: getattr(item, name) for name in ("spectrum", "separability", "content")}
        entry.update(measures)
    numbers = {
        "reference": entries[0],
        "stacks": entries[1:],
        "settings": settings,
        "software": software_versions(),
    }
    text = json.dumps(plain(numbers, out), indent=1, ensure_ascii=False, allow_nan=False)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "compare.json", [text])
    compare_figure(out / "compare.png", target, judged, twin)
