"""Every program's folder opens in one line, and gives the aligned images it was made from."""

from pathlib import Path

import numpy as np
import pytest

import made_up_series as made_up
from faket import Reference
from faket.errors import InputError
from made_up_runs import (
    aligned_images,
    aligned_size,
    alike,
    aretomo,
    grid,
    imod,
    picture,
    portal,
    raw_images,
    relion_4,
    relion_5,
    stack,
    warp,
    write,
)
from made_up_series import PIXEL_A, Truth

SIZE = (110, 104)


PROGRAMS = {
    imod: ("TS_01.mrc", "TS_01.xf", "TS_01.mrc.mdoc", "TS_01.edf", "tilt.com"),
    aretomo: ("TS_01.mrc", "TS_01.aln", "TS_01_CTF.txt", "TS_01.mdoc"),
    warp: (),
    relion_5: ("Tomograms/job006/tomograms.star", "Tomograms/job006/tilt_series/TS_01.star"),
    relion_4: ("tomograms.star",),
    portal: (),
}


def is_the_series(reference, truth, used=9):
    series = reference.series()
    assert len(series.images) == used
    assert series.images.shape[1:] == aligned_size(truth)[::-1]
    np.testing.assert_allclose(series.geometry.angles_deg, truth.refined[:used], atol=0.006)
    assert series.geometry.tilt_axis_deg == 0
    assert not series.geometry.shifts_A.any()
    for made, expected in zip(series.images, aligned_images(truth), strict=False):
        assert alike(made, expected) > 0.99
    return series


@pytest.mark.parametrize("program", PROGRAMS, ids=[p.__name__ for p in PROGRAMS])
def test_a_folder_and_each_of_its_files_open_the_aligned_series(tmp_path: Path, program) -> None:
    truth = Truth(SIZE)
    program(tmp_path, truth)
    used = 8 if program in (imod, aretomo, warp) else 9
    series = is_the_series(Reference.open(tmp_path), truth, used)
    assert series.geometry.voltage_kV in (300, None)
    for name in PROGRAMS[program]:
        is_the_series(Reference.open(tmp_path / name), truth, used)


