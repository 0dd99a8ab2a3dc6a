"""The one door: a stack, a run's folder or any of its files becomes a reference."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faket.data import TiltSeries
from faket.errors import InputError
from faket.io.failures import input_error
from faket.io.metadata import JoinedGeometry, SeriesFacts, join
from faket.references.facts import Given, header_facts, in_nanometres, without_alignment
from faket.references.images import (
    ImageFiles,
    header_of_list,
    images_of_list,
    separate_images,
    stack_of,
)
from faket.references.layout import SeriesFiles, left_alone
from faket.references.metadata import read_files
from faket.references.places import place_of
from faket.references.tomogram import tomogram_geometry


@dataclass(frozen=True)
class Reference:
    """A tilt-series of a lab: where its images lie, and all that its files tell of it.

    Attributes
    ----------
    name : str
    images : ImageFiles
    geometry : JoinedGeometry
        Of the images as they lie there, with the source of each part and notices.
    aligned : bool or None
        True: nothing is to be undone; False: ``geometry`` tells what is; None: no file tells.
    given : Given
        What the user said.
    halves : tuple of ImageFiles, or None
        The images of even and of odd frames.
    tomogram : Path or None
        A tomogram of the series that lies beside it.
    files : tuple of Path
        All that was read, the stack first.
    notices : tuple of str
        What contradicts, was guessed or left out, one line each.
    is_tomogram : bool
        Whether the images are to be made of ``tomogram``.
    half_tomograms : tuple of Path, or None
        Tomograms of even and of odd frames, for ``faket inspect``.
    """

    name: str
    images: ImageFiles
    geometry: JoinedGeometry
    aligned: bool | None
    given: Given
    halves: tuple[ImageFiles, ImageFiles] | None = None
    tomogram: Path | None = None
    files: tuple[Path, ...] = ()
    notices: tuple[str, ...] = ()
    is_tomogram: bool = False
    half_tomograms: tuple[Path, Path] | None = None

    @staticmethod
    def open(path: str | Path, **given: Any) -> "Reference":
        """Open a stack, a folder of a run, or any of its files of metadata.

        Files of the same series are looked for beside it, or in the folder. What contradicts is
        in ``notices``; the user's word wins, then the alignment, the CTF's estimate, the
        header of the stack, the acquisition.

        Parameters
        ----------
        path : str or Path
        angles : path, optional
            File of angles, instead of those beside the stack.
        metadata : tuple of paths, optional
            Further files of the series.
        series : str, optional
            Which one, if the folder or file holds several.
        pixel_size_A, tilt_axis_deg, voltage_kV, spherical_aberration_mm, amplitude_contrast
            What is known otherwise.
        aligned : bool, optional
            Whether the images are aligned already, if files and names tell it wrongly.
        tomogram : bool, optional
            Whether ``path`` is a tomogram; by default its name tells.
        invert : bool, optional
            Whether protein is bright in the images.

        Returns
        -------
        Reference

        Raises
        ------
        InputError
            If nothing usable is found, files are of several series, or one is damaged.
        """
        if given.get("angles") is not None:
            given["angles"] = Path(given["angles"])
        given["metadata"] = tuple(Path(item) for item in given.get("metadata", ()))
        return open_reference(Path(path), Given(**given))

    @property
    def path(self) -> Path:
        """The stack, or the first image."""
        return self.images.paths[0]

    def series(self, pixel_size_A: float | None = None) -> TiltSeries:
        """Return the images: repaired, aligned, without those that are excluded or blank.

        Parameters
        ----------
        pixel_size_A : float, optional
            Of the result; by default that of the images.

        Raises
        ------
        InputError
            If they cannot be used.
        """
        from faket.references.prepare import prepare

        return prepare(self, pixel_size_A).series


def open_reference(path: Path, given: Given) -> Reference:
    """Open a reference; see :meth:`Reference.open`."""
    files, named = place_of(path, given)
    return from_files(files, given, named=named)


def from_files(files: SeriesFiles, given: Given, *, named: Path | None = None) -> Reference:
    """Make a reference of the files of a series; ``named`` is the one that the user named."""
    told, left_out = read_files(files, given, named)
    stack, is_aligned = _stack(files, told, named)
    separate = images_of_list(told) if stack is None else None
    tomogram = _tomogram_alone(files, given, named, has_images=bool(stack or separate))
    if tomogram is not None:
        made = _of_tomogram(tomogram, files, given, told)
        return replace(made, notices=(*left_out, *made.notices))
    aligned = is_aligned if given.aligned is None else given.aligned
    if aligned is None and any(tilt.matrix for entry in told for tilt in entry.tilts):
        aligned = False
    header: list[SeriesFacts] = []
    if stack is not None:
        images = stack_of(stack)
    elif separate is not None:
        images, listing = separate
        header = [header_of_list(images, listing)]
    else:
        raise _no_images(told, files)
    used = without_alignment(told) if aligned else list(told)
    geometry = _joined(images, [*used, *header], given.angles_option)
    others = [] if stack == named else left_alone(stack, files.aligned if aligned else files.stacks)
    halves, notices = _halves(files, images, geometry, told)
    read = [*images.paths, *(Path(entry.path) for entry in told if entry.kind != "given")]
    if halves is not None:
        read += [half.paths[0] for half in halves]
    return Reference(
        files.name, images, geometry, aligned, given, halves,
        files.tomograms[0] if files.tomograms else None, tuple(dict.fromkeys(read)),
        (*left_out, *others, *geometry.notices, *notices),
        half_tomograms=_half_tomograms(files),
    )  # fmt: skip


def _tomogram_alone(
    files: SeriesFiles, given: Given, named: Path | None, *, has_images: bool
) -> Path | None:
    """Return the tomogram, if the user names one or there are no images."""
    if given.tomogram and named is not None:
        return named
    if named in files.tomograms:
        return named
    if not given.tomogram and (has_images or named is not None):
        return None
    return files.tomograms[0] if files.tomograms else None


def _of_tomogram(
    path: Path, files: SeriesFiles, given: Given, told: list[SeriesFacts]
) -> Reference:
    geometry, images = tomogram_geometry(path, told, given)
    read = (path, *(Path(entry.path) for entry in told if entry.kind != "given"))
    notices = geometry.notices
    if not given.tomogram:
        notices = (f"{path.name} is taken for a tomogram, by its name", *notices)
    return Reference(
        files.name, images, geometry, True, given, tomogram=path, files=read, notices=notices,
        is_tomogram=True,
        half_tomograms=_half_tomograms(files),
    )  # fmt: skip


def _half_tomograms(files: SeriesFiles) -> tuple[Path, Path] | None:
    even, odd = files.even_tomograms, files.odd_tomograms
    return (even[0], odd[0]) if even and odd else None


def _stack(
    files: SeriesFiles, told: Sequence[SeriesFacts], named: Path | None
) -> tuple[Path | None, bool | None]:
    """Return the stack, and whether its name tells that it is aligned.

    The raw stack comes first where an alignment tells how to align it: one interpolation is less
    than two, and ours does not change the noise.
    """
    for paths, is_aligned in ((files.aligned, True), (files.stacks, None)):
        if named in paths:
            return named, is_aligned
    has_alignment = any(tilt.matrix for entry in told for tilt in entry.tilts)
    if files.stacks and (has_alignment or not files.aligned):
        return _told_stack(files.stacks, told), None
    if files.aligned:
        return files.aligned[0], True
    return None, None


def _told_stack(stacks: Sequence[Path], told: Sequence[SeriesFacts]) -> Path:
    """Return the stack that a file of metadata names, or the likeliest."""
    names = [entry.stack for entry in told if entry.stack]
    return next((path for path in stacks for name in names if path.name == name), stacks[0])


def _no_images(told: Sequence[SeriesFacts], files: SeriesFiles) -> InputError:
    where = next((Path(entry.path) for entry in told if entry.kind != "given"), Path(files.name))
    wanted = next((entry.stack for entry in told if entry.stack), None)
    return input_error(
        where,
        f"expected the images of {files.name}{f', {wanted},' if wanted else ''} beside it, found "
        "none; put the stack (.mrc, .st) there, or name it",
    )


def _halves(
    files: SeriesFiles, images: ImageFiles, geometry: JoinedGeometry, told: list[SeriesFacts]
) -> tuple[tuple[ImageFiles, ImageFiles] | None, list[str]]:
    """Return the images of even and of odd frames, if they fit the images; else why not."""
    if files.even and files.odd:
        halves = stack_of(files.even[0]), stack_of(files.odd[0])
        for half in halves:
            if (half.count, half.size) != (images.count, images.size):
                return None, [
                    f"half {half.paths[0].name} is left out: expected {images.count} images of "
                    f"{images.size[0]} x {images.size[1]} pixels, found {half.count} of "
                    f"{half.size[0]} x {half.size[1]}"
                ]
        return halves, []
    if images.is_stack or not all(geometry.halves):
        return None, []
    source = next(Path(e.path) for e in told if any(tilt.halves for tilt in e.tilts))
    named = [pair for pair in geometry.halves if pair is not None]
    nothing = [None] * len(named)
    even = separate_images([pair[0] for pair in named], nothing, source)
    odd = separate_images([pair[1] for pair in named], nothing, source)
    return (None, []) if even is None or odd is None else ((even, odd), [])


def _joined(images: ImageFiles, told: list[SeriesFacts], option: str) -> JoinedGeometry:
    """Join what the files tell, and fit it to the images of the stack."""
    header = in_nanometres(header_facts(images.paths[0], images.count), told)
    if any(entry.role == "header" for entry in told):
        return join(told)
    if all(tilt.any_angle_deg is None for entry in told for tilt in entry.tilts):
        raise input_error(
            images.paths[0],
            f"expected its tilt angles beside it (.tlt, .rawtlt, .mdoc, .aln ...), found none; put "
            f"them there, or give `{option}`",
        )
    try:
        geometry = join([*told, header])
    except InputError as error:
        geometry = _without_excluded(images, told, header, error)
    return geometry


def _without_excluded(
    images: ImageFiles, told: list[SeriesFacts], header: SeriesFacts, error: InputError
) -> JoinedGeometry:
    """Join for a stack that lacks the excluded images, as AreTomo's aligned ones do."""
    plain = [replace(header, count=None, image_size=None), *told]
    try:
        every = join(plain)
    except InputError:
        raise error from None
    if len(every.used) != images.count or len(every) == images.count:
        raise error
    notice = (f"{images.path.name} has {images.count} of the {len(every)} images that its files "
              "list: taken for those that are not excluded")  # fmt: skip
    kept = every.of_images(every.used)
    return replace(kept, notices=(*kept.notices, notice))
