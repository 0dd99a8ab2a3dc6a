"""Phase flipping makes a contrast transfer of one sign, at every distance from the tilt axis."""

from dataclasses import replace

import numpy as np
import pytest

from faket.data import TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.methods.phase_flipping import flip_phases
from faket.microscope import Optics, contrast_transfer

PIXEL_A, SIDE = 8.0, 128
OPTICS = Optics(wavelength_A=0.0197, defocus_A=30_000.0, spherical_aberration_A=2.7e7)


def imaged(density, optics):
    """The weak-phase image of a projected density."""
    k = np.fft.fftfreq(len(density), PIXEL_A)
    transfer = contrast_transfer(k, k[:, None], optics)
    return np.fft.ifft2(np.fft.fft2(density) * transfer).real.astype(np.float32)


def series_of(images, angles):
    return TiltSeries(np.asarray(images), TiltGeometry(np.asarray(angles, float), PIXEL_A))


def test_the_transfer_becomes_negative_everywhere():
    density = np.random.default_rng(0).normal(size=(SIDE, SIDE))
    image = imaged(density, OPTICS)
    flipped = flip_phases(series_of(image[None] + 7, [0.0]), [OPTICS]).images[0]
    inner = slice(16, -16)
    cross = np.fft.rfft2(flipped[inner, inner]) * np.fft.rfft2(density[inner, inner]).conj()
    k = [np.fft.fftfreq(96, PIXEL_A), np.fft.rfftfreq(96, PIXEL_A)]
    ring = (np.hypot(k[0][:, None], k[1]) * PIXEL_A * 30).astype(int)
    means = np.bincount(ring.ravel(), cross.real.ravel())[1:15] / np.bincount(ring.ravel())[1:15]
    assert (means < 0).all()
    raw = np.fft.rfft2(image[inner, inner]) * np.fft.rfft2(density[inner, inner]).conj()
    assert (np.bincount(ring.ravel(), raw.real.ravel())[1:15] > 0).any()
    assert flipped.mean() == pytest.approx(image.mean() + 7, abs=0.01)
    assert flipped.std() == pytest.approx(image.std(), rel=0.02)


def test_flipping_twice_gives_the_image_back():
    image = np.random.default_rng(1).normal(size=(1, SIDE, SIDE)).astype(np.float32)
    series = series_of(image, [0.0])
    twice = flip_phases(flip_phases(series, [OPTICS]), [OPTICS]).images
    inner = (0, slice(32, -32), slice(32, -32))
    assert np.corrcoef(twice[inner].ravel(), image[inner].ravel())[0, 1] > 0.97


@pytest.mark.parametrize("angle", [-70.0, 70.0])
def test_strips_have_the_defocus_of_their_height(angle):
    """A point far from the axis of a tilted plane is corrected with its own defocus."""
    density = np.zeros((256, 256))
    density[128, 228] = 1
    # At x' from the axis the plane z = 0 has the beam coordinate -x' tan θ, and as much underfocus.
    deeper_A = -100 * PIXEL_A * np.tan(np.radians(angle))
    here = replace(OPTICS, defocus_A=OPTICS.defocus_A + deeper_A)
    image = imaged(density, here)[None]
    right, wrong = (flip_phases(series_of(image, [0.0]), [o]).images[0] for o in (here, OPTICS))
    found, other = (flip_phases(series_of(image, [a]), [OPTICS]).images[0] for a in (angle, -angle))
    near = (slice(122, 135), slice(222, 235))
    errors = [np.abs((each - right)[near]).mean() for each in (found, wrong, other)]
    assert errors[0] < 0.5 * min(errors[1:])


def test_optics_of_every_image_are_needed():
    with pytest.raises(InputError, match="one for each of 1 images"):
        flip_phases(series_of(np.zeros((1, 32, 32), np.float32), [0.0]), [])
