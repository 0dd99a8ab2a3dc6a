"""What the name of a file tells: to which series it belongs, and what it holds.

Programs add words to the name of a series: IMOD ``_ali``, ``_preali``, ``_rec``, ``_full_rec``;
AreTomo ``_EVN``, ``_ODD``, ``_Vol``, ``_CTF``, ``_TLT``, ``_Imod``; Warp ``_10.00Apx``; RELION
``rec_`` in front. The rest of the name is the series'.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faket.io.metadata.recognise import SUFFIXES

Content = Literal[
    "stack",
    "aligned",
    "even",
    "odd",
    "tomogram",
    "even tomogram",
    "odd tomogram",
    "metadata",
    "other",
]

IMAGE_SUFFIXES = (".mrc", ".mrcs", ".st", ".ali", ".preali", ".rec", ".map")
# Texts of many programs end in .txt and .json: only these are a tilt-series' metadata.
_TEXTS = re.compile(r"(_tlt|_ctf|ctffind\d*|_diag|_diagnostic\w*|_output)\.txt$", re.IGNORECASE)
_JSONS = re.compile(r"(metadata|tilt_?series|alignment|run_\w+)\.json$", re.IGNORECASE)
# Lists of other things than tilt-series: the portal's of runs and tomograms, RELION's of jobs.
_OTHER_LISTS = re.compile(
    r"(run|dataset|deposition|tomogram|annotation\w*|.*_voxel_spacing)_metadata\.json$|"
    r"((default|job)_pipeline|job|particles|optimisation_set|motion|trajector(y|ies)|micrographs|"
    r"movies|run_\w+)\.star$",
    re.IGNORECASE,
)
# What some programs call a file instead of by its series.
_NAMELESS = re.compile(r"(diag(nostic\w*)?|ctffind\d*|gctf|output|alignments?|tilt_?series)$", re.I)
# Commands and lists of a whole folder, whose names do not tell the series.
OF_FOLDER = re.compile(
    r"(tilt[ab]?|newst[ab]?)\.com$|.*metadata\.json$|"
    r"((.*_)?tomograms|(.*_)?tilt_series(_ctf)?)\.star$",
    re.IGNORECASE,
)
# The commands that make an aligned stack and a tomogram; IMOD's others tell nothing of images.
_COMMANDS = re.compile(r"(tilt|newst)[ab]?\.com$", re.IGNORECASE)
# IMOD's steps before the final alignment, whose transforms are others.
_EARLIER = re.compile(r"(_fid|_nonfid|_prexf|_orig|_xcor|_final)?\.(prexf|prexg|xg|tltxf|rawxf)$"
                      r"|_(fid|nonfid|xcor)\.(xf|tlt)$", re.IGNORECASE)  # fmt: skip
_HALVES = {"evn": "even", "even": "even", "half1": "even", "odd": "odd", "half2": "odd"}
_WORDS = re.compile(
    r"[_.-](st|mrcs?|ali|aligned|preali|evn|even|odd|half[12]|vol|2nd|ctf|tlt|imod|rec|full|orig|"
    r"fixed|ccderaser|override|ctffind\d*|diag|diagnostic\w*|output|gctf|dose[-_]?filt\w*|bin\d+|b\d|tilts?|"
    r"tilt_series|\d+(\.\d+)?apx)$",
    re.IGNORECASE,
)
_TOMOGRAM_WORDS = {"vol", "rec", "full"}


@dataclass(frozen=True)
class FileName:
    """What a name tells.

    Attributes
    ----------
    series : str
        Name of the series in lower case; empty for files of a whole folder.
    content : str
        ``aligned``: a stack that was aligned; ``even``, ``odd``: halves of a stack; ``even
        tomogram``, ``odd tomogram``: those of a tomogram.
    words : frozenset of str
        What programs added.
    """

    series: str
    content: Content
    words: frozenset[str] = frozenset()


def read_name(path: Path) -> FileName:
    """Return what the name of a file tells."""
    name = path.name.removesuffix(".gz")
    suffix = Path(name).suffix.lower()
    stem = name[: len(name) - len(suffix)]
    if _OTHER_LISTS.match(name):
        return FileName("", "other")
    if OF_FOLDER.match(name):
        return FileName("", "metadata")
    words: set[str] = set()
    while found := _WORDS.search(stem):
        words.add(found[1].lower())
        stem = stem[: found.start()]
    if stem.lower().startswith("rec_"):
        words.add("rec")
        stem = stem[4:]
    content = _content(path, name, suffix, words)
    if _NAMELESS.match(stem):  # an image is one of power spectra
        return FileName("", "metadata" if content == "metadata" else "other", frozenset(words))
    return FileName(stem.lower(), content, frozenset(words))


def _content(path: Path, name: str, suffix: str, words: set[str]) -> Content:
    if suffix in IMAGE_SUFFIXES:
        return _images(path, suffix, words)
    if suffix not in SUFFIXES or _EARLIER.search(name):
        return "other"
    if suffix == ".com" and not _COMMANDS.search(name):
        return "other"
    if (suffix == ".txt" and not _TEXTS.search(name)) or (
        suffix == ".json" and not _JSONS.search(name)
    ):
        return "other"
    return "metadata"


def _images(path: Path, suffix: str, words: set[str]) -> Content:
    if suffix == ".preali" or words & {"preali", "ctf", "diag"}:  # half done, or power spectra
        return "other"
    is_tomogram = suffix == ".rec" or bool(words & _TOMOGRAM_WORDS) or any(
        word.endswith("apx") for word in words
    )  # fmt: skip
    half = next((_HALVES[word] for word in sorted(words) if word in _HALVES), None)
    half = half or _HALVES.get(path.parent.name.lower())
    if is_tomogram:
        of_half: dict[str | None, Content] = {"even": "even tomogram", "odd": "odd tomogram"}
        return of_half.get(half, "tomogram")
    if half == "even":
        return "even"
    if half == "odd":
        return "odd"
    return "aligned" if suffix == ".ali" or words & {"ali", "aligned"} else "stack"
