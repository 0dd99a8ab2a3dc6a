"""Joining: which file wins, what is said of contradictions, what is refused."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_up_series as made_up
from faket.errors import InputError
from faket.io.metadata import SeriesFacts, TiltFacts, join, read_metadata
from faket.io.metadata.facts import frame_name, rotation, sample_shift
from made_up_series import PIXEL_A, Truth


def read(folder: Path, name: str, text: str) -> SeriesFacts:
    (folder / name).write_text(text)
    return read_metadata(folder / name)[0]


@pytest.fixture
def truth() -> Truth:
    return Truth()


@pytest.fixture
def mdoc(tmp_path: Path, truth: Truth) -> SeriesFacts:
    return read(tmp_path, "a.mdoc", made_up.mdoc(truth))


def header(count: int, **values) -> SeriesFacts:
    return SeriesFacts("stack", "a.mrc", "header", complete=False, count=count, **values)


def test_who_wins(mdoc: SeriesFacts) -> None:
    """The user, then the alignment, then the header, then the acquisition; both are named."""
    other = header(9, pixel_size_A=5.0)
    aligned = replace(mdoc, kind="alignment", role="alignment", path="b", pixel_size_A=7.0)
    given = SeriesFacts("given", "the user", "given", complete=False, pixel_size_A=3.0)
    assert join([mdoc]).pixel_size_A == PIXEL_A
    geometry = join([mdoc, other])
    assert geometry.pixel_size_A == 5
    assert ("pixel size in Å: a.mrc (stack) says 5, a.mdoc (mdoc) 2.5; the former is taken"
            in geometry.notices)  # fmt: skip
    assert join([mdoc, other, aligned]).pixel_size_A == 7
    geometry = join([mdoc, aligned, other, given])
    assert geometry.pixel_size_A == 3
    assert geometry.sources["pixel_size_A"] == "the user (given)"
    assert sum("pixel size" in text for text in geometry.notices) == 3


def test_a_pixel_one_percent_off_is_no_contradiction(mdoc: SeriesFacts) -> None:
    assert not join([mdoc, header(9, pixel_size_A=PIXEL_A * 1.009)]).notices
    assert join([mdoc, header(9, pixel_size_A=PIXEL_A * 1.02)]).notices


def test_two_tilt_axes(tmp_path: Path, truth: Truth, mdoc: SeriesFacts) -> None:
    xf = read(tmp_path, "a.xf", made_up.xf(truth))
    assert not [text for text in join([mdoc, xf]).notices if "axis" in text]
    flipped = replace(mdoc, tilt_axis_deg=84.3 - 180)  # the same line
    assert not [text for text in join([flipped, xf]).notices if "axis" in text]
    geometry = join([replace(mdoc, tilt_axis_deg=-5.7), xf])
    (notice,) = [text for text in geometry.notices if "axis" in text]
    assert "a.xf (IMOD transforms (.xf)) says 84.3 degrees, a.mdoc (mdoc) -5.7" in notice
    assert geometry.axes_deg[0] == pytest.approx(truth.axes[0], abs=1e-3)


def test_counts_that_differ(tmp_path: Path, truth: Truth, mdoc: SeriesFacts) -> None:
    with pytest.raises(
        InputError, match=r"a.mdoc: expected 8 tilts as in a.mrc \(stack\), found 9"
    ):
        join([mdoc, header(8)])
    short = read(tmp_path, "a.xf", "\n".join(made_up.xf(truth).splitlines()[:7]))
    with pytest.raises(InputError, match=r"a.xf: expected 9 images as in a.mdoc \(mdoc\), found 7"):
        join([mdoc, short])


def test_transforms_of_the_images_that_are_left(tmp_path: Path, truth: Truth, mdoc) -> None:
    """Programs that remove dark images write transforms for the others only."""
    short = read(tmp_path, "a.xf", "\n".join(made_up.xf(truth).splitlines()[:8]))
    command = read(tmp_path, "tilt.com", made_up.tilt_com(truth, "9"))
    geometry = join([mdoc, short, command])
    np.testing.assert_allclose(geometry.shifts_px[:8], truth.shifts[:8], atol=1e-3)
    assert np.flatnonzero(geometry.excluded).tolist() == [8]
    assert any("that are not excluded" in text for text in geometry.notices)


def test_a_deleted_image_is_found_by_its_angle(tmp_path: Path, truth: Truth, mdoc) -> None:
    lines = made_up.rawtlt(truth).splitlines()
    del lines[3]
    geometry = join([mdoc, read(tmp_path, "a.rawtlt", "\n".join(lines)), header(8)])
    np.testing.assert_array_equal(geometry.dose_before_e_per_A2, np.delete(truth.before, 3))
    assert any("not in the stack: 1" in text for text in geometry.notices)


def test_another_series_is_refused(tmp_path: Path, mdoc: SeriesFacts) -> None:
    """Of another step, and of another range."""
    steps = "".join(f"{angle:.2f}\n" for angle in np.arange(-52, 53, 4))
    with pytest.raises(InputError, match="give files of one series"):
        join([mdoc, read(tmp_path, "b.rawtlt", steps)])
    far = "".join(f"{angle:.2f}\n" for angle in np.linspace(40, 88, 9))
    with pytest.raises(InputError, match="give files of one series"):
        join([mdoc, read(tmp_path, "b.rawtlt", far)])


def test_one_angle_that_differs_is_said(tmp_path: Path, truth: Truth, mdoc: SeriesFacts) -> None:
    lines = made_up.rawtlt(truth).splitlines()
    lines[0] = "-27.00"
    geometry = join([mdoc, read(tmp_path, "a.rawtlt", "\n".join(lines))])
    (notice,) = [text for text in geometry.notices if "differ" in text]
    assert "angles of 1 of 9 images differ: a.mdoc (mdoc) says -23.99 degrees" in notice


def test_warp_alone_tells_no_sign(tmp_path: Path, truth: Truth) -> None:
    """Names of frames tell it, otherwise Warp's usual sign is assumed and said."""
    for sign in (1, -1):
        text = made_up.warp_xml(truth, sign=sign)
        named = join([read(tmp_path, "a.xml", text)])
        np.testing.assert_allclose(named.angles_deg, truth.refined)
        assert not named.notices
    nameless = text[: text.index("\t<MoviePath>")] + text[text.index("\t<CTF>") :]
    geometry = join([read(tmp_path, "b.xml", nameless)])
    np.testing.assert_allclose(geometry.angles_deg, truth.refined)
    assert any("nothing tells the sign" in notice for notice in geometry.notices)


