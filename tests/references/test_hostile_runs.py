"""Runs whose files are damaged: the truth, or one line that says why not; never anything else."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import made_up_series as made_up
from faket import Reference
from faket.errors import InputError
from made_up_runs import (
    aretomo,
    imod,
    portal,
    raw_images,
    relion_4,
    relion_5,
    stack,
    warp,
    write,
)
from made_up_series import PIXEL_A, Truth

SIZE = (24, 20)
PROGRAMS = (imod, aretomo, warp, relion_5, relion_4, portal)
# Each makes other bytes of a file's: what copying, editing and other programs do to it.
SAME = {
    "crlf": lambda text: text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "mark": lambda text: b"\xef\xbb\xbf" + text,
    "more lines": lambda text: text.rstrip(b"\n") + b"\n\n\n",
}
DAMAGE = {
    "empty": lambda text, at: b"",
    "cut": lambda text, at: text[: int(at * len(text))],
    "commas": lambda text, at: text.replace(b".", b","),
    "page": lambda text, at: b"<html><body>404</body></html>",
    "zeros": lambda text, at: b"\0" * len(text),
    "bytes": lambda text, at: bytes(range(256)) * 9,
    "huge": lambda text, at: text.replace(b"0", b"9e99", 1 + int(20 * at)),
    "words": lambda text, at: text.replace(b"1", b"one", 1 + int(20 * at)),
    "a line less": lambda text, at: _without_line(text, at),
    "a line twice": lambda text, at: _with_line_twice(text, at),
    "a byte": lambda text, at: text[: int(at * len(text))] + b"7" + text[int(at * len(text)) + 1 :],
}

# What makes a file useless; a digit that was changed nobody sees.
LOST = ("empty", "cut", "commas", "page", "zeros", "bytes", "a line less")


def _without_line(text, at):
    lines = text.split(b"\n")
    del lines[int(at * len(lines))]
    return b"\n".join(lines)


def _with_line_twice(text, at):
    lines = text.split(b"\n")
    lines.insert(int(at * len(lines)), lines[int(at * len(lines))])
    return b"\n".join(lines)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Each program's folder, whole, with the names of its files of metadata."""
    folder = tmp_path_factory.mktemp("runs")
    found = {}
    for program in PROGRAMS:
        place = folder / program.__name__
        program(place, Truth(SIZE))
        files = sorted(p for p in place.rglob("*") if p.is_file() and p.suffix != ".log")
        texts = [p.relative_to(place) for p in files if p.suffix not in (".mrc", ".st")]
        images = [p.relative_to(place) for p in files if p.suffix in (".mrc", ".st")]
        found[program] = place, texts, images
    return found


def damaged(runs, program, kind, which, change):
    """Copy a run with one of its files changed, and return its folder and the file."""
    place, *files = runs[program]
    names = files[kind]
    name = names[which % len(names)]
    copy = place.parent / "damaged"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(place, copy)
    (copy / name).write_bytes(change((place / name).read_bytes()))
    return copy


def opened(folder):
    """Open a run as a command does; an error is one line."""
    try:
        reference = Reference.open(folder)
        series = reference.series()
    except InputError as error:
        assert "\n" not in str(error)
        assert str(error).isprintable()
        return None
    assert len(series.images) == len(series.geometry.angles_deg)
    assert np.isfinite(series.images).all()
    return reference


def is_the_truth(reference, truth):
    geometry = reference.geometry
    near = np.abs(geometry.angles_deg[:, None] - truth.refined).argmin(axis=1)
    np.testing.assert_allclose(geometry.angles_deg, truth.refined[near], atol=0.006)
    told = np.isfinite(geometry.axes_deg)
    np.testing.assert_allclose(geometry.axes_deg[told], truth.axes[near][told], atol=0.02)
    assert geometry.pixel_size_A == pytest.approx(PIXEL_A, rel=1e-3)
    return True


