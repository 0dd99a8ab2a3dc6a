"""One series told by six programs is one geometry; the wrong sign is seen in images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

import made_up_series as made_up
from faket.io.metadata import JoinedGeometry, join, read_metadata
from faket.io.metadata.facts import SeriesFacts
from faket.reconstruction import align
from made_up_series import PIXEL_A, Truth

EVEN, ODD = (64, 48), (65, 47)

PROGRAMS = {
    "IMOD": {"a.rawtlt": made_up.rawtlt, "a.tlt": made_up.tlt, "a.xf": made_up.xf,
             "tilt.com": lambda t: made_up.tilt_com(t, "1"), "a.mdoc": made_up.mdoc,
             "a.defocus": made_up.defocus_3},
    "AreTomo": {"a.aln": lambda t: made_up.aln(t, dark=0), "a_CTF.txt": made_up.aretomo_ctf,
                "a.mdoc": made_up.mdoc},
    "AreTomo 1": {"a.aln": lambda t: made_up.aln(t, first=0, dark=0), "a.txt": made_up.ctffind,
                  "a.mdoc": made_up.mdoc},
    "Warp": {"a.xml": lambda t: made_up.warp_xml(t, used=(0,)), "a.tomostar": made_up.tomostar,
             "a.mdoc": made_up.mdoc},
    "Warp, not inverted": {"a.xml": lambda t: made_up.warp_xml(t, sign=1, used=(0,)),
                           "a.mdoc": made_up.mdoc},
    "RELION 5": {"a.star": made_up.relion_5, "a.mdoc": lambda t: made_up.mdoc(t, by_time=False)},
    "RELION 4": {"a.star": made_up.relion_4, "a.mdoc": made_up.mdoc},
    "portal": {"a.json": made_up.portal, "b.json": made_up.portal_series, "a.mdoc": made_up.mdoc},
    "portal, numbers of the .xf": {
        "a.json": lambda t: made_up.portal(t, standard=False), "b.json": made_up.portal_series,
        "a.mdoc": made_up.mdoc},
}  # fmt: skip


def read(folder: Path, files: dict[str, str]) -> list[SeriesFacts]:
    found = []
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        found += read_metadata(folder / name)
    return found


def joined(folder: Path, truth: Truth, program: str) -> JoinedGeometry:
    return join(read(folder, {name: write(truth) for name, write in PROGRAMS[program].items()}))


@pytest.mark.parametrize("size", [EVEN, ODD], ids=["even", "odd"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_tells_the_same(tmp_path: Path, program: str, size) -> None:
    truth = Truth(size)
    geometry = joined(tmp_path, truth, program)
    used = slice(1, None)  # the first image is left out by those that can
    np.testing.assert_allclose(geometry.angles_deg[used], truth.refined[used], atol=0.006)
    np.testing.assert_allclose(geometry.nominal_angles_deg[used], truth.stage[used], atol=0.006)
    np.testing.assert_allclose(geometry.axes_deg[used], truth.axes[used], atol=1e-4)
    np.testing.assert_allclose(geometry.shifts_px[used], truth.shifts[used], atol=1e-3)
    np.testing.assert_array_equal(geometry.order, truth.order)
    np.testing.assert_allclose(geometry.dose_e_per_A2, truth.dose)
    np.testing.assert_allclose(geometry.dose_before_e_per_A2, truth.before)
    assert geometry.pixel_size_A == PIXEL_A
    assert geometry.voltage_kV == 300
    assert geometry.image_size == size
    if program != "Warp, not inverted":
        np.testing.assert_allclose(geometry.defocus_u_um, truth.u, rtol=1e-5)
        np.testing.assert_allclose(geometry.defocus_v_um, truth.v, rtol=1e-5)
        np.testing.assert_allclose(geometry.astigmatism_deg, truth.astigmatism)
    if "IMOD" in program or "AreTomo" in program or "Warp" in program:
        assert np.flatnonzero(geometry.excluded).tolist() == [0]
    assert not [text for text in geometry.notices if "differ" in text or "says" in text]


def test_phase_plates_tell_degrees(tmp_path: Path) -> None:
    truth = Truth()
    files = {"a.mdoc": made_up.mdoc(truth)}
    for name, write in (("a.defocus", made_up.defocus_3), ("a_CTF.txt", made_up.aretomo_ctf),
                        ("a.txt", made_up.ctffind), ("g.star", made_up.gctf),
                        ("a.xml", made_up.warp_xml), ("r.star", made_up.relion_5),
                        ("b.json", made_up.portal_series)):  # fmt: skip
        geometry = join(read(tmp_path, {**files, name: write(truth)}))
        np.testing.assert_allclose(geometry.phase_shift_deg, truth.phase, atol=0.01)
        np.testing.assert_allclose(geometry.defocus_u_um, truth.u, rtol=1e-5)


def test_all_of_them_together_agree(tmp_path: Path) -> None:
    """Everything that was written about a series, in one folder, contradicts nowhere."""
    truth = Truth()
    files = made_up.all_files(truth)
    del files["TS_01_000_0.0.tif.mdoc"], files["copick.json"], files["tomograms.star"]
    geometry = join(read(tmp_path, files))
    assert not [text for text in geometry.notices if "differ" in text or "says" in text]
    np.testing.assert_allclose(geometry.shifts_px[:-1], truth.shifts[:-1], atol=1e-3)
    assert np.flatnonzero(geometry.excluded).tolist() == [8]  # tilt.com counts from 1


def test_frames_alone_are_a_series(tmp_path: Path) -> None:
    truth = Truth()
    files = {f"{truth.frame(i)}.mdoc": made_up.frame_mdoc(truth, i) for i in truth.sequence}
    geometry = join(read(tmp_path, files))
    np.testing.assert_allclose(geometry.angles_deg, truth.stage, atol=1e-4)
    np.testing.assert_array_equal(geometry.order, truth.order)
    assert geometry.frames == tuple(truth.frame(i) for i in range(9))


def test_a_sorted_stack_is_matched_by_angle(tmp_path: Path) -> None:
    """The mdoc's places are those of the acquisition, the .rawtlt's those of the sorted stack."""
    truth = Truth()
    files = {"a.rawtlt": made_up.rawtlt(truth), "a.mdoc": made_up.mdoc(truth, by_time=True),
             "a_CTF.txt": made_up.aretomo_ctf(truth)}  # fmt: skip
    geometry = join(read(tmp_path, files))
    np.testing.assert_array_equal(geometry.order, truth.order)
    np.testing.assert_allclose(geometry.dose_before_e_per_A2, truth.before)
    assert any("by angle" in text for text in geometry.notices)


def test_ctf_of_a_sorted_stack_finds_the_images_of_one_that_is_not(tmp_path: Path) -> None:
    truth = Truth()
    files = {"a.mdoc": made_up.mdoc(truth, by_time=True), "a_CTF.txt": made_up.aretomo_ctf(truth)}
    geometry = join(read(tmp_path, files))
    np.testing.assert_allclose(geometry.defocus_u_um, truth.u[truth.sequence], rtol=1e-5)


def test_tomograms_find_their_series(tmp_path: Path) -> None:
    """The path is from the project's folder, some way above; every optics value is taken."""
    truth, job = Truth(), tmp_path / "Tomograms" / "job006"
    (job / "tilt_series").mkdir(parents=True)
    (job / "tilt_series" / "TS_01.star").write_text(made_up.relion_5(truth))
    (job / "tomograms.star").write_text(made_up.tomograms())
    (facts,) = read_metadata(job / "tomograms.star")
    assert (facts.pixel_size_A, facts.hand, facts.series) == (PIXEL_A, -1, "TS_01")
    geometry = join([facts])
    np.testing.assert_allclose(geometry.shifts_px, truth.shifts, atol=1e-4)
    assert geometry.halves[0] == tuple(
        f"MotionCorr/TS_01_{truth.order[0]:03d}_-24_0_{half}.mrc" for half in ("EVN", "ODD")
    )