def test_doses_from_what_came_before(tmp_path: Path, truth: Truth) -> None:
    """RELION tells only the exposure before: an image that is missing does not count as one."""
    text = made_up.relion_5(truth)
    gone = next(line for line in text.splitlines() if f"{truth.frame(2)}.tif" in line)
    geometry = join([read(tmp_path, "a.star", text.replace(gone + "\n", ""))])
    np.testing.assert_allclose(geometry.dose_e_per_A2, truth.dose)


def test_two_estimates_of_the_defocus(tmp_path: Path, truth: Truth, mdoc: SeriesFacts) -> None:
    one = read(tmp_path, "a.txt", made_up.ctffind(truth))
    truth.u, truth.v = 1.3 * truth.u, 1.3 * truth.v
    other = read(tmp_path, "a.defocus", made_up.defocus_3(truth))
    assert not [text for text in join([mdoc, one]).notices if "defocus" in text]
    (notice,) = [text for text in join([mdoc, one, other]).notices if "µm" in text]
    assert "a.txt (ctffind) says 3.1" in notice
    assert "a.defocus (IMOD .defocus) 4.1" in notice


def test_tomo5_axis_is_doubted(tmp_path: Path) -> None:
    text = (
        "PixelSpacing = 2\n[T = Tomography: K 22-Feb-04 23:02:05]\n[T =   TiltAxisAngle = "
        "-174.23  Binning = 1]\n[ZValue = 0]\nTiltAngle = 1\nRotationAngle = -84.23\n"
    )
    facts = read(tmp_path, "a.mdoc", text)
    assert facts.tilt_axis_deg == pytest.approx(-174.23)
    assert "Tomo5" in facts.notices[0]


