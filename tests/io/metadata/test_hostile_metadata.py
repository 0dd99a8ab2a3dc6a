"""Whatever a file of metadata holds: facts or one line, and never another exception."""

import random
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_up_series as made_up
from faket.errors import InputError
from faket.io.metadata import join, read_metadata
from faket.io.metadata.facts import SeriesFacts
from made_up_series import Truth

FILES = made_up.all_files(Truth())
TIMES = 200  # each format is damaged at random; hypothesis adds small changes to any of them
PIECES = ["nan", "inf", "-", "1e999", "1,5", "", "0", "-1", "99999999999999999999", "[", "]", "{",
          "}", "<", ">", "=", "#", "$", "\n", "\t", "@", "data_", "loop_", "_rlnTomoName", "\u00b5",
          "[ZValue = 0]", "null", "true", "[[1]]", "1e-300", "a", ":"]  # fmt: skip


def outcome(path: Path) -> bool:
    """Read and join a file; tell whether it was taken."""
    try:
        join(read_metadata(path)[:1])
    except InputError as error:
        text = str(error)
        assert "\n" not in text
        assert text.isprintable()
        assert len(text) < 700
        return False
    return True


def damaged(text: str, rng: random.Random) -> bytes:
    """Cut, double, swap or change pieces of a text, or single bytes of it."""
    kind = rng.randrange(8)
    place, other = (rng.randrange(len(text)) for _ in range(2))
    if kind == 0:
        return text[:place].encode()
    if kind == 1:
        return (text[:place] + rng.choice(PIECES) + text[place + rng.randrange(12) :]).encode()
    lines = text.splitlines(keepends=True)
    line = rng.randrange(len(lines))
    if kind == 2:
        del lines[line : line + rng.randrange(1, 4)]
    elif kind == 3:
        lines[line] = lines[line] * 2
    elif kind == 4:
        lines[line], lines[-1] = lines[-1], lines[line]
    elif kind == 5:
        words = lines[line].split(" ")
        words[rng.randrange(len(words))] = rng.choice(PIECES)
        lines[line] = " ".join(words)
    elif kind == 6:
        raw = bytearray(text.encode())
        raw[place % len(raw)] ^= 1 << rng.randrange(8)
        return bytes(raw)
    else:
        return (text[: min(place, other)] + text[max(place, other) :]).encode()
    return "".join(lines).encode()


@pytest.mark.parametrize("name", FILES)
def test_damaged_files(tmp_path: Path, name: str) -> None:
    rng, path = random.Random(name), tmp_path / name
    taken = 0
    for _ in range(TIMES):
        path.write_bytes(damaged(FILES[name], rng))
        taken += outcome(path)
    assert taken < TIMES


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_any_change(tmp_path_factory: pytest.TempPathFactory, name: str, data) -> None:
    text = FILES[name]
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 40))
    new = data.draw(st.one_of(st.sampled_from(PIECES), st.floats().map(repr)))
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes((text[:start] + new + text[start + length :]).encode("utf-8", "replace"))
    outcome(path)


@pytest.mark.parametrize("name", FILES)
def test_line_ends_and_marks(tmp_path: Path, name: str) -> None:
    """CRLF, a byte-order mark and UTF-16 of Warp 1 change nothing."""
    (tmp_path / name).write_bytes(FILES[name].encode())
    plain = read_metadata(tmp_path / name)
    codings = ["utf-8", "utf-8-sig"] + (["utf-16"] if name.endswith(".xml") else [])
    for coding in codings:
        (tmp_path / name).write_bytes(FILES[name].replace("\n", "\r\n").encode(coding))
        again = read_metadata(tmp_path / name)
        assert again == plain


TABLES = sorted(name for name in FILES if Path(name).suffix not in (
    ".json", ".xml", ".com", ".edf", ".mdoc"
))  # fmt: skip


def told(found: tuple[SeriesFacts, ...]) -> list[SeriesFacts]:
    """What files say, without their names and notices."""
    return [replace(facts, path="", notices=()) for facts in found]


