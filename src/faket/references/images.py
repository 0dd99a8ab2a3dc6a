"""The images of a series: one stack, or one file a tilt (RELION 5, Warp)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

import numpy as np
from numpy.typing import NDArray

from faket.data import FloatArray
from faket.io.failures import input_error, shown
from faket.io.metadata.facts import SeriesFacts, TiltFacts
from faket.io.mrc import read_shape, read_stack
from faket.references.facts import header_facts
from faket.stacks import empty_stack

_LEAST_SIDE = 16  # chosen: neither noise nor alignment can be measured on less
_UP = 6  # chosen: a job's folder lies three below the project's, a user may nest it once more
_AVERAGES = ("average", "averages", "frames", "")  # Warp's folder of images made of movies


@dataclass(frozen=True)
class ImageFiles:
    """Where the images lie.

    Attributes
    ----------
    paths : tuple of Path
        A stack, or one file for each image in the order of the geometry.
    count : int
    size : tuple of int
        x, y in pixels.
    """

    paths: tuple[Path, ...]
    count: int
    size: tuple[int, int]

    @property
    def is_stack(self) -> bool:
        """Whether one file holds all images."""
        return len(self.paths) == 1

    @property
    def path(self) -> Path:
        """The stack, or the first image."""
        return self.paths[0]

    def read(self, kept: NDArray[np.intp], pixel_size_A: float) -> FloatArray:
        """Return the images ``kept`` (ascending) as [tilt, y, x], float32.

        Raises
        ------
        InputError
            If a file cannot be read, its images differ in size, or are not finite.
        """
        if self.is_stack:
            everything = len(kept) == self.count
            images, _ = read_stack(
                self.paths[0], mmap=everything, pixel_size_A=pixel_size_A,
                kept=None if everything else kept,
            )  # fmt: skip
            return images
        images = empty_stack((len(kept), *self.size[::-1]))
        for place, index in enumerate(kept.tolist()):
            image, _ = read_stack(self.paths[index], pixel_size_A=pixel_size_A)
            if image.shape != (1, *self.size[::-1]):
                raise input_error(
                    self.paths[index],
                    f"expected one image of {self.size[0]} x {self.size[1]} pixels as in "
                    f"{self.paths[0].name}, found {image.shape}; give images of one series",
                )
            images[place] = image[0]
        return images


def stack_of(path: Path) -> ImageFiles:
    """Return the images of a stack; InputError if it is no MRC file, or of tiny images."""
    count, height, width = read_shape(path)
    if min(height, width) < _LEAST_SIDE:
        raise input_error(
            path,
            f"expected images of at least {_LEAST_SIDE} x {_LEAST_SIDE} pixels, found {width} x "
            f"{height}; give the stack of a tilt-series",
        )
    return ImageFiles((path,), count, (width, height))


def separate_images(
    told: Sequence[str | None], frames: Sequence[str | None], source: Path
) -> ImageFiles | None:
    """Return the images that a file of metadata names one by one; None if it names none.

    Parameters
    ----------
    told : sequence of str or None
        Paths as the file tells them: relative to the project's folder, or to the file.
    frames : sequence of str or None
        Names of the movies, whose averages Warp writes as ``average/NAME.mrc``.
    source : Path
        The file of metadata.

    Raises
    ------
    InputError
        If some are found and others not.
    """
    found = [_found(source, path) or _average(source, frame)
             for path, frame in zip(told, frames, strict=True)]  # fmt: skip
    there = tuple(path for path in found if path is not None)
    if not there:
        return None
    if len(there) < len(found):
        missing = found.index(None)
        raise input_error(
            source,
            f"expected all {len(found)} images that it names, found no file for "
            f"{shown(told[missing] or frames[missing], 80)}; copy it, too",
        )
    _, height, width = read_shape(there[0])
    return ImageFiles(there, len(there), (width, height))


def images_of_list(told: Sequence[SeriesFacts]) -> tuple[ImageFiles, SeriesFacts] | None:
    """Return images that a file of metadata names one by one, and that file."""
    for entry in told:
        if entry.tilts and Path(entry.path).exists():
            found = separate_images(
                [tilt.image for tilt in entry.tilts],
                [tilt.frame for tilt in entry.tilts],
                Path(entry.path),
            )
            if found is not None:
                return found, entry
    return None


def header_of_list(images: ImageFiles, listing: SeriesFacts) -> SeriesFacts:
    """Return the header of images that are files of their own: in the order of their list."""
    tilts = tuple(
        TiltFacts(section=i, frame=tilt.frame, image=tilt.image,
                  angle_deg=None if listing.sign_unknown else tilt.angle_deg)
        for i, tilt in enumerate(listing.tilts)
    )  # fmt: skip
    header = header_facts(images.paths[0], images.count)
    return replace(header, kind="header of the images", tilts=tilts)


def _found(source: Path, told: str | None) -> Path | None:
    """Return the file: from a folder above ``source``, or with its bare name beside it."""
    if not told:
        return None
    plain = told.replace("\\", "/")
    folders = [source.parent, *source.resolve().parents[1:_UP]]
    candidates = [folder / plain for folder in folders]
    candidates.append(source.parent / PureWindowsPath(told).name)
    return _first_file(candidates)


def _average(source: Path, frame: str | None) -> Path | None:
    if not frame:
        return None
    folders = [source.parent, *source.resolve().parents[1:3]]
    inner = [folder / name for folder in folders for name in _AVERAGES]
    inner += [sibling / "average" for folder in folders[:2] for sibling in _folders(folder)]
    return _first_file(folder / f"{frame}.mrc" for folder in inner)


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())[:50]
    except OSError:
        return []


def _first_file(candidates: Iterable[Path]) -> Path | None:
    try:
        return next((path for path in candidates if path.is_file()), None)
    except (OSError, ValueError):  # a name no file system takes
        return None
