"""Make the pictures of docs/physics.md: two tilts, and power spectra with the predicted rings.

Run: python docs/make_physics_figures.py   (a minute; writes docs/images/physics-*.png)
"""

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from faket.data import AnyArray, Specimen, TiltGeometry, TiltSeries
from faket.microscope import (
    PRESETS,
    AcquisitionRecord,
    Optics,
    contrast_transfer,
    ctf_zeros,
    draw_acquisition,
    expose,
    fit_defocus,
    power_spectrum,
)
from faket.specimen import SpecimenConfig, build_specimen
from faket.structures import SYNTHETIC_SPECIES, synthetic_species

IMAGES = Path(__file__).parent / "images"
PIXEL_A, DEFOCUS_A = 5.0, 30000.0
STRIP = 128  # columns at either edge of the field


def make_specimen() -> Specimen:
    """Return 3200 x 3200 x 1000 Å of the embedded species, with vesicles and gold."""
    config = SpecimenConfig(
        size_voxels=(640, 640, 200),
        voxel_size_A=PIXEL_A,
        particles=(350, 350),
        vesicles=(2, 2),
        vesicle_semi_axes_A=(400.0, 700.0),
        gold=(5, 5),
    )
    species = [synthetic_species(name, voxel_size_A=PIXEL_A) for name in SYNTHETIC_SPECIES]
    return build_specimen(config, species, seed=3)


def take(specimen: Specimen, dose_e_per_A2: float) -> tuple[TiltSeries, AcquisitionRecord]:
    """Return a tilt at 0° and one at 60° from SHREC'21's microscope at 3 µm, less blurred."""
    microscope = replace(
        PRESETS["shrec21"],
        defocus_um=(DEFOCUS_A / 1e4, DEFOCUS_A / 1e4),
        defocus_jitter_um=0.0,
        astigmatism_um=0.0,
        shift_A=(0.0, 0.0),
        motion_blur_A=2.0,
    )
    geometry = TiltGeometry(np.array([0.0, 60.0]), PIXEL_A, dose_e_per_A2=np.full(2, dose_e_per_A2))
    record = draw_acquisition(microscope, geometry, seed=1)
    return expose(specimen, record).series, record


def draw_tilts(series: TiltSeries) -> None:
    """Write the two images, binned by two."""
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.8), layout="constrained")
    for axis, image, angle in zip(axes, series.images, series.geometry.angles_deg, strict=True):
        binned = image.reshape(320, 2, 320, 2).mean(axis=(1, 3))
        low, high = np.percentile(binned, (0.5, 99.5))
        side_um = image.shape[0] * PIXEL_A / 1e4
        axis.imshow(
            binned,
            cmap="gray",
            vmin=low,
            vmax=high,
            origin="lower",
            extent=(0, side_um, 0, side_um),
        )
        axis.set(title=f"{angle:.0f}°, 1.8 e/Å²", xlabel="x (µm)", ylabel="y (µm)")
    figure.savefig(IMAGES / "physics-tilts.png", dpi=80)
    plt.close(figure)


def regions(images: AnyArray) -> list[tuple[str, AnyArray, float]]:
    """Return title, pixels and expected defocus: 0°, and both edges of the field at 60°."""
    width = images.shape[2]
    middle_A = (STRIP / 2 - 0.5 - width // 2) * PIXEL_A
    slope = np.tan(np.radians(60.0))
    left, right = DEFOCUS_A - middle_A * slope, DEFOCUS_A + (middle_A + PIXEL_A) * slope
    return [
        ("0°", images[0], DEFOCUS_A),
        ("60°, left edge", images[1, :, :STRIP], left),
        ("60°, right edge", images[1, :, -STRIP:], right),
    ]


def draw_spectra(series: TiltSeries, optics: Optics) -> None:
    """Write power spectra, the predicted transfer and zeros, and the fitted first zero."""
    figure, axes = plt.subplots(
        4, 1, figsize=(7.2, 11.5), layout="constrained", height_ratios=[2, 1, 1, 1]
    )
    _draw_rings(axes[0], series.images[0], optics)
    for axis, (title, image, expected) in zip(axes[1:], regions(series.images), strict=True):
        there = replace(optics, defocus_A=expected)
        found = fit_defocus(image, PIXEL_A, optics)
        zeros = [ctf_zeros(replace(optics, defocus_A=d), 1)[0] for d in (expected, found)]
        k, power = power_spectrum(image, PIXEL_A, bins=256)
        used = k > 1 / 150
        axis.plot(k[used], _levelled(power[used]), lw=0.9, label="image, background removed")
        transfer = contrast_transfer(k[used], 0.0, there) ** 2
        axis.plot(k[used], transfer, "--", lw=0.9, label="predicted CTF²")
        for zero in ctf_zeros(there, 12):
            axis.axvline(zero, color="0.8", lw=0.6, zorder=0)
        axis.set(
            title=f"{title}: set {expected / 1e4:.3f} µm, found {found / 1e4:.3f} µm; first zero "
            f"{1 / zeros[0]:.2f} Å, found {1 / zeros[1]:.2f} Å ({zeros[1] / zeros[0] - 1:+.1%})",
            xlabel="spatial frequency (1/Å)",
            xlim=(0, 0.1),
            ylim=(-0.3, 1.5),
        )
        axis.title.set_fontsize(9)
        axis.legend(fontsize=7, loc="upper right")
    figure.savefig(IMAGES / "physics-thon.png", dpi=80)
    plt.close(figure)


def _draw_rings(axis: plt.Axes, image: AnyArray, optics: Optics) -> None:
    """Two-dimensional spectrum, averaged over tiles, with the predicted zeros as circles."""
    tiles = [
        image[y : y + 256, x : x + 256] for y in range(0, 385, 128) for x in range(0, 385, 128)
    ]
    window = np.hanning(256)[:, None] * np.hanning(256)
    power = np.mean(
        [np.abs(np.fft.fftshift(np.fft.fft2((t - t.mean()) * window))) ** 2 for t in tiles], axis=0
    )
    shown = np.log(power[38:218, 38:218])
    low, high = np.percentile(shown, (2, 94))
    edge = 90 / 256 / PIXEL_A
    axis.imshow(
        shown, cmap="gray", vmin=low, vmax=high, origin="lower", extent=(-edge, edge, -edge, edge)
    )
    for zero in ctf_zeros(optics, 6):
        axis.add_patch(plt.Circle((0, 0), zero, fill=False, color="tab:orange", lw=0.7, ls="--"))
    axis.set(title="0°: power spectrum and predicted zeros", xlabel="kx (1/Å)", ylabel="ky (1/Å)")


def _levelled(power: AnyArray) -> AnyArray:
    """Divide by the smooth trend and scale to 0..1, to compare the shape of the rings."""
    x = np.linspace(-1, 1, len(power))
    level = np.log(power) - np.polynomial.Polynomial.fit(x, np.log(power), 5)(x)
    low, high = np.percentile(level, (5, 95))
    return (level - low) / (high - low)


def main() -> None:
    """Write both pictures."""
    IMAGES.mkdir(exist_ok=True)
    specimen = make_specimen()
    draw_tilts(take(specimen, 1.8)[0])
    bright, record = take(specimen, 40.0)
    draw_spectra(bright, record.optics(0))


if __name__ == "__main__":
    main()