def fails_or_tells(path: Path, text: str, plain: list[SeriesFacts]) -> bool:
    """Read a changed text: an error, or the same facts, or a notice that it may be cut."""
    path.write_text(text)
    try:
        found = read_metadata(path)
    except InputError as error:
        assert "\n" not in str(error)
        return True
    return told(found) == plain or any("no end" in n for facts in found for n in facts.notices)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_tells_no_wrong_number_in_silence(tmp_path: Path, name: str) -> None:
    """Whole lines that are missing are missed by files that count them; half a number is not."""
    text, path = FILES[name], tmp_path / name
    path.write_text(text)
    plain = told(read_metadata(path))
    places = {
        *random.Random(name).sample(range(1, len(text)), 40),
        *range(len(text) - 6, len(text)),
    }
    for place in places:
        cut = text[:place]
        if cut.endswith("\n"):
            continue
        assert fails_or_tells(path, cut, plain), cut[-40:]


@pytest.mark.parametrize("name", ["TS_01.tlt", "TS_01.xf", "TS_01.aln", "TS_01.defocus",
                                  "gctf.star", "TS_01.tomostar"])  # fmt: skip
def test_a_last_number_without_its_decimals_is_refused(tmp_path: Path, name: str) -> None:
    text = FILES[name].rstrip()
    (tmp_path / name).write_text(text)  # a file that a script wrote without its end
    assert any("no end" in n for n in read_metadata(tmp_path / name)[0].notices)
    (tmp_path / name).write_text(text[:-1])
    with pytest.raises(InputError, match="cut short"):
        read_metadata(tmp_path / name)


@pytest.mark.parametrize("name", FILES)
def test_one_decimal_comma_changes_no_number(tmp_path: Path, name: str) -> None:
    """It is refused, or stands in what is not read; "84,3" is never 84, nor 843."""
    text, path = FILES[name], tmp_path / name
    path.write_text(text)
    plain = told(read_metadata(path))
    # Not in the names of frames, where a comma is a letter like any other.
    words = [m for m in re.finditer(r"[^\s\"]+", text) if not re.search(r"[/\\]", m[0])]
    points = [w.start() + m.start() for w in words for m in re.finditer(r"(?<=\d)\.(?=\d)", w[0])]
    for place in random.Random(name).sample(points, min(30, len(points))):
        path.write_text(text[:place] + "," + text[place + 1 :])
        try:
            found = told(read_metadata(path))
        except InputError:
            continue
        assert numbers(found) == numbers(plain), text[place - 20 : place + 5]


def numbers(found: list[SeriesFacts]) -> list[SeriesFacts]:
    """Facts without names; sizes that a file tells wrongly are left out, not read wrongly."""
    return [
        replace(facts, stack=None, series=None, image_size=None,
                tilts=tuple(replace(t, frame=None, halves=None) for t in facts.tilts))
        for facts in found
    ]  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_missing_column_is_one_line(tmp_path: Path, name: str) -> None:
    """Each column in turn is taken out of all rows, and its head stays."""
    rows = [line.split() for line in FILES[name].splitlines()]
    longest = max(len(row) for row in rows if row and row[0][0] not in "#_")
    (tmp_path / name).write_text(FILES[name])
    plain = told(read_metadata(tmp_path / name))
    for column in range(longest):
        left = [
            row[:column] + row[column + 1 :] if len(row) in (longest, longest - 1) else row
            for row in rows
        ]
        text = "\n".join(" ".join(row) for row in left) + "\n"
        assert fails_or_tells(tmp_path / name, text, plain), column


@pytest.mark.parametrize("name", FILES)
def test_the_name_of_another_programs_file_changes_nothing(tmp_path: Path, name: str) -> None:
    """What is in a file tells what it is; only lists of single numbers go by their names."""
    single = {"TS_01.tlt", "TS_01.rawtlt", "TS_01.xtilt"}
    (tmp_path / name).write_text(FILES[name])
    kinds = [facts.kind for facts in read_metadata(tmp_path / name)]
    for other in FILES:
        if {name, other} <= single:
            continue
        (tmp_path / other).write_text(FILES[name])
        try:
            assert [facts.kind for facts in read_metadata(tmp_path / other)] == kinds
        except InputError as error:
            assert "\n" not in str(error)