SOME = settings(
    max_examples=26, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("program", PROGRAMS, ids=[p.__name__ for p in PROGRAMS])
def test_other_line_ends_and_marks_change_nothing(runs, program) -> None:
    truth = Truth(SIZE)
    for i, change in enumerate(SAME.values()):
        reference = opened(damaged(runs, program, 0, i, change))
        assert reference is not None
        is_the_truth(reference, truth)


@pytest.mark.parametrize("program", PROGRAMS, ids=[p.__name__ for p in PROGRAMS])
@SOME
@given(which=st.integers(0, 20), how=st.sampled_from(sorted(DAMAGE)),
       at=st.floats(0, 1, exclude_max=True))  # fmt: skip
def test_damaged_metadata_open_or_say_why_in_one_line(runs, program, which, how, at) -> None:
    change = DAMAGE[how]
    folder = damaged(runs, program, 0, which, lambda text: change(text, at))
    before = sorted(path.name for path in folder.rglob("*"))
    reference = opened(folder)
    assert sorted(path.name for path in folder.rglob("*")) == before
    if reference is not None and how in LOST:
        assert reference.notices or is_the_truth(reference, Truth(SIZE))


@pytest.mark.parametrize("program", PROGRAMS, ids=[p.__name__ for p in PROGRAMS])
@settings(SOME, max_examples=10)
@given(which=st.integers(0, 20), how=st.sampled_from(["empty", "cut", "page", "zeros", "bytes"]),
       at=st.floats(0, 1, exclude_max=True))  # fmt: skip
def test_damaged_images_open_or_say_why_in_one_line(runs, program, which, how, at) -> None:
    change = DAMAGE[how]
    opened(damaged(runs, program, 1, which, lambda text: change(text, at)))


@pytest.mark.parametrize(
    ("program", "name"),
    [(warp, "warp_tiltseries/TS_01.xml"), (relion_4, "tomograms.star"), (aretomo, "TS_01.aln"),
     (portal, "Alignments/alignment_metadata.json"), (imod, "TS_01.xf")],
    ids=["Warp", "RELION 4", "AreTomo", "portal", "IMOD"],
)  # fmt: skip
@pytest.mark.parametrize("how", ["empty", "cut", "zeros", "words"])
def test_a_damaged_alignment_is_never_left_out(runs, program, name, how) -> None:
    """Without it the raw images would be taken as they are."""
    index = runs[program][1].index(Path(name))
    folder = damaged(runs, program, 0, index, lambda text: DAMAGE[how](text, 0.5))
    with pytest.raises(InputError, match=Path(name).name):
        Reference.open(folder)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda f, t: write(f, {"TS_01.edf": made_up.edf(t).replace("0.25", "0.30")}),
         ("pixel size", "TS_01.edf", "TS_01.mrc")),
        (lambda f, t: write(f, {"TS_01.edf": made_up.edf(t).replace("A=84.3", "A=-5.0")}),
         ("tilt axis", "TS_01.edf", "TS_01.xf")),
        (lambda f, t: write(f, {"TS_01.mrc.mdoc": made_up.mdoc(t).replace("= 300", "= 200"),
                                "TS_01_ctffind4.txt": made_up.ctffind(t)}),
         ("voltage", "TS_01.mrc.mdoc", "TS_01_ctffind4.txt")),
        (lambda f, t: write(f, {"TS_01.mrc.mdoc": made_up.mdoc(t).replace("24 20", "48 40")}),
         ("image size", "TS_01.mrc", "TS_01.mrc.mdoc")),
        (lambda f, t: stack(f, "TS_01.mrc", raw_images(t), PIXEL_A / 10),
         ("pixel size", "0.25 Å", "nm", "2.5 Å")),
    ],
    ids=["pixel size", "axis", "voltage", "image size", "nanometres"],
)  # fmt: skip
def test_contradictions_are_said_with_both_sources(tmp_path: Path, change, names) -> None:
    truth = Truth(SIZE)
    imod(tmp_path, truth)
    change(tmp_path, truth)
    found = [text for text in Reference.open(tmp_path).notices
             if all(name in text for name in names)]  # fmt: skip
    assert found


def test_a_stack_of_another_count_is_refused_with_both_counts(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    imod(tmp_path, truth)
    raw = raw_images(truth)
    stack(tmp_path, "TS_01.mrc", np.concatenate([raw, raw[:1]]))
    with pytest.raises(InputError, match=r"expected 10 tilts as in TS_01.mrc .*, found 9"):
        Reference.open(tmp_path)


def test_images_of_one_pixel_are_refused(tmp_path: Path) -> None:
    imod(tmp_path, Truth(SIZE))
    stack(tmp_path, "TS_01.mrc", np.ones((9, 1, 1)))
    with pytest.raises(InputError, match="at least 16 x 16 pixels, found 1 x 1"):
        Reference.open(tmp_path)