def test_what_imod_knows_is_there(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    imod(tmp_path, truth)
    reference = Reference.open(tmp_path)
    assert reference.aligned is False
    assert reference.path.name == "TS_01.mrc"
    geometry = reference.series().geometry
    np.testing.assert_allclose(geometry.defocus_um, (truth.u + truth.v)[:8] / 2, rtol=1e-5)
    # What was measured at 31.5° in the raw image lies at 31.5° less its axis' angle now.
    np.testing.assert_allclose(geometry.astigmatism_deg, 31.5 - truth.axes[:8], atol=1e-3)
    np.testing.assert_allclose(geometry.dose_before_e_per_A2, truth.before[:8])
    assert reference.notices == ()


def test_the_aligned_stack_is_not_aligned_again(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    imod(tmp_path, truth)
    reference = Reference.open(tmp_path / "TS_01_ali.mrc")
    assert reference.aligned is True
    geometry = is_the_series(reference, truth, 8).geometry
    # As in the raw stack that was aligned here: the image turned, and the direction with it.
    np.testing.assert_allclose(geometry.astigmatism_deg, 31.5 - truth.axes.mean(), atol=0.01)
    (tmp_path / "TS_01.mrc").unlink()
    (tmp_path / "TS_01.xf").unlink()
    is_the_series(Reference.open(tmp_path), truth, 8)


def test_transforms_of_the_wrong_sign_do_not_pass(tmp_path: Path) -> None:
    """The .xf of aligned to raw, instead of raw to aligned."""
    truth = Truth(SIZE)
    imod(tmp_path, truth)
    inverse = Truth(SIZE)
    inverse.axes = -truth.axes
    inverse.shifts = np.array([-made_up.turn(a).T @ s for a, s in
                               zip(truth.axes, truth.shifts, strict=True)])  # fmt: skip
    (tmp_path / "TS_01.xf").write_text(made_up.xf(inverse))
    series = Reference.open(tmp_path).series()
    assert alike(series.images[4], aligned_images(truth)[4]) < 0.5


def test_halves_are_found(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    aretomo(tmp_path, truth)
    halves = Reference.open(tmp_path).halves
    assert [half.path.name for half in halves] == ["TS_01_EVN.mrc", "TS_01_ODD.mrc"]
    relion_5(tmp_path / "relion", truth)
    even, odd = Reference.open(tmp_path / "relion" / "Tomograms" / "job006").halves
    assert even.paths[0].name.endswith("_EVN.mrc")
    assert odd.count == 9


def test_other_pixels(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    imod(tmp_path, truth)
    series = Reference.open(tmp_path).series(pixel_size_A=2 * PIXEL_A)
    width, height = aligned_size(truth)
    assert series.images.shape == (8, height // 2, width // 2)
    x, y = grid((width // 2, height // 2))
    assert alike(series.images[3], picture(2 * x, 2 * y, 3)) > 0.99


def test_several_series_are_named(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    for name in ("TS_01", "TS_02", "TS_010"):
        stack(tmp_path, f"{name}.mrc", raw_images(truth))
        write(tmp_path, {f"{name}.rawtlt": made_up.rawtlt(truth), f"{name}.xf": made_up.xf(truth)})
    with pytest.raises(InputError, match=r"found 3 \(TS_01, TS_010, TS_02\); choose one"):
        Reference.open(tmp_path)
    assert Reference.open(tmp_path, series="TS_02").path.name == "TS_02.mrc"
    assert Reference.open(tmp_path / "TS_010.xf").path.name == "TS_010.mrc"


def test_what_the_user_gives_wins(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    imod(tmp_path, truth)
    (tmp_path / "mine.txt").write_text("\n".join(map(str, truth.stage)))
    reference = Reference.open(tmp_path, angles=tmp_path / "mine.txt", pixel_size_A=5.0)
    np.testing.assert_allclose(reference.geometry.angles_deg, truth.stage)
    assert reference.geometry.pixel_size_A == 5.0
    assert any("pixel size" in text and "given" in text for text in reference.notices)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda f, t: None, "found none; give the folder"),
        (lambda f, t: stack(f, "a.mrc", raw_images(t)), "a.mrc: expected its tilt angles beside"),
        (lambda f, t: write(f, {"a.rawtlt": made_up.rawtlt(t)}), "expected the images of a"),
        (lambda f, t: (stack(f, "a.mrc", raw_images(t)[:5]), write(f, {"a.tlt": made_up.tlt(t)})),
         "expected 5 tilts as in a.mrc"),
        (lambda f, t: (stack(f, "a.mrc", raw_images(t), 1.0), write(f, {"a.tlt": made_up.tlt(t)})),
         "expected its pixel size"),
        (lambda f, t: (stack(f, "a.mrc", raw_images(t)), write(f, {"a.tlt": "0\n" * 9})),
         "expected tilt angles that differ"),
        (lambda f, t: (stack(f, "a.mrc", raw_images(t)), write(f, {"a.tlt": made_up.tlt(t),
                                                                   "a.xf": "1 0 0 1 0\n"})),
         "a.xf: "),
    ],
    ids=["empty", "no angles", "no stack", "counts", "no pixel size", "zeros", "damaged xf"],
)  # fmt: skip
def test_what_cannot_be_opened_is_said_in_one_line(tmp_path: Path, make, words) -> None:
    make(tmp_path, Truth(SIZE))
    with pytest.raises(InputError, match=words) as caught:
        Reference.open(tmp_path).series()
    assert "\n" not in str(caught.value)


def test_noise_between_the_files_does_no_harm(tmp_path: Path) -> None:
    """Logs, other programs' texts and JSON, hidden files: read or said, never an end."""
    truth = Truth(SIZE)
    imod(tmp_path, truth)
    write(tmp_path, {"notes.txt": "hello", "settings.json": "{}", ".hidden.xf": "x",
                     "TS_01_report.xml": "<html></html>", "other.com": "$echo\n"})  # fmt: skip
    is_the_series(Reference.open(tmp_path), truth, 8)


def test_resampling_keeps_the_colour_of_noise(tmp_path: Path) -> None:
    """White noise behind a rotated, shifted stack is white after its alignment."""
    truth = Truth((256, 256))
    noise = np.random.default_rng(3).normal(100, 10, (9, 256, 256)).astype(np.float32)
    stack(tmp_path, "TS_01.mrc", noise)
    write(tmp_path, {"TS_01.tlt": made_up.tlt(truth), "TS_01.xf": made_up.xf(truth)})
    image = Reference.open(tmp_path).series().images[:, 40:-40, 40:-40]
    power = np.mean(np.abs(np.fft.fft2(image - 100)) ** 2, axis=0) / image[0].size
    k = np.hypot(*np.meshgrid(*[np.fft.fftfreq(n) for n in image.shape[1:]], indexing="ij"))
    for low, high in ((0.05, 0.2), (0.2, 0.35), (0.35, 0.48)):
        assert power[(k > low) & (k < high)].mean() == pytest.approx(100, rel=0.05)