def test_files_of_two_series_are_never_joined_in_silence(tmp_path: Path) -> None:
    """Of all that list images, one of nine and one of seven at other angles, by any programs."""
    silent = {"tilt.com", "newst.com", "TS_01.edf", "copick.json"}  # they list no images
    others = made_up.all_files(Truth(stage=np.linspace(-45, 39, 7) + 0.02))
    found: list[dict[str, SeriesFacts]] = [{}, {}]
    for read, files in zip(found, (FILES, others), strict=True):
        for name in sorted(set(files) - silent):
            (tmp_path / name).write_text(files[name])
            read[name] = read_metadata(tmp_path / name)[0]
    for first, ours in found[0].items():
        for second, theirs in found[1].items():
            if first == second:
                continue
            try:
                assert join([ours, theirs]).notices, (first, second)
            except InputError as error:
                assert "\n" not in str(error)


NUMERIC = sorted(set(FILES) - {"newst.com", "tilt.com", "copick.json"})


@pytest.mark.parametrize("name", NUMERIC)
def test_decimal_commas_are_one_line(tmp_path: Path, name: str) -> None:
    """A program that wrote in another country's way: every point of a number is a comma."""
    text = "".join(
        "," if c == "." and FILES[name][i - 1].isdigit() and FILES[name][i + 1 : i + 2].isdigit()
        else c for i, c in enumerate(FILES[name])
    )  # fmt: skip
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError):
        read_metadata(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("TS_01.mrc.mdoc", "TiltAngle = -23.9900", "TiltAngle = nan", "line 12, TiltAngle: tilt"),
        ("TS_01.mrc.mdoc", "TiltAngle = -23.9900", "Tilt = 3", "ZValue = 0.: expected a TiltAngle"),
        ("TS_01.mrc.mdoc", "[ZValue = 1]", "[ZValue = 0]", "each ZValue once"),
        ("TS_01.xf", "    ", "nan ", "line 1, column"),
        ("TS_01.aln", "# RawSize", "# Size", "RawSize"),
        ("TS_01.aln", "2.85", "nan", "AlphaOffset: tilt angle: expected a finite"),
        ("TS_01.xml", "</TiltSeries>", "", "expected Warp's XML, found"),
        ("TS_01.xml", "<Dose>", "<Dose>1 ", "<Dose>: expected 9 values, found 10"),
        ("TS_01.xml", "<?xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><?xml", "document type"),
        ("TS_01.tomostar", "wrpDose", "wrpDos", "expected a column wrpDose"),
        ("TS_01.star", "rlnTomoNominalStageTiltAngle", "rlnX", None),
        ("TS_01.star", "rlnTomoYTilt", "rlnMicrographPreExposur", None),
        ("gctf.star", "_rlnDefocusV", "_rlnDefocus", "expected a column rlnDefocusV"),
        ("relion4.star", "[", "(", "rlnTomoProjX: expected .a,b,c,d."),
        ("alignment.json", "in_plane_rotation", "rotation", "a 2 × 2 rotation, found None"),
        ("alignment.json", "z_index", "zindex", None),
        ("tiltseries.json", '"pixel_spacing": 2.5', '"pixel_spacing": "2.5"', "expected a number"),
        ("TS_01.defocus", "5  0", "1  0", "expected 7 columns by the flags 1, found 8"),
        ("TS_01_2.defocus", "\t2\n", "\t7\n", "version 2 or 3"),
        ("TS_01_CTF.txt", "   5   ", "   7   ", "one after another"),
        ("diagnostic.txt", "micrographs: 9", "micrographs: 10", "expected 10 rows"),
        ("TS_01.edf", "Setup.DatasetName", "Setup.Name", "Setup.DatasetName"),
        ("tilt.com", "EXCLUDELIST 9", "EXCLUDELIST 9-3", "a list of views"),
        ("newst.com", "InputFile", "Input", "InputFile"),
        ("tilt.com", "$tilt", "$ctfplotter", "neither .tilt nor .newstack"),
        ("TS_01.xtilt", "0.25", "95", "-90 to 90"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_named(tmp_path, name, old, new, words) -> None:
    assert old in FILES[name]
    (tmp_path / name).write_text(FILES[name].replace(old, new, 1))
    if words is None:  # what is left still tells something
        assert read_metadata(tmp_path / name)
        return
    with pytest.raises(InputError, match=words):
        read_metadata(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.txt", "1.5\n2.5\n", "does not tell what they are"),
        ("a.txt", "hello\nworld\n", "expected a .mdoc"),
        ("a.star", "data_\nloop_\n_rlnCoordinateX #1\n1.0\n", "a STAR file of a tilt-series"),
        ("a.json", '{"runs": []}', "CryoET Data Portal"),
        ("a.json", "[1, 2]", "a JSON object"),
        ("a.xml", "<Movie><CTF /></Movie>", "<TiltSeries>, found <Movie>"),
        ("a.mdoc", "PixelSpacing = 2\n", "no image"),
        ("a.aln", " \n", "an empty file"),
        ("a.com", "$trimvol a b\n", "neither"),
    ],
)
def test_files_of_something_else(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=words):
        read_metadata(tmp_path / name)
    (tmp_path / "binary.mdoc").write_bytes(b"MAP \0\0\1\2" * 99)
    with pytest.raises(InputError, match="a binary one"):
        read_metadata(tmp_path / "binary.mdoc")


def test_enormous_files_take_little_memory(tmp_path: Path) -> None:
    (tmp_path / "a.rawtlt").write_text("1\n" * 2_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="at most 300000 lines"):
            read_metadata(tmp_path / "a.rawtlt")
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
    (tmp_path / "a.mdoc").write_text("1" * 33_000_000)
    with pytest.raises(InputError, match="at most 32 MB"):
        read_metadata(tmp_path / "a.mdoc")
    digits = "9" * 6000  # Python reads no whole number of so many
    many = {
        "a.json": f'{{"pixel_spacing": {digits}}}',
        "a.com": f"$tilt\nEXCLUDELIST {digits}",
        "a.mdoc": f"[ZValue = 0]\nTiltAngle = 1\nDateTime = {digits}-Jan-20 1:01:01",
    }
    for name, text in many.items():
        (tmp_path / name).write_text(text)
        outcome(tmp_path / name)
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="expected JSON"):
        read_metadata(tmp_path / "a.json")


