"""Which images of two files are the same: by place in the stack, by frame, by angle.

The first of these that is there counts; places only where the angles do not contradict them, as a
stack may have been sorted since. Angles are paired one to one with the least sum of differences,
after the offset between the lists was taken off: an alignment turns all angles by what the specimen
was tilted beforehand. Files of two series are refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from faket.data import DoubleArray
from faket.errors import InputError
from faket.io.failures import input_error
from faket.io.metadata.facts import SeriesFacts
from faket.io.metadata.known import LEAST_SHARE, Images

SAME_ANGLE_DEG = 1.0  # chosen: stages and refinements miss by less
LARGEST_SHARE_OF_STEP = 0.25  # chosen: two series of another step agree in half of their images
LARGEST_OFFSET_DEG = 25.0  # chosen: lamellae are tilted by up to 20 degrees beforehand


@dataclass(frozen=True)
class Match:
    """Where each image of a file stands in the raw stack.

    Attributes
    ----------
    places : tuple of int or None
    sign : int
        -1 where all angles have the other sign.
    notices : tuple of str
    """

    places: tuple[int | None, ...]
    sign: int = 1
    notices: tuple[str, ...] = ()


def match(images: Images, facts: SeriesFacts, excluded: Sequence[int] = ()) -> Match:
    """Return where the images of ``facts`` stand among ``images``.

    Parameters
    ----------
    images : Images
    facts : SeriesFacts
    excluded : sequence of int
        Places of images that other files leave out.

    Raises
    ------
    InputError
        If they are of another series, or their numbers differ and nothing tells which are which.
    """
    images = images.compared_with(facts)
    angles, common = _angles(facts), _frames_notice(images, facts)
    sections = _by_section(images, facts)
    sign = None if sections is None else _sign(images, facts, sections, angles)
    if sections is not None and sign is not None:
        notices = (*common, *_outliers(images, facts, sections, sign * angles))
        return Match(sections, sign, notices)
    frames = _by_frame(images, facts)
    if frames is not None:
        sign = _sign(images, facts, frames, angles) or 1  # names tell more than angles
        return Match(frames, sign, _outliers(images, facts, frames, sign * angles))
    kept = _by_kept(images, facts, excluded, angles)
    if kept is not None:
        return kept
    if np.isfinite(angles).all() and np.isfinite(images.angles).sum() >= LEAST_SHARE * len(images):
        found = _by_angle(images, facts, angles)
        return replace(found, notices=(*common, *found.notices))
    return _by_position(images, facts, excluded)


def _angles(facts: SeriesFacts) -> DoubleArray:
    return np.array([np.nan if t.any_angle_deg is None else t.any_angle_deg for t in facts.tilts])


def _by_section(images: Images, facts: SeriesFacts) -> tuple[int | None, ...] | None:
    sections = [tilt.section for tilt in facts.tilts if tilt.section is not None]
    if len(sections) != len(facts.tilts) or len(set(sections)) != len(sections):
        return None
    if sections and max(sections) >= len(images):
        return None
    if facts.complete and len(sections) != len(images):
        return None
    if facts.by_angle and np.isfinite(images.angles).all():
        order = np.argsort(images.angles, kind="stable").tolist()
        return tuple(order[section] for section in sections)
    return tuple(sections)


def _by_frame(images: Images, facts: SeriesFacts) -> tuple[int | None, ...] | None:
    known = {frame_key(frame): i for i, frame in enumerate(images.frames) if frame}
    names = [frame_key(tilt.frame) if tilt.frame else None for tilt in facts.tilts]
    places = tuple(None if name is None else known.get(name) for name in names)
    found = [place for place in places if place is not None]
    if len(set(found)) != len(found) or len(found) < LEAST_SHARE * min(len(images), len(names)):
        return None
    return places if found else None


def _frames_notice(images: Images, facts: SeriesFacts) -> tuple[str, ...]:
    """Say that two files name frames and none in common."""
    ours = {frame_key(frame) for frame in images.frames if frame}
    theirs = {frame_key(tilt.frame) for tilt in facts.tilts if tilt.frame}
    if not ours or not theirs or ours & theirs:
        return ()
    return (f"{facts.name} names no frame that the files before it name ({min(theirs)}, not "
            f"{min(ours)}): check that they are of one series",)  # fmt: skip


def frame_key(name: str) -> str:
    """Return a frame's name as programs spell it alike: RELION writes points as underscores."""
    return name.replace(".", "_").lower()


def _sign(
    images: Images, facts: SeriesFacts, places: tuple[int | None, ...], angles: DoubleArray
) -> int | None:
    """Return the sign with which the angles agree; None where they contradict the places."""
    pairs = _pairs(images, places, angles)
    if not len(pairs[0]):
        return 1
    signs = (1, -1) if facts.sign_unknown else (1,)
    shares = [_share(sign * pairs[0] - pairs[1]) for sign in signs]
    best = int(np.argmax(shares))
    return signs[best] if shares[best] >= LEAST_SHARE else None


def _pairs(
    images: Images, places: tuple[int | None, ...], angles: DoubleArray
) -> tuple[DoubleArray, DoubleArray]:
    """Return the angles of the file and of the stack where both are known."""
    chosen = np.array([-1 if place is None else place for place in places], np.int64)
    known = (chosen >= 0) & np.isfinite(angles) & np.isfinite(images.angles[chosen])
    return angles[known], images.angles[chosen[known]]


