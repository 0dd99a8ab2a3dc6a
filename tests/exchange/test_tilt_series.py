"""An exported tilt-series tells what its images were made with, and a real program's errors."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from faket.data import TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.exchange.formats.relion import matrix_blocks
from faket.exchange.formats.tilt_series import FORMAT, FRAMES, told_series
from faket.exchange.source import SourceTomogram
from faket.exchange.true_series import true_series
from faket.io.acquisition import write_acquisition
from faket.io.metadata import join, read_metadata
from faket.io.metadata_writers import SeriesErrors
from faket.io.mrc import read_stack
from faket.io.star import read_star, write_star
from faket.io.tilts import write_tilt_geometry, write_tilt_series
from faket.microscope import PRESETS, draw_acquisition

ANGLES = np.arange(-40, 41, 10.0)


@pytest.fixture
def model(tmp_path):
    """A tomogram's folder as method benchmark leaves it: a raw stack and its record."""
    folder = tmp_path / "data" / "model_0"
    folder.mkdir(parents=True)
    microscope = replace(PRESETS["k3-60x3"], tilt_axis_deg=(84.0, 84.0), rotation_error_deg=0.1,
                         angle_error_deg=0.1, shift_A=(8.0, 8.0))  # fmt: skip
    record = draw_acquisition(microscope, TiltGeometry(ANGLES, 5.0), seed=4)
    images = np.random.default_rng(1).normal(size=(9, 20, 24)).astype(np.float32)
    geometry = record.geometry()
    write_tilt_series(folder / "projections_unbinned.mrc", TiltSeries(images, geometry))
    write_tilt_geometry(folder / "projections_unbinned.csv", geometry)
    write_acquisition(folder / "acquisition.json", record)
    return SourceTomogram(
        "model_0", folder, folder / "reconstruction.mrc", 10.0, (16, 10, 12)
    ), record


def test_files_tell_the_truth_and_not_what_alignment_knew(model, tmp_path):
    tomogram, record = model
    out = tmp_path / "out"
    FORMAT.write(tomogram, out)
    FORMAT.finish([tomogram], out)
    # An .aln has one offset for all angles; a list of exposures is of no program that we read.
    unread = (".mrc", ".mrcs", ".aln", "_dose.txt")
    files = [path for path in sorted(out.rglob("*.*")) if not path.name.endswith(unread)]
    files.remove(out / "tilt_series" / "model_0.star")  # tomograms.star names it
    found = join([facts for path in files for facts in read_metadata(path)])
    np.testing.assert_allclose(found.shifts_px * 5, record.shifts_A, atol=0.01)
    np.testing.assert_allclose(found.angles_deg, record.true_angles_deg, atol=0.006)
    np.testing.assert_allclose(found.nominal_angles_deg, ANGLES, atol=1e-4)
    np.testing.assert_allclose(found.axes_deg, 84 + np.array(record.rotation_errors_deg), atol=1e-4)
    u = 1e-4 * (np.array(record.defocus_A) + np.array(record.astigmatism_A))
    v = 1e-4 * (np.array(record.defocus_A) - np.array(record.astigmatism_A))
    np.testing.assert_allclose(np.sort([found.defocus_u_um, found.defocus_v_um], 0),
                               np.sort([u, v], 0), atol=1e-5)  # fmt: skip
    np.testing.assert_array_equal(found.order, record.order)
    np.testing.assert_allclose(found.dose_e_per_A2, record.dose_e_per_A2, atol=1e-4)
    assert not [text for text in found.notices if "differ" in text or "says" in text]
    row = {name: values[0] for name, values in read_star(out / "tomograms.star")["global"].items()}
    assert [row[f"rlnTomoSize{axis}"] for axis in "XYZ"] == ["24", "20", "32"]
    assert float(row["rlnTomoHand"]) == 1


