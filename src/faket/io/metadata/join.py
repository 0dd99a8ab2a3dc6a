"""Many files of one series become one geometry.

Which file wins where two tell different things, field by field:

1. what the user gives (role "given"),
2. the alignment (.tlt, .xf, .aln; Warp, RELION or the portal with shifts),
3. the CTF's estimate (.defocus, ctffind, gctf, _CTF.txt),
4. the header of the stack,
5. the acquisition (.mdoc, .rawtlt, .edf, and the above without an alignment);

of two alike the one that was given first. Each contradiction is said with both sources. An image
that any file leaves out, or that the alignment does not have, is excluded, unless the user says
otherwise.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from faket.errors import InputError
from faket.io.failures import input_error
from faket.io.metadata.collect import collect
from faket.io.metadata.facts import Role, SeriesFacts, TiltFacts, negated
from faket.io.metadata.geometry import JoinedGeometry
from faket.io.metadata.joining import Placed
from faket.io.metadata.known import Images
from faket.io.metadata.match import Match, match

RANKS: dict[Role, int] = {"given": 0, "alignment": 1, "ctf": 2, "header": 3, "acquisition": 4}
FRAMES = "mdoc of frames"

# Whose list is that of the raw stack, first of all: those that count its sections come before those
# that name images, those that may have the sign of all angles wrong last.
_LISTS = ("IMOD angles", "angles", "AreTomo 3 angles", "AreTomo .aln", "RELION 4", "portal", "mdoc",
          "IMOD .defocus", "RELION 5", "Warp .xml", "Warp .tomostar")  # fmt: skip


def join(files: Sequence[SeriesFacts]) -> JoinedGeometry:
    """Join what files say of one series.

    Parameters
    ----------
    files : sequence of SeriesFacts
        At least one; the stack's header and what the user gives are files too.

    Returns
    -------
    JoinedGeometry

    Raises
    ------
    InputError
        If they are of several series, or their numbers of images differ and nothing tells which
        images are which.
    """
    facts = _frames_together(list(files))
    if not facts:
        raise InputError("tilt-series: expected files of its metadata, found none; give one")
    _refuse_two_series(facts)
    by_list = sorted(facts, key=_list_rank)
    images, (listing, its_places) = _images(by_list)
    excluded = _told_excluded(facts, len(images))
    placed = []
    for entry in _in_order_of_matching(by_list, listing):
        found = Match(its_places) if entry is listing else match(images, entry, excluded)
        signed, notices = _signed(entry, found, images)
        images.learn(signed, found.places)
        told = tuple(f"{entry.name}: {text}" for text in entry.notices)
        placed.append((facts.index(entry), Placed(signed, found.places, (*told, *notices))))
    placed.sort(key=lambda pair: (RANKS[pair[1].facts.role], pair[0]))
    return collect([entry for _, entry in placed], len(images))


def _in_order_of_matching(
    by_list: list[SeriesFacts], listing: SeriesFacts | None
) -> list[SeriesFacts]:
    """Return files in the order in which their images are looked for: the surest first.

    That is the list itself, then names of frames where it has them; signs that are not known come
    after angles that tell them.
    """
    named = listing is not None and any(tilt.frame for tilt in listing.tilts)

    def rank(entry: SeriesFacts) -> tuple[bool, bool]:
        has_names = named and any(tilt.frame for tilt in entry.tilts)
        return entry is not listing, not has_names or entry.sign_unknown

    return sorted(by_list, key=rank)


def _signed(
    entry: SeriesFacts, found: Match, images: Images
) -> tuple[SeriesFacts, tuple[str, ...]]:
    """Return a file with the right sign of its angles; Warp's usual one where nothing tells it."""
    if entry.sign_unknown and not np.isfinite(images.angles).any():
        notice = (f"{entry.name}: nothing tells the sign of its tilt angles; Warp's usual one, "
                  "against the stage's, is assumed")  # fmt: skip
        return negated(entry), (*found.notices, notice)
    if found.sign < 0:
        return negated(entry), found.notices
    return replace(entry, sign_unknown=False), found.notices


def _refuse_two_series(facts: list[SeriesFacts]) -> None:
    """Refuse several series of one list of tomograms: their angles may well be the same."""
    named: dict[str, str] = {}
    for entry in facts:
        if entry.series and named.setdefault(entry.path, entry.series) != entry.series:
            raise input_error(entry.path, f"expected one series, found {named[entry.path]} and "
                                          f"{entry.series}; choose one of them")  # fmt: skip