def test_geometry_of_the_images_that_are_used(tmp_path: Path) -> None:
    truth = Truth()
    geometry = joined(tmp_path, truth, "IMOD").tilt_geometry()
    np.testing.assert_allclose(geometry.angles_deg, truth.refined[1:], atol=0.006)
    np.testing.assert_allclose(geometry.shifts_A, PIXEL_A * truth.shifts[1:], atol=3e-3)
    assert geometry.tilt_axis_deg == pytest.approx(truth.axes[1:].mean(), abs=1e-3)
    assert sorted(geometry.order) == list(range(8))
    np.testing.assert_allclose(geometry.axes_deg(), truth.axes[1:], atol=1e-3)


def picture(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Blobs without any symmetry, x and y from sample N // 2 of the aligned image."""
    blobs = [(3, 5, 2), (-12, 7, 3), (9, -8, 2.5), (-4, -10, 2), (15, 3, 3), (-17, -3, 2)]
    return sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * s**2)) for a, b, s in blobs)


def grid(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[: size[1], : size[0]]
    return x - size[0] // 2, y - size[1] // 2


def as_newstack(raw: np.ndarray, line: str) -> np.ndarray:
    """What newstack makes of an image by a line of the .xf: samples 1, 2, … N from N / 2 + 0.5."""
    a11, a12, a21, a22, dx, dy = map(float, line.split())
    ny, nx = raw.shape
    y, x = np.mgrid[1 : ny + 1, 1 : nx + 1]
    u, v = x - (nx / 2 + 0.5) - dx, y - (ny / 2 + 0.5) - dy
    determinant = a11 * a22 - a12 * a21
    x_in = (a22 * u - a12 * v) / determinant + nx / 2 + 0.5
    y_in = (-a21 * u + a11 * v) / determinant + ny / 2 + 0.5
    return map_coordinates(raw, [y_in - 1, x_in - 1], order=3)


def by_geometry(raw: np.ndarray, matrix: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Sample the raw image at R p + shift, from sample N // 2."""
    x, y = grid(raw.shape[::-1])
    u = matrix[0, 0] * x + matrix[0, 1] * y + shift[0] + raw.shape[1] // 2
    v = matrix[1, 0] * x + matrix[1, 1] * y + shift[1] + raw.shape[0] // 2
    return map_coordinates(raw, [v, u], order=3)


def alike(a: np.ndarray, b: np.ndarray) -> float:
    inside = (slice(10, -10), slice(10, -10))
    return float(np.corrcoef(a[inside].ravel(), b[inside].ravel())[0, 1])


@pytest.mark.parametrize("size", [(96, 88), (95, 87)], ids=["even", "odd"])
def test_a_raw_stack_with_its_xf_becomes_the_aligned_one(tmp_path: Path, size) -> None:
    truth = Truth(size)
    geometry = joined(tmp_path, truth, "IMOD")
    aligned = picture(*grid(size))
    for i, line in enumerate(made_up.xf(truth).splitlines()):
        x, y = grid(size)
        turned = made_up.turn(-truth.axes[i])
        at = np.stack([x - truth.shifts[i, 0], y - truth.shifts[i, 1]])
        raw = picture(*np.tensordot(turned, at, 1))
        ours = by_geometry(raw, geometry.matrices[i], geometry.shifts_px[i])
        assert alike(ours, aligned) > 0.999
        np.testing.assert_allclose(ours, as_newstack(raw, line), atol=1e-3)
        # Whoever takes the transform for its inverse, or the shift for its opposite, is caught.
        matrix, shift = geometry.matrices[i], geometry.shifts_px[i]
        assert alike(by_geometry(raw, matrix.T, -matrix.T @ shift), aligned) < 0.8
        assert alike(by_geometry(raw, matrix, -shift), aligned) < 0.95


@pytest.mark.parametrize("program", ["IMOD", "Warp", "portal"])
def test_reconstruction_aligns_a_raw_stack(tmp_path: Path, program: str) -> None:
    """By the geometry that goes to the rest of faket; opposite shifts or axis are caught."""
    truth = Truth((96, 96))
    truth.axes = np.full(9, 84.3)
    geometry = joined(tmp_path, truth, program).tilt_geometry()
    x, y = grid(truth.size)
    at = np.stack([x - truth.shifts[4, 0], y - truth.shifts[4, 1]])
    raw = picture(*np.tensordot(made_up.turn(-84.3), at, 1)).astype(np.float32)
    stack = np.broadcast_to(raw, (len(geometry.angles_deg), *raw.shape))
    place = int(np.abs(geometry.angles_deg - truth.refined[4]).argmin())
    aligned = picture(x, y)
    assert alike(align(stack, geometry)[place], aligned) > 0.99
    wrong = replace(geometry, shifts_A=-geometry.shifts_A)
    assert alike(align(stack, wrong)[place], aligned) < 0.95
    wrong = replace(geometry, matrices=None, tilt_axis_deg=-geometry.tilt_axis_deg)
    assert alike(align(stack, wrong)[place], aligned) < 0.8
