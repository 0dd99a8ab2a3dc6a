"""A tomogram alone as a reference: its angles from files, from its missing wedge, or assumed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from faket.data import FloatArray, TiltGeometry
from faket.io.metadata import JoinedGeometry, SeriesFacts, join
from faket.io.metadata.facts import TiltFacts
from faket.io.mrc import read_shape, read_volume
from faket.reconstruction import TomogramReference, tomogram_angles, tomogram_series
from faket.references.facts import Given, header_facts, without_alignment
from faket.references.images import ImageFiles


def tomogram_geometry(
    path: Path, told: Sequence[SeriesFacts], given: Given
) -> tuple[JoinedGeometry, ImageFiles]:
    """Return the geometry of the tilt-series behind a tomogram, and its size as one of images.

    Excluded images are not in it, and neither are shifts and axes: a tomogram has none.

    Raises
    ------
    InputError
        If the file is no MRC volume, or files of metadata do not belong together.
    """
    header = replace(header_facts(path), count=None, image_size=None)
    plain = without_alignment(told)
    if any(tilt.any_angle_deg is not None for entry in plain for tilt in entry.tilts):
        every = join([*plain, header])
        geometry = every.of_images(every.used)
    else:
        angles, source, words = tomogram_angles(_volume(path, given))
        notices = tuple(text.removeprefix("tomogram: ") for text in words)
        tilts = tuple(TiltFacts(section=i, angle_deg=float(a)) for i, a in enumerate(angles))
        found = SeriesFacts(source, str(path), "acquisition", tilts)
        geometry = join([*plain, header, found])
        kept = {name: file for name, file in geometry.sources.items() if "angle" not in name}
        geometry = replace(
            geometry,
            sources={**kept, "angles_deg": source},
            notices=(*geometry.notices, *notices),
        )
    _, height, width = read_shape(path)
    return geometry, ImageFiles((path,), len(geometry), (width, height))


def tomogram_images(path: Path, geometry: TiltGeometry, given: Given) -> TomogramReference:
    """Return the tilt-series that a tomogram shows.

    Raises
    ------
    InputError
        If the tomogram is too small or constant.
    """
    return tomogram_series(_volume(path, given), geometry.pixel_size_A, geometry.angles_deg)


def _volume(path: Path, given: Given) -> FloatArray:
    data = read_volume(path, voxel_size_A=given.pixel_size_A, option="pixel_size_A").data
    return -data if given.invert else data