@pytest.mark.parametrize("angle", [0.0, 12.5])
def test_equal_angles_stop_the_geometry(tmp_path: Path, angle: float) -> None:
    """Programs that do not know the angles write zeros."""
    entries = "".join(f"[ZValue = {i}]\nTiltAngle = {angle}\n" for i in range(5))
    geometry = join([read(tmp_path, "a.mdoc", f"PixelSpacing = 2\n{entries}")])
    with pytest.raises(InputError, match=f"differ, found 5 times {angle:g} degrees in .*a.mdoc"):
        geometry.tilt_geometry()


def test_what_is_not_known_stops_the_geometry(tmp_path: Path, truth: Truth) -> None:
    geometry = join([read(tmp_path, "a.rawtlt", made_up.rawtlt(truth))])
    with pytest.raises(InputError, match="`pixel_size_A`"):
        geometry.tilt_geometry()
    assert geometry.tilt_geometry(pixel_size_A=3.0).order is None
    with pytest.raises(InputError, match="found none"):
        join([])
    with pytest.raises(InputError, match="lists its images"):
        join([read(tmp_path, "tilt.com", made_up.tilt_com(truth))])


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["sample", "middle", "half"]),
    st.tuples(st.integers(2, 9), st.integers(2, 9)),
    st.tuples(st.integers(2, 9), st.integers(2, 9)),
    st.floats(-180, 180),
    st.tuples(st.floats(-5, 5), st.floats(-5, 5)),
)
def test_shifts_from_any_centre(centre, raw, aligned, angle, shift) -> None:
    """The same point of the raw image, counted from sample 0, whatever the centre."""
    matrix = np.array(rotation(angle))
    point = {"sample": lambda n: np.array(n) // 2, "middle": lambda n: (np.array(n) - 1) / 2,
             "half": lambda n: np.array(n) / 2}[centre]  # fmt: skip
    ours = sample_shift(np.array(shift), matrix, centre, raw, aligned)
    place = np.array([1.5, -0.5])  # any sample of the aligned image, from sample 0
    theirs = matrix @ (place - point(aligned)) + shift + point(raw)
    mine = matrix @ (place - np.array(aligned) // 2) + ours + np.array(raw) // 2
    np.testing.assert_allclose(mine, theirs, atol=1e-9)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("D:\\DATA\\frames\\TS_01_000_0.0.mrc", "TS_01_000_0.0"),
        ("\\\\Gatan\\a b\\Aug29_21.02.09.mrc", "Aug29_21.02.09"),
        ("frames//Position_12_001_-10.00_EER.eer", "Position_12_001_-10.00_EER"),
        ("TS_019_0000_8.0.mrc.mdoc", "TS_019_0000_8.0"),
        ("000001@a/stack.mrcs", "stack"),
        ("", None),
    ],
)
def test_names_of_frames(path: str, name: str | None) -> None:
    assert frame_name(path) == name