def _share(differences: DoubleArray) -> float:
    """Return how many of the images agree, after the offset of the lists was taken off."""
    offset = float(np.median(differences))
    if abs(offset) > LARGEST_OFFSET_DEG:
        return 0.0
    return float((np.abs(differences - offset) <= SAME_ANGLE_DEG).mean())


def _outliers(
    images: Images, facts: SeriesFacts, places: tuple[int | None, ...], angles: DoubleArray
) -> tuple[str, ...]:
    """Say which angles contradict though the images are the same."""
    told, known = _pairs(images, places, angles)
    if not len(told):
        return ()
    off = np.abs(told - known - np.median(told - known)) > SAME_ANGLE_DEG
    if not off.any():
        return ()
    first = int(np.flatnonzero(off)[0])
    return (
        f"angles of {off.sum()} of {len(off)} images differ: {facts.name} says {told[first]:g} "
        f"degrees where the files before it ({images.source}) say {known[first]:g}",
    )


def _by_angle(images: Images, facts: SeriesFacts, angles: DoubleArray) -> Match:
    """Pair angles one to one; the offset is the one with which most of them agree."""
    known = np.flatnonzero(np.isfinite(images.angles))
    stack = images.angles[known]
    same = _same_angle(angles, stack)
    best: tuple[int, float, int, float] | None = None
    for sign in (1, -1) if facts.sign_unknown else (1,):
        for offset in _offsets(sign * angles, stack):
            near = np.abs(sign * angles[:, None] - offset - stack).min(axis=1)
            agreeing = near <= same
            # Rounded, so that of offsets that fit alike the first one wins.
            quality = (int(agreeing.sum()), -round(float(near[agreeing].sum()), 3))
            if best is None or quality > best[:2]:
                best = (*quality, sign, offset)
    assert best is not None  # there is always the offset 0
    _, _, sign, offset = best
    distance = np.abs(sign * angles[:, None] - offset - stack)  # [file, stack]
    rows, columns = linear_sum_assignment(np.minimum(distance, 10 * same))
    places: list[int | None] = [None] * len(angles)
    for row, column in zip(rows, columns, strict=True):
        if distance[row, column] <= same:
            places[row] = int(known[column])
    found = sum(place is not None for place in places)
    if len(angles) == len(stack):
        _pair_the_rest(places, sign * angles, stack, known.tolist())
    if found < LEAST_SHARE * min(len(images), len(places)):
        raise another_series(images, facts, found)
    notices = [f"images of {facts.name} are matched to {images.source} by angle"]
    if left := sum(place is None for place in places):
        notices.append(f"images of {facts.name} that are not in the stack: {left}")
    outliers = _outliers(images, facts, tuple(places), sign * angles)
    return Match(tuple(places), sign, (*notices, *outliers))


def _pair_the_rest(
    places: list[int | None], angles: DoubleArray, stack: DoubleArray, known: list[int]
) -> None:
    """Pair images of lists of one length whose angles differ, where their ranks are the same."""
    for row, column in zip(np.argsort(angles).tolist(), np.argsort(stack).tolist(), strict=True):
        if places[row] is None and known[column] not in places:
            places[row] = known[column]


def _same_angle(angles: DoubleArray, stack: DoubleArray) -> float:
    """Return how far apart two angles of one image may be: well below the step."""
    steps = np.diff(np.sort(stack))
    other = np.diff(np.sort(angles))
    wide = [float(np.median(s[s > 0.1])) for s in (steps, other) if (s > 0.1).any()]
    return min([SAME_ANGLE_DEG, *(LARGEST_SHARE_OF_STEP * step for step in wide)])


def _offsets(angles: DoubleArray, stack: DoubleArray) -> list[float]:
    """Return the offsets worth trying, the least first: those that bring the ends together."""
    ends = [float(np.median(angles) - np.median(stack)), float(angles.min() - stack.min()),
            float(angles.max() - stack.max())]  # fmt: skip
    return sorted([0.0, *(end for end in ends if abs(end) <= LARGEST_OFFSET_DEG)], key=abs)


def another_series(images: Images, facts: SeriesFacts, found: int) -> InputError:
    """Return the error for angles that do not belong together."""
    return input_error(
        facts.path,
        f"expected the angles of {images.source}, found only {found} of {len(facts.tilts)} among "
        f"its {len(images)}; give files of one series",
    )


def _by_kept(
    images: Images, facts: SeriesFacts, excluded: Sequence[int], angles: DoubleArray
) -> Match | None:
    """Let the images of the file be all that no file leaves out, if there are as many."""
    places = tuple(place for place in range(len(images)) if place not in set(excluded))
    n = len(facts.tilts)
    if n != len(places) or n == len(images) or not facts.complete or facts.sign_unknown:
        return None
    if _sign(images, facts, places, angles) is None:
        return None
    return Match(places, notices=(
        f"{facts.name} has {n} images: taken for those of {images.source} that are not excluded",
        *_outliers(images, facts, places, angles),
    ))  # fmt: skip


def _by_position(images: Images, facts: SeriesFacts, excluded: Sequence[int]) -> Match:
    """Let the images of the file be all of the stack, or all that no file leaves out."""
    n = len(facts.tilts)
    if n == len(images) and not any(tilt.frame for tilt in facts.tilts):
        return Match(tuple(range(n)))
    kept = _by_kept(images, facts, excluded, _angles(facts))
    if kept is not None:
        return kept
    raise input_error(
        facts.path,
        f"expected {len(images)} images as in {images.source}, found {n} and nothing that tells "
        "which they are; give files of one series",
    )
