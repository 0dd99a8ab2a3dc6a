"""What templates go through is what specimens go through."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faket.constants import electron_wavelength_A
from faket.data import TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.microscope import Optics, contrast_transfer
from faket.picking.template_matching import tomogram_transfer
from faket.picking.template_matching.settings import TemplateMatching
from faket.picking.template_matching.spectra import RadialGain, apply_gain, radial_gain
from faket.projection import project
from faket.reconstruction import reconstruct
from faket.structures import synthetic_species

OPTICS = Optics(electron_wavelength_A(300.0), 30000.0, 2.7e7)


def pearson(kernel, ball, block):
    n = ball.sum()
    mean = (ball * block).sum() / n
    return (kernel * block).sum() / np.sqrt((ball * (block - mean) ** 2).sum() / n)


@pytest.mark.parametrize("name", ["syn-hook", "syn-rod", "syn-propeller"])
@pytest.mark.parametrize("ctf", [None, OPTICS])
def test_a_template_is_what_projection_and_reconstruction_make(name, ctf, geometry, kit):
    species = synthetic_species(name, voxel_size_A=10.0)
    rotation = Rotation.from_rotvec([0.4, -1.0, 0.7])
    size = 96
    angles = geometry.angles_deg
    volume = kit.planted((size,) * 3, species, [np.full(3, size // 2)], [rotation])
    images = -project(volume, angles)
    if ctf is not None:
        ky, kx = np.fft.fftfreq(size, 10.0)[:, None], np.fft.rfftfreq(size, 10.0)
        spectra = np.fft.rfft2(-images) * contrast_transfer(kx, ky, ctf)
        images = np.fft.irfft2(spectra, (size, size)).astype(np.float32)
    tomogram = reconstruct(TiltSeries(images, geometry), depth=size, normalize="none").data
    plain = kit.factory(species)
    padded, box = plain.template.padded_box, plain.box
    optics = None if ctf is None else [ctf]
    made = kit.factory(species, transfer=tomogram_transfer(padded, 10.0, geometry, optics=optics))
    kernels, _ = made.kernels(Rotation.concatenate([rotation]))
    window = slice(size // 2 - box // 2, size // 2 + box // 2 + 1)
    block = tomogram[window, window, window].astype(float)
    alike = pearson(kernels[0].numpy(), made.ball.numpy(), block)
    # Both interpolations, of projection and back-projection, weaken what is near Nyquist.
    assert alike > 0.97


def test_per_tilt_wedge_is_flat_inside_and_empty_outside():
    size, angles = 48, np.arange(-60.0, 61.0, 2.0)
    weights = tomogram_transfer(size, 10.0, TiltGeometry(angles, 10.0))
    kz = np.fft.fftfreq(size)[:, None, None]
    kx = np.fft.rfftfreq(size)[None, None, :]
    kz, kx = np.broadcast_to(kz, weights.shape), np.broadcast_to(kx, weights.shape)
    radius, tilt = np.hypot(kz, kx), np.degrees(np.arctan2(np.abs(kz), kx))
    inside = (tilt < 54) & (radius > 0.1) & (radius < 0.3)
    outside = (tilt > 68) & (radius > 0.15) & (radius < 0.45)
    assert np.abs(weights[inside] / weights[inside].mean() - 1).mean() < 0.05
    assert weights[inside].mean() < 0  # protein dark
    assert np.abs(weights[outside]).mean() < 0.06 * np.abs(weights[inside]).mean()


def test_binary_wedge_is_its_definition():
    geometry = TiltGeometry(np.array([-40.0, 0.0, 60.0]), 10.0)
    weights = tomogram_transfer(32, 10.0, geometry, wedge="binary")
    assert set(np.unique(weights)) == {-1.0, 0.0}
    for index, seen in (((10, 0, 8), True), ((15, 0, 8), False), ((-6, 3, 8), True),
                        ((-9, 0, 8), False), ((0, 5, 0), True), ((9, 5, 0), False)):  # fmt: skip
        assert (weights[index] == -1) is np.True_ or not seen
        assert seen or weights[index] == 0
    assert (tomogram_transfer(32, 10.0, geometry, wedge="none") == -1).all()


def test_lens_makes_protein_dark_and_turns_the_sign_at_its_zeros():
    geometry = TiltGeometry(np.arange(-60.0, 61.0, 3.0), 5.0)
    for wedge in ("per-tilt", "binary", "none"):
        weights = tomogram_transfer(48, 5.0, geometry, wedge=wedge, optics=[OPTICS])
        along = np.sign(weights[0, 0, 2:])  # the untilted x axis; k = i / 240 Å
        k = np.arange(2, 25) / 240
        expected = np.sign(contrast_transfer(k, 0.0, OPTICS))
        clear = np.abs(contrast_transfer(k, 0.0, OPTICS)) > 0.5
        np.testing.assert_array_equal(along[clear], expected[clear])
        assert along[3] == -1


def test_dose_weakens_fine_detail_of_late_tilts():
    angles = np.arange(-60.0, 61.0, 3.0)
    bare = TiltGeometry(angles, 10.0)
    late_right = TiltGeometry(
        angles, 10.0, dose_e_per_A2=np.full(41, 3.0), order=np.arange(41, dtype=np.int64)
    )
    ratio = tomogram_transfer(48, 10.0, late_right) / tomogram_transfer(48, 10.0, bare)
    early, late = ratio[-15, 0, 15], ratio[15, 0, 15]  # kz / kx = tan θ: tilts -45 and 45
    assert late < 0.5 * early < 0.95
    assert ratio[2, 0, 2] > late


def test_bad_optics_are_one_line(geometry):
    with pytest.raises(InputError, match="optics for all tilts or for each"):
        tomogram_transfer(16, 10.0, geometry, optics=[OPTICS] * 3)
    with pytest.raises(InputError, match="at least one tilt"):
        tomogram_transfer(16, 10.0, TiltGeometry(np.zeros(0), 10.0))


def test_whitening_flattens_coloured_noise():
    rng = np.random.default_rng(3)
    shape = (40, 64, 48)
    colour = RadialGain(np.linspace(0, 0.9, 10), np.linspace(5, 0.5, 10))
    noise = apply_gain(rng.standard_normal(shape).astype(np.float32), colour)
    gain = radial_gain(noise, 10.0, TemplateMatching(whitening="radial"))
    power = np.abs(np.fft.rfftn(apply_gain(noise, gain))) ** 2
    grid = np.meshgrid(*map(np.fft.fftfreq, shape[:2]), np.fft.rfftfreq(shape[2]), indexing="ij")
    radius = np.sqrt(sum(axis**2 for axis in grid))
    rings = [power[(radius > r) & (radius <= r + 0.05)].mean() for r in np.arange(0.1, 0.5, 0.05)]
    assert max(rings) / min(rings) < 1.05


def test_band_pass_is_a_half_at_its_cut_offs():
    settings = TemplateMatching(low_pass_A=40.0, high_pass_A=200.0)
    gain = radial_gain(np.zeros((64, 64, 64), np.float32), 10.0, settings)
    at = np.interp([0.0, 0.04, 0.05, 0.1, 0.25, 0.4], gain.frequencies, gain.gains)
    np.testing.assert_allclose(at, [0, 0, 0.5, 1, 0.5, 0], atol=0.06)
    assert radial_gain(np.zeros((4, 4, 4), np.float32), 10.0, TemplateMatching()) is None
