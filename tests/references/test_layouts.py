"""Folders as labs have them: what lies about in them neither hides nor changes the series."""

import gzip
from pathlib import Path

import numpy as np
import pytest

import made_up_series as made_up
from faket import Reference
from faket.errors import InputError
from made_up_runs import aligned_images, alike, imod, raw_images, relion_5, stack, warp, write
from made_up_series import Truth

SIZE = (64, 56)


def is_the_series(reference, truth, kept=tuple(range(9))):
    """The images, in whatever order, with their angles, order and exposures."""
    series = reference.series()
    geometry = series.geometry
    near = np.abs(geometry.angles_deg[:, None] - truth.refined).argmin(axis=1)
    assert sorted(near.tolist()) == sorted(kept)
    for image, i in zip(series.images, near, strict=True):
        assert alike(image, aligned_images(truth)[i]) > 0.98
    if geometry.order is not None:
        np.testing.assert_array_equal(geometry.order, np.argsort(np.argsort(truth.order[near])))
    if geometry.dose_before_e_per_A2 is not None:
        np.testing.assert_allclose(geometry.dose_before_e_per_A2, truth.before[near])


def averages(folder, truth):
    """Warp 1: everything in the folder of the frames, with an XML file for each movie."""
    for i, image in enumerate(raw_images(truth)):
        stack(folder, f"average/{truth.frame(i)}.mrc", image[None])
        write(folder, {f"{truth.frame(i)}.xml": "<Movie CTFResolutionEstimate='5'></Movie>"})
    write(folder, {"TS_01.xml": made_up.warp_xml(truth), "TS_01.mdoc": made_up.mdoc(truth)})


def by_time(text, truth):
    """The rows of a star file in the order of acquisition."""
    lines = text.splitlines()
    rows = [i for i, line in enumerate(lines) if line.startswith("frames/")]
    texts = [lines[i] for i in rows]
    for place, i in enumerate(rows):
        lines[i] = texts[truth.sequence[place]]
    return "\n".join(lines) + "\n"


def some(text, kept):
    lines = text.splitlines()
    return "".join(f"{lines[i]}\n" for i in kept)


