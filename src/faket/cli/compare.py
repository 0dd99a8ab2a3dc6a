"""The command `compare`: how similar stacks are to a reference, as a table and a figure."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from faket.cli.common import Count, Flag, Positive, Seed, check_pixels, print_notices
from faket.cli.compare_record import write_comparison
from faket.cli.compare_table import print_table
from faket.cli.outputs import OutFolder
from faket.cli.references import given_reference, opened_reference
from faket.errors import InputError
from faket.io.model_folder import GEOMETRY

if TYPE_CHECKING:
    from faket.data import TiltSeries
    from faket.evaluation import ContentCorrelation, ContrastSign
    from faket.references.facts import Given
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
    reference_aligned: bool | None = None,
    reference_series: str | None = None,
    reference_tomogram: Flag = False,
    clean_angles: Path | None = None,
    reference_clean_angles: Path | None = None,
    invert_reference: Flag = False,
    patch_px: Count = 64,
    patches: Count = 4096,
    pixel_size_A: Positive | None = None,
    seed: Seed = 0,
) -> None:
    """Measure how similar stacks are to a reference: spectrum, classifier, content, contrast.

    Images are compared tilt by tilt (angles within 3°), scaled to mean 0 and σ 1, so the stacks
    may differ in number of tilts and in image size. The columns of the table:

    spectrum: mean |ln ratio| of the radial power spectra; in brackets, what two stacks that differ
    only by chance would give.

    AUC: a classifier is trained to tell patches of the stack from patches of the reference, and
    tested on other tilts and other parts of the images. AUC is how often it is right about a pair
    of patches; 0.5 is chance. In brackets, the 95 % interval.

    d': the same result on a scale that does not end at 1.

    content: correlation with the noise-free projections, if these are given.

    The classifier also notices that two stacks show different specimens. To know how low AUC can
    get, add a second tilt-series of the reference's microscope to the stacks.

    Parameters
    ----------
    reference
        Tilt-series to look like: a stack (MRC), the folder of a run, or any of its files (see
        `faket inspect`).
    stacks
        One or more MRC stacks to compare with it (tilt angles beside each as .tlt).
    out
        Folder to write: compare.json with every number, and compare.png.
    clean
        Noise-free projections of the stacks' specimen (tilt angles beside them as .tlt).
    reference_clean
        Noise-free projections of the reference's specimen; may be the same file as --clean.
    angles
        .tlt file of a stack, if it is not beside it; to be repeated for each stack, in their order.
    reference_angles
        File of the reference's tilt angles, if it is not beside it.
    reference_aligned
        Whether the reference is aligned already, if its files tell it wrongly.
    reference_series
        Which tilt-series, if the reference's folder or file holds several.
    reference_tomogram
        Take the reference for a tomogram, whatever its name is.
    clean_angles
        .tlt file of the noise-free projections, if it is not beside them.
    reference_clean_angles
        .tlt file of the reference's noise-free projections, if it is not beside them.
    invert_reference
        Multiply the reference by -1; needed if protein is bright in it.
    patch_px
        Side of the classifier's patches in pixels, a multiple of 8.
    patches
        Approximate largest number of patches taken from each stack.
    pixel_size_A
        Pixel size of all stacks in Å, instead of the ones in their headers.
    seed
        Seed of everything that is drawn at random: patches and bootstrap.
    """
    from faket.cli.progress import reporting

    _check_paths(reference, stacks, angles)
    given = given_reference(
        reference_angles, pixel_size_A, invert_reference, reference_aligned, reference_series,
        reference_tomogram,
    )  # fmt: skip
    target, stack_path = _reference(reference, given)
    noise_free_reference = None
    if reference_clean is not None:
        option = "reference_clean_angles"
        noise_free_reference = _read(reference_clean, reference_clean_angles, option, pixel_size_A)
    best = _content(reference, target, reference_clean, noise_free_reference)
    series = [
        _read(path, tlt, "angles", pixel_size_A)
        for path, tlt in zip(stacks, angles or [None] * len(stacks), strict=True)
    ]
    for path, item in zip(stacks, series, strict=True):
        sizes_A = [each.geometry.pixel_size_A for each in (target, item)]
        check_pixels(reference, sizes_A[0], path, sizes_A[1])
    every = list(zip(stacks, series, strict=True))
    signs = [_contrast(path, item) for path, item in [(reference, target), *every]]
    noise_free = None
    if clean is not None:
        noise_free = _read(clean, clean_angles, "clean_angles", pixel_size_A)
    contents = [_content(path, item, clean, noise_free) for path, item in every]
    judged: list[Comparison] = []
    with reporting("compare") as report:  # the longest part, after every input has been checked
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
    write_comparison(out, [stack_path, *stacks], target, judged, signs, best, settings)
    print_table(target, judged, signs, best)
    if signs[0].sign == "inverted":
        print(
            f"{reference}: expected dark protein, found bright; --invert-reference multiplies the "
            "images by -1"
        )


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
            f"compare: expected at least one stack to compare after the reference {reference}, "
            "found none; name its file"
        )
    if len(angles) not in (0, len(stacks)):
        raise InputError(
            f"compare: expected --angles once for each of the {len(stacks)} stacks, found it "
            f"{len(angles)} times; repeat it in the order of the stacks"
        )


@contextmanager
def _naming(files: dict[str, Path]) -> Iterator[None]:
    """Put the file's name into an error about an array, in place of the argument's name."""
    try:
        yield
    except InputError as error:
        name, colon, rest = str(error).partition(": ")
        raise InputError(f"{files.get(name, name)}{colon}{rest}") from None


def _read(path: Path, angles: Path | None, option: str, pixel_size_A: float | None) -> "TiltSeries":
    from faket.io.tilts import read_tilt_series, tilt_angles_beside

    tlt = angles or tilt_angles_beside(path, option=option)
    return read_tilt_series(path, tlt, mmap=True, pixel_size_A=pixel_size_A)


def _reference(path: Path, given: "Given") -> "tuple[TiltSeries, Path]":
    from faket.references.prepare import prepare

    opened = opened_reference(path, given)
    prepared = prepare(opened)
    print_notices(path, *prepared.notices)
    return prepared.series, opened.path


def _contrast(path: Path, series: "TiltSeries") -> "ContrastSign":
    from faket.evaluation import contrast_sign

    with _naming({"stack": path}):
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
    with _naming({"stack": path, "other": reference, "separability": path}):
        spectrum = spectrum_distance(*images, **angles)
        classified = separability(*images, seed=seed, patch_px=patch_px, patches=patches, **angles)
    return Comparison(path.stem, series, spectrum, classified)


def _content(
    path: Path, series: "TiltSeries", clean: Path | None, noise_free: "TiltSeries | None"
) -> "ContentCorrelation | None":
    from faket.evaluation import content_correlation
    from faket.reconstruction import align

    if clean is None or noise_free is None:
        return None
    geometry = _with_shifts(path, series)
    with _naming({"stack": path, "noise-free projections": clean}):
        return content_correlation(
            align(series.images, geometry.geometry),
            noise_free.images,
            angles_deg=series.geometry.angles_deg,
            noise_free_angles_deg=noise_free.geometry.angles_deg,
        )


def _with_shifts(path: Path, series: "TiltSeries") -> "TiltSeries":
    """Add the shifts from the .csv of `faket acquire` beside a stack, if there is one."""
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