def _frames_together(files: list[SeriesFacts]) -> list[SeriesFacts]:
    """Make one file of those that tell one image each, in the order of their angles."""
    single = [entry for entry in files if entry.kind == FRAMES]
    if len(single) < 2:
        return files
    tilts = sorted((tilt for entry in single for tilt in entry.tilts), key=_angle)
    names = Counter(tilt.frame for tilt in tilts)
    twice = [name for name, count in names.items() if name and count > 1]
    if twice:
        raise input_error(single[0].path, "expected one .mdoc for each image, found two of "
                                          f"{twice[0]}; give one series")  # fmt: skip
    notices = dict.fromkeys(text for entry in single for text in entry.notices)
    one = replace(single[0], tilts=tuple(tilts), notices=tuple(notices))
    return [one, *(entry for entry in files if entry.kind != FRAMES)]


def _angle(tilt: TiltFacts) -> float:
    return tilt.any_angle_deg or 0.0


def _list_rank(entry: SeriesFacts) -> int:
    if entry.role == "header" and entry.tilts:  # images one a tilt: theirs is the order
        return -2
    if entry.role == "given":
        return -1
    if entry.kind == FRAMES:
        return _LISTS.index("Warp .xml")  # before it, as sorting keeps the order of equals
    return next((i for i, kind in enumerate(_LISTS) if entry.kind.startswith(kind)), len(_LISTS))


def _images(
    by_list: list[SeriesFacts],
) -> tuple[Images, tuple[SeriesFacts | None, tuple[int | None, ...]]]:
    """Return the images of the raw stack, and the file that lists them with its places.

    Their number is that of the stack's header, where there is one.
    """
    header = next((entry for entry in by_list if entry.role == "header" and entry.count), None)
    if header is not None and header.tilts:
        n = len(header.tilts)
        return Images(np.full(n, np.nan), [None] * n, header.name), (header, tuple(range(n)))
    lists = [e for e in by_list if any(t.any_angle_deg is not None for t in e.tilts)]
    lists += [e for e in by_list if e not in lists and e.tilts and e.complete]
    if header is not None and lists:
        lists = _fitting(header, lists)
    if not lists:
        if header is None:
            raise InputError(
                f"tilt-series: expected a file that lists its images, found {by_list[0].name}; "
                "give a .mdoc, .tlt or .rawtlt too"
            )
        n = header.count or 0
        return Images(np.full(n, np.nan), [None] * n, header.name), (None, ())
    first = lists[0]
    n = (header.count if header else None) or _count(first)
    return Images(np.full(n, np.nan), [None] * n, first.name), (first, _own_places(first))


def _fitting(header: SeriesFacts, lists: list[SeriesFacts]) -> list[SeriesFacts]:
    """Return the lists that can be those of the stack; InputError if its angles cannot be."""
    n = header.count or 0
    fitting = [e for e in lists if _count(e) == n
               or (not e.complete and _counts_sections(e) and _count(e) < n)]  # fmt: skip
    wrong = [e for e in lists if any(t.any_angle_deg is not None for t in e.tilts)]
    # Those that list all images of their stack: a shorter list alone does not make up for them.
    whole = [entry for entry in wrong if entry.complete] or wrong
    if whole and not any(entry in fitting for entry in whole):
        raise input_error(
            whole[0].path,
            f"expected {n} tilts as in {header.name}, found {_count(whole[0])}; give the files of "
            "this stack",
        )
    return fitting


def _counts_sections(entry: SeriesFacts) -> bool:
    sections = [tilt.section for tilt in entry.tilts]
    return None not in sections and len(set(sections)) == len(sections)


def _count(entry: SeriesFacts) -> int:
    """Return how many images the raw stack has by this file."""
    if not _counts_sections(entry):
        return len(entry.tilts)
    last = max((tilt.section or 0 for tilt in entry.tilts), default=-1)
    return max(len(entry.tilts), last + 1, entry.count or 0)


def _own_places(entry: SeriesFacts) -> tuple[int | None, ...]:
    if _counts_sections(entry):
        return tuple(tilt.section for tilt in entry.tilts)
    return tuple(range(len(entry.tilts)))


def _told_excluded(facts: list[SeriesFacts], n: int) -> list[int]:
    """Return the sections that files leave out by their number."""
    told = {tilt.section for entry in facts for tilt in entry.tilts if tilt.excluded}
    return sorted(section for section in told if section is not None and section < n)