def test_matrices_of_relion_4_tell_the_same(model, tmp_path):
    tomogram, record = model
    blocks = matrix_blocks([tomogram])
    assert blocks["global"]["rlnTomoFrameCount"] == ["9"]
    assert blocks["global"]["rlnTomoTiltSeriesName"] == ["stacks/model_0.mrcs"]
    write_star(tmp_path / "tomograms.star", blocks)
    FORMAT.write(tomogram, tmp_path / "out")
    (mdoc,) = (tmp_path / "out").rglob("*.mdoc")  # it tells the size of the images
    found = join([*read_metadata(tmp_path / "tomograms.star"), *read_metadata(mdoc)])
    np.testing.assert_allclose(found.shifts_px * 5, record.shifts_A, atol=1e-5)
    np.testing.assert_allclose(found.angles_deg, record.true_angles_deg, atol=1e-6)
    np.testing.assert_allclose(found.axes_deg, 84 + np.array(record.rotation_errors_deg), atol=1e-5)
    np.testing.assert_allclose((found.defocus_u_um + found.defocus_v_um) / 2,
                               1e-4 * np.array(record.defocus_A), atol=1e-7)  # fmt: skip
    (tomogram.folder / "projections_unbinned.mrc").unlink()
    assert matrix_blocks([tomogram]) == {}


def test_stack_is_linked_and_frames_are_its_images(model, tmp_path):
    tomogram, _ = model
    FRAMES.write(tomogram, tmp_path / "out")
    stack = tomogram.folder / "projections_unbinned.mrc"
    assert (tmp_path / "out" / "model_0" / "model_0.mrc").samefile(stack)
    assert (tmp_path / "out" / "stacks" / "model_0.mrcs").samefile(stack)
    series = true_series(tomogram.folder)
    frame, size_A = read_stack(tmp_path / "out" / "frames" / f"{series.frames[3]}.mrc")
    assert size_A == 5.0
    np.testing.assert_array_equal(frame[0], read_stack(stack)[0][3])


def test_halves_go_with_their_stack(model, tmp_path):
    tomogram, _ = model
    for half in ("odd", "even"):
        shutil.copy(tomogram.folder / "projections_unbinned.mrc",
                    tomogram.folder / f"projections_unbinned_{half}.mrc")  # fmt: skip
    FORMAT.write(tomogram, tmp_path / "out")
    assert (tmp_path / "out" / "model_0" / "model_0_EVN.mrc").exists()
    facts = read_metadata(tmp_path / "out" / "tilt_series" / "model_0.star")[0]
    names = ("000003@stacks/model_0_EVN.mrcs", "000003@stacks/model_0_ODD.mrcs")
    assert facts.tilts[2].halves == names


def test_errors_are_drawn_by_name(model):
    tomogram, record = model
    wrong = told_series(replace(tomogram, errors=SeriesErrors(shift_A=20)))
    again = told_series(replace(tomogram, errors=SeriesErrors(shift_A=20)))
    other = told_series(replace(tomogram, errors=SeriesErrors(shift_A=20), name="model_1"))
    np.testing.assert_array_equal(wrong.shifts_px, again.shifts_px)
    assert np.abs(wrong.shifts_px - other.shifts_px).max() > 0.1
    assert 5 < np.std(wrong.shifts_px * 5 - record.shifts_A) < 40
    np.testing.assert_array_equal(wrong.defocus_u_um, told_series(tomogram).defocus_u_um)


def test_a_stack_without_a_record_is_aligned(model):
    """Nothing tells its defocus: NaN, and files of it are left out."""
    tomogram, _ = model
    (tomogram.folder / "acquisition.json").unlink()
    geometry = TiltGeometry(ANGLES, 5.0)
    write_tilt_geometry(tomogram.folder / "projections_unbinned.csv", geometry)
    found = true_series(tomogram.folder)
    assert not found.shifts_px.any()
    assert np.isnan(found.defocus_u_um).all()
    assert (found.order == -1).all()


def test_a_tomogram_without_its_stack_is_refused(model):
    tomogram, _ = model
    (tomogram.folder / "projections_unbinned.mrc").unlink()
    with pytest.raises(InputError, match="tilt-series"):
        FORMAT.check([tomogram])