@pytest.mark.parametrize("name", ["TS_01.tomostar", "TS_01.star", "gctf.star", "tomograms.star"])
def test_tables_without_rows(tmp_path: Path, name: str) -> None:
    lines = FILES[name].splitlines()
    last = max(i for i, line in enumerate(lines) if line.startswith("_"))
    (tmp_path / name).write_text("\n".join([*lines[: last + 1], "", ""]))
    with pytest.raises(InputError):
        read_metadata(tmp_path / name)


def test_an_mdoc_that_ends_within_its_last_image(tmp_path: Path) -> None:
    text = FILES["TS_01.mrc.mdoc"]
    (tmp_path / "a.mdoc").write_text(text[: text.rindex("RotationAngle")])
    with pytest.raises(InputError, match="the file is cut short"):
        read_metadata(tmp_path / "a.mdoc")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("TS_01.xf", "IMOD transforms (.xf)"), ("TS_01.defocus", "IMOD .defocus"),
     ("TS_01_2.defocus", "IMOD .defocus"), ("TS_01.aln", "AreTomo .aln"),
     ("TS_01.mrc.mdoc", "mdoc"), ("TS_01.tomostar", "Warp .tomostar"),
     ("TS_01.edf", "etomo .edf"), ("tilt.com", "IMOD tilt.com")],
)  # fmt: skip
def test_the_content_tells_more_than_the_name(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "renamed.txt").write_text(FILES[name])
    (facts,) = read_metadata(tmp_path / "renamed.txt")
    assert facts.kind == kind
    (tmp_path / "renamed.txt").write_text("1 0 0 1 3 2\n1 0 0 1 3 2\n")
    assert read_metadata(tmp_path / "renamed.txt")[0].kind == "IMOD transforms (.xf)"
