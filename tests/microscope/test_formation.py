"""Whole exposures: replay, bookkeeping, placement, halves, errors."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from faket.data import TiltGeometry, plain_record
from faket.errors import InputError
from faket.io.records import parse_record
from faket.microscope import (
    PRESETS,
    AcquisitionRecord,
    acquire,
    draw_acquisition,
    expose,
    match_ring_amplitudes,
    ring_amplitudes,
)
from faket.microscope.grid import rotate

ANGLES = np.array([-40.0, -20.0, 0.0, 20.0, 40.0])
PER_TILT = (
    "nominal_angles_deg",
    "true_angles_deg",
    "defocus_A",
    "astigmatism_A",
    "astigmatism_deg",
    "dose_e_per_A2",
    "shifts_A",
    "alignment_errors_A",
    "rotation_errors_deg",
)
STAGES = ("potential", "exit_wave", "intensity", "counts")


@pytest.fixture(scope="module")
def specimen(make_specimen, blob):
    shape = (24, 60, 72)
    centres = [(4, 6, -9), (-6, -14, 12), (2, 15, 16)]
    potential = sum(blob(shape, centre, sigma=3.0, height=4.0) for centre in centres)
    labels = np.where(potential > 1.0, 1, 0)
    labels[10:14, 20:24, 40:44] = 3
    return make_specimen(potential + 25 * (labels == 3), labels=labels)


@pytest.fixture(scope="module")
def record():
    microscope = replace(PRESETS["shrec21"], rotation_error_deg=0.5, alignment_error_A=(2.0, 2.0))
    return draw_acquisition(microscope, TiltGeometry(ANGLES, 5.0), seed=11)


def test_record_replays_to_the_same_bytes(specimen, record):
    written = json.dumps(plain_record(record))
    replayed = parse_record(written, AcquisitionRecord, "a.json", what="a record", remedy="none")
    first = expose(specimen, record, device="cpu", keep=STAGES)
    again = expose(specimen, replayed, device="cpu")
    assert again.series.images.tobytes() == first.series.images.tobytes()
    drawn = acquire(specimen, TiltGeometry(ANGLES, 5.0), record.microscope, seed=11, device="cpu")
    assert drawn.images.tobytes() == first.series.images.tobytes()


def test_bytes_do_not_depend_on_threads(specimen, record):
    threads = torch.get_num_threads()
    results = []
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            results.append(expose(specimen, record, device="cpu").series.images.tobytes())
    finally:
        torch.set_num_threads(threads)
    assert results[0] == results[1]


def test_another_seed_gives_other_noise(specimen, record):
    images = [
        expose(specimen, replace(record, seed=seed), device="cpu").series.images
        for seed in (11, 12)
    ]
    assert np.abs(images[0] - images[1]).mean() > 1.0


def test_stages_have_their_axes_and_units(specimen, record):
    exposure = expose(specimen, record, device="cpu", keep=STAGES)
    images, stages = exposure.series.images, exposure.stages
    assert set(stages) == set(STAGES)
    assert all(stage.shape == images.shape == (5, 60, 72) for stage in stages.values())
    assert images.dtype == stages["counts"].dtype == stages["intensity"].dtype == np.float32
    assert stages["exit_wave"].dtype == np.complex64
    electrons = np.array(record.dose_e_per_A2) * 25.0
    expected = stages["intensity"].mean(axis=(1, 2)) * electrons
    np.testing.assert_allclose(images.mean(axis=(1, 2)), expected, rtol=0.01)
    np.testing.assert_allclose(stages["counts"], np.round(stages["counts"]))
    assert exposure.halves is None
    assert not expose(specimen, record, device="cpu").stages


def test_progress_counts_exposures(specimen, record):
    seen = []
    expose(specimen, record, device="cpu", progress=seen.append)
    assert seen == [0, 1, 2, 3, 4]


def test_halves_are_independent_and_sum_to_the_series(specimen, record):
    exposure = expose(specimen, record, device="cpu", halves=True, keep=["intensity"])
    odd, even = (half.images for half in exposure.halves)
    np.testing.assert_allclose(odd + even, exposure.series.images, rtol=1e-6)
    whole = expose(specimen, record, device="cpu").series.images
    np.testing.assert_array_equal(exposure.series.images, whole)  # halves change nothing
    np.testing.assert_allclose(odd.mean((1, 2)), whole.mean((1, 2)) / 2, rtol=0.02)
    smooth = exposure.stages["intensity"]
    noises = [half - half.mean((1, 2), keepdims=True) * smooth for half in (odd, even)]
    correlation = np.corrcoef(noises[0].ravel(), noises[1].ravel())[0, 1]
    assert abs(correlation) < 0.05
    difference = (odd - even).std((1, 2)) / whole.std((1, 2))
    assert np.all(difference > 0.5)


def test_a_tilt_does_not_depend_on_later_ones(specimen, record):
    """Exposures come in order of acquisition; what follows leaves them as they are."""
    first = int(np.argmin(record.order))
    alone = replace(
        record,
        **{name: (getattr(record, name)[first],) for name in PER_TILT},
        order=(0,),
        microscope=replace(record.microscope, ice=False),
    )
    whole = replace(record, microscope=alone.microscope)
    intensities = [
        expose(specimen, r, device="cpu", keep=["intensity"]).stages["intensity"]
        for r in (alone, whole)
    ]
    inner = np.s_[8:-8, 8:-8]  # the margin, and with it the period, is that of the worst defocus
    np.testing.assert_allclose(intensities[0][0][inner], intensities[1][first][inner], atol=2e-3)


def centre_of(image):
    weight = np.clip(np.median(image) - image, 0, None)
    weight[weight < 0.3 * weight.max()] = 0
    y, x = np.indices(image.shape)
    return np.array([np.average(x, weights=weight), np.average(y, weights=weight)]) - (
        np.array(image.shape[::-1]) // 2
    )


@pytest.mark.parametrize("axis_deg", [0.0, 8.0, 90.0, -85.0, 180.0])
@pytest.mark.parametrize("size", [(64, 64), (60, 80), (65, 63)])
def test_content_lies_where_the_geometry_says(make_specimen, blob, shoot, axis_deg, size):
    """At R p + shift: rotated counter-clockwise by the tilt axis, then shifted."""
    specimen = make_specimen(blob((6, *size), (0.0, 7.0, 11.0), sigma=2.5, height=5.0))
    exposure = shoot(
        specimen,
        [0.0, 0.0],
        tilt_axis_deg=(axis_deg, axis_deg),
        shift_A=(12.0, 12.0),
        defocus_um=(0.3, 0.3),
        phase_plate_deg=90.0,
        expose_with={"keep": ["intensity"]},
    )
    geometry = exposure.series.geometry
    assert geometry.tilt_axis_deg == pytest.approx(axis_deg)
    angle = np.radians(axis_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for tilt in range(2):
        expected = turn @ [11.0, 7.0] + geometry.shifts_A[tilt] / 5.0
        found = centre_of(exposure.stages["intensity"][tilt])
        np.testing.assert_allclose(found, expected, atol=0.1)


def test_rotation_is_exact_and_comes_back():
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft2(rng.standard_normal((80, 80)))
    k = np.hypot(np.fft.fftfreq(80)[:, None], np.fft.rfftfreq(80))
    smooth = np.fft.irfft2(spectrum * (k < 0.25), s=(80, 80))
    window = np.hanning(80)[:, None] * np.hanning(80)
    image = torch.from_numpy((smooth * window**4).astype(np.float32))
    there = rotate(image, 33.0)
    assert torch.std(rotate(there, -33.0) - image) < 1e-3 * torch.std(image)
    assert torch.sum(there).item() == pytest.approx(torch.sum(image).item(), abs=1e-3)
    torch.testing.assert_close(rotate(image, 360.0), image)
    torch.testing.assert_close(
        rotate(rotate(image, 60.0), 30.0), rotate(image, 90.0), atol=2e-4, rtol=0
    )


def test_astigmatism_turns_with_nothing(make_specimen, shoot):
    """Its direction is that in the recorded image, whatever the tilt axis."""
    delta = np.zeros((1, 96, 96))
    delta[0, 48, 48] = 1.0
    images = []
    for axis in (0.0, 30.0):
        exposure = shoot(
            make_specimen(delta),
            tilt_axis_deg=(axis, axis),
            astigmatism_um=0.5,
            seed=5,
            expose_with={"keep": ["intensity"]},
        )
        images.append(exposure.stages["intensity"][0] - 1)
    k = np.hypot(np.fft.fftfreq(96, 5.0)[:, None], np.fft.rfftfreq(96, 5.0))
    low = [np.abs(np.fft.rfft2(image))[(k > 0.01) & (k < 0.06)] for image in images]
    assert np.corrcoef(*low)[0, 1] > 0.995
    assert abs(exposure.record.astigmatism_A[0]) > 500


def test_motion_blur_is_gaussian(make_specimen, blob, shoot):
    specimen = make_specimen(blob((1, 64, 64), (0, 0, 0), sigma=1.5, height=3.0))
    sharp, blurred = (
        shoot(specimen, motion_blur_A=sigma, expose_with={"keep": ["intensity"]}).stages[
            "intensity"
        ][0]
        for sigma in (0.0, 8.0)
    )
    k2 = np.fft.rfftfreq(64, 5.0) ** 2 + np.fft.fftfreq(64, 5.0)[:, None] ** 2
    expected = np.fft.irfft2(np.fft.rfft2(sharp) * np.exp(-2 * np.pi**2 * 64.0 * k2))
    inner = np.s_[12:-12, 12:-12]
    np.testing.assert_allclose(blurred[inner], expected[inner], atol=2e-3)


def test_ice_fills_the_field_and_molecules_do_not(make_specimen, shoot):
    """At 60° the specimen covers the middle; the ice goes on to the edges."""
    rng = np.random.default_rng(0)
    specimen = make_specimen(rng.normal(0, 8, (10, 64, 128)))
    kept = shoot(
        specimen, [60.0], ice=True, expose_with={"keep": ["potential", "intensity"]}
    ).stages
    assert np.all(kept["potential"][0][:, :20] == 0)
    edge, middle = kept["intensity"][0][:, :16].std(), kept["intensity"][0][:, 56:72].std()
    assert 0.005 < edge < middle


def test_ring_amplitudes_are_matched_and_phases_kept(specimen, record):
    images = expose(specimen, record, device="cpu").series.images
    reference = np.random.default_rng(0).normal(100, 20, images.shape).astype(np.float32)
    matched = match_ring_amplitudes(images, reference)
    np.testing.assert_allclose(ring_amplitudes(matched), ring_amplitudes(reference), rtol=2e-3)
    np.testing.assert_allclose(matched.mean((1, 2)), reference.mean((1, 2)), rtol=1e-4)
    before, after = np.fft.rfft2(images[0]), np.fft.rfft2(matched[0])
    turned = np.angle(after * before.conj())[1:, 1:-1]
    assert np.percentile(np.abs(turned), 99) < 0.01
    through = expose(specimen, record, device="cpu", reference=reference[:1]).series.images
    np.testing.assert_allclose(
        ring_amplitudes(through), np.repeat(ring_amplitudes(reference[:1]), 5, 0), rtol=2e-3
    )


def test_misfits_are_named(specimen, record):
    with pytest.raises(InputError, match="voxel size 5"):
        expose(specimen, replace(record, pixel_size_A=10.0), device="cpu")
    with pytest.raises(InputError, match="`keep`: expected some of"):
        expose(specimen, record, device="cpu", keep=["wave"])
    with pytest.raises(InputError, match="class mask"):
        expose(replace(specimen, class_mask=specimen.class_mask[1:]), record, device="cpu")
    with pytest.raises(InputError, match="crop or bin"):
        expose(specimen, record, device="cpu", reference=np.zeros((5, 3, 3)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
def test_cuda_agrees_with_the_cpu(specimen, record):
    cpu, cuda = (
        expose(specimen, record, device=device, keep=["intensity"]) for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(cuda.stages["intensity"], cpu.stages["intensity"], atol=1e-4)
    same = np.corrcoef(cuda.series.images.ravel(), cpu.series.images.ravel())[0, 1]
    assert same > 0.99, "the same random numbers; rounding changes a count now and then"