def test_files_may_come_in_any_order(tmp_path: Path, truth: Truth, mdoc: SeriesFacts) -> None:
    files = [mdoc, read(tmp_path, "a.tlt", made_up.tlt(truth)),
             read(tmp_path, "a.xf", made_up.xf(truth)),
             read(tmp_path, "a.txt", made_up.ctffind(truth))]  # fmt: skip
    one, other = join(files), join(files[::-1])
    for name in ("angles_deg", "shifts_px", "order", "dose_e_per_A2", "defocus_u_um", "excluded"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_an_image_without_any_file_of_its_own_is_left_out() -> None:
    """What the alignment does not have is not used."""
    tilts = tuple(TiltFacts(section=i, angle_deg=3.0 * i) for i in range(5))
    acquired = SeriesFacts("mdoc", "a.mdoc", "acquisition", tilts, pixel_size_A=2.0)
    matrix = rotation(84.0)
    aligned = SeriesFacts(
        "portal alignment", "a.json", "alignment",
        tuple(TiltFacts(section=i, refined_angle_deg=3.0 * i, matrix=matrix, shift_px=(0.0, 0.0))
              for i in (0, 1, 3, 4)),
        complete=False,
    )  # fmt: skip
    geometry = join([acquired, aligned])
    assert geometry.used.tolist() == [0, 1, 3, 4]
    assert geometry.tilt_geometry().angles_deg.tolist() == [0, 3, 9, 12]


def test_the_user_decides_what_is_left_out(tmp_path: Path, truth: Truth, mdoc) -> None:
    command = read(tmp_path, "tilt.com", made_up.tilt_com(truth, "1,8-9"))
    assert join([mdoc, command]).used.tolist() == [1, 2, 3, 4, 5, 6]
    tilts = (TiltFacts(section=0, excluded=False), TiltFacts(section=3, excluded=True))
    given = SeriesFacts("given", "the user", "given", tilts, complete=False)
    assert join([mdoc, command, given]).used.tolist() == [0, 1, 2, 4, 5, 6]


def test_every_source_is_named_by_its_field(tmp_path: Path, truth: Truth, mdoc) -> None:
    files = [mdoc, read(tmp_path, "a.tlt", made_up.tlt(truth)),
             read(tmp_path, "a.xf", made_up.xf(truth))]  # fmt: skip
    geometry = join(files)
    assert all(hasattr(geometry, name) for name in geometry.sources)
    assert geometry.sources["angles_deg"] == "a.tlt (IMOD angles (.tlt))"
    assert geometry.sources["nominal_angles_deg"] == "a.mdoc (mdoc)"
    assert join([mdoc]).sources["angles_deg"] == "a.mdoc (mdoc)"
    assert geometry.sources["order"] == "a.mdoc (mdoc), by time"


def test_two_orders_of_acquisition(tmp_path: Path, truth: Truth, mdoc: SeriesFacts) -> None:
    truth.before = truth.before[::-1].copy()
    geometry = join([mdoc, read(tmp_path, "a.star", made_up.relion_5(truth))])
    np.testing.assert_array_equal(geometry.order, truth.order)
    assert any("order of acquisition" in text for text in geometry.notices)


@pytest.mark.parametrize(
    ("flags", "columns", "expected"),
    [
        (0, "3000", (3.0, 3.0, None, None)),
        (1, "3000 2900 45", (3.0, 2.9, 45.0, None)),
        (1, "2900 3000 45", (3.0, 2.9, 45.0, None)),  # the angle is the larger one's
        (3, f"3000 2900 {np.pi / 4}", (3.0, 2.9, 45.0, None)),
        (4, "3000 90", (3.0, 3.0, None, 90.0)),
        (12, f"3000 {np.pi / 2}", (3.0, 3.0, None, 90.0)),
        (37, "3000 2900 45 90 0.02", (3.0, 2.9, 45.0, 90.0)),
    ],
)
def test_flags_of_imods_defocus(tmp_path: Path, flags: int, columns: str, expected) -> None:
    text = f"{flags} 0 0. 0. 0. 3\n1 1 -3.5 -3.5 {columns}\n2 3 0 2 {columns}\n"
    facts = read(tmp_path, "a.defocus", text)
    assert [tilt.section for tilt in facts.tilts] == [0, 1, 2]  # views count from 1
    for tilt in facts.tilts:
        found = (tilt.defocus_u_um, tilt.defocus_v_um, tilt.astigmatism_deg, tilt.phase_shift_deg)
        assert found == tuple(None if e is None else pytest.approx(e) for e in expected)
    assert facts.tilts[0].refined_angle_deg == -3.5


def test_views_of_overlapping_ranges_have_the_mean(tmp_path: Path) -> None:
    """As ctfplotter writes what it fitted to several views at once."""
    facts = read(tmp_path, "a.defocus", "1 2 -3 0 3000 2\n2 3 0 3 3200\n")
    assert [tilt.defocus_u_um for tilt in facts.tilts] == pytest.approx([3.0, 3.1, 3.2])


def test_what_relion_4_and_cryoboost_add(tmp_path: Path, truth: Truth) -> None:
    text = made_up.relion_4(truth).replace("_rlnTomoHand", "_rlnTomoImportFractionalDose")
    facts = read(tmp_path, "a.star", text.replace("mrc 60 44 20 -1", "mrc 60 44 20 2.5"))
    assert {tilt.dose for tilt in facts.tilts} == {2.5}
    lines = made_up.relion_5(truth).replace("_rlnPhaseShift", "_cryoBoostDlLabel").splitlines()
    lines = [line.replace(" 31.5 40.0 ", " 31.5 bad " if "_-24.0" in line else " 31.5 good ")
             for line in lines]  # fmt: skip
    facts = read(tmp_path, "b.star", "\n".join(lines))
    assert [tilt.excluded for tilt in facts.tilts] == [True] + 8 * [False]


@pytest.mark.parametrize("value", ["0", "0.0"])
def test_what_a_microscope_did_not_measure(tmp_path: Path, truth: Truth, value: str) -> None:
    """An exposure or a pixel of 0 was not calibrated: nothing is known."""
    text = made_up.mdoc(truth).replace("ExposureDose = 3.0", f"ExposureDose = {value}")
    facts = read(tmp_path, "a.mdoc", text.replace(f"Spacing = {PIXEL_A}", f"Spacing = {value}"))
    assert facts.pixel_size_A is None
    assert {tilt.dose for tilt in facts.tilts} == {None}


def test_the_angle_of_an_image_that_is_left_out(tmp_path: Path, truth: Truth, mdoc) -> None:
    """It moves with the others: a dark image keeps its place among the angles."""
    geometry = join([mdoc, read(tmp_path, "a.aln", made_up.aln(truth, dark=3))])
    np.testing.assert_allclose(geometry.angles_deg, truth.refined, atol=0.006)
    assert geometry.excluded[3]


def test_two_tomograms_of_one_list_are_two_series(tmp_path: Path, truth: Truth) -> None:
    text = made_up.relion_4(truth)
    row = next(line for line in text.splitlines() if line.startswith("TS_01 "))
    block = text[text.index("data_TS_01") :]
    second = text.replace(row, f"{row}\n{row.replace('TS_01', 'TS_02')}")
    (tmp_path / "a.star").write_text(second + block.replace("data_TS_01", "data_TS_02"))
    both = read_metadata(tmp_path / "a.star")
    assert [facts.series for facts in both] == ["TS_01", "TS_02"]
    with pytest.raises(InputError, match="expected one series, found TS_01 and TS_02"):
        join(both)
    np.testing.assert_allclose(join(both[1:]).angles_deg, truth.refined)


def test_matrices_with_a_tilt_about_x(tmp_path: Path, truth: Truth, mdoc: SeriesFacts) -> None:
    facts = read(tmp_path, "a.star", made_up.relion_4(truth, x_tilt=4.0))
    geometry = join([mdoc, facts])
    np.testing.assert_allclose(geometry.x_tilts_deg, 4.0, atol=1e-6)
    np.testing.assert_allclose(geometry.shifts_px, truth.shifts, atol=1e-5)
    np.testing.assert_allclose(geometry.angles_deg, truth.refined, atol=1e-6)


@pytest.mark.parametrize(("off", "said"), [(2.0, False), (4.0, True), (-4.0, True)])
def test_axes_that_differ_by_degrees(tmp_path, truth: Truth, mdoc, off: float, said: bool) -> None:
    xf = read(tmp_path, "a.xf", made_up.xf(truth))
    truth.axes = truth.axes + off
    other = read(tmp_path, "a.json", made_up.portal(truth))
    notices = join([replace(mdoc, tilt_axis_deg=None), xf, other]).notices
    assert any("alignments:" in text and "differ" in text for text in notices) == said
    notices = join([replace(mdoc, tilt_axis_deg=84.3 - off), xf]).notices
    assert any("tilt axis" in text for text in notices) == said


def test_two_alignments_of_other_shifts(tmp_path: Path, truth: Truth, mdoc: SeriesFacts) -> None:
    xf = read(tmp_path, "a.xf", made_up.xf(truth))
    for moved, said in ((1.5, False), (3.0, True)):
        truth.shifts = Truth().shifts + moved
        notices = join([mdoc, xf, read(tmp_path, "a.aln", made_up.aln(truth))]).notices
        assert any("differ by up to" in text for text in notices) == said


def test_one_image_told_twice(tmp_path: Path, truth: Truth) -> None:
    files = [read(tmp_path, f"{i}.mdoc", made_up.frame_mdoc(truth, i)) for i in (0, 1, 1)]
    with pytest.raises(InputError, match="found two of TS_01_006"):
        join(files)


def test_what_cannot_be_taken_is_said(tmp_path: Path, truth: Truth) -> None:
    """Local alignments, and what turns the tomogram."""
    xml = made_up.warp_xml(truth).replace('LevelAngleX="0"', 'LevelAngleX="1.5"')
    node = '<Node X="0" Y="0" Z="0" Value="0" />'
    grid, end = "<GridMovementX>{}</GridMovementX></TiltSeries>", "</TiltSeries>"
    local = xml.replace(end, grid.format(node + node))
    assert read(tmp_path, "a.xml", local).notices == (
        "LevelAngleX 1.5 turns the tomogram, not the images: left out",
        "local alignments are left out",
    )
    one = xml.replace(end, grid.format(node))
    assert len(read(tmp_path, "b.xml", one).notices) == 1
    com = made_up.tilt_com(truth).replace("OFFSET 0.0", "OFFSET 2.5\nLOCALFILE a.xf")
    assert len(read(tmp_path, "tilt.com", com).notices) == 2
    aln = made_up.aln(truth).replace("NumPatches = 0", "NumPatches = 16")
    assert read(tmp_path, "a.aln", aln).notices == ("local alignments are left out",)


@pytest.mark.parametrize("factor", [1.05, 0.95])
def test_magnifications_are_kept(tmp_path: Path, truth: Truth, mdoc, factor: float) -> None:
    """IMOD's A may enlarge: R is its inverse; the axis is that of the rotation."""
    rows = [[float(word) for word in line.split()] for line in made_up.xf(truth).splitlines()]
    text = "\n".join(" ".join(f"{factor * v:.8f}" for v in row) for row in rows)
    geometry = join([mdoc, read(tmp_path, "a.xf", text)])
    scale = np.sqrt(np.linalg.det(geometry.matrices))
    np.testing.assert_allclose(scale, 1 / factor, rtol=1e-6)
    np.testing.assert_allclose(geometry.axes_deg, truth.axes, atol=1e-4)
    for wrong in (4.0, 0.2):
        text = "\n".join(" ".join(f"{wrong * v:.8f}" for v in row) for row in rows)
        with pytest.raises(InputError, match="expected a rotation A11"):
            read(tmp_path, "a.xf", text)


def test_a_tomostar_with_an_alignment(tmp_path: Path, truth: Truth, mdoc: SeriesFacts) -> None:
    """Older ones hold the offsets too, in Å."""
    lines = made_up.tomostar(truth).splitlines()
    start = next(i for i, line in enumerate(lines) if "wrpMaskedFraction" in line)
    head = [*lines[: start + 1], "_wrpAxisOffsetX #7", "_wrpAxisOffsetY #8"]
    rows = [f"{line} {x:.4f} {y:.4f}" for line, (x, y) in
            zip(lines[start + 1 :], PIXEL_A * truth.shifts, strict=False)]  # fmt: skip
    facts = read(tmp_path, "a.tomostar", "\n".join([*head, *rows]) + "\n")
    np.testing.assert_allclose(join([mdoc, facts]).shifts_px, truth.shifts, atol=1e-4)


def test_matrices_that_tell_no_shift(tmp_path: Path, truth: Truth, mdoc: SeriesFacts) -> None:
    """WarpTools writes rotations only; without the tomogram's size nothing is known either."""
    text = made_up.relion_4(truth)
    turned = re.sub(r",[-\d.e]+\]", ",0]", text)
    sizeless = text.replace("_rlnTomoSizeX", "_rlnTomoSize")
    for changed, why in ((turned, "no translation in its matrices"), (sizeless, "no rlnTomoSizeX")):
        geometry = join([mdoc, read(tmp_path, "a.star", changed)])
        assert np.isnan(geometry.shifts_px).all()
        np.testing.assert_allclose(geometry.axes_deg, truth.axes, atol=1e-6)
        assert any(f"{why}: the shifts are not known" in text for text in geometry.notices)