def test_etomo_s_copies_of_a_stack_are_no_series(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    imod(tmp_path, truth)
    for name in ("TS_01_orig.st", "TS_01_fixed.mrc", "TS_01_ccderaser.mrc", "TS_01_mine.mrc"):
        stack(tmp_path, name, np.zeros((9, 8, 8)))
    stack(tmp_path, "TS_01.preali", np.zeros((9, 8, 8)))
    reference = Reference.open(tmp_path)
    assert reference.path.name == "TS_01.mrc"
    is_the_series(reference, truth, range(8))


def test_etomo_s_two_axes_have_commands_of_their_own(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    for axis, excluded in (("a", "9"), ("b", "1")):
        name = f"TS_01{axis}"
        stack(tmp_path, f"{name}.st", raw_images(truth))
        write(tmp_path, {f"{name}.tlt": made_up.tlt(truth), f"{name}.xf": made_up.xf(truth),
                         f"tilt{axis}.com": made_up.tilt_com(truth, excluded)})  # fmt: skip
    with pytest.raises(InputError, match=r"found 2 \(TS_01a, TS_01b\)"):
        Reference.open(tmp_path)
    is_the_series(Reference.open(tmp_path, series="TS_01a"), truth, range(8))
    is_the_series(Reference.open(tmp_path, series="TS_01b"), truth, range(1, 9))


def test_images_that_warp_1_averaged(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    averages(tmp_path, truth)
    is_the_series(Reference.open(tmp_path), truth)


def test_images_of_their_own_keep_the_order_of_their_list(tmp_path: Path) -> None:
    """RELION lists by time, the angles beside it are sorted."""
    truth = Truth(SIZE)
    relion_5(tmp_path, truth)
    job = "Tomograms/job006/"
    write(tmp_path, {f"{job}tilt_series/TS_01.star": by_time(made_up.relion_5(truth), truth),
                     f"{job}external/TS_01/TS_01.rawtlt": made_up.rawtlt(truth),
                     f"{job}external/TS_01/TS_01.tlt": made_up.tlt(truth)})  # fmt: skip
    reference = Reference.open(tmp_path)
    assert reference.path.name.startswith("TS_01_000_")
    is_the_series(reference, truth)


def test_a_project_of_relion_5_is_opened_by_its_images_and_not_by_a_tomogram(
    tmp_path: Path,
) -> None:
    truth = Truth(SIZE)
    relion_5(tmp_path, truth)
    stack(tmp_path, "Tomograms/job006/tomograms/rec_TS_01.mrc", np.ones((9, 20, 20)), 10.0)
    write(tmp_path, {
        "AlignTiltSeries/job005/aligned_tilt_series.star": made_up.tomograms(),
        "AlignTiltSeries/job005/job.star": "data_job\n\n_rlnJobTypeLabel relion.align\n",
        "AlignTiltSeries/job005/default_pipeline.star": "data_p\n\n_rlnPipeLineJobCounter 7\n",
    })  # fmt: skip
    reference = Reference.open(tmp_path)
    assert not reference.is_tomogram
    assert reference.halves is not None
    is_the_series(reference, truth)


def test_warp_s_tomograms_do_not_come_before_its_stack(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    warp(tmp_path, truth)
    stack(tmp_path, "reconstruction/TS_01_10.00Apx.mrc", np.ones((9, 20, 20)), 10.0)
    assert Reference.open(tmp_path).path.name == "TS_01.st"


@pytest.mark.parametrize("files", ["tlt", "rawtlt", "both"])
def test_a_stack_that_lost_images_finds_those_of_its_mdoc(tmp_path: Path, files) -> None:
    """By their nominal angles where there are some: an alignment may have turned all by a step."""
    truth, kept = Truth(SIZE), range(1, 8)
    turned = 10.0 if files == "both" else 2.85
    truth.refined = truth.stage + turned * (files != "rawtlt")
    stack(tmp_path, "TS_01.st", raw_images(truth)[1:8])
    write(tmp_path, {"TS_01.mdoc": made_up.mdoc(truth, by_time=True),
                     "TS_01.xf": some(made_up.xf(truth), kept)})  # fmt: skip
    if files != "rawtlt":
        write(tmp_path, {"TS_01.tlt": some(made_up.tlt(truth), kept)})
    if files != "tlt":
        write(tmp_path, {"TS_01.rawtlt": some(made_up.rawtlt(truth), kept)})
    reference = Reference.open(tmp_path)
    assert any("not in the stack: 2" in text for text in reference.notices)
    is_the_series(reference, truth, kept)


def test_an_mdoc_of_another_position_stays_with_it(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    stack(tmp_path, "Position_1.mrc", raw_images(truth))
    write(tmp_path, {f"{name}.mdoc": made_up.mdoc(truth)
                     for name in ("Position_1", "Position_1_2", "Position_1_3")})  # fmt: skip
    reference = Reference.open(tmp_path)
    assert [path.name for path in reference.files] == ["Position_1.mrc", "Position_1.mdoc"]


def test_blanks_capitals_links_and_packed_stacks(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    stack(tmp_path, "of me/BB 01.mrc", raw_images(truth))
    write(tmp_path, {"of me/BB 01.TLT": made_up.tlt(truth), "of me/BB 01.XF": made_up.xf(truth)})
    (tmp_path / "links").mkdir()
    for path in (tmp_path / "of me").iterdir():
        (tmp_path / "links" / path.name.replace(" ", "-")).symlink_to(path)
    (tmp_path / "links" / "round").symlink_to(tmp_path / "links")
    is_the_series(Reference.open(tmp_path / "of me"), truth)
    is_the_series(Reference.open(tmp_path / "links"), truth)
    packed = tmp_path / "of me" / "BB 01.mrc"
    packed.with_name("BB 01.mrc.gz").write_bytes(gzip.compress(packed.read_bytes(), 1))
    packed.unlink()
    is_the_series(Reference.open(tmp_path / "of me"), truth)


def test_tomoman_s_ctf_beside_a_dose_weighted_stack(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    folder = "TS_01/"
    stack(tmp_path, f"{folder}01_dose-filt.st", raw_images(truth))
    stack(tmp_path, f"{folder}ctffind4/diagnostic_output.mrc", np.zeros((9, 8, 8)))
    write(tmp_path, {
        f"{folder}01_dose-filt.xf": made_up.xf(truth), f"{folder}01_dose-filt.tlt":
        made_up.tlt(truth), f"{folder}ctffind4/diagnostic_output.txt": made_up.ctffind(truth),
    })  # fmt: skip
    reference = Reference.open(tmp_path)
    is_the_series(reference, truth)
    np.testing.assert_allclose(reference.geometry.defocus_u_um, truth.u, rtol=1e-5)


def test_aretomo_3_tells_order_and_exposure_in_its_list_of_angles(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    stack(tmp_path, "TS_01.mrc", raw_images(truth))
    write(tmp_path, {"TS_01_TLT.txt": made_up.aretomo_tlt(truth)})
    geometry = Reference.open(tmp_path).geometry
    np.testing.assert_array_equal(np.argsort(geometry.order), truth.sequence)
    np.testing.assert_allclose(geometry.dose_e_per_A2, truth.dose)
    np.testing.assert_allclose(geometry.dose_before_e_per_A2, truth.before)
    sums = "".join(f"{a:.2f} {o + 1} {3.0 * (o + 1)}\n"
                   for a, o in zip(truth.stage, truth.order, strict=True))  # fmt: skip
    write(tmp_path, {"TS_01_TLT.txt": sums})
    reference = Reference.open(tmp_path)
    assert not np.isfinite(reference.geometry.dose_e_per_A2).any()
    assert any("they are sums" in text for text in reference.notices)


def test_of_two_stacks_of_one_name_the_other_is_named(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    imod(tmp_path, truth)
    stack(tmp_path, "TS_01.st", raw_images(truth))
    stack(tmp_path, "copy/TS_01.mrc", raw_images(truth))
    said = [text for text in Reference.open(tmp_path).notices if "left alone" in text]
    assert len(said) == 2
    assert Reference.open(tmp_path / "TS_01.st").notices == ()


def test_eman2_s_stack_is_to_be_converted(tmp_path: Path) -> None:
    (tmp_path / "tiltseries").mkdir()
    (tmp_path / "tiltseries" / "TS_01.hdf").write_bytes(b"HDF")
    with pytest.raises(InputError, match=r"TS_01.hdf: .*e2proc2d.py TS_01.hdf TS_01.mrc"):
        Reference.open(tmp_path)


def test_a_file_of_something_else_is_left_out_and_said(tmp_path: Path) -> None:
    truth = Truth(SIZE)
    imod(tmp_path, truth)
    write(tmp_path, {"TS_01.star": "data_p\n\nloop_\n_rlnCoordinateX #1\n1.0\n"})
    assert any("TS_01.star is left out" in text for text in Reference.open(tmp_path).notices)
